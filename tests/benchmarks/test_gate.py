"""The gate as a user runs it: its answers and exit codes, and what is refused.

No test is about this machine being quiet: where something is to be told, it differs by far more than any noise.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.documents import models
from benchmarks.gate import gate as gates
from benchmarks.gate.drop import Drop
from benchmarks.gate.verdict import Verdict
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from device.images import images
from tests import processes
from tests.benchmarks import gated
from tests.benchmarks.gating import LARGE, LONG, ONE_ROUND, SMALL, Gate, document, spoiled
from tests.conftest import ROOT, Run, model
from tests.device import crafted
from tests.device.processes import start
from tests.device.refusals import names, refusal, says

pytestmark = pytest.mark.programs


# Answers.


def test_a_regression(gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The large network takes eighty times as long: that is told on the noisiest machine."""
    files = ("--json", "out.json", "--junit", "out/gate.xml", "--markdown", "out/gate.md")
    assert gate(SMALL, LARGE, *LONG, "--max-slowdown", "100", *files) == 1
    first, latency, *notes = capsys.readouterr().out.splitlines()
    assert first == f"regression: {LARGE} against {SMALL}"
    assert latency.startswith("  latency   regression: ") and "100 %" in latency
    assert any("--max-drop" in note and "--data" in note for note in notes)
    found = document(tmp_path / "out.json")
    assert (found["answer"], found["exit_code"], found["latency"]["rounds"]) == ("regression", 1, 10)
    assert found["latency"]["ratio"]["low"] > 2 and found["accuracy"] is None
    assert ElementTree.parse(tmp_path / "out/gate.xml").find("testcase/failure") is not None
    assert (tmp_path / "out/gate.md").read_text(encoding="utf-8").startswith("### ❌ regression: `")
    assert names(tmp_path) == ["out", "out.json"] and names(tmp_path / "out") == ["gate.md", "gate.xml"]


def test_no_regression(gate: Gate, capsys: pytest.CaptureFixture[str], shapes_folder: Path) -> None:
    limits = ("--data", "shapes", "--max-drop", "40", "--max-slowdown", "100")
    assert gate(model("int8"), model("int8"), *limits, *LONG, "--json", "out.json") == 0
    said = capsys.readouterr().out
    assert said.startswith("no regression: ")
    assert "  latency   no regression: " in said and "  accuracy  no regression: " in said
    assert "the same file\n" in said
    assert "right model" not in said and "latency only" not in said
    found = document(Path("out.json"))
    assert (found["exit_code"], found["limits"]) == (0, {"slowdown": 1.0, "drop": 0.4})
    assert {key: found["accuracy"][key] for key in ("n", "lost", "won", "aside")} == {
        "n": 30,
        "lost": 0,
        "won": 0,
        "aside": 0,
    }


def test_too_short_to_tell(command: Run) -> None:
    done = command("benchmarks", "gate", SMALL, LARGE, *ONE_ROUND, "--json", "-")
    assert (done.returncode, done.stderr) == (3, "")
    found = json.loads(done.stdout)["gate"]
    assert (found["answer"], found["exit_code"], found["interrupted"]) == ("can't tell", 3, False)
    says(found["latency"]["reason"], "rounds (1)", "--seconds")
    assert found["latency"]["ratio"] is found["latency"]["floor"] is None


def test_one_core() -> None:
    """As `taskset -c 0` makes a process."""
    core = min(os.sched_getaffinity(0))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "gate", SMALL, SMALL, *ONE_ROUND, "--markdown", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("### ❔ can't tell: `")  # and no text beside it
    assert "one core" in done.stdout


