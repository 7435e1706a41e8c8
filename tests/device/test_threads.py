"""How many threads are fastest: which numbers are tried, what is kept, and when it is tried again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from device.data import folders
from device.host import system
from device.inference import runtime, timing
from device.inference.overrides import NO_OVERRIDES
from device.live import threads
from device.live.live import LiveRequest
from device.live.sources.pattern import PatternOptions
from device.live.threads import ThreadTrial
from tests.conftest import model
from tests.limits import limits

RUNTIME = runtime.find()


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """On a machine of four cores: the numbers of each trial. A short one; two threads win, which is told by hand."""
    seen: list[list[int]] = []

    def fastest(interpreters: dict[int, object]) -> ThreadTrial:
        seen.append(sorted(interpreters))
        return ThreadTrial(2, 0.0)

    monkeypatch.setattr(system, "usable_cores", lambda: 4)
    monkeypatch.setattr(threads, "fastest", fastest)
    return seen


@pytest.mark.parametrize(
    ("cores", "expected"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])]
)
def test_powers_of_two_and_all_cores_are_tried(cores: int, expected: list[int]) -> None:
    assert system.thread_counts(cores) == expected


def test_a_trial_chooses_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, threads, TRIAL_S=0.05)
    interpreters = {count: RUNTIME.open(model("int8"), count) for count in (1, 2)}
    assert threads.fastest(interpreters).count in (1, 2)


class Clock:
    """Time that passes when a network says so."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Network:
    """One that takes so long for an answer, one time after the other."""

    def __init__(self, clock: Clock, *takes_s: float) -> None:
        self.clock, self.takes_s, self.invoked = clock, takes_s, 0

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": (1,), "dtype": "uint8"}]

    def set_tensor(self, index: int, value: object) -> None:
        pass

    def invoke(self) -> None:
        self.clock.now_s += self.takes_s[self.invoked % len(self.takes_s)]
        self.invoked += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In the place of the machine's: how long a real network takes is never the same."""
    made = Clock()
    monkeypatch.setattr(threads, "perf_counter", made)
    monkeypatch.setattr(timing, "perf_counter", made)
    return made


def test_blocks_that_follow_one_another_are_compared(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine slows down and recovers: two threads are faster in two of three rounds, by 10 and by 20 %, though
    their median, 24 ms, is longer than the 20 ms of one.
    """
    limits(monkeypatch, threads, BLOCK_S=0.0)
    one, two = Network(clock, 0.01, 0.02, 0.03), Network(clock, 0.009, 0.025, 0.024)
    assert threads.fastest({1: one, 2: two}).count == 2
    one, two = Network(clock, 0.01, 0.02, 0.03), Network(clock, 0.0096, 0.0192, 0.0288)
    assert threads.fastest({1: one, 2: two}).count == 1, "4 % are not worth a core"


@pytest.fixture
def neighbors() -> Any:
    """Two for each core, that do nothing but compute."""
    loop = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(loop, start_new_session=True) for _ in range(2 * system.usable_cores())]
    yield loops
    for each in loops:
        each.kill()
        each.wait()


@pytest.mark.skipif(threads.waited_s() is None, reason="this kernel doesn't count how long threads wait")
def test_a_trial_beside_busy_neighbors_is_not_kept(
    neighbors: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limits(monkeypatch, threads, TRIAL_S=0.5)
    monkeypatch.setattr(system, "usable_cores", lambda: 2)
    assert threads.best(model("int8"), RUNTIME) in (1, 2)
    assert threads.kept(model("int8"), RUNTIME) is None
    said = capsys.readouterr().err
    assert "other processes used the processor for " in said and "trying again next time" in said


@pytest.mark.parametrize(("taken", "is_kept"), [(0.0, True), (0.05, True), (0.06, False)])
def test_how_much_others_may_take(taken: float, is_kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four cores, which this machine may not have; what others take of it nobody can say beforehand."""
    monkeypatch.setattr(system, "usable_cores", lambda: 4)
    monkeypatch.setattr(threads, "fastest", lambda interpreters: ThreadTrial(2, taken))
    assert threads.best(model("int8"), RUNTIME) == 2
    assert threads.kept(model("int8"), RUNTIME) == (2 if is_kept else None)


def test_how_long_threads_waited(tmp_path: Path) -> None:
    """All of them; a kernel that doesn't count it has zeros, another no such file."""
    for number, said in ((1, "5000000000 250000000 7\n"), (2, "1000 250000000 1\n")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / f"{number}/schedstat").write_text(said)
    assert threads.waited_s(tmp_path) == 0.5
    for number in (1, 2):
        (tmp_path / f"{number}/schedstat").write_text("0 0 0\n")
    assert threads.waited_s(tmp_path) is None
    (tmp_path / "1/schedstat").unlink()
    assert threads.waited_s(tmp_path) is threads.waited_s(tmp_path / "none") is None


def test_without_that_count_a_thread_s_own_time_tells(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that doesn't compute itself: by this thread's own time, all of that time was others'."""
    monkeypatch.setattr(threads, "waited_s", lambda: None)
    assert threads.fastest({1: Network(clock, 0.01), 2: Network(clock, 0.01)}).taken > 0.9


def test_one_core_is_not_tried(monkeypatch: pytest.MonkeyPatch, tried: list[list[int]]) -> None:
    monkeypatch.setattr(system, "usable_cores", lambda: 1)
    assert threads.best(model("int8"), RUNTIME) == 1
    assert tried == []


def test_it_is_tried_once_for_a_file(tried: list[list[int]]) -> None:
    assert threads.kept(model("int8"), RUNTIME) is None
    for _ in range(3):
        assert threads.best(model("int8"), RUNTIME) == 2
    assert tried == [[1, 2, 4]]
    assert threads.kept(model("int8"), RUNTIME) == 2
    assert threads.kept(model("float32"), RUNTIME) is None
    assert threads.best(model("float32"), RUNTIME) == 2
    assert len(json.loads((folders.cache_root() / "threads.json").read_bytes())) == len(tried) == 2


@pytest.mark.parametrize("damage", ["no JSON", "[1]", "null", None, 0, "two", 99, 1.5])
def test_what_was_kept_and_makes_no_sense_is_tried_again(damage: object, tried: list[list[int]]) -> None:
    threads.best(model("int8"), RUNTIME)
    path = folders.cache_root() / "threads.json"
    if isinstance(damage, str) and damage != "two":
        path.write_text(damage)
    else:
        path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_bytes()), damage)))
    assert threads.best(model("int8"), RUNTIME) == 2
    assert len(tried) == 2


def test_where_it_can_not_be_kept_it_goes_on(
    tmp_path: Path, tried: list[list[int]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FRAMELITE_CACHE", str(tmp_path / "file"))
    assert threads.best(model("int8"), RUNTIME) == 2
    assert "the number of threads can't be kept" in capsys.readouterr().err


def test_a_model_that_replaces_another_is_not_tried_meanwhile(tried: list[list[int]]) -> None:
    """A trial would hold up the answers for a second: it keeps the number before, or takes what is known of it."""
    request = LiveRequest(model("float32"), PatternOptions("test"), NO_OVERRIDES)
    assert request.load(threads_before=3).threads == 3
    assert tried == []
    assert request.load().threads == 2
    assert request.load(threads_before=3).threads == 2
    assert len(tried) == 1
