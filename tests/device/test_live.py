"""`device live` through the command line: answers from every kind of source, ends, signals, and what can be wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device import pictures
from device.classifier import Classifier
from tests.conftest import ROOT, Run, model
from tests.device.classifying import INT8, draw, lines
from tests.device.mjpeg_server import Server

pytestmark = pytest.mark.programs

LIMIT_S = 30.0


class Live:
    """A live classifier in a process of its own, whose JSON lines are read as they come."""

    def __init__(self, folder: Path, *words: object, **environment: str) -> None:
        arguments = [sys.executable, "-m", "device", "live", *map(str, words), "--headless", "--jsonl", "-"]
        self.process = subprocess.Popen(
            arguments,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As in a terminal: what a shell starts behind an & is begun with SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.timer = threading.Timer(LIMIT_S, self.process.kill)
        self.timer.start()

    def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def end(self, number: signal.Signals) -> tuple[int, str, float]:
        """(exit code, stderr, seconds until it had ended) after a signal."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=LIMIT_S)
        self.timer.cancel()
        return self.process.returncode, said, time.monotonic() - began


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Any]:
    started: list[Live] = []

    def start(*words: object, **environment: str) -> Live:
        started.append(Live(tmp_path, *words, **environment))
        return started[-1]

    yield start
    for one in started:
        one.timer.cancel()
        one.process.kill()
        one.process.communicate(timeout=LIMIT_S)


def test_pictures_are_answered_as_classify_answers_them(command: Run, tmp_path: Path) -> None:
    for number, label in enumerate(("circle", "square", "triangle", "circle")):
        draw(tmp_path / f"shots/{number}.png", label, seed=number)
    done = command("device", "live", INT8, "--source", tmp_path / "shots", "--headless", "--jsonl", "-")
    assert done.returncode == 0, done.stderr
    answers = lines(done)
    assert [answer["number"] for answer in answers] == [1, 2, 3, 4]
    classifier = Classifier(INT8)
    for answer in answers:
        scores = classifier.classify(pictures.read(Path(answer["picture"]))).scores
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
    assert "note: no window: there is no display" in done.stderr


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
    assert answer["label"] == "unknown" and answer["top"][0]["label"] == "circle"
    assert answer["score"] == answer["top"][0]["score"]
    command("device", *words, "--jsonl", tmp_path / "answers.jsonl")
    assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 2, "lines are added"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_within_a_second(live: Any, number: signal.Signals, code: int) -> None:
    running = live(INT8, "--source", "test", "--threads", 1)
    for _ in range(3):
        running.next()
    returned, said, seconds = running.end(number)
    assert returned == code, said
    assert "Traceback" not in said
    assert seconds < 1


def test_a_signal_ends_it_while_the_source_is_lost(live: Any) -> None:
    server = Server("good")
    running = live(INT8, "--source", server.url, "--threads", 1)
    running.next()
    server.kill()
    time.sleep(0.5)
    returned, said, seconds = running.end(signal.SIGTERM)
    assert returned == 0 and seconds < 1
    assert "trying again" in said


def test_a_stream_that_comes_back_is_answered_again(live: Any) -> None:
    server = Server("good")
    running = live(INT8, "--source", server.url, "--threads", 1)
    running.next()
    server.kill()
    time.sleep(0.3)
    again = Server("good", server.port)
    try:
        killed = time.time()
        while running.next()["time"] < killed:
            continue
    finally:
        again.kill()
    returned, said, _ = running.end(signal.SIGTERM)
    assert returned == 0
    assert f"{server.url} is back" in said


def test_a_stream_that_hangs_is_opened_anew(live: Any) -> None:
    """It never ends and never errs: it sends the same picture, no pictures, half ones, or nothing any more.

    All at once, since each takes five seconds to be noticed.
    """
    servers = {failure: Server("good") for failure in ("same", "garbage", "half", "silent")}
    try:
        running = {failure: live(INT8, "--source", servers[failure].url, "--threads", 1) for failure in servers}
        for failure, one in running.items():
            one.next()
            servers[failure].break_streams(failure)
        broken = time.time() + 1
        for one in running.values():
            while one.next()["time"] < broken:
                continue
    finally:
        for server in servers.values():
            server.kill()
    for failure, one in running.items():
        returned, said, _ = one.end(signal.SIGTERM)
        assert returned == 0, failure
        assert "trying again" in said and f"{servers[failure].url} is back" in said, failure


