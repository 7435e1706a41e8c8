"""`--mqtt` and brokers that come, go, refuse, stand still or are none; each a real one, or a socket that plays it."""

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from device.live.outputs.mqtt import connection, mqtt
from device.live.outputs.mqtt.mqtt import Mqtt
from device.live.outputs.mqtt.options import PASSWORD, settings
from tests import servers
from tests.device.broker import PATIENCE_S, Mosquitto, Watcher, certificates, passwords
from tests.device.feeding import STREAMING, Feed
from tests.device.telling import AVAILABILITY, CONFIGS, EVERYTHING, LABEL, STATE, Said, at, has_ended, telling
from tests.limits import limits

# paho leaves a socket to Python's collector whose TLS failed.
collected = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
pytestmark = [pytest.mark.programs, collected]
# A change so long that a few of them fill what the kernel keeps for a connection.
LONG = "a" * 30_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again and looks up soon, so that the tests needn't wait."""
    limits(monkeypatch, connection, FIRST_PAUSE_S=0.05, LONGEST_PAUSE_S=0.1)
    monkeypatch.delenv(PASSWORD.variable, raising=False)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


def test_a_broker_that_comes_back_is_told_everything(mosquitto: Mosquitto, answers: Feed, said: Said) -> None:
    with telling(at(mosquitto.port)) as output:
        said.wait_for("connected")
        output.status(STREAMING)
        output.show(answers.next("circle"))
        mosquitto.kill()
        said.wait_for("connection was lost")
        said.wait_for("connection refused; trying again")
        output.show(answers.next("square"))
        output.show(answers.next("triangle"))
        mosquitto.start()
        with Watcher(mosquitto.port) as watcher:
            watcher.wait_for(lambda: set(watcher.topics()) >= EVERYTHING)
            assert watcher.texts(LABEL) == ["triangle"]
            assert watcher.texts(AVAILABILITY) == ["online"]
        said.wait_for("connected", 2)
        assert len(said.lines) == 4
        mosquitto.kill()
        said.wait_for("connection was lost", 2)
    assert all(line.startswith(f"note: MQTT broker 127.0.0.1:{mosquitto.port}: ") for line in said.lines)


def test_a_broker_that_is_not_there_yet(tmp_path: Path, answers: Feed, said: Said) -> None:
    port = servers.free_port()
    with telling(at(port)) as output:
        said.wait_for("connection refused")
        for number in range(2000):
            output.show(replace(answers.next(("circle", "square")[number % 2]), changed=True))
            output.status(replace(STREAMING, lost=number))
        assert len(output._waiting) == mqtt.WAITING_MESSAGES  # from outside memory alone would tell
        assert said.lines == [f"note: MQTT broker 127.0.0.1:{port}: connection refused; trying again"]
        with Mosquitto(tmp_path, port=port), Watcher(port) as watcher:
            watcher.wait_for(lambda: watcher.texts(STATE))
            output.show(answers.next("triangle"))
            watcher.wait_for(lambda: "triangle" in watcher.texts(LABEL))
            assert watcher.texts(LABEL) == ["square", "triangle"]  # what nobody heard is not told later
            assert said.lines[1:] == [f"note: MQTT broker 127.0.0.1:{port}: connected"]


def test_a_broker_that_stands_still_holds_nobody_up(mosquitto: Mosquitto, answers: Feed, said: Said) -> None:
    """It reads nothing for a while: then the last changes are told, and what didn't fit between is not."""
    changes = [f"{number} {LONG}" for number in range(500)]
    with telling(at(mosquitto.port)) as output, Watcher(mosquitto.port) as watcher:
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY))
        mosquitto.signal(signal.SIGSTOP)
        result = answers.next()
        for label in changes:
            output.show(replace(result, label=label))
        mosquitto.signal(signal.SIGCONT)
        watcher.wait_for(lambda: watcher.texts(LABEL)[-1:] == changes[-1:])
        assert len(watcher.texts(LABEL)) < len(changes)


def test_a_wrong_password_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    (tmp_path / "wrong").write_text("wr0ng\n")
    monkeypatch.setenv(PASSWORD.variable, " right, with spaces ")
    file = passwords(tmp_path, "board", " right, with spaces ")
    with (
        Mosquitto(tmp_path, f"password_file {file}") as strict,
        Watcher(strict.port, "board", " right, with spaces ") as watcher,
    ):
        where = f"127.0.0.1:{strict.port}"
        with telling(settings(where, "shelf", "board", tmp_path / "wrong")):
            said.wait_for("(Not authorized); check --mqtt-user")
            time.sleep(0.3)  # several attempts
        assert len(said.lines) == 1
        assert watcher.topics() == {}
        with telling(settings(where, "shelf", "board")):
            watcher.wait_for(lambda: watcher.texts(AVAILABILITY) == ["online"])
    assert said.count("wr0ng") == 0


def test_a_message_that_nobody_waits_for(mosquitto: Mosquitto, answers: Feed, said: Said) -> None:
    """Kept where Home Assistant says that it came: the longest that is taken, and one of a byte more."""
    topic = "homeassistant/status"
    longest = 65_536 - 2 - len(topic)  # what comes is the topic's length, the topic, and the text
    with telling(at(mosquitto.port)) as output, Watcher(mosquitto.port) as watcher:
        said.wait_for("connected")
        watcher.publish(topic, "x" * longest, retain=True)
        watcher.publish(topic, "online")
        watcher.wait_for(lambda: len(watcher.texts(AVAILABILITY)) > 1)
        assert len(said.lines) == 1
        watcher.publish(topic, "x" * (longest + 1), retain=True)
        said.wait_for("65537 bytes, expected at most 65536; unsubscribed from homeassistant/status")
        said.wait_for("connected", 2)
        output.show(answers.next("circle"))
        watcher.wait_for(lambda: watcher.texts(LABEL) == ["circle"])
        assert len(said.lines) == 3


