"""What becomes of samples: the row of the result document, made from bursts written by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.documents import models
from benchmarks.timing import record
from benchmarks.timing.conditions import Conditions
from benchmarks.timing.process import BenchmarkCase, Loaded, Samples
from benchmarks.timing.record import Burst, Record, Sustained
from device import records
from tests.conftest import model

# Every field that a row of schema 2 has, in the order in which they are written.
FIELDS = (
    *("file", "sha256", "variant", "runtime", "runtime_version", "threads", "error"),
    *("p50_ms", "p90_ms", "p99_ms", "p50_interval_ms", "p50_by_process_ms", "max_ms", "longest_ms"),
    *("n", "processes", "ratio_to_float32", "ratio_interval"),
    *("file_bytes", "peak_memory_bytes", "load_ms", "first_ms", "frame", "sustained", "energy_mj"),
    *("throttled", "temperature_c", "clock_mhz", "bursts"),
    *("top1", "accuracy_n", "interval", "accuracy_split", "samples_ms", "warmup_ms"),
)
LOADED = Loaded(None, "litert", "2.3.0", load_ms=2.0, first_ms=4.0, peak_memory_bytes=50_000_000, frame=True)
QUIET = Conditions()


def of(variant: str = "int8") -> Record:
    (found,) = models.find([model(variant)])
    return Record(found, BenchmarkCase(found.path, 2, None, frame=True), "python")


def samples(*wall_ms: float, error: str | None = None) -> Samples:
    return Samples(np.array(wall_ms), np.array(wall_ms) / 2, 0, error)


def loaded(variant: str = "int8") -> Record:
    made = of(variant)
    made.load(LOADED)
    return made


def written(made: Record, float32: Record | None = None) -> dict[str, Any]:
    """The row as it stands in the document."""
    row: dict[str, Any] = records.to_json(made.row(float32))
    return row


def test_a_row_of_a_few_samples() -> None:
    made = loaded()
    made.load(replace(LOADED, load_ms=1.0, first_ms=3.0, peak_memory_bytes=70_000_000))
    made.warmup_ms = np.array([9.0, 8.0])
    made.add("invoke", 0.12345, 0, samples(1.0, 2.0, 3.0), QUIET)
    made.add("frame", 0.12345, 0, samples(11.0, 12.0), QUIET)
    made.add("invoke", 0.5, 1, samples(4.0, 5.0), QUIET)
    row = written(made)
    assert tuple(row) == FIELDS
    assert (row["file"], row["variant"], row["threads"]) == ("shapes_int8.tflite", "int8", 2)
    assert (row["runtime"], row["runtime_version"], row["error"]) == ("litert", "2.3.0", None)
    assert (row["p50_ms"], row["n"], row["processes"]) == (3.0, 5, 2)
    assert (row["p90_ms"], row["p99_ms"]) == (pytest.approx(4.6), None)
    assert (row["max_ms"], row["longest_ms"]) == (5.0, [5.0, 4.0, 3.0, 2.0, 1.0])
    assert row["p50_by_process_ms"] == [2.0, 4.5]
    assert row["samples_ms"] == [1.0, 2.0, 3.0, 4.0, 5.0] and row["warmup_ms"] == [9.0, 8.0]
    assert row["frame"].pop("samples_ms") == [11.0, 12.0]
    assert row["frame"].pop("p50_interval_ms") is None
    assert (row["frame"].pop("longest_ms"), row["frame"].pop("p50_by_process_ms")) == ([12.0, 11.0], [11.5])
    assert row["frame"].pop("p99_ms") is None
    assert row["frame"] == pytest.approx({"p50_ms": 11.5, "p90_ms": 11.9, "max_ms": 12.0, "n": 2})
    # Of memory the first process knows, which held this file alone.
    assert (row["peak_memory_bytes"], row["load_ms"], row["first_ms"]) == (50_000_000, 1.5, 3.5)
    assert row["bursts"][0] == {
        **{
            "what": "invoke",
            "at_s": 0.123,
            "n": 3,
            "p50_ms": 2.0,
            "temperature_c": None,
            "clock_mhz": None,
            "throttled": [],
        },
    }
    assert [burst["n"] for burst in row["bursts"]] == [3, 2]
    assert row["p50_interval_ms"] is row["ratio_to_float32"] is row["sustained"] is row["energy_mj"] is None


def test_the_ratio_to_float32() -> None:
    int8, float32 = loaded(), loaded("float32")
    assert written(int8, float32)["ratio_to_float32"] is None
    float32.add("invoke", 0, 0, samples(4.0, 4.0, 8.0), QUIET)
    int8.add("invoke", 0, 0, samples(1.0, 1.0, 5.0), QUIET)
    assert written(int8, float32)["ratio_to_float32"] == 0.25
    assert written(float32, float32)["ratio_to_float32"] == 1
    assert written(int8, float32)["ratio_interval"] is None


def test_the_ratio_s_interval_is_over_processes_that_timed_both() -> None:
    """Processes differ by ten times, the two in one process by what is asked for; a lost one is left out."""
    int8, float32 = loaded(), loaded("float32")
    for process in range(8):
        if process != 3:
            int8.add("invoke", 0, process, samples(*[(0.5 + process / 100) * 10**process] * 3), QUIET)
        float32.add("invoke", 0, process, samples(*[10.0**process] * 3), QUIET)
    low, high = written(int8, float32)["ratio_interval"]
    assert 0.5 <= low < 0.54 < high <= 0.57
    assert written(float32, float32)["ratio_interval"] == [1, 1]


def test_a_median_of_nothing_has_no_ratio_and_no_interval() -> None:
    """As a coarse clock tells a network of a microsecond."""
    nothing, other = loaded("float32"), loaded()
    for process in range(8):
        nothing.add("invoke", 0, process, samples(0.0, 0.0, 1.0), QUIET)
        other.add("invoke", 0, process, samples(1.0, 1.0), QUIET)
    row = written(other, nothing)
    assert row["ratio_to_float32"] is row["ratio_interval"] is written(nothing)["p50_interval_ms"] is None


def test_the_interval_is_over_processes() -> None:
    """Thousands of samples of one process say how that process was, not how the next one will be."""
    made = loaded()
    for process in range(6):
        assert made.interval("invoke") is None
        made.add("invoke", 0, process, samples(*[1.0 + process / 10] * 3), QUIET)
        made.add("invoke", 1, process, samples(1.0 + process / 10, 90.0), QUIET)
    low, high = written(made)["p50_interval_ms"]
    assert (low, high) == pytest.approx((1.0, 1.5))
    assert made.interval("frame") is None


@pytest.mark.parametrize(("count", "kept"), [(2_000, 2_000), (2_001, 1_001), (6_001, 1_501)])
def test_many_samples_are_thinned_evenly_but_all_count(count: int, kept: int) -> None:
    made = loaded()
    made.add("invoke", 0, 0, samples(*map(float, range(count))), QUIET)
    row = written(made)
    assert (row["n"], len(row["samples_ms"])) == (count, kept)
    assert row["p50_ms"] == (count - 1) / 2
    assert len({b - a for a, b in zip(row["samples_ms"], row["samples_ms"][1:], strict=False)}) == 1


def test_the_longest_are_kept_whatever_thinning_leaves_out() -> None:
    """One of 6,001 that is as long as a second, between two that are kept."""
    made = loaded()
    walls = [1.0 + place / 10_000 for place in range(6_001)]
    walls[2_001] = 1000.0
    made.add("invoke", 0, 0, samples(*walls), QUIET)
    made.add("frame", 0, 0, samples(*walls), QUIET)
    row = written(made)
    for series in (row, row["frame"]):
        assert max(series["samples_ms"]) < 2
        assert series["max_ms"] == series["longest_ms"][0] == 1000
        assert series["longest_ms"] == pytest.approx(sorted(walls, reverse=True)[:20])


@pytest.mark.parametrize(("count", "is_told"), [(999, False), (1_000, True)])
def test_a_99th_percentile_takes_a_thousand_samples(count: int, is_told: bool) -> None:
    made = loaded()
    made.add("invoke", 0, 0, samples(*map(float, range(count))), QUIET)
    row = written(made)
    assert row["p90_ms"] == pytest.approx(0.9 * (count - 1))
    assert row["p99_ms"] == (pytest.approx(0.99 * (count - 1)) if is_told else None)


def test_a_process_that_was_lost_has_no_median() -> None:
    """What stands at one place is of one process, so that the rows of two cases can be paired."""
    made = loaded()
    made.add("invoke", 0, 0, samples(1.0), QUIET)
    made.add("invoke", 0, 2, samples(3.0, 3.0, 9.0), QUIET)
    assert written(made)["p50_by_process_ms"] == [1.0, None, 3.0]
    assert written(made)["processes"] == 2


def test_many_turns_are_thinned_evenly_but_all_count() -> None:
    made = loaded()
    for i in range(2 * record.KEPT_BURSTS + 1):
        hot = ("throttled",) if i == 1 else ()
        made.add("invoke", float(i), 0, samples(1.0), Conditions(50.0 + i % 2, 1500.0, hot))
    row = written(made)
    assert [burst["at_s"] for burst in row["bursts"]][:3] == [0, 3, 6]
    assert len(row["bursts"]) <= record.KEPT_BURSTS
    # That of a turn which isn't told by itself too.
    assert (row["throttled"], row["temperature_c"], row["clock_mhz"]) == (["throttled"], [50, 51], [1500, 1500])


def test_cold_and_sustained_figures_are_told_apart() -> None:
    """Twenty answers: two cold ones, then it slows down, and the last ten are at 8 ms."""
    made = loaded()
    walls = [1.0, 1.0, *[4.0] * 8, *[8.0] * 10]
    hot = Conditions(80.0, 900.0, ("under-voltage",))
    bursts = [Burst(0.0, -1, np.array(walls[:7]), QUIET), Burst(1.0, -1, np.array(walls[7:]), hot)]
    made.sustained = Sustained("frame", 2.0, 3.0, bursts)
    row = written(made)
    assert row["sustained"] == {
        **{
            "what": "frame",
            "seconds": 2.0,
            "frames_per_second": pytest.approx(20 / 0.114),
            "cold_p50_ms": 1.0,
            "p50_ms": 8.0,
        },
    }
    assert row["energy_mj"] == 150
    assert (row["throttled"], row["temperature_c"], len(row["bursts"])) == (["under-voltage"], [80, 80], 2)
    # Nothing of it is a sample of the interleaved measurement.
    assert (row["n"], row["p50_ms"]) == (0, None)
    made.sustained = replace(made.sustained, joules=None)
    row = written(made)
    assert row["sustained"] is not None and row["energy_mj"] is None
    made.sustained = Sustained("invoke", 0.0, 0.0, [])
    assert written(made)["sustained"] is None


# One that fails.


def assert_without_figures(row: dict[str, Any]) -> None:
    known = {"file", "sha256", "variant", "runtime", "runtime_version", "threads", "error", "file_bytes"}
    accuracy = {"top1", "accuracy_n", "interval", "accuracy_split"}  # of the card
    assert tuple(row) == FIELDS
    rest = {name: value for name, value in row.items() if name not in known | accuracy}
    assert [name for name, value in rest.items() if value] == []
    assert all(rest[f"p{q}_ms"] is None for q in (50, 90, 99))
    assert row["top1"] is not None


def test_one_that_can_not_be_loaded() -> None:
    made = of()
    made.load(Loaded(f"{made.case.path}: litert can't run the model: no kernel"))
    row = written(made, loaded("float32"))
    assert row["error"] == "litert can't run the model: no kernel"  # the row has the file's name already
    assert row["runtime"] is row["runtime_version"] is None
    assert_without_figures(row)


def test_of_one_that_fails_half_way_no_figure_counts() -> None:
    made, float32 = loaded(), loaded("float32")
    float32.add("invoke", 0, 0, samples(1.0), QUIET)
    made.add("invoke", 0, 0, samples(1.0, 2.0), QUIET)
    made.add("frame", 0, 0, samples(3.0), QUIET)
    made.sustained = Sustained("frame", 1.0, 1.0, [Burst(0.0, -1, np.array([3.0]), QUIET)])
    made.warmup_ms = np.array([5.0])
    made.add("invoke", 1, 0, samples(1.0, error="index out of bounds"), QUIET)
    made.add("invoke", 2, 0, samples(error="index out of bounds, index out of bounds"), QUIET)
    row = written(made, float32)
    assert row["error"] == "the model failed while running: index out of bounds"
    assert row["runtime"] == "litert"
    assert_without_figures(row)
