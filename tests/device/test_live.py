"""`device live` through the command line: answers from every kind of source, ends, signals, and what can be wrong."""

import hashlib
import json
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from device.images import images
from device.inference.classifier import Classifier
from device.live import selection
from tests.conftest import Run, model
from tests.device.classifying import INT8, draw, lines
from tests.device.mjpeg_server import Server
from tests.device.refusals import refusal, says
from tests.device.visiting import get

pytestmark = pytest.mark.programs


def test_images_are_answered_as_classify_answers_them(command: Run, tmp_path: Path) -> None:
    for number, label in enumerate(("circle", "square", "triangle", "circle")):
        draw(tmp_path / f"shots/{number}.png", label, seed=number)
    done = command("device", "live", INT8, "--source", tmp_path / "shots", "--headless", "--jsonl", "-")
    assert done.returncode == 0, done.stderr
    answers = lines(done)
    assert [answer["number"] for answer in answers] == [1, 2, 3, 4]
    classifier = Classifier(INT8)
    for answer in answers:
        scores = classifier.classify(images.read(Path(answer["image"]))).scores
        best = classifier.top(scores, 3)
        assert [entry["label"] for entry in answer["top"]] == [ranked.label for ranked in best]
        assert [entry["score"] for entry in answer["top"]] == pytest.approx([r.score for r in best], abs=1e-4)
        assert answer["label"] == best[0].label
        assert set(answer["ms"]) == {"preprocess", "invoke", "postprocess", "frame"}
        assert answer["dropped"] == 0 and answer["decoded"] == "full"
        assert abs(answer["time"] - time.time()) < 120


