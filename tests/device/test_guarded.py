"""An output that raises, and an output's thread that dies: said, left alone, tried again; everything else goes on."""

import gc
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.live import sources
from device.live.interfaces.output import Output, Surroundings
from device.live.interfaces.results import FrameResult, Status
from device.live.loop import Loop
from device.live.outputs import guarded, json_lines, window
from device.live.outputs.guarded import Guarded
from device.live.outputs.json_lines import JsonLines
from device.live.outputs.mqtt.mqtt import Mqtt
from device.live.outputs.on_label import OnLabel, Rule
from device.live.outputs.outputs import Outputs
from device.live.outputs.terminal import Terminal, TerminalOptions
from device.live.outputs.web.serve import Serve, ServeOptions
from device.live.outputs.window import Window
from device.live.smoothing import Smoother
from tests.conftest import ROOT
from tests.device.broker import Mosquitto, Watcher
from tests.device.classifying import INT8
from tests.device.feeding import STREAMING, Feed, end, wait_for
from tests.device.telling import AVAILABILITY, LABEL, STATE, at, telling
from tests.device.visiting import get, metric
from tests.limits import limits

pytestmark = pytest.mark.programs
FULL = Path("/dev/full")  # every write finds no space


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, guarded, RETRY_S=0.0)
    limits(monkeypatch, json_lines, CHECK_S=0.0)
    limits(monkeypatch, window, EVERY_S=0.0)


def tick_until(output: Output, condition: Callable[[], object]) -> None:
    """As the live loop does, until it is true."""
    wait_for(lambda: (output.tick(), condition())[1])  # type: ignore[func-returns-value]


def unfit(result: FrameResult) -> Any:
    """One that each output stumbles over."""
    return replace(result, ms={}, score=nan, frame=None, changed=True)  # type: ignore[arg-type]


# It raises.


