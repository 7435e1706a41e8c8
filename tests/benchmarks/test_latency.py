"""Timing model files: what a result holds, what is a ratio, and what doesn't count as a sample."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import latency, models, peak_memory, stats, workload
from device import card as cards
from device import runtime
from device.errors import UserError
from tests.conftest import MODELS, Run, model, shared
from tests.device import crafted
from tests.device.crafted import End

RUNTIME = runtime.find()
PROMISED = {
    *("file", "variant", "runtime", "threads", "p50_ms", "p90_ms", "p99_ms"),
    *("samples_ms", "ratio_to_float32", "file_bytes", "peak_memory_bytes"),
}


@pytest.fixture(autouse=True)
def short_warmup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "WARMUP_S", 0.01)


def measure(*paths: Path, threads: int = 1) -> list[dict[str, Any]]:
    return latency.measure(models.find(list(paths)), threads, RUNTIME, 0.02)


def test_two_files_of_one_run() -> None:
    rows = measure(model("int8"), model("float32"))
    assert [row["file"] for row in rows] == ["shapes_int8.tflite", "shapes_float32.tflite"]
    int8, float32 = rows
    for row in rows:
        assert set(row) >= PROMISED
        assert (row["runtime"], row["runtime_version"], row["threads"]) == ("litert", RUNTIME.version, 1)
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["n"] >= latency.MIN_SAMPLES
        assert 0 < len(row["samples_ms"]) <= latency.KEPT_SAMPLES
        assert row["warmup_ms"]
        assert row["file_bytes"] == model(row["variant"]).stat().st_size
        assert row["peak_memory_bytes"] > 1_000_000
        card = cards.read(model(row["variant"]))
        assert card is not None and card.accuracy is not None
        assert (row["top1"], row["accuracy_n"], row["accuracy_split"]) == (card.accuracy.top1, 300, "test")
    assert float32["ratio_to_float32"] == 1
    assert int8["ratio_to_float32"] == int8["p50_ms"] / float32["p50_ms"]


def other_run(path: Path, folder: Path, variant: str) -> Path:
    """The same network, exported by another run by what its card says."""
    card = cards.read(path)
    assert card is not None
    card = replace(card, variant=variant, provenance={**(card.provenance or {}), "run": "another"})
    network = cards.network_bytes(path)
    return crafted.write(folder / f"another_{variant}.tflite", cards.append_tail(network, card, {}))


def test_a_ratio_needs_the_float32_of_the_same_run(tmp_path: Path) -> None:
    assert [row["ratio_to_float32"] for row in measure(model("int8"))] == [None]
    theirs = other_run(model("float32"), tmp_path, "float32")
    rows = measure(model("int8"), theirs)
    assert [row["ratio_to_float32"] for row in rows] == [None, 1]
    rows = measure(model("int8"), model("float32"), other_run(model("int8"), tmp_path, "int8"))
    assert rows[0]["ratio_to_float32"] == rows[0]["p50_ms"] / rows[1]["p50_ms"]
    assert rows[2]["ratio_to_float32"] is None


def test_a_file_without_card_or_labels(tmp_path: Path) -> None:
    one = crafted.write(tmp_path / "float.tflite", crafted.constant([0.2, 0.8]))
    two = crafted.write(tmp_path / "two.tflite", crafted.constant([0.5], End(), End((1, 10), "int8", 1.0)))
    for row in measure(one, two):
        assert row["variant"] is row["ratio_to_float32"] is row["top1"] is row["interval"] is row["accuracy_n"] is None
        assert row["n"] >= latency.MIN_SAMPLES and row["p50_ms"] > 0


def test_however_short_the_time_every_file_is_sampled_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one invocation: a round is one sample of each file, and there are as many rounds as needed."""
    monkeypatch.setattr(latency, "BLOCK_S", 0.0)
    found = models.find([model("int8"), model("float32"), model("dynamic")])
    rows = latency.measure(found, 1, RUNTIME, 1e-9)
    assert [row["n"] for row in rows] == [latency.MIN_SAMPLES] * 3


