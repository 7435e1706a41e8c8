"""What `benchmarks latency` delivers whatever comes between: a model that fails, a process that dies, Ctrl-C."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.benchmarks import failing
from tests.benchmarks.measuring import QUICK, document, is_there, needs_proc, wait_for_worker
from tests.conftest import Run, environment, model
from tests.device import crafted
from tests.device.refusals import names, refusal, says
from tests.processes import PATIENCE_S, started

pytestmark = pytest.mark.programs


def test_several_threads_and_pythons(command: Run, tmp_path: Path) -> None:
    """The other Python by a path that counts from where the user is."""
    (tmp_path / "env").symlink_to(environment("tflite-runtime").parents[1], target_is_directory=True)
    words = ("--threads", "2,1,2", "--python", "env/bin/python", "--json", "out.json")
    done = command("benchmarks", "latency", model("int8"), *QUICK, *words)
    assert (done.returncode, done.stderr) == (0, "")
    rows = document((tmp_path / "out.json").read_text())["results"]
    expected = [(threads, runtime) for threads in (2, 1) for runtime in ("litert", "tflite-runtime")]
    assert [(row["threads"], row["runtime"]) for row in rows] == expected
    lines = [line.split() for line in done.stdout.splitlines()[2:6]]
    assert [(int(line[2]), line[1]) for line in lines] == expected
    assert "litert 2" in done.stdout.splitlines()[6] and ", tflite-runtime 2.14.0, " in done.stdout.splitlines()[6]


def test_a_python_without_a_runtime(command: Run, tmp_path: Path) -> None:
    """This one's rows are kept."""
    (tmp_path / "bare").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (tmp_path / "bare").chmod(0o755)
    done = command("benchmarks", "latency", model("int8"), *QUICK, "--python", "./bare", "--json", "-")
    says(refusal(done), "1 of 2 ", "shapes_int8.tflite: ", "exit code 1: ModuleNotFound")
    good, bad = document(done.stdout)["results"]
    assert good["error"] is None and good["p50_ms"] > 0
    assert bad["error"] is not None and bad["p50_ms"] is None
    done = command("benchmarks", "latency", model("int8"), *QUICK, "--python", "./none")
    says(refusal(done), "./none: ", "--python")
    assert done.stdout == ""


def test_a_model_that_fails_half_way(command: Run, run_folder: Path) -> None:
    """The others' results are kept, in the run's record too; it is not one to keep."""
    crafted.write(run_folder / "export/fails.tflite", failing.network(50))
    words = ("benchmarks", "latency", "runs/shapes", *QUICK)
    done = command(*words, "--keep")
    facts = ("1 of 3 ", "fails.tflite: ", "gather index")
    says(refusal(done), *facts)
    assert len(done.stderr.splitlines()) == 1
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["shapes_float32", "shapes_int8", "fails"]
    assert lines[4].split()[1:7] == ["1", "-", "-", "-", "-", "-"]
    record = document((run_folder / "benchmark.json").read_text())
    assert [row["error"] is None for row in record["results"]] == [True, True, False]
    again = command(*words, "--keep")
    assert "measured before" not in again.stderr
    says(refusal(again), *facts)


def test_a_kept_result_holds_for_these_very_files(command: Run, run_folder: Path) -> None:
    record = run_folder / "benchmark.json"
    words = ("benchmarks", "latency", "runs/shapes", *QUICK)
    assert command(*words, "--keep").returncode == 0
    first = record.read_bytes()
    again = command(*words, "--keep")
    assert record.read_bytes() == first
    assert again.stderr.startswith("runs/shapes: measured before ") and again.stderr.count("\n") == 1
    assert "shapes_int8" in again.stdout
    older = json.loads(first)
    shutil.copy(model("dynamic"), run_folder / "export/shapes_int8.tflite")
    for keep in (("--keep",), ()):
        done = command(*words, *keep)
        assert done.returncode == 0 and "measured before" not in done.stderr
        assert record.read_bytes() != first
        first = record.read_bytes()
    assert [row["sha256"] for row in json.loads(first)["results"]] != [row["sha256"] for row in older["results"]]


