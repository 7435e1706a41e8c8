"""Text of strangers reaches the terminal without what would command it: by every way that there is."""

import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drawing
from tests.conftest import Run, model

# Clears the screen, colors, names the window, turns the writing round.
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"
CONTROLS = set("\x1b\x07\x9b\u202e")


def clean(output: str) -> None:
    assert "\\u001b[2J" in output, "it was said, in escapes"
    assert not set(output) & CONTROLS


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return drawing.write_folder(tmp_path / "shapes", {"train": 3})


def test_a_file_s_name(command: Run, tmp_path: Path, image: Path) -> None:
    path = next(image.rglob("*.png"))
    named = path.rename(path.with_name(f"{EVIL}.png"))
    for words in ((named, named), (named.parent,), (named, "--json", "-")):
        done = command("device", "classify", model("int8"), *words)
        assert done.returncode == 0
        clean(done.stdout)
    (line,) = command("device", "classify", model("int8"), named, "--json", "-").stdout.splitlines()
    assert Path(json.loads(line)["image"]).name == named.name, "still the file's own name"


def test_an_error_about_a_hostile_name_is_clean(command: Run, tmp_path: Path) -> None:
    done = command("device", "classify", tmp_path / f"{EVIL}.tflite", tmp_path)
    assert done.returncode == 2
    clean(done.stderr)


class Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(f"{EVIL}\r\n\r\n".replace("\u202e", "").encode("latin-1"))


@pytest.fixture
def server() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}/stream"
        found.shutdown()


def test_what_a_server_sends(command: Run, server: str) -> None:
    done = command("device", "live", model("int8"), "--source", server, "--frames", 1)
    assert done.returncode == 2
    assert not set(done.stderr) & CONTROLS, "what it sends isn't repeated"
