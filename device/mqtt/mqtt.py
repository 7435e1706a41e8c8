"""`--mqtt HOST[:PORT]`: what `live` sees, told to an MQTT broker and found there by Home Assistant.

    framelite/NAME/label          the label that is shown, retained; at a change, at most once a second
    framelite/NAME/state          label, score, top, time, rate, latency as JSON, retained; so too, and as a heartbeat
    framelite/NAME/source         online while the source streams, else offline, retained
    framelite/NAME/availability   online; offline at the end and, as the last will, after a crash; retained

How the broker is reached: device/mqtt/broker.py. What Home Assistant is told: device/mqtt/home_assistant.py.
"""

import json
import os
import re
import socket
import ssl
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from device import files
from device.errors import UserError
from device.live.guarded import Worker
from device.live.readings import Reading, Status
from device.mqtt import home_assistant
from device.mqtt.home_assistant import OFFLINE, ONLINE

PASSWORD_VARIABLE = "FRAMELITE_MQTT_PASSWORD"
PORT, TLS_PORT = 1883, 8883
# Of MQTT's strings (MQTT 3.1.1, 1.5.3), a user and a password among them.
MAX_STRING_BYTES = 65_535
HOST_AND_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s\[\]:/@]+))(?::(\d{1,5}))?", re.ASCII)
# What may stand in topics and in Home Assistant's ids alike.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Settings:
    """Which broker, and as whom. UserError for what can't work.

    name: of this program among the broker's clients; two with one name would put each other out. ca_file: that
    authority alone is trusted, instead of the system's. heartbeat_s: from one state to the next while the label stays.
    """

    host: str
    port: int
    name: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: Path | None = None
    heartbeat_s: float = 30.0
    prefix: str = "homeassistant"  # Home Assistant's discovery prefix

    def __post_init__(self) -> None:
        try:
            known = bool(self.host) and bool(self.host.encode("idna"))
        except UnicodeError:
            known = False
        if not known:
            raise UserError(f"--mqtt: {self.host!r} is no host; expected a name or an address, such as 192.168.1.5")
        if not 1 <= self.port <= 65535:
            raise UserError(f"--mqtt: the port is {self.port}, expected one from 1 to 65535")
        if not NAME.fullmatch(self.name):
            raise UserError(f"--mqtt-name {self.name!r}: expected 1 to 64 of the letters A to z, digits, _ and -")
        for what, text in (("--mqtt-user", self.user), ("the password", self.password)):
            if text is not None and not _is_string(text):
                raise UserError(f"--mqtt: {what} can't be sent; expected UTF-8 of at most {MAX_STRING_BYTES} bytes")
        if self.password is not None and not self.user:
            raise UserError("--mqtt: a password came without a user name; give it with --mqtt-user NAME")
        if not (isfinite(self.heartbeat_s) and self.heartbeat_s > 0):
            raise UserError(f"--mqtt: the heartbeat is {self.heartbeat_s:g} s, expected more than 0")
        self.tls_context()

    def tls_context(self) -> ssl.SSLContext | None:
        """Verifies the broker's certificate and its name; None without TLS. UserError for a CA file that is none."""
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else os.strerror(error.errno or 0)
            raise UserError(f"--mqtt-ca {self.ca_file}: {reason}; expected the CA's certificate in PEM") from None

    @property
    def topic(self) -> str:
        """What all topics of this program begin with."""
        return f"framelite/{self.name}"


def settings(
    where: str,
    name: str | None = None,
    user: str | None = None,
    password_file: Path | None = None,
    tls: bool = False,
    ca_file: Path | None = None,
) -> Settings:
    """Of the command line's words: HOST, HOST:PORT or [IPV6]:PORT. A ca_file asks for TLS too. UserError as above.

    The password is the file's one line, else FRAMELITE_MQTT_PASSWORD's; the name is the machine's where none is given.
    """
    match = HOST_AND_PORT.fullmatch(where)
    if match is None:
        shown = "…@…" if "@" in where else where  # user and password don't belong there
        known = f"HOST or HOST:PORT, such as 192.168.1.5 or [fd00::5]:{PORT}, and --mqtt-user NAME for the user"
        raise UserError(f"--mqtt {shown}: expected {known}")
    tls = tls or ca_file is not None
    return Settings(
        host=match[1] or match[2],
        port=int(match[3] or (TLS_PORT if tls else PORT)),
        name=machine_name() if name is None else name,
        user=user,
        password=_read_password(password_file),
        tls=tls,
        ca_file=ca_file,
    )