def test_a_full_disk_ends_its_lines_alone(tmp_path: Path) -> None:
    """The page goes on and says which output fails; before, it was the end of the program (exit code 2)."""
    words = ["--source", "test", "--threads", "1", "--headless", "--jsonl", "/dev/full", "--serve", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "device", "live", str(INT8), *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        while not (page := process.stderr.readline()).startswith("page: "):
            assert page, "it ended"
        port = int(page.rstrip("/\n").rpartition(":")[2])
        wait_for(lambda: get(port, "/healthz").json.get("failing") == ["jsonl"])
        before = metric(port, "framelite_frames_answered_total")
        wait_for(lambda: metric(port, "framelite_frames_answered_total") > before + 10)
        assert get(port, "/healthz").status == 200
        assert metric(port, "framelite_outputs_failing") == metric(port, "framelite_output_failures_total") == 1
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert said == "note: jsonl: no space left on device; skipped, and tried again every minute\n"


def test_a_disk_that_has_space_again(
    tmp_path: Path, at_once: None, answers: Feed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.jsonl"
    path.symlink_to(FULL)
    output = Guarded("jsonl", JsonLines(str(path)))
    output.show(answers.next("circle"))
    assert output.is_failing
    path.unlink()
    limits(monkeypatch, guarded, RETRY_S=3600.0)
    output.show(answers.next("circle"))  # it may be tried again: that has been decided before
    wait_for(lambda: json.loads(path.read_text().splitlines()[-1])["label"] == "circle")
    assert (output.is_failing, output.failures) == (False, 1)
    output.show(unfit(answers.next("circle")))
    output.show(answers.next("square"))  # it rests
    assert output.is_failing and "square" not in path.read_text().splitlines()[-1].split('"top"')[0]
    output.close()
    said = [line.split("; ")[0] for line in capsys.readouterr().err.splitlines()]
    assert said[:2] == ["note: jsonl: no space left on device", "note: jsonl: it works again"]
    assert len(said) == 3


@pytest.fixture(params=["terminal", "jsonl", "serve", "on-label", "window"])
def one(request: pytest.FixtureRequest, tmp_path: Path, answers: Feed) -> Iterator[Output]:
    with (tmp_path / "terminal").open("w") as stream:
        kinds: dict[str, Callable[[], Output]] = {
            "terminal": lambda: Terminal(stream),
            "jsonl": lambda: JsonLines(str(tmp_path / "answers.jsonl")),
            "serve": lambda: Serve("127.0.0.1:0", answers.card),
            "on-label": lambda: OnLabel([Rule("square", 0, ("true",))]),
            "window": lambda: Window(lambda: None),
        }
        yield kinds[request.param]()


def test_each_output_that_raises_is_said_once_and_works_again(
    one: Output, at_once: None, answers: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    if isinstance(one, Terminal):
        broken = replace(answers.next("square"), changed=True, score=None)  # type: ignore[arg-type]
    else:
        broken = unfit(answers.next("square"))
    output = Guarded("this one", one)
    for _ in range(3):
        output.show(broken)
        output.status(STREAMING)
    assert output.is_failing and output.failures >= 3
    assert capsys.readouterr().err.count("note: this one: ") == 1
    if not isinstance(one, Window):  # which would need a display
        output.show(answers.next("circle"))
        assert not output.is_failing
        assert "it works again" in capsys.readouterr().err
    output.close()


class Unlike(str):
    """A label that can't be compared with another one."""

    def __ne__(self, other: object) -> bool:
        raise ValueError("no label")

    __hash__ = str.__hash__


def test_a_broker_is_told_the_next_answer_where_one_raises(
    mosquitto: Mosquitto, at_once: None, answers: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    with Watcher(mosquitto.port) as watcher:
        told = Mqtt(at(mosquitto.port))
        output = Guarded("mqtt", told)
        output.show(answers.next("circle"))
        tick_until(output, lambda: "circle" in watcher.texts(LABEL))
        for _ in range(3):
            output.show(replace(answers.next("square"), label=Unlike("square")))
        assert output.is_failing and output.failures == 3
        output.show(answers.next("triangle"))
        assert not output.is_failing
        tick_until(output, lambda: watcher.texts(LABEL) == ["circle", "triangle"])
        output.close()
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: mqtt: ")]
    assert [line.split("; ")[0] for line in said] == ["note: mqtt: ValueError: no label", "note: mqtt: it works again"]


# Its thread dies.


# A thread that is killed from outside closes nothing: its event loop and sockets are collected here, in no other test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_page_comes_back_at_its_address(answers: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    serve = Serve("127.0.0.1:0", answers.card)
    output = Guarded("serve", serve)
    output.show(answers.next("circle"))
    end(serve.thread)
    output.tick()
    assert get(serve.port, "/api/state").json["result"]["label"] == "circle"
    assert (output.is_failing, output.failures) == (False, 1)
    end(serve.thread)
    for _ in range(3):
        output.tick()  # not again within a minute
        output.show(answers.next("circle"))
    assert output.is_failing and not serve.thread.is_alive()
    output.close()
    assert capsys.readouterr().err == "note: serve: its thread ended (SystemExit); restarted\n"
    del output, serve
    gc.collect()


def test_a_broker_is_told_everything_by_the_thread_that_comes_after(
    mosquitto: Mosquitto, answers: Feed, capsys: pytest.CaptureFixture[str]
) -> None:
    with Watcher(mosquitto.port) as watcher:
        output = Guarded("mqtt", Mqtt(at(mosquitto.port)))
        output.show(answers.next("circle"))
        tick_until(output, lambda: watcher.texts(STATE))
        (thread,) = (thread for thread in threading.enumerate() if "framelite-shelf" in thread.name)
        end(thread)
        output.show(answers.next("square"))
        watcher.forget()
        tick_until(output, lambda: "square" in watcher.texts(LABEL) and "online" in watcher.texts(AVAILABILITY))
        assert (output.is_failing, output.failures) == (False, 1)
        output.close()
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY)[-1] == "offline")
    assert "note: mqtt: its thread ended (SystemExit); restarted\n" in capsys.readouterr().err


def test_a_broker_is_told_where_stderr_is_full(
    mosquitto: Mosquitto, answers: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be said ends no thread."""
    with FULL.open("w", buffering=1) as full, Watcher(mosquitto.port) as watcher:
        monkeypatch.setattr("sys.stderr", full)
        with telling(at(mosquitto.port)) as told:
            told.show(answers.next("circle"))
            watcher.wait_for(lambda: watcher.texts(STATE))
            told.tick()  # its thread lives
        monkeypatch.undo()
        with suppress(OSError):  # what it still holds
            full.close()


class Ending(Output):
    """Ends the page's thread at the fifth answer, and the loop when the page tells of it."""

    def __init__(self) -> None:
        self.failures = 0.0
        self.page: Serve
        self.loop: Loop

    def show(self, result: FrameResult) -> None:
        if result.number == 5:
            end(self.page.thread)
        elif result.number > 5 and self.page.thread.is_alive():
            self.failures = metric(self.page.port, "framelite_output_failures_total")
            if self.failures:
                self.loop.stop()

    def status(self, status: Status) -> None:
        self.last = status


def test_the_loop_notices_a_dead_thread_and_its_status_tells(
    answers: Feed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", (stream := io.StringIO()))
    with Outputs() as outputs:
        ending = Ending()
        outputs.add("ending", ending)
        ending.loop = loop = Loop(answers.classifier, Smoother(), outputs, frames=3000)
        ending.page = Serve("127.0.0.1:0", answers.card)
        outputs.add("serve", ending.page)
        outputs.open([TerminalOptions()], Surroundings(answers.card, loop.stop))
        assert loop.run(sources.options("test", {}).source(answers.classifier.size)) is None
        assert (ending.last.failing, ending.last.failures, ending.failures) == ((), 1, 1)
    assert stream.getvalue()
    assert "note: serve: its thread ended (SystemExit); restarted" in capsys.readouterr().err


def test_what_is_opened_before_another_is_refused_is_closed(answers: Feed) -> None:
    with pytest.raises(UserError, match="expected HOST:PORT"), Outputs() as outputs:
        outputs.open([ServeOptions("127.0.0.1:0"), ServeOptions("nowhere")], Surroundings(answers.card, lambda: None))
    assert not [thread for thread in threading.enumerate() if thread.name == "serve"]
