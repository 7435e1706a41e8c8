"""What `--mqtt` and its options may be, and how what can't work is refused."""

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.live.outputs.mqtt.options import PASSWORD, machine_name, settings
from tests.conftest import ROOT
from tests.device.telling import at


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD.variable, raising=False)


def test_the_brokers_place() -> None:
    given = settings("broker.local")
    assert (given.host, given.port, given.tls, given.user, given.password) == ("broker.local", 1883, False, None, None)
    assert settings("10.0.0.5:1884").port == 1884
    assert settings("10.0.0.5", tls=True).port == 8883
    assert settings("10.0.0.5:1884", tls=True).port == 1884
    given = settings("[::1]:1885")
    assert (given.host, given.port) == ("::1", 1885)
    assert settings("[fe80::1%eth0]").host == "fe80::1%eth0"


def test_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD.variable, "s3cret")
    assert settings("host", user="me").password == "s3cret"
    (tmp_path / "password").write_text(" f1le \r\n")
    given = settings("host", user="me", password_file=tmp_path / "password")
    assert given.password == " f1le "
    assert "f1le" not in f"{given} {given!r}"


def test_the_name_is_the_machine_s_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings("host").name == machine_name()
    assert settings("host", name="shelf").topic == "framelite/shelf"
    for name, expected in (("pi-4.fritz.box", "pi-4"), ("küche+#", "k_che__"), ("", "framelite"), ("a" * 99, "a" * 64)):
        monkeypatch.setattr(socket, "gethostname", lambda name=name: name)  # this machine keeps its own
        assert machine_name() == expected


@pytest.mark.parametrize(
    "where",
    ["", ":1883", "host:", "host:port", "mqtt://host", "::1", "host:123456", "a b", "[host]", "host/x"],
)
def test_places_that_are_none(where: str) -> None:
    with pytest.raises(UserError, match=r"--mqtt .* HOST:PORT"):
        settings(where)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"where": "host:0"}, "1 to 65535"),
        ({"where": "host:65536"}, "the port is 65536"),
        ({"where": "a..b"}, "'a..b'"),
        ({"where": f"{'a' * 64}.b"}, f"{'a' * 64}.b"),
        ({"name": "a/b"}, "--mqtt-name 'a/b': expected 1 to 64"),
        ({"name": ""}, "--mqtt-name ''"),
        ({"password_file": "empty"}, "empty: expected one line"),
        ({"password_file": "lines"}, "lines: expected one line"),
        ({"password_file": "none"}, "No such file"),
        ({"password_file": "."}, "Is a directory"),
        ({"password_file": "bytes"}, "not UTF-8"),
        ({"password_file": "one"}, "add --mqtt-user"),
        ({"user": "a" * 65_536}, "--mqtt-user; expected UTF-8"),
        ({"user": "caf\udce9"}, "can't send --mqtt-user"),
        ({"user": "a", "password_file": "long"}, "at most 65535 bytes"),
        ({"ca_file": "none"}, "none: No such file"),
        ({"ca_file": "one"}, "no PEM certificate"),
        ({"ca_file": "."}, "in PEM"),
    ],
)
def test_settings_that_cannot_work(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    for name, content in (("empty", b"\n"), ("lines", b"s3cret\nand\n"), ("bytes", b"s3cret\xff"), ("one", b"s3cret")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "long").write_text("s3cret" * 10_923)  # 65,538 bytes
    files = {key: tmp_path / given[key] for key in ("password_file", "ca_file") if key in given}
    with pytest.raises(UserError, match=re.escape(words)) as refused:
        settings(**({"where": "host"} | given | files))
    assert "s3cret" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_heartbeat_that_is_none(seconds: float) -> None:
    with pytest.raises(UserError, match="the heartbeat is"):
        at(1883, heartbeat_s=seconds)


def test_without_paho_it_is_said_what_to_install() -> None:
    """In a process of its own, in which paho can't be imported."""
    program = (
        "import sys; sys.modules['paho'] = None\n"
        "from device.errors import UserError; from device.live.outputs.mqtt.options import MqttOptions\n"
        "from device.live.outputs.outputs import Outputs\n"
        "try:\n    Outputs().open([MqttOptions('127.0.0.1')], None)\nexcept UserError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "--mqtt needs paho; install it with: pip install '.[mqtt]'\n"