@pytest.mark.parametrize("good", [True, False])
def test_a_model_that_was_replaced_is_loaded_when_it_is_sound(live: Any, tmp_path: Path, good: bool) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(INT8.read_bytes())
    running = live(path, "--source", "test", "--threads", 1)
    running.next()
    other = model("float32").read_bytes() if good else INT8.read_bytes()[:9000]
    (tmp_path / "new").write_bytes(other)
    (tmp_path / "new").replace(path)
    running.process.send_signal(signal.SIGHUP)
    for _ in range(10):
        running.next()
    returned, said, _ = running.end(signal.SIGTERM)
    assert returned == 0, said
    assert (f"{path}: loaded anew" in said) == good
    assert ("; the model that was loaded goes on" in said) != good


def test_everything_that_is_told_at_once(live: Any, tmp_path: Path) -> None:
    """A page for the network, a command, a broker that isn't there: the answers come all the same."""
    touch = f"touch {tmp_path / 'seen'}"
    telling = ("--serve", "0.0.0.0:0", "--on-label", "unknown:0", touch, "--mqtt", "127.0.0.1:9")
    running = live(INT8, "--source", "test", "--threads", 1, "--threshold", 1, *telling)
    for _ in range(30):
        running.next()
    returned, said, seconds = running.end(signal.SIGTERM)
    assert returned == 0, said
    assert seconds < 1
    assert (tmp_path / "seen").exists()
    pages = [line for line in said.splitlines() if line.startswith("page: http://")]
    assert len(pages) == 1 and "/?token=" in pages[0]
    assert sum("127.0.0.1:9" in line for line in said.splitlines()) == 1, "the broker is named once"


def test_the_page_is_for_those_with_the_token(live: Any) -> None:
    running = live(
        INT8, "--source", "test", "--threads", 1, "--serve", "0.0.0.0:0", FRAMELITE_TOKEN="a-secret-of-my-own"
    )
    running.next()
    port = next(
        line.partition("//")[2].partition(":")[2].partition("/")[0]
        for line in iter(running.process.stderr.readline, "")
        if line.startswith("page: ")
    )

    def status(path: str, **headers: str) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

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
    ("words", "expected"),
    [
        ((INT8, "--source", "test", "--on-label", "boot:1", "true"), "the model has no label 'boot'"),
        ((INT8, "--source", "test", "--on-label", "circle", "true"), "expected LABEL:SECONDS, such as cat:2.5"),
        ((INT8, "--source", "test", "--serve", "nowhere:port"), "error: --serve nowhere:port"),
        ((INT8, "--source", "test", "--mqtt", "host:0"), "error: --mqtt: the port is 0"),
        ((INT8, "--source", "91"), "error: there is no camera /dev/video91;"),
        ((INT8, "--source", "nowhere"), "error: --source nowhere: there is no such file or folder"),
        ((INT8, "--source", "http://127.0.0.1:9/"), "error: http://127.0.0.1:9/ can't be reached"),
        ((INT8, "--source", "test", "--loop"), "error: --loop was given, but --source test is of another kind"),
        (
            (INT8, "--source", "test", "--jsonl", "/nowhere/a.jsonl"),
            "--jsonl /nowhere/a.jsonl: can't be written",
        ),
        (("nowhere.tflite", "--source", "test"), "error: nowhere.tflite: there is no such model file"),
        ((INT8, "--source", "picamera2"), "error: picamera2 can't be imported"),
        ((INT8, "--source", "test", "--capture", "640"), "640 is not WIDTHxHEIGHT"),
        ((INT8, "--source", "test", "--threshold", "2"), "2 is not a number from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(command: Run, words: tuple[object, ...], expected: str) -> None:
    done = command("device", "live", *words, "--headless", "--threads", 1)
    assert done.returncode == 2
    assert expected in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mode", ["html", "missing"])
def test_an_address_of_something_else_is_said(command: Run, mode: str) -> None:
    server = Server(mode)
    try:
        done = command("device", "live", INT8, "--source", server.url, "--headless", "--threads", 1)
    finally:
        server.kill()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {server.url} answers ")


def test_a_film_that_can_not_be_read_is_said(command: Run, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film" * 100)
    done = command("device", "live", INT8, "--source", tmp_path / "film.mp4", "--headless", "--threads", 1)
    assert done.returncode == 2
    assert "not a video that this OpenCV can read" in done.stderr.splitlines()[-1]
