"""The commands of benchmarks as a user runs them: documents, tables, run folders, and what is refused."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents import models, results
from benchmarks.documents.results import Results
from benchmarks.documents.rows import FrameSeries, LatencyRow
from device.inference import runtime
from device.model.variants import DEFAULT
from tests import drawing
from tests.benchmarks.measuring import QUICK, document
from tests.conftest import ROOT, Run, environment, model
from tests.device import crafted
from tests.device.refusals import names, refusal, says


@pytest.mark.programs
def test_latency_of_a_run_folder(command: Run, run_folder: Path) -> None:
    done = command("benchmarks", "latency", "runs/shapes", *QUICK, "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    whole = document(done.stdout)  # stdout holds the JSON alone
    assert [row["variant"] for row in whole["results"]] == ["float32", "int8"]
    assert whole["results"][0]["ratio_to_float32"] == 1
    assert json.loads((run_folder / "benchmark.json").read_bytes()) == whole
    assert names(run_folder) == ["benchmark.json", "export"]


@pytest.mark.programs
def test_latency_of_files_named_one_by_one(command: Run, tmp_path: Path) -> None:
    """By a path that counts from where the user is, which is not where the program lies."""
    shutil.copyfile(model("int8"), tmp_path / "mine.tflite")
    done = command("benchmarks", "latency", "mine.tflite", model("float32"), *QUICK, "--json", "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    header, line, mine, float32, note = done.stdout.splitlines()
    assert header.split()[0] == "model" and set(line) == {"-", " "}
    assert (mine.split()[0], float32.split()[0]) == ("mine", "shapes_float32")
    assert (mine.split()[1], float32.split()[5]) == ("1", "1.00")  # threads, the ratio to float32
    assert note.startswith("p50, p90, p99: invoke alone, litert ") and "interleaved" in note
    assert [row["file"] for row in document((tmp_path / "out.json").read_text())["results"]] == [
        "mine.tflite",
        "shapes_float32.tflite",
    ]
    assert names(tmp_path) == ["mine.tflite", "out.json"]


@pytest.mark.programs
def test_a_run_beside_another_file_keeps_its_record(command: Run, run_folder: Path) -> None:
    (run_folder / "benchmark.json").write_text("an older record")
    (run_folder / "export/shapes_float32.tflite").unlink()
    done = command("benchmarks", "latency", "runs/shapes", model("dynamic"), *QUICK)
    assert done.returncode == 0
    assert (run_folder / "benchmark.json").read_text() == "an older record"


def test_accuracy_of_a_run_folder(command: Run, run_folder: Path, shapes_folder: Path) -> None:
    done = command("benchmarks", "accuracy", "runs/shapes", "--data", "shapes", "--json", "-")
    assert done.returncode == 0
    rows = document(done.stdout)["results"]
    assert [(row["variant"], row["n"], row["left_out"]) for row in rows] == [("float32", 30, 0), ("int8", 30, 0)]
    assert all(set(row) >= {"file", "variant", "top1", "n", "interval", "left_out"} for row in rows)
    assert all(row["top1"] > 0.9 and row["interval"][0] < row["top1"] <= row["interval"][1] + 1e-9 for row in rows)
    assert names(run_folder) == ["export"]
    done = command("benchmarks", "accuracy", model("int8"), "--data", "shapes")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("shapes_int8  ") and "n 30)" in done.stdout


@pytest.mark.programs
def test_a_board_with_tflite_runtime_measures_too(command: Run, shapes_folder: Path) -> None:
    """It has no progress bar's package and needs none."""
    python = environment("tflite-runtime")
    done = command("benchmarks", "latency", model("int8"), *QUICK, "--json", "-", python=python)
    (row,) = document(done.stdout)["results"]
    assert (done.returncode, done.stderr, row["runtime"]) == (0, "", "tflite-runtime")
    done = command("benchmarks", "accuracy", model("int8"), "--data", shapes_folder, "--json", "-", python=python)
    (row,) = document(done.stdout)["results"]
    assert (done.returncode, row["runtime"], row["n"]) == (0, "tflite-runtime", 30)