def _is_string(text: str) -> bool:
    """Whether MQTT can send it."""
    try:
        return len(text.encode()) <= MAX_STRING_BYTES
    except UnicodeEncodeError:
        return False


def machine_name() -> str:
    """The machine's own name, without its domain, of the signs that a topic may have."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", socket.gethostname().partition(".")[0])
    return name[:64] or "framelite"


def _read_password(file: Path | None) -> str | None:
    """What came is never repeated in an error: terminals are logged."""
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE) or None
    try:
        password = files.read_start(file, MAX_STRING_BYTES).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise UserError(f"{file}: the password can't be read ({reason}); expected a text file with it alone") from None
    if not password or "\n" in password:
        raise UserError(f"{file}: expected one line, the password")
    return password


@dataclass(frozen=True)
class Message:
    """What is published: a topic, the text, and whether the broker keeps it for those who come later."""

    topic: str
    text: str
    retain: bool = True


class Mqtt:
    """An output that publishes. A broker that can't be reached is said once and tried again; UserError without paho.

    The broker's thread asks `_greeting` on every connection, `_newest` after a change, `_heartbeat` when it is time.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._reading: Reading | None = None
        self._told = 0  # the number of the reading whose state was published last
        self._status: Status | None = None
        self.begin()

    def begin(self) -> None:
        """The broker's thread; another one where that has died, which tells all anew."""
        try:
            from device.mqtt.broker import Broker
        except ImportError:
            raise UserError("--mqtt needs paho-mqtt 2; install it with: pip install '.[mqtt]'") from None
        will = self._message("availability", OFFLINE)
        self._broker = Broker(self.settings, will, self._greeting, self._newest, self._heartbeat)

    @property
    def thread(self) -> Worker:
        return self._broker.thread

    def show(self, reading: Reading) -> None:
        is_news = self._reading is None or self._reading.label != reading.label
        self._reading = reading  # not before: one that can't be compared is nothing to tell
        if is_news:
            self._broker.hurry()

    def status(self, status: Status) -> None:
        before, self._status = self._status, status
        if before is None or before.model != status.model:
            self._broker.send(self._discovery())
        self._broker.send([self._source()])

    def close(self) -> None:
        """Says offline where there is a connection; the thread has ended."""
        self._broker.close()

    def _greeting(self) -> list[Message]:
        """All that a broker or Home Assistant must know that has just come (back)."""
        return [*self._discovery(), self._message("availability", ONLINE), self._source(), *self._newest()]

    def _heartbeat(self) -> list[Message]:
        """The state, if a frame was answered since: an old one isn't told as new.

        And that it is online: after a network failure the will of an earlier connection may come late.
        """
        online = self._message("availability", ONLINE)
        if self._reading is None or self._reading.number == self._told:
            return [online]
        return [online, self._state(self._reading)]

    def _discovery(self) -> list[Message]:
        messages = home_assistant.discovery(
            self.settings.topic,
            self.settings.name,
            self.settings.prefix,
            None if self._status is None else self._status.model,
            self.settings.heartbeat_s,
        )
        return [Message(topic, _json(document)) for topic, document in messages.items()]

    def _source(self) -> Message:
        is_streaming = self._reading is not None if self._status is None else self._status.is_streaming
        return self._message("source", ONLINE if is_streaming else OFFLINE)

    def _newest(self) -> list[Message]:
        reading = self._reading
        return [] if reading is None else [self._message("label", reading.label), self._state(reading)]

    def _state(self, reading: Reading) -> Message:
        self._told = reading.number
        document = reading.to_json()
        kept = {key: document[key] for key in ("label", "score", "top", "time", "rate", "dropped")}
        return self._message("state", _json({**kept, "latency_ms": document["ms"]["frame"]}))

    def _message(self, kind: str, text: str) -> Message:
        return Message(f"{self.settings.topic}/{kind}", text)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