def test_tls_trusts_the_given_authority_alone(tmp_path: Path, said: Said) -> None:
    """With the authority that signed the broker's certificate; refused with another's, the system's, another name."""
    ours, other = certificates(tmp_path, "ours"), certificates(tmp_path, "other")
    with Mosquitto(tmp_path, *ours.settings) as secure, Watcher(secure.port, ca=ours.ca) as watcher:
        where = f"127.0.0.1:{secure.port}"
        for count, (host, ca) in enumerate([(where, other.ca), (where, None), (f"localhost:{secure.port}", ours.ca)]):
            with telling(settings(host, "shelf", tls=True, ca_file=ca)):
                said.wait_for("certificate is not", count + 1)
        assert said.count("not trusted (Hostname mismatch") == 1
        with telling(settings(where, "shelf")):
            said.wait_for("respond like a broker; check")
        assert watcher.topics() == {}
        with telling(settings(where, "shelf", ca_file=ours.ca)):
            watcher.wait_for(lambda: set(watcher.topics()) >= CONFIGS)
            watcher.publish("homeassistant/status", "online")
            watcher.wait_for(lambda: all(len(watcher.texts(topic)) == 2 for topic in CONFIGS))
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY)[-1] == "offline")


def test_packets_that_come_in_one_piece(tmp_path: Path) -> None:
    """A server that plays a broker: SUBACK and Home Assistant's birth in one record of TLS."""
    ours = certificates(tmp_path, "ours")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours.certificate, ours.key)
    birth = b"\x00\x14homeassistant/statusonline"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        with telling(settings(f"127.0.0.1:{listener.getsockname()[1]}", "shelf", ca_file=ours.ca)):
            visitor = context.wrap_socket(listener.accept()[0], server_side=True)
            with visitor:
                visitor.settimeout(PATIENCE_S)
                received = b""
                answers = [b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x00\x30" + bytes([len(birth)]) + birth]
                for count, answer in enumerate(answers, 1):  # a greeting, and another for the birth
                    visitor.sendall(answer)
                    while received.count(b"framelite_shelf_score/config") < count:
                        received += visitor.recv(1 << 16)


def test_tls_where_none_is_spoken(mosquitto: Mosquitto, said: Said) -> None:
    with telling(at(mosquitto.port, tls=True)):
        said.wait_for("; trying again")


# What is no broker.


@contextmanager
def answering(words: bytes) -> Iterator[int]:
    """A server that says these words to each visitor and, unless there are none, leaves the connection open."""

    def serve() -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:  # it was shut down
                return
            with visitor, suppress(OSError):
                visitor.settimeout(PATIENCE_S)
                visitor.recv(1000)
                visitor.sendall(words)
                while words and visitor.recv(1000):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join(PATIENCE_S)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 9, "like a broker"),
        (b"\xff" * 100, "like a broker"),
        (b"\x20\x02\x00", "like a broker"),  # an answer that breaks off
        (b"\x20\x02\x00\x03", "(Server unavailable)"),
        (b"", "like a broker"),
    ],
)
def test_what_is_no_broker(words: bytes, complaint: str, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, connection, KEEPALIVE_S=1)
    with answering(words) as port, telling(at(port)):
        said.wait_for(complaint)
        time.sleep(0.3)  # further attempts say nothing new
    assert len(said.lines) == 1
    has_ended()


# The end.


@contextmanager
def refusing() -> Iterator[int]:
    """Nobody is there."""
    yield servers.free_port()


@contextmanager
def silent() -> Iterator[int]:
    """The connection is taken, since the kernel does that, and not a word is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def out_of_reach() -> Iterator[int]:
    """The connection is neither taken nor refused: the server's queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        clients = [socket.socket() for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        try:
            yield server.getsockname()[1]
        finally:
            for client in clients:
                client.close()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("dead", [refusing, silent, out_of_reach])
def test_the_end_waits_for_no_broker(
    dead: Callable[[], AbstractContextManager[int]], tls: bool, answers: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, connection, CONNECT_S=1.0)
    with dead() as port:
        output = Mqtt(at(port, tls=tls))
        output.show(answers.next())
        time.sleep(0.2)  # it is in the middle of an attempt
        output.close()
        has_ended()


@pytest.mark.parametrize(("dead", "tls"), [(silent, False), (silent, True), (out_of_reach, False)])
def test_patience_has_an_end(
    dead: Callable[[], AbstractContextManager[int]], tls: bool, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, connection, KEEPALIVE_S=1, CONNECT_S=0.2)
    with dead() as port, telling(at(port, tls=tls)):
        said.wait_for("it doesn't respond")


def test_the_end_waits_for_no_broker_that_stands_still(mosquitto: Mosquitto, answers: Feed, said: Said) -> None:
    output = Mqtt(at(mosquitto.port))
    said.wait_for("connected")
    mosquitto.signal(signal.SIGSTOP)
    result = answers.next()
    for number in range(1000):
        output.show(replace(result, label=f"{number} {LONG}"))
    output.close()
    has_ended()
    output.show(answers.next("too late"))
    output.close()


def test_the_end_before_anything_began(mosquitto: Mosquitto) -> None:
    Mqtt(at(mosquitto.port)).close()
    has_ended()


def test_a_name_that_nobody_knows(said: Said) -> None:
    with telling(settings("no-such-broker.invalid")):
        said.wait_for("name is unknown")
