"""A real mosquitto on a port of the loopback, and a client that writes down what it is told."""

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests import servers

# Against a test that would never end; no test is about this time.
PATIENCE_S = 30
PACKAGES = "mosquitto openssl"


class Mosquitto:
    """The broker, started; `settings` are further lines of its configuration. It keeps nothing when it is stopped."""

    def __init__(self, folder: Path, *settings: str, port: int | None = None) -> None:
        self.port = port or servers.free_port()
        self._file = folder / f"mosquitto-{self.port}.conf"
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_dest stderr", *settings]
        if not any(line.startswith("password_file") for line in settings):
            lines.append("allow_anonymous true")
        if os.geteuid() == 0:  # else it becomes a user who can't read the test's folder
            lines.append("user root")
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> "Mosquitto":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        command = [servers.program("mosquitto", PACKAGES), "-c", str(self._file)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers.wait_for(self.port, self._process)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass(frozen=True)
class Told:
    topic: str
    text: str
    retained: bool  # kept by the broker from before


class Watcher:
    """Subscribes to everything; `told` is what came, in order."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None, ca: Path | None = None) -> None:
        self._told: list[Told] = []
        self._news = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        if user:
            self._client.username_pw_set(user, password)
        if ca:
            self._client.tls_set(str(ca))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(PATIENCE_S)

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes a socket pair of its own when it is deleted: now, and not in a circle of references some time.
        self._client.on_message = self._client.on_connect = self._client.on_subscribe = None
        del self._client

    def _on_message(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        with self._news:
            self._told.append(Told(message.topic, message.payload.decode(), message.retain))
            self._news.notify_all()

    def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)

    def texts(self, topic: str) -> list[str]:
        """All that came on a topic, in order."""
        with self._news:
            return [told.text for told in self._told if told.topic == topic]

    def topics(self) -> dict[str, Told]:
        """The last of each topic."""
        with self._news:
            return {told.topic: told for told in self._told}

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """What the condition gives when it is true after some message; fails when it isn't in time."""
        with self._news:
            result = self._news.wait_for(condition, PATIENCE_S)
            assert result, f"it didn't come in time; there was: {[(told.topic, told.text[:60]) for told in self._told]}"
            return result

    def wait_for_texts(self, topic: str, count: int) -> None:
        self.wait_for(lambda: len(self.texts(topic)) == count)

    def forget(self) -> None:
        with self._news:
            self._told.clear()


def passwords(folder: Path, user: str, password: str) -> Path:
    """A password file of mosquitto's."""
    file = folder / "passwords"
    command = [servers.program("mosquitto_passwd", PACKAGES), "-c", "-b", str(file), user, password]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    return file


@dataclass(frozen=True)
class Certificates:
    """An authority of the test's own, and a certificate of it for 127.0.0.1 alone."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def settings(self) -> tuple[str, str]:
        return f"certfile {self.certificate}", f"keyfile {self.key}"


def certificates(folder: Path, name: str) -> Certificates:
    folder = folder / name
    folder.mkdir()
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    certificate, key = folder / "server.pem", folder / "server.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    _openssl(*new, "-subj", f"/CN=authority {name}", "-keyout", ca_key, "-out", ca)
    signed = ["-CA", ca, "-CAkey", ca_key, "-addext", "subjectAltName=IP:127.0.0.1"]
    constraints = ["-addext", "basicConstraints=critical,CA:FALSE"]
    _openssl(*new, *signed, *constraints, "-subj", "/CN=broker", "-keyout", key, "-out", certificate)
    return Certificates(ca, certificate, key)


def _openssl(*words: object) -> None:
    command = [servers.program("openssl", PACKAGES), *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
