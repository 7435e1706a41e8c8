"""The process that measures: what it tells, models that fail in it, and how its end is told."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.timing import memory, process
from benchmarks.timing.process import BenchmarkCase, LostError, Series, TimingWorker
from benchmarks.timing.worker import WATCHED_NS, Bench, step_ns
from device.errors import UserError
from device.inference import runtime
from tests.benchmarks import failing
from tests.benchmarks.measuring import is_there, needs_proc
from tests.conftest import ROOT, environment, model
from tests.device import crafted
from tests.device.crafted import End
from tests.device.refusals import says, with_card
from tests.limits import limits

pytestmark = pytest.mark.programs
INT8, FLOAT32 = BenchmarkCase(model("int8"), frame=True), BenchmarkCase(model("float32"))


# What it tells.


def test_cases_in_the_order_they_were_given() -> None:
    with TimingWorker([INT8, FLOAT32]) as worker:
        number = worker.pid
        assert worker.series == [Series("invoke", 0), Series("frame", 0), Series("invoke", 1)]
        for told in worker.loaded:
            assert told.error is None
            assert (told.runtime, told.runtime_version) == ("litert", runtime.find().version)
            assert told.load_ms and told.first_ms and min(told.load_ms, told.first_ms) > 0
        invoke, frame, other = worker.burst(worker.series, 0.05)
        assert is_there(number)
    assert not is_there(number)
    for samples in (invoke, frame, other):
        assert samples.error is None
        assert len(samples.wall_ms) == len(samples.cpu_ms) > 0
        assert samples.wall_ms.min() > 0 and (samples.cpu_ms >= 0).all()
        assert samples.waits >= 0 and samples.step_ms > 0
    # A 720p frame is cut and resized first: that takes several times as long as these small networks.
    assert np.median(frame.wall_ms) > np.median(invoke.wall_ms)


def test_a_turn_is_for_the_lanes_that_are_asked_for_each_at_least_once() -> None:
    with TimingWorker([INT8, FLOAT32]) as worker:
        for series in ([Series("frame", 0)], [Series("invoke", 1), Series("invoke", 0)], []):
            taken = worker.burst(series, 0.0, block_s=0.0)
            assert [len(samples.wall_ms) for samples in taken] == [1] * len(series)


def test_blocks_come_in_random_order_and_nobody_is_left_out() -> None:
    order: list[int] = []
    bench = Bench(1)
    bench.series = {("invoke", i): lambda i=i: order.append(i) for i in range(3)}  # type: ignore[misc]
    told = bench.burst([["invoke", i] for i in range(3)], 0.02, 0.0)
    rounds = [tuple(order[i : i + 3]) for i in range(0, len(order), 3)]
    assert all(sorted(each) == [0, 1, 2] for each in rounds)
    assert len(set(rounds[:100])) == 6
    assert [len(series["wall_ns"]) for series in told] == [len(rounds)] * 3


def test_a_file_without_a_card_has_no_frame_s_way(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.8]))
    with TimingWorker([BenchmarkCase(path, frame=True), BenchmarkCase(model("int8"), frame=True)]) as worker:
        assert [told.frame for told in worker.loaded] == [False, True]
        assert worker.series == [Series("invoke", 0), Series("invoke", 1), Series("frame", 1)]


@pytest.mark.skipif(not memory.STATUS.exists(), reason="no /proc here")
def test_peak_memory_is_that_of_a_fresh_process() -> None:
    """Not what this process has taken: it holds 200 MB here."""
    ballast = np.ones(200_000_000, np.uint8)
    with TimingWorker([INT8]) as worker:
        peak = worker.loaded[0].peak_memory_bytes
    assert peak is not None and 20_000_000 < peak < ballast.nbytes / 2
    own = memory.high_water_mark()
    assert own is not None and own > ballast.nbytes


def test_another_python_with_another_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path counts from where the user is."""
    (tmp_path / "env").symlink_to(environment("tflite-runtime").parents[1], target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    with TimingWorker([INT8], "env/bin/python") as worker:
        assert [told.runtime for told in worker.loaded] == ["tflite-runtime"]
        assert all(len(samples.wall_ms) for samples in worker.burst(worker.series, 0.01))


# The thread's clock.


def test_a_clock_in_ticks() -> None:
    """Of 4 ms, as kernels without a high-resolution one count; and one that stands still."""
    tick = 4_000_000
    found = step_ns(lambda: time.monotonic_ns() // tick * tick)
    assert found >= tick and found % tick == 0
    assert step_ns(lambda: 7) == WATCHED_NS


def test_what_a_turn_tells_of_the_clock() -> None:
    bench = Bench(1)
    bench.series = {("invoke", 0): lambda: None}
    (told,) = bench.burst([["invoke", 0]], 0.0, 0.0)
    assert 0 < told["step_ns"] <= WATCHED_NS


# Models that fail.


def test_one_that_can_not_be_loaded_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "words.tflite").write_text("words")
    odd = crafted.write(tmp_path / "odd.tflite", crafted.constant([1], End(dtype="float64")))
    custom = crafted.write(tmp_path / "custom.tflite", crafted.echo(operator="Unheard"))
    cases = [
        *(BenchmarkCase(path) for path in (tmp_path / "words.tflite", odd, custom)),
        BenchmarkCase(model("int8"), runtime="none"),
    ]
    with TimingWorker([*cases, FLOAT32]) as worker:
        words, dtype, operator, engine, good = [told.error for told in worker.loaded]
        assert worker.series == [Series("invoke", 4)]
    says(str(words), "words.tflite: ", "TFL3")
    says(str(dtype), "odd.tflite: ", "float64, expected float32, uint8 or int8")
    assert "Unheard" in str(operator) and str(engine).startswith("unknown runtime 'none'") and good is None


def test_one_that_fails_before_it_is_timed_leaves_the_others(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", failing.network(0))
    with TimingWorker([BenchmarkCase(path), FLOAT32]) as worker:
        failed, good = [told.error for told in worker.loaded]
        assert worker.series == [Series("invoke", 1)]
    assert "can't run" in str(failed) and "gather index" in str(failed) and good is None


def test_one_that_fails_half_way_gives_up_and_the_others_go_on(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", failing.network(40))
    with TimingWorker([BenchmarkCase(path), FLOAT32]) as worker:
        failed, good = worker.burst(worker.series, 0.1)
        again, still = worker.burst(worker.series, 0.01)
    before = 1  # the first inference
    assert len(failed.wall_ms) == len(failed.cpu_ms) == 40 - before
    assert failed.error is not None and "gather index" in failed.error
    assert good.error is still.error is None and len(good.wall_ms) > 0 and len(still.wall_ms) > 0
    assert len(again.wall_ms) == 0 and again.error is not None


def test_one_whose_frame_s_way_fails_half_way(tmp_path: Path) -> None:
    """It has an interpreter of its own, so invoke goes on. A turn is over when nobody is left in it."""
    card = crafted.card(("a", "b", "c"), failing.SIZE)
    path = with_card(tmp_path / "net.tflite", failing.network(300), card)
    with TimingWorker([BenchmarkCase(path, frame=True)]) as worker:
        assert worker.series == [Series("invoke", 0), Series("frame", 0)]
        (frame,) = worker.burst([Series("frame", 0)], 600)
        (invoke,) = worker.burst([Series("invoke", 0)], 0.0, 0.0)
    assert len(frame.wall_ms) == 299 and frame.error is not None
    assert len(invoke.wall_ms) == 1 and invoke.error is None


# Its end.


def test_how_it_was_ended_is_told() -> None:
    with TimingWorker([FLOAT32]) as worker:
        os.kill(worker.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(LostError, match=r" SIGKILL$"):
                worker.burst(worker.series, 0.01)


def test_one_that_leaves_nothing_to_answer_with(tmp_path: Path) -> None:
    script = tmp_path / "python"
    for body, said in (
        (f'exec {sys.executable} -S "$@"', "the measuring process ended with exit code 1: ModuleNotFoundError: No mod"),
        ("exit 7", "the measuring process ended with exit code 7$"),
        ("read asked; echo usage: python FILE", r"the measuring process wrote 'usage: python FILE\\n', expected JSON"),
        ("read asked; printf '[{\"err'", "the measuring process ended with exit code 0$"),
    ):
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
        with pytest.raises(LostError, match=said):
            TimingWorker([FLOAT32], str(script))


def test_one_that_can_not_be_started(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("words")
    (tmp_path / "text").chmod(0o755)
    for python, said in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Permission denied"),
        (tmp_path / "text", "Exec format error"),
        ("no-such-python", "No such file or directory"),
    ):
        with pytest.raises(UserError, match=rf"{python}: .*\({said}\)"):
            TimingWorker([FLOAT32], str(python))


@needs_proc
def test_none_is_left_behind_when_its_conductor_is_killed() -> None:
    conductor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from benchmarks.timing.process import BenchmarkCase, TimingWorker\n"
            "worker = TimingWorker([BenchmarkCase(Path(sys.argv[1]))])\n"
            "print(worker.pid, flush=True); sys.stdin.read()",
            str(FLOAT32.path),
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert conductor.stdout is not None
        number = int(conductor.stdout.readline())
        assert is_there(number)
    finally:
        conductor.kill()
        conductor.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while is_there(number):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@needs_proc
def test_none_is_left_behind_after_an_error_in_the_midst(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a turn that would last for minutes: it isn't waited for, as this test would be ended if it were."""
    limits(monkeypatch, process, PATIENCE_S=600)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    before = signal.signal(signal.SIGUSR1, fail)
    try:
        with pytest.raises(ZeroDivisionError), TimingWorker([FLOAT32]) as worker:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            worker.burst(worker.series, 600)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not is_there(worker.pid)