@needs_proc
def test_a_process_that_is_killed_while_it_measures(run_folder: Path, tmp_path: Path) -> None:
    """The one that has int8 to itself, for two seconds."""
    words = ("benchmarks", "latency", "runs/shapes", "--seconds", "0.02", "--sustained", "2")
    with started(*words, cwd=tmp_path) as process:
        number = wait_for_worker(process)
        os.kill(number, signal.SIGKILL)  # it is loading, warming up or measuring: whatever it does
        table, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2 and said.count("\n") == 1
    says(said, "error: 1 of 2 ", "shapes_int8.tflite: ", "SIGKILL")
    good, dead = document((run_folder / "benchmark.json").read_text())["results"]
    assert good["error"] is None and good["p50_ms"] > 0 and good["sustained"]["frames_per_second"] > 0
    assert dead["error"] is not None and dead["p50_ms"] is dead["sustained"] is None
    assert "shapes_float32" in table and "shapes_int8" in table


@needs_proc
def test_ctrl_c_before_anything_was_measured(run_folder: Path, tmp_path: Path) -> None:
    """There is nothing to show."""
    (run_folder / "benchmark.json").write_text("an older record")
    words = ("benchmarks", "latency", "runs/shapes", "--seconds", "1000", "--sustained", "1000", "--json", "out.json")
    with started(*words, cwd=tmp_path) as process:
        number = wait_for_worker(process, "float32")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE_S) == ("", "interrupted\n")
    assert process.returncode == 130
    assert (run_folder / "benchmark.json").read_text() == "an older record"
    assert not (tmp_path / "out.json").exists()
    assert number is not None and not is_there(number)


@needs_proc
def test_ctrl_c_while_files_are_measured_one_by_one(run_folder: Path, tmp_path: Path) -> None:
    """The first has its sustained rate; the second has nothing."""
    words = ("benchmarks", "latency", "runs/shapes", "--seconds", "1000", "--sustained", "3", "--json", "out.json")
    with started(*words, cwd=tmp_path) as process:
        wait_for_worker(process)
        process.send_signal(signal.SIGINT)
        table, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, "interrupted\n")
    found = document((tmp_path / "out.json").read_text())
    first, second = found["results"]
    assert found["interrupted"] and first["sustained"]["frames_per_second"] > 0
    assert (first["error"], first["p50_ms"]) == (None, None)
    assert "interrupted" in second["error"] and second["sustained"] is None
    assert table.splitlines()[2].split()[:3] == ["shapes_float32", "1", "-"]
    assert not (run_folder / "benchmark.json").exists()


@needs_proc
def test_ctrl_c_in_the_midst(run_folder: Path, tmp_path: Path) -> None:
    """What was measured is delivered, but isn't the run's record; and no process is left behind."""
    (run_folder / "benchmark.json").write_text("an older record")
    (run_folder / "export/shapes_float32.tflite").unlink()
    words = ("benchmarks", "latency", "runs/shapes", "--seconds", "2", "--sustained", "0", "--json", "out.json")
    with started(*words, cwd=tmp_path) as process:
        # The first worker has the file to itself, the second follows when it is timed, the third when that was.
        number = None
        for _ in range(3):
            number = wait_for_worker(process, but=number)
        process.send_signal(signal.SIGINT)
        table, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (130, "interrupted\n")
    (row,) = document((tmp_path / "out.json").read_text())["results"]
    assert row["n"] > 0 and row["p50_ms"] > 0 and row["error"] is None
    assert table.splitlines()[2].split()[0] == "shapes_int8"
    assert (run_folder / "benchmark.json").read_text() == "an older record"
    assert names(run_folder) == ["benchmark.json", "export"]
    assert number is not None and not is_there(number)