def test_nobody_reads_the_answer(tmp_path: Path) -> None:
    """`gate … | true`: the exit code stays what it is."""
    process = start(tmp_path, "benchmarks", "gate", SMALL, SMALL, *ONE_ROUND, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None and process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(processes.PATIENCE_S) == 3


@pytest.mark.parametrize(
    ("base", "candidate", "lost", "odd"),
    [
        ("float32", "int8", None, False),  # its quantized self
        ("int8", "float32", None, False),
        ("int8", "spoiled", None, True),
        ("int8", "spoiled", gated.drop("no regression"), False),  # it is as good
        ("int8", "spoiled", gated.drop("can't tell"), True),
    ],
)
def test_when_a_much_faster_one_is_odd(base: str, candidate: str, lost: Drop | None, odd: bool, tmp_path: Path) -> None:
    paths = [spoiled("int8", tmp_path) if name == "spoiled" else model(name) for name in (base, candidate)]
    first, second = models.find(paths)
    found = gates.Ends(first, second, base)
    by_time = gated.verdict("no regression", ratio=Interval(0.29, 0.3, 0.31))
    notes = gates.notes(found, gated.outcome("no regression", by_time, lost))
    assert any("right model" in note for note in notes) == odd


@pytest.mark.parametrize(
    ("latency", "threads", "said"),
    [
        (
            gated.verdict("no regression", step_ms=4.0),
            1,
            "4.0 ms",
        ),
        (gated.verdict("no regression", step_ms=4.0), 2, None),  # the wall clock's turn anyway
        (gated.verdict("no regression", step_ms=0.001), 1, None),
        (
            gated.verdict("regression", dependent=True),
            1,
            "each round",
        ),
    ],
)
def test_what_is_said_of_the_machine(latency: Verdict, threads: int, said: str | None) -> None:
    base, candidate = models.find([model("int8"), model("float32")])
    found = gates.Ends(base, candidate, "base")
    notes = list(gates.notes(found, gated.outcome(latency.answer, latency, threads=threads)))
    assert [note for note in notes if "CPU time" in note or "round" in note] == [
        note for note in notes if said and said in note
    ]
    assert any(said and said in note for note in notes) == (said is not None)


# Accuracy.


def test_a_candidate_that_knows_less(command: Run, tmp_path: Path, shapes_folder: Path) -> None:
    candidate = spoiled("int8", tmp_path)
    words = (model("float32"), candidate, "--data", "shapes", *ONE_ROUND, "--json", "out.json", "--junit", "gate.xml")
    done = command("benchmarks", "gate", *words)
    assert done.returncode == 1
    assert done.stdout.startswith("regression: ") and "  accuracy  regression: " in done.stdout
    assert " limit is 1 point; " in done.stdout and "latency only" not in done.stdout
    found = document(tmp_path / "out.json")
    assert (found["latency"]["answer"], found["accuracy"]["answer"]) == ("can't tell", "regression")
    assert found["limits"] == {"slowdown": 0.05, "drop": 0.01}
    assert found["accuracy"]["n"] == 30 and found["accuracy"]["lost"] >= 28 and found["accuracy"]["aside"] == 0
    latency, accuracy = ElementTree.parse(tmp_path / "gate.xml").findall("testcase")
    assert latency.find("skipped") is not None and accuracy.find("failure") is not None


def test_too_few_images(command: Run, shapes_folder: Path) -> None:
    """Float against int8 of one network; to lose one point or not takes more than 30 images."""
    done = command("benchmarks", "gate", model("float32"), model("int8"), "--data", "shapes", *ONE_ROUND)
    assert done.returncode == 3
    (accuracy,) = (line for line in done.stdout.splitlines() if line.startswith("  accuracy"))
    says(accuracy, "can't tell: ", " on 30 images; ", " limit is 1 point; ", " needs ")


@pytest.fixture
def without_card(tmp_path: Path) -> tuple[Path, Path]:
    """A network without a card, and images in a folder; colors.txt has its labels."""
    (tmp_path / "colors.txt").write_text("red\ngreen\nblue\n")
    for label, color in (("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255))):
        path = tmp_path / f"colors/{label}/1.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(images.encode_png(np.full((4, 4, 3), color, np.uint8)))
    return crafted.write(tmp_path / "net.tflite", crafted.echo()), tmp_path / "colors"


def test_models_without_a_card(command: Run, without_card: tuple[Path, Path]) -> None:
    net, data = without_card
    overrides = ("--labels", "colors.txt", "--mean", "0", "--std", "255")
    done = command("benchmarks", "gate", net, net, *ONE_ROUND, "--data", data, *overrides)
    assert done.returncode == 3
    assert "100.00 % to 100.00 % on 3 images, 0 lost, 0 won" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data", "colors"), "--mean and --std"),
        (("--data", "colors", "--mean", "0", "--std", "255"), "--labels"),
        (("--max-drop", "1", "--mean", "0", "--std", "255", "--labels", "colors.txt"), "give --data NAME|DIR"),
        (("--data", "./none", "--mean", "0", "--std", "255", "--labels", "colors.txt"), "none: "),
    ],
)
def test_what_accuracy_lacks_is_said_before_latency_is_measured(
    words: tuple[str, ...], said: str, gate: Gate, without_card: tuple[Path, Path]
) -> None:
    """Latency would take an hour here: the limit can't be decided."""
    net, _ = without_card
    with pytest.raises(UserError, match=re.escape(said)):
        gate(net, net, "--seconds", "3600", "--max-slowdown", "0.001", *words)


# Bad input.


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["none.tflite", "good.tflite"], ("none.tflite: ", "REF:PATH")),
        (["none.json", "good.tflite"], ("none.json: ", "python -m benchmarks baseline")),
        (["good.tflite", "none.tflite"], ("none.tflite: ",)),
        (["good.tflite", "cut.tflite"], ("cut.tflite: ", "6000 bytes")),
        (["good.tflite"], ("BASE CANDIDATE", "--qualify")),
        ([], ("BASE CANDIDATE", "--qualify")),
        (["main:good.tflite", "good.tflite"], ("main:good.tflite: ", "git repository")),
        (["good.tflite", "good.tflite", "--seconds", "0"], ("--seconds is 0,", "3600")),
        (["good.tflite", "good.tflite", "--seconds", "nan"], ("--seconds is nan,", "3600")),
        (["good.tflite", "good.tflite", "--json", "-", "--markdown", "-"], ("--json - and --markdown - ",)),
    ],
)
def test_bad_input_is_refused(
    words: list[str], facts: tuple[str, ...], gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    shutil.copyfile(model("int8"), tmp_path / "good.tflite")
    (tmp_path / "cut.tflite").write_bytes(model("int8").read_bytes()[:6000])
    with pytest.raises(UserError) as refused:
        gate(*words)
    says(str(refused.value), *facts)
    assert names(tmp_path) == ["cut.tflite", "good.tflite"]


def test_a_base_that_is_not_there(command: Run) -> None:
    done = command("benchmarks", "gate", "none.tflite", SMALL)
    assert "python -m benchmarks baseline MODEL -o FILE.json" in refusal(done) and done.stdout == ""


@pytest.mark.parametrize("words", [["--max-slowdown", "0"], ["--max-slowdown", "x"], ["--max-drop", "101"]])
def test_limits_that_are_none(words: list[str], gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        gate(SMALL, SMALL, *words)
    says(capsys.readouterr().err.splitlines()[-1], words[0], words[1], "100")
