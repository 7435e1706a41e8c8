"""Rounds of two models in fresh processes: what is in them, when they end, and models that can't be run."""

import itertools
import os
import signal
import threading
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from benchmarks.gate import pairs
from benchmarks.gate.baseline import REFERENCE
from benchmarks.gate.pairs import RoundSamples, Side
from benchmarks.timing.process import Samples
from device.errors import UserError
from tests.benchmarks import failing
from tests.conftest import environment, model
from tests.device import crafted
from tests.device.crafted import End
from tests.limits import limits

pytestmark = pytest.mark.programs
SMALL, LARGE = Side(REFERENCE), Side(REFERENCE.with_name("large.tflite"))


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, pairs, ROUND_S=0.05, WARMUP_S=0.01)


def children() -> list[int]:
    """Processes of this one; of a system without such a list, none."""
    file = Path(f"/proc/self/task/{os.getpid()}/children")
    if not file.exists():
        pytest.skip("no list of children here")
    return [int(pid) for pid in file.read_text().split()]


def test_all_turns_of_a_lane_are_one() -> None:
    bursts = [
        Samples(np.array([1.0, 2.0, 9.0]), np.array([0.5, 1.0, 2.0]), 1, None),
        Samples(np.array([3.0, 4.0]), np.array([1.5, 3.0]), 2, None, 4.0),
    ]
    found = RoundSamples.of(bursts)
    assert (found.wall_p50, found.cpu_p50, found.n, found.waits) == (3.0, 1.5, 5, 3)
    assert (found.wall_p95, found.cpu_p95) == (pytest.approx(8.0), pytest.approx(2.8))
    assert (found.wall_sum, found.cpu_sum, found.step_ms) == (19.0, 8.0, 4.0)


def test_a_round() -> None:
    """The large network takes about eighty times as long, whoever else has the processor."""
    (found,) = pairs.rounds(SMALL, LARGE, 0.01)
    for series in (found.base, found.again, found.candidate):
        assert series.n > 0 and series.waits >= 0
        assert 0 < series.cpu_p50 <= series.cpu_p95 and 0 < series.wall_p50 <= series.wall_p95
        assert series.wall_sum >= series.wall_p50 and series.cpu_sum >= series.cpu_p50
    assert found.candidate.cpu_p50 > 5 * max(found.base.cpu_p50, found.again.cpu_p50)
    assert found.base.n > found.candidate.n


def test_the_sides_are_not_mixed_up() -> None:
    (found,) = pairs.rounds(LARGE, SMALL, 0.01, seed=2)
    assert min(found.base.cpu_p50, found.again.cpu_p50) > 5 * found.candidate.cpu_p50


def test_another_environment_takes_turns_with_this_one() -> None:
    theirs = Side(model("int8"), 1, "tflite-runtime", str(environment("tflite-runtime")))
    (found,) = pairs.rounds(Side(model("int8")), theirs, 0.01)
    assert min(found.base.n, found.again.n, found.candidate.n) > 0


def test_it_goes_on_while_there_is_time_and_leaves_no_process_behind() -> None:
    before = children()
    taken = list(itertools.islice(pairs.rounds(SMALL, SMALL, 1000), 2))
    assert len(taken) == 2 and taken[0] != taken[1]
    assert set(children()) <= set(before)


# Models that can't be run.


def test_a_model_that_fails_half_way(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "short.tflite", failing.network(20))
    for base, candidate in ((SMALL, Side(path)), (Side(path), SMALL)):
        with pytest.raises(UserError, match=r"short\.tflite: the model failed while running: "):
            list(pairs.rounds(base, candidate, 0.01))


@pytest.mark.parametrize("base_is_good", [True, False])
def test_a_model_that_cannot_be_fed(base_is_good: bool, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "double.tflite", crafted.constant([0.5], End(dtype="float64")))
    sides = (SMALL, Side(path)) if base_is_good else (Side(path), SMALL)
    with pytest.raises(UserError, match=r"double\.tflite: the input is float64, expected float32, uint8 or int8"):
        list(pairs.rounds(*sides, 0.01))


def test_a_process_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """By SIGKILL, as where memory runs out. Which of the models took it, nobody knows."""
    limits(monkeypatch, pairs, ROUND_S=100)
    before = set(children())

    def kill() -> None:
        deadline = monotonic() + 60
        while monotonic() < deadline:
            if new := set(children()) - before:
                os.kill(new.pop(), signal.SIGKILL)
                return
            sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(
        UserError, match=r"small\.tflite or .*large\.tflite: the measuring process was ended by SIGKILL"
    ):
        next(pairs.rounds(SMALL, LARGE, 1000))
    killer.join()