@pytest.mark.parametrize(
    ("kind", "words", "facts"),
    [
        ("latency", ["good.tflite", "none.tflite"], ("none.tflite: ",)),
        ("accuracy", ["none.tflite"], ("none.tflite: ",)),
        ("latency", ["words.tflite"], ("words.tflite: ", "TFL3")),
        ("latency", ["cut.tflite"], ("cut.tflite: ", "6000 bytes")),
        ("accuracy", ["cut.tflite"], ("cut.tflite: ", "6000 bytes")),
        ("latency", ["."], (".: ", "./export", "python -m export .")),
        ("accuracy", ["good.tflite", "--json", "folder"], ("folder: ", "directory")),
        ("latency", ["good.tflite", "--runtime", "tflite-runtime"], ("tflite-runtime",)),
    ],
)
def test_bad_input(kind: str, words: list[str], facts: tuple[str, ...], command: Run, tmp_path: Path) -> None:
    shutil.copyfile(model("int8"), tmp_path / "good.tflite")
    (tmp_path / "words.tflite").write_text("words")
    (tmp_path / "cut.tflite").write_bytes(model("int8").read_bytes()[:6000])
    (tmp_path / "folder").mkdir()
    drawing.write_folder(tmp_path / "data", {None: 6})
    options = QUICK if kind == "latency" else ("--data", "data")
    before = names(tmp_path)
    done = command("benchmarks", kind, *words, *options)
    says(refusal(done), *facts)
    assert names(tmp_path) == before and names(tmp_path / "folder") == []


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["latency", "x.tflite", "--seconds", "0"], ("--seconds is 0,", "3600")),
        (["latency", "x.tflite", "--seconds", "nan"], ("--seconds is nan,", "3600")),
        (["latency", "x.tflite", "--seconds", "1e9"], ("--seconds is 1e+09,", "3600")),
        (["latency", "x.tflite", "--threads", "0"], ("--threads: 0 ", "256")),
        (["latency", "x.tflite", "--threads", "two"], ("--threads: two ", "256")),
        (["latency"], ("MODEL|RUN",)),
        (["latency", "x.tflite", "--seconds", "-1"], ("--seconds is -1,", "3600")),
        (["latency", "x.tflite", "--sustained", "-1"], ("--sustained is -1,", "3600")),
        (["latency", "x.tflite", "--sustained", "nan"], ("--sustained is nan,", "3600")),
        (["latency", "x.tflite", "--threads", "1,"], ("--threads: ", "256")),
        (["latency", "x.tflite", "--threads", "1,257"], ("--threads: 257 ", "256")),
        (["latency", "x.tflite", "--runtime", "onnx"], ("--runtime: ", "'onnx'")),
        (["guess"], ("COMMAND: ", "'guess'")),
    ],
)
def test_wrong_options(words: list[str], facts: tuple[str, ...], command: Run) -> None:
    done = command("benchmarks", *words)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    says(done.stderr.splitlines()[-1], "error: ", *facts)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("./none", "none: there is no such folder; expected DIR/LABEL/… or DIR/{train,test}/LABEL/…"),
        ("a**", "the data 'a**' is neither a folder nor in the cache at 16x16 crop; create it with: python -m train"),
        ("animals", "animals: the model doesn't know the label 'cat', expected some of circle, square"),
        ("broken", "broken/square/0001.png: the image is truncated (its end is missing)"),
    ],
)
def test_data_that_cannot_be_used(data: str, said: str, command: Run, tmp_path: Path) -> None:
    drawing.write_folder(tmp_path / "broken", {None: 6})
    image = tmp_path / "broken/square/0001.png"
    image.write_bytes(image.read_bytes()[:100])
    for name in ("animals/cat/1.png", "animals/dog/1.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    done = command("benchmarks", "accuracy", model("int8"), "--data", data, "--json", "out.json")
    assert refusal(done).startswith(said)
    assert done.stdout == "" and not (tmp_path / "out.json").exists()


# Which files a command measures.


def test_a_run_folder_from_the_source_to_the_smallest(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    for variant in DEFAULT:
        shutil.copyfile(model(variant), tmp_path / f"export/x_{variant}.tflite")
    crafted.write(tmp_path / "export/foreign.tflite", crafted.constant([1]))
    found = models.find([tmp_path])
    assert [one.variant for one in found] == [*DEFAULT, None]
    assert all(one.run == tmp_path for one in found)
    assert len({one.origin for one in found[:4]}) == 1 and found[4].origin is None
    (single,) = models.find([tmp_path / "export/x_int8.tflite"])
    assert single.run is None and single.origin == found[0].origin


def test_what_makes_a_record_no_longer_hold(run_folder: Path) -> None:
    found, engine, path = models.find([run_folder]), runtime.find(), run_folder / "benchmark.json"
    measured = [
        LatencyRow(**vars(one.named()), runtime=engine.name, runtime_version=engine.version, threads=1, p50_ms=1.0)
        for one in found
    ]
    made = results.of(measured)
    whole: dict[str, Any] = made.to_json()
    rows: list[dict[str, Any]] = whole["results"]

    def kept(threads: tuple[int, ...] = (1,), **changes: Any) -> Results | None:
        path.write_text(json.dumps({**whole, **changes}))
        return results.kept(path, found, threads, engine)

    assert kept() == made
    assert kept(threads=(1, 2)) is kept(threads=(2,)) is None
    assert kept(schema=1) is kept(results=rows[:1]) is kept(results=rows[::-1]) is kept(results=[]) is None
    for field, value in (("error", "failed"), ("sha256", "0"), ("runtime_version", "0"), ("runtime", "tensorflow")):
        assert kept(results=[{**rows[0], field: value}, rows[1]]) is None
    fingerprint = whole["machine"]["fingerprint"]
    assert kept(machine={**whole["machine"], "fingerprint": {**fingerprint, "cpu": "another"}}) is None
    assert kept(machine={}) is None
    path.write_text("words")
    assert results.kept(path, found, (1,), engine) is None
    path.unlink()
    assert results.kept(path, found, (1,), engine) is None


ROW = LatencyRow(
    file="net.tflite",
    threads=2,
    runtime="litert",
    runtime_version="2.3.0",
    p50_ms=8.612,
    p90_ms=9.0,
    p99_ms=120.4,
    n=150,
    file_bytes=98_496,
)


def test_the_latency_table_shows_what_is_not_known() -> None:
    lines = results.latency_lines([ROW])
    assert lines[2].split() == ["net", "2", "8.61", "9.00", "120", "-", "-", "98.5", "KB", "-", "-"]
    assert "invoke alone, litert 2.3.0, interleaved, 150+ samples each" in lines[3]
    assert "quantiles by linear interpolation, p99 of 1,000 samples or more" in lines[3]
    assert results.warnings([ROW]) == []


def test_the_latency_table_tells_runtimes_apart() -> None:
    other = replace(ROW, runtime="tflite-runtime", runtime_version="2.14.0", n=120, frame=FrameSeries(p50_ms=1.5))
    failed = replace(ROW, error="no kernel", runtime_version=None, n=0, p50_ms=None)
    lines = results.latency_lines([ROW, other, failed])
    assert [line.split()[:2] for line in lines[2:5]] == [
        ["net", "litert"],
        ["net", "tflite-runtime"],
        ["net", "litert"],
    ]
    assert lines[3].split()[7] == "1.50"
    assert "litert 2.3.0, tflite-runtime 2.14.0, interleaved, 120+ samples each" in lines[5]
    assert "0+ samples" in results.latency_lines([failed])[3]
    lost = replace(failed, runtime=None)  # before it could say which one it has
    assert [line.split()[1] for line in results.latency_lines([ROW, lost])[2:4]] == ["2", "2"]
    assert results.latency_lines([ROW, other, lost])[4].split()[1] == "-"


def test_a_machine_that_was_throttled_is_reported_once() -> None:
    rows = [replace(ROW, throttled=("under-voltage",)), replace(ROW, throttled=("under-voltage", "throttled"))]
    (line,) = results.warnings(rows)
    assert "was throttled during the measurement (under-voltage, throttled)" in line


@pytest.mark.programs
def test_a_progress_bar_is_for_a_terminal_alone(tmp_path: Path) -> None:
    """Everywhere else in these tests stderr is empty."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    words = [sys.executable, "-m", "benchmarks", "latency", str(model("int8")), "--seconds", "0.3"]
    process = subprocess.Popen(words, cwd=ROOT, stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # that is how a terminal ends
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    table = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert b"timing:   0%" in shown
    assert b"timing" not in table and b"shapes_int8" in table