def test_the_test_source_ends_after_so_many_answers(command: Run) -> None:
    words = ["live", INT8, "--source", "test", "--frames", 5, "--threads", 1, "--top-k", 2, "--jsonl", "-"]
    done = command("device", *words, DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0, done.stderr
    answers = lines(done)
    assert len(answers) == 5 and all(len(answer["top"]) == 2 for answer in answers)
    says(done.stderr, "note: ", "display")


def test_without_a_terminal_the_changes_are_said(command: Run, tmp_path: Path) -> None:
    for number, label in enumerate(("circle", "circle", "square", "square", "circle")):
        draw(tmp_path / f"shots/{number}.png", label, seed=40 + number)
    done = command("device", "live", INT8, "--source", tmp_path / "shots", "--headless", "--threads", 1)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["circle", "square", "circle"]
    assert done.stderr == "", "an end is no loss"


def test_a_threshold_makes_unknown(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "circle.png", "circle")
    words = ["live", INT8, "--source", tmp_path / "circle.png", "--headless", "--threads", 1]
    done = command("device", *words, "--threshold", "1", "--jsonl", tmp_path / "answers.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "unknown"
    answer = json.loads((tmp_path / "answers.jsonl").read_text())
    assert (answer["label"], answer["unknown"], answer["top"][0]["label"]) == ("unknown", True, "circle")
    assert answer["score"] == answer["top"][0]["score"]
    command("device", *words, "--jsonl", tmp_path / "answers.jsonl")
    _, added = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert "unknown" not in json.loads(added), "there is no threshold"


def test_everything_that_is_told_at_once(live: Any, tmp_path: Path) -> None:
    """A page for the network, a command, a broker that isn't there: the answers come all the same."""
    touch = f"touch {tmp_path / 'seen'}"
    telling = ("--serve", "0.0.0.0:0", "--on-label", "unknown:0", touch, "--mqtt", "127.0.0.1:9")
    running = live(INT8, "--source", "test", "--threads", 1, "--threshold", 1, *telling)
    while not (tmp_path / "seen").exists():
        running.next()
    running.wait_for("127.0.0.1:9")
    returned, said, seconds = running.end(signal.SIGTERM)
    assert returned == 0, said
    assert seconds < 3, "nothing is waited for; the broker would be for ten seconds"
    pages = [line for line in said.splitlines() if line.startswith("page: http://")]
    assert len(pages) == 1 and "/?token=" in pages[0]
    assert sum("127.0.0.1:9" in line for line in said.splitlines()) == 1, "the broker is named once"


def test_the_page_is_for_those_with_the_token(live: Any) -> None:
    running = live(
        INT8, "--source", "test", "--threads", 1, "--serve", "0.0.0.0:0", FRAMELITE_TOKEN="a-secret-of-my-own"
    )
    running.next()
    port = running.port()

    def status(path: str, **headers: str) -> int:
        return get(port, path, headers).status

    assert status("/healthz") == 200
    for path in ("/", "/api/state", "/metrics", "/stream.mjpg", "/api/events"):
        assert status(path) == 401, path
    assert status("/api/state", Authorization="Bearer a-secret-of-my-own") == 200
    assert status("/api/state", Authorization="Bearer another") == 401
    assert running.end(signal.SIGTERM)[0] == 0


def test_a_port_in_use_is_said(command: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command(
            "device", "live", INT8, "--source", "test", "--headless", "--threads", 1, "--serve", f"127.0.0.1:{port}"
        )
    assert done.returncode == 2
    assert f"{port}" in done.stderr.splitlines()[-1] and "in use" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ((INT8, "--source", "test", "--on-label", "boot:1", "true"), ("'boot'",)),
        ((INT8, "--source", "test", "--on-label", "circle", "true"), ("--on-label", "LABEL:SECONDS")),
        ((INT8, "--source", "test", "--serve", "nowhere:port"), ("error: --serve nowhere:port",)),
        ((INT8, "--source", "test", "--mqtt", "host:0"), ("error: --mqtt: ", "port", " 0")),
        ((INT8, "--source", "test", "--source-file", "f"), ("error: --source and --source-file ",)),
        ((INT8, "--source-file", "none"), ("error: --source-file none: ", "No such file")),
        ((INT8, "--source", "91"), ("error: ", "/dev/video91;")),
        ((INT8, "--source", "nowhere"), ("error: --source nowhere: ", "file or folder")),
        ((INT8, "--source", "http://127.0.0.1:9/"), ("error: http://127.0.0.1:9/ ", "unreachable")),
        ((INT8, "--source", "test", "--loop"), ("error: --loop ", "--source test ")),
        ((INT8, "--source", "test", "--jsonl", "/nowhere/a.jsonl"), ("--jsonl /nowhere/a.jsonl: ",)),
        (("nowhere.tflite", "--source", "test"), ("error: nowhere.tflite: ",)),
        ((INT8, "--source", "picamera2"), ("error: picamera2 ", "imported")),
        ((INT8, "--source", "test", "--capture", "640"), ("640 ", "WIDTHxHEIGHT")),
        ((INT8, "--source", "test", "--mqtt-user", "anna"), ("--mqtt-user ", " --mqtt")),
        ((INT8, "--source", "test", "--token-file", "token"), ("--token-file ", " --serve")),
        ((INT8, "--source", "test", "--threshold", "2"), ("--threshold: 2 ", "0 to 1")),
        ((INT8, "--source", "test", "--on-label-limit", "5"), ("--on-label-limit ", " --on-label")),
        (
            (INT8, "--source", "test", "--on-label", "circle:1", "true", "--on-label-limit", "0"),
            ("--on-label-limit is 0,", "3600"),
        ),
        ((INT8, "--source", "test", "--stall-if-still", "0"), ("--stall-if-still is 0,", "more than 0")),
    ],
)
def test_what_is_wrong_is_said_in_a_line(command: Run, words: tuple[object, ...], facts: tuple[str, ...]) -> None:
    done = command("device", "live", *words, "--headless", "--threads", 1)
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], *facts)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mode", ["html", "missing"])
def test_an_address_of_something_else_is_said(command: Run, mode: str) -> None:
    server = Server(mode)
    try:
        done = command("device", "live", INT8, "--source", server.url, "--headless", "--threads", 1)
    finally:
        server.kill()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {server.url} responds ")


def test_a_film_that_can_not_be_read_is_said(command: Run, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film" * 100)
    done = command("device", "live", INT8, "--source", tmp_path / "film.mp4", "--headless", "--threads", 1)
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], "error: ", "film.mp4", "OpenCV")


def test_auto_takes_what_was_selected(command: Run, tmp_path: Path) -> None:
    model_file = tmp_path / "export/shapes_int8.tflite"
    model_file.parent.mkdir()
    shutil.copyfile(model("int8"), model_file)
    digest = hashlib.sha256(model_file.read_bytes()).hexdigest()
    selection.write(tmp_path / "selection.json", "export/shapes_int8.tflite", digest, 1, "litert")
    words = ["device", "live", "--auto", tmp_path, "--source", "test", "--frames", "2", "--headless"]
    done = command(*words, "--jsonl", "-")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 and "circle" in done.stdout
    says(refusal(command(*words, "--threads", "2")), "--threads ", " --auto")
    assert refusal(command("device", "live", "--auto", tmp_path / "none.json")).startswith(
        f"{tmp_path / 'none.json'}: "
    )