def test_a_slow_network_is_sampled_often_enough() -> None:
    """One that takes longer than a block, for so short a time that it wouldn't be."""
    (row,) = measure(shared("models/mobilenet_v2_1.0_224_quant.tflite"))
    assert latency.MIN_SAMPLES <= row["n"] <= 2 * latency.MIN_SAMPLES
    assert row["p50_ms"] > 1e3 * latency.BLOCK_S / 4
    # Nothing was left out and nothing added: the percentiles are those of the samples it hands on.
    for q in (50, 90, 99):
        assert row[f"p{q}_ms"] == pytest.approx(stats.percentile(row["samples_ms"], q), abs=1e-6)


def test_warm_ups_are_no_samples() -> None:
    work = workload.load(model("int8"), 1, RUNTIME)
    timing = latency.Timing(models.find([model("int8")])[0], work)
    timing.block(timing.warmup_ms, 0.0)
    assert len(timing.warmup_ms) == 1 and timing.samples_ms == []
    timing.block(timing.samples_ms, 0.0)
    assert len(timing.warmup_ms) == len(timing.samples_ms) == 1


# The input that is timed.


def given(path: Path) -> list[np.ndarray[Any, Any]]:
    interpreter = workload.load(path, 1, RUNTIME).interpreter
    return [interpreter.get_tensor(details["index"]) for details in interpreter.get_input_details()]


@pytest.mark.parametrize(
    ("end", "low", "high"),
    [
        (End((1, 32, 32, 3)), 0, 255),
        (End((1, 32, 32, 3), "uint8", 1.0), 0, 255),
        (End((1, 32, 32, 3), "int8", 1.0), -128, 127),
    ],
)
def test_every_input_is_fed_the_same_random_pixels_of_its_type(end: End, low: int, high: int, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1], end, End((1, 7))))
    pixels, second = given(path)
    assert (pixels.dtype, pixels.shape) == (np.dtype(end.dtype), end.shape)
    assert (pixels.min(), pixels.max()) == (low, high)
    assert second.shape == (1, 7) and second.std() > 0
    again, _ = given(path)
    assert np.array_equal(pixels, again)


def test_an_input_of_another_type_is_refused(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1], End(dtype="float64")))
    with pytest.raises(UserError, match="the input is float64, expected float32, uint8 or int8"):
        workload.load(path, 1, RUNTIME)


# Peak memory.


@pytest.mark.skipif(not peak_memory.STATUS.exists(), reason="no /proc here")
def test_peak_memory_is_that_of_a_fresh_process() -> None:
    """Not what this process has taken: it holds 200 MB here."""
    ballast = np.ones(200_000_000, np.uint8)
    peak = peak_memory.measure(model("int8"), 1, "litert")
    assert peak is not None and 20_000_000 < peak < ballast.nbytes / 2
    assert peak_memory.high_water_mark() > ballast.nbytes


def test_without_proc_it_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "none")
    assert peak_memory.measure(model("int8"), 1, "litert") is None


def test_a_kept_result_holds_for_these_very_files(command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run/export"
    folder.mkdir(parents=True)
    for path in MODELS.glob("*.tflite"):
        shutil.copy(path, folder)
    words = ["benchmarks", "latency", tmp_path / "run", "--seconds", 0.05, "--keep"]
    assert command(*words).returncode == 0
    first = (tmp_path / "run/benchmark.json").read_bytes()
    again = command(*words)
    assert (tmp_path / "run/benchmark.json").read_bytes() == first
    assert "measured before" in again.stderr
    assert "shapes_int8" in again.stdout
    shutil.copy(model("int8"), folder / "shapes_dynamic.tflite")
    for changed in (words, words[:-1]):
        done = command(*changed)
        assert done.returncode == 0, done.stderr
        assert "measured before" not in done.stderr
        assert (tmp_path / "run/benchmark.json").read_bytes() != first
        first = (tmp_path / "run/benchmark.json").read_bytes()
