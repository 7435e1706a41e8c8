"""Timing model files: what a result holds, what is a ratio, what doesn't count as a sample, and what is lost."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents import models
from benchmarks.gate import baseline
from benchmarks.measure import latency
from benchmarks.measure.latency import Engine, Scheduler
from benchmarks.statistics import stats
from benchmarks.timing import memory
from benchmarks.timing.process import BenchmarkCase, Samples, Series, TimingWorker
from benchmarks.timing.record import KEPT_SAMPLES, Record
from device import records
from device.inference import runtime
from device.model import card as cards
from tests.benchmarks import failing
from tests.conftest import environment, model
from tests.device import crafted
from tests.device.crafted import End
from tests.limits import limits

RUNTIME = runtime.find()
PROMISED = {
    *("file", "variant", "runtime", "threads", "p50_ms", "p90_ms", "p99_ms"),
    *("samples_ms", "ratio_to_float32", "ratio_interval", "file_bytes", "peak_memory_bytes"),
}
LARGE = baseline.REFERENCE.with_name("large.tflite")
LOST = "SIGKILL"


@pytest.fixture(autouse=True)
def short_warmup(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, latency, WARMUP_S=0.01, WARMUP_AGAIN_S=0.005)


def measure(*paths: Path, seconds: float = 0.02, **options: Any) -> list[dict[str, Any]]:
    measured = latency.measure(models.find(list(paths)), seconds, **options)
    assert not measured.interrupted
    return [records.to_json(row) for row in measured.rows]


@pytest.mark.programs
def test_two_files_of_one_run() -> None:
    rows = measure(model("int8"), model("float32"))
    assert [row["file"] for row in rows] == ["shapes_int8.tflite", "shapes_float32.tflite"]
    int8, float32 = rows
    for row in rows:
        assert set(row) >= PROMISED
        assert (row["runtime"], row["runtime_version"], row["threads"]) == ("litert", RUNTIME.version, 1)
        assert row["error"] is row["sustained"] is row["energy_mj"] is None
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["max_ms"]
        assert row["n"] >= latency.MIN_SAMPLES
        assert 0 < len(row["samples_ms"]) <= KEPT_SAMPLES
        # What was taken before does not count, and of what counts nothing is left out.
        assert row["warmup_ms"] and row["n"] == sum(burst["n"] for burst in row["bursts"])
        assert row["file_bytes"] == model(row["variant"]).stat().st_size
        assert row["peak_memory_bytes"] > 1_000_000 or not memory.STATUS.exists()
        assert row["load_ms"] > 0 and row["first_ms"] > 0
        assert row["frame"]["n"] > 0 and 0 < row["frame"]["p50_ms"] <= row["frame"]["max_ms"]
        card = cards.read(model(row["variant"]))
        assert card is not None and card.accuracy is not None
        assert (row["top1"], row["accuracy_n"], row["accuracy_split"]) == (card.accuracy.top1, 300, "test")
    assert float32["ratio_to_float32"] == 1
    assert int8["ratio_to_float32"] == int8["p50_ms"] / float32["p50_ms"]


@pytest.mark.programs
def test_a_ratio_is_taken_within_one_runtime() -> None:
    engines = [Engine(), Engine(str(environment("tflite-runtime")))]
    rows = measure(model("float32"), model("int8"), engines=engines)
    assert [(row["variant"], row["runtime"], row["runtime_version"]) for row in rows] == [
        (variant, *engine)
        for variant in ("float32", "int8")
        for engine in (("litert", RUNTIME.version), ("tflite-runtime", "2.14.0"))
    ]
    assert all(row["error"] is None and row["n"] >= latency.MIN_SAMPLES for row in rows)
    for float32, int8 in zip(rows[:2], rows[2:], strict=True):
        assert float32["ratio_to_float32"] == 1
        assert int8["ratio_to_float32"] == int8["p50_ms"] / float32["p50_ms"]


@pytest.mark.programs
def test_a_file_without_card_or_labels(tmp_path: Path) -> None:
    """It is timed by itself, alone too; a frame's way it has none."""
    one = crafted.write(tmp_path / "float.tflite", crafted.constant([0.2, 0.8]))
    two = crafted.write(tmp_path / "two.tflite", crafted.constant([0.5], End(), End((1, 10), "int8", 1.0)))
    for row in measure(one, two, sustained_s=0.05):
        assert row["variant"] is row["ratio_to_float32"] is row["top1"] is row["interval"] is row["accuracy_n"] is None
        assert row["error"] is row["frame"] is None
        assert row["n"] >= latency.MIN_SAMPLES and row["p50_ms"] > 0
        assert row["sustained"]["what"] == "invoke"


@pytest.mark.programs
def test_the_rate_that_is_kept_up_alone() -> None:
    (row,) = measure(model("int8"), sustained_s=0.3)
    sustained = row["sustained"]
    assert set(sustained) == {"what", "seconds", "frames_per_second", "cold_p50_ms", "p50_ms"}
    assert sustained["what"] == "frame" and sustained["seconds"] >= 0.3
    # Without a pause: but for the asking, an answer takes what there is of time for it.
    assert 0 < sustained["frames_per_second"] <= 1e3 / min(sustained["p50_ms"], sustained["cold_p50_ms"]) * 2
    assert sum(burst["n"] for burst in row["bursts"]) > row["n"]


