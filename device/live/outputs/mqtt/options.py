"""`--mqtt HOST[:PORT]`: the options for the broker and the account."""

import os
import re
import socket
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from device.declared import option
from device.errors import UserError
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.secrets import Secret

if TYPE_CHECKING:
    import ssl

PORT, TLS_PORT = 1883, 8883
# Of MQTT's strings (MQTT 3.1.1, 1.5.3), including user and password.
MAX_STRING_BYTES = 65_535
HOST_AND_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s\[\]:/@]+))(?::(\d{1,5}))?", re.ASCII)
# Valid in topics and in Home Assistant's ids.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PASSWORD = Secret("the password", "--mqtt-password-file", "FRAMELITE_MQTT_PASSWORD", MAX_STRING_BYTES)


@dataclass(frozen=True)
class MqttOptions(OutputOptions):
    mqtt: str | None = option(None, "publish the labels; Home Assistant finds them there", metavar="HOST[:PORT]")
    mqtt_name: str | None = option(None, "in the topics framelite/NAME/… (default: the host name)", metavar="NAME")
    mqtt_user: str | None = option(None, "the password: --mqtt-password-file, or in the environment", metavar="NAME")
    mqtt_password_file: Path | None = option(None, f"else {PASSWORD.variable}", metavar="FILE")
    mqtt_tls: bool = option(False, f"TLS, trusting the system's authorities (port {TLS_PORT})")
    mqtt_ca: Path | None = option(None, "TLS, trusting this authority alone", metavar="FILE")

    name, title, switch, extra = "mqtt", "an MQTT broker", "mqtt", "mqtt"
    secrets = (PASSWORD,)

    def open(self, around: Surroundings) -> Output | None:
        if not self.mqtt:
            return None
        from device.live.outputs.mqtt.mqtt import Mqtt

        account = self.mqtt_name, self.mqtt_user, self.mqtt_password_file
        return Mqtt(settings(self.mqtt, *account, self.mqtt_tls, self.mqtt_ca))


@dataclass(frozen=True)
class Message:
    """A message: its topic, its text, and whether the broker retains it for later subscribers."""

    topic: str
    text: str
    retain: bool = True


@dataclass(frozen=True)
class Settings:
    """The broker and the account. UserError for invalid settings.

    name: of this program among the broker's clients; two with the same name would disconnect each other. ca_file: the
    only trusted authority, instead of the system's. heartbeat_s: between states while the label stays.
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
            raise UserError(f"--mqtt: {self.host!r} is not a host; expected a name or an address, such as 192.168.1.5")
        if not 1 <= self.port <= 65535:
            raise UserError(f"--mqtt: the port is {self.port}, expected one from 1 to 65535")
        if not NAME.fullmatch(self.name):
            raise UserError(f"--mqtt-name {self.name!r}: expected 1 to 64 letters A to Z or a to z, digits, _ and -")
        for what, text in (("--mqtt-user", self.user), ("the password", self.password)):
            if text is not None and not _is_string(text):
                raise UserError(f"--mqtt: can't send {what}; expected UTF-8 of at most {MAX_STRING_BYTES} bytes")
        if self.password is not None and not self.user:
            raise UserError("--mqtt: there is a password but no user name, expected both; add --mqtt-user NAME")
        if not (isfinite(self.heartbeat_s) and self.heartbeat_s > 0):
            raise UserError(f"--mqtt: the heartbeat is {self.heartbeat_s:g} s, expected more than 0")
        self.tls_context()

    def tls_context(self) -> "ssl.SSLContext | None":
        """Verifies the broker's certificate and name; None without TLS. UserError for an invalid CA file."""
        import ssl

        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            reason = "it has no PEM certificate" if isinstance(error, ssl.SSLError) else os.strerror(error.errno or 0)
            raise UserError(f"--mqtt-ca {self.ca_file}: {reason}; expected the CA's certificate in PEM") from None

    @property
    def topic(self) -> str:
        """The prefix of this program's topics."""
        return f"framelite/{self.name}"


def settings(
    where: str,
    name: str | None = None,
    user: str | None = None,
    password_file: Path | None = None,
    tls: bool = False,
    ca_file: Path | None = None,
) -> Settings:
    """Settings from the command line. where: HOST, HOST:PORT or [IPV6]:PORT. A ca_file implies TLS. UserError as above.

    The password is the file's only line, else FRAMELITE_MQTT_PASSWORD; the default name is the host name.
    """
    match = HOST_AND_PORT.fullmatch(where)
    if match is None:
        shown = "…@…" if "@" in where else where  # it may hold a password
        known = f"HOST or HOST:PORT, such as 192.168.1.5 or [fd00::5]:{PORT}; give the user with --mqtt-user NAME"
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
    """Whether it is a valid MQTT string."""
    try:
        return len(text.encode()) <= MAX_STRING_BYTES
    except UnicodeEncodeError:
        return False


def machine_name() -> str:
    """The host name without its domain, in characters that are valid in topics."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", socket.gethostname().partition(".")[0])
    return name[:64] or "framelite"


def _read_password(file: Path | None) -> str | None:
    """Errors never repeat the text."""
    password = PASSWORD.read(file)
    if file is None:
        return password or None
    password = (password or "").rstrip("\r\n")
    if not password or "\n" in password:
        raise UserError(f"{PASSWORD.origin(file)}: expected one line, the password")
    return password
