"""Timing real interpreters: the fields of a result, the ratio to float32, files without a card."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import latency, models, peak_memory
from device import runtime
from tests.conftest import MODELS, Run, model, shared

FIELDS = {
    "file", "variant", "runtime", "threads", "p50_ms", "p90_ms", "p99_ms", "samples_ms", "ratio_to_float32",
    "file_bytes", "peak_memory_bytes",
}  # fmt: skip


def measured(*paths: Path, seconds: float = 0.05) -> list[dict[str, Any]]:
    return latency.measure(models.find(list(paths)), 1, runtime.find("litert"), seconds)


def bare(path: Path, target: Path) -> Path:
    """A copy without card and labels."""
    from device import card

    target.write_bytes(path.read_bytes()[: -card.tail_bytes(path)])
    return target


def test_a_result_a_file_in_the_order_asked() -> None:
    rows = measured(model("int8"), model("float32"))
    assert [row["variant"] for row in rows] == ["int8", "float32"]
    for row in rows:
        assert set(row) >= FIELDS
        assert row["n"] >= latency.MIN_SAMPLES
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"]
        assert row["warmup_ms"], "warm-ups are kept, apart"
        assert len(row["samples_ms"]) <= latency.KEPT_SAMPLES
    assert rows[1]["ratio_to_float32"] == 1.0
    assert rows[0]["ratio_to_float32"] == pytest.approx(rows[0]["p50_ms"] / rows[1]["p50_ms"])


def test_no_ratio_without_float32_of_that_run(tmp_path: Path) -> None:
    other = bare(model("float32"), tmp_path / "other.tflite")
    rows = measured(model("int8"), other)
    assert [row["ratio_to_float32"] for row in rows] == [None, None]
    assert rows[1]["variant"] is None
    assert rows[1]["top1"] is None


def test_the_accuracy_is_the_cards() -> None:
    (row,) = measured(model("int8"))
    card = models.find([model("int8")])[0].card
    assert card is not None and card.accuracy is not None
    assert (row["top1"], row["accuracy_n"]) == (card.accuracy.top1, card.accuracy.n)


def test_peak_memory_is_of_a_process_of_its_own() -> None:
    big = bytearray(200_000_000)  # this process is large now; the measured one must not be
    peak = peak_memory.measure(model("int8"), 1, "litert")
    assert peak is not None
    assert 20_000_000 < peak < len(big)


def test_third_party_files_need_no_labels() -> None:
    rows = measured(shared("models/pretrainedResnet_quant.tflite"))
    assert rows[0]["variant"] is None


def test_the_command_on_a_run_folder(command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "run/export"
    folder.mkdir(parents=True)
    for path in MODELS.glob("*.tflite"):
        shutil.copy(path, folder)
    done = command("benchmarks", "latency", tmp_path / "run", "--seconds", 0.05)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[2:6]] == [
        "shapes_float32", "shapes_float16", "shapes_dynamic", "shapes_int8",
    ]  # fmt: skip
    document = json.loads((tmp_path / "run/benchmark.json").read_bytes())
    assert document["schema"] == 1
    assert document["machine"]["cores"] >= 1
    assert len(document["results"]) == 4


def test_json_alone_on_stdout(command: Run) -> None:
    done = command("benchmarks", "latency", model("int8"), "--seconds", 0.05, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"][0]["file"] == "shapes_int8.tflite"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["latency", "nowhere.tflite"], "there is no such model file"),
        (["latency", "."], "no exported models"),
        (["latency", "MODEL", "--threads", "0"], "--threads"),
        (["latency", "MODEL", "--seconds", "0"], "--seconds"),
        (["latency", "TEXT"], "not a .tflite file"),
        (["accuracy", "MODEL", "--data", "nowhere"], "python -m train data nowhere --size 16x16"),
        (["accuracy", "MODEL", "--data", "./nowhere"], "there is no such folder"),
        (["accuracy", "nowhere.tflite", "--data", "x"], "there is no such model file"),
    ],
)
def test_bad_input(command: Run, tmp_path: Path, words: list[str], said: str) -> None:
    text = tmp_path / "text.tflite"
    text.write_text("no model")
    places = {"MODEL": str(model("int8")), "TEXT": str(text)}
    done = command("benchmarks", *(places.get(word, word) for word in words))
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