@pytest.mark.programs
def test_a_slow_network_is_sampled_often_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has time for a block alone, and a block for hardly more than one of its invokes: others follow."""
    limits(monkeypatch, latency, MIN_SAMPLES=5, SHORTEST_SHARE_S=1e-3, BURST_S=1e-3)
    (row,) = measure(LARGE, seconds=1e-9)
    assert row["n"] >= 5 and 1 < row["processes"] <= 5
    assert row["p50_interval_ms"] is None
    # The percentiles are those of the samples it hands on.
    for q in (50, 90):
        assert row[f"p{q}_ms"] == pytest.approx(stats.percentile(row["samples_ms"], q), abs=1e-6)


@pytest.mark.programs
def test_it_ends_when_the_interval_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six processes are the fewest that have an interval; the time would be enough for eight."""
    limits(monkeypatch, latency, NARROW=1e9)
    (row,) = measure(model("int8"), seconds=0.8)
    assert row["processes"] == 6
    low, high = row["p50_interval_ms"]
    assert 0 < low <= high


# What a ratio is taken to.


def other_run(path: Path, folder: Path, variant: str) -> Path:
    """The same network, exported by another run by what its card says."""
    card = cards.read(path)
    assert card is not None
    card = replace(card, variant=variant, provenance={**(card.provenance or {}), "run": "another"})
    network = cards.network_bytes(path)
    return crafted.write(folder / f"another_{variant}.tflite", cards.append_archive(network, card, {}))


def record(path: Path, threads: int = 1, runtime: str | None = None, python: str = "python") -> Record:
    (found,) = models.find([path])
    return Record(found, BenchmarkCase(path, threads, runtime), python)


def test_a_ratio_needs_the_float32_of_the_same_run(tmp_path: Path) -> None:
    int8, float32 = record(model("int8")), record(model("float32"))
    theirs, their_int8 = (record(other_run(model(name), tmp_path, name)) for name in ("float32", "int8"))
    strange = record(crafted.write(tmp_path / "net.tflite", crafted.constant([1])))
    everyone = [int8, strange, theirs, float32, their_int8]
    assert latency.float32_of(int8, [int8, theirs, strange]) is None
    assert latency.float32_of(int8, everyone) is latency.float32_of(float32, everyone) is float32
    assert latency.float32_of(their_int8, everyone) is theirs
    assert latency.float32_of(strange, [strange, strange]) is None
    float32.error = "lost"
    assert latency.float32_of(int8, everyone) is None


def test_a_ratio_needs_the_same_threads_runtime_and_python() -> None:
    int8 = record(model("int8"), 2, "litert")
    others = [(1, "litert", "python"), (2, None, "python"), (2, "litert", "other")]
    float32 = [record(model("float32"), *other) for other in others]
    assert latency.float32_of(int8, [int8, *float32]) is None
    same = record(model("float32"), 2, "litert")
    assert latency.float32_of(int8, [int8, *float32, same]) is same


# Models that fail, and processes that are lost.


@pytest.mark.programs
def test_one_that_fails_half_way_is_left_out(tmp_path: Path) -> None:
    words = tmp_path / "words.tflite"
    words.write_text("words")
    half_way = crafted.write(tmp_path / "half_way.tflite", failing.network(50))
    bad, failed, good = measure(words, half_way, model("int8"))
    assert "TFL3" in bad["error"]
    assert "gather index" in failed["error"]
    assert "\n" not in failed["error"]
    for row in (bad, failed):
        assert row["p50_ms"] is row["peak_memory_bytes"] is row["frame"] is None and row["samples_ms"] == []
    assert good["error"] is None and good["n"] >= latency.MIN_SAMPLES


@pytest.mark.programs
def test_one_that_fails_among_others(tmp_path: Path) -> None:
    half_way = record(crafted.write(tmp_path / "half_way.tflite", failing.network(50)), python=Engine().python)
    good = record(model("int8"), python=Engine().python)
    conductor = Scheduler([half_way, good], 0.02, 0.0)
    conductor.together(0)
    assert half_way.error is not None and half_way.error.count("gather index") == 1
    assert good.error is None and good.row(None).n > 0
    assert conductor.good() == [good]


def kill(monkeypatch: pytest.MonkeyPatch, when: Callable[[TimingWorker], bool]) -> None:
    """A worker for which `when` holds is killed as it is asked, as the kernel does when memory runs out.

    From outside nobody sees which of its requests a real worker is at.
    """
    turn = TimingWorker.burst

    def asked(self: TimingWorker, series: Sequence[Series], *rest: float) -> list[Samples]:
        if when(self):
            os.kill(self.pid, signal.SIGKILL)
        return turn(self, series, *rest)

    monkeypatch.setattr(TimingWorker, "burst", asked)


@pytest.mark.programs
def test_one_that_is_killed_alone_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_float32_alone(worker: TimingWorker) -> bool:
        return len(worker.loaded) == 1 and not worker.loaded[0].frame

    kill(monkeypatch, of_float32_alone)
    dead, good = measure(LARGE, model("int8"))
    assert LOST in dead["error"] and dead["p50_ms"] is None and dead["samples_ms"] == []
    assert good["error"] is None and good["n"] >= latency.MIN_SAMPLES


@pytest.mark.programs
@pytest.mark.parametrize("at", [3, 4])
def test_one_that_is_killed_once_by_chance_costs_a_round(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its warm-up, or in its first turn."""
    asked = iter(range(1, 1000))
    kill(monkeypatch, lambda worker: next(asked) == at)
    for row in measure(model("float32"), model("int8")):
        assert row["error"] is None and row["n"] >= latency.MIN_SAMPLES


@pytest.mark.programs
def test_those_that_are_killed_whenever_they_are_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is to blame, and it doesn't go on without end."""
    limits(monkeypatch, latency, MOST_LOSSES=2)
    kill(monkeypatch, lambda worker: len(worker.loaded) == 2)
    assert [LOST in row["error"] for row in measure(model("float32"), model("int8"))] == [True, True]


def test_without_proc_memory_is_not_known(tmp_path: Path) -> None:
    assert memory.high_water_mark(tmp_path / "none") is None
