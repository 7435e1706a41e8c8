"""The command `select`, from model files to what live reads."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from device.errors import UserError
from device.host import system
from device.inference import runtime
from device.live import selection
from tests.benchmarks import failing
from tests.conftest import MODELS, Run, model
from tests.device import crafted
from tests.device.altering import altered
from tests.device.refusals import names, refusal, says, with_card


@pytest.mark.programs
def test_a_run_folder(command: Run, run_folder: Path) -> None:
    done = command("benchmarks", "select", "runs/shapes", "--seconds", "0.02")
    assert (done.returncode, done.stderr) == (0, "")
    *table, told = done.stdout.splitlines()
    (place,) = [place for place, line in enumerate(table) if line.startswith("to the best: accuracy lost to shapes_")]
    table, notes = table[:place], table[place:]
    assert notes[0].endswith("; by the cards, not paired)")
    assert notes[1].startswith("the accuracies are on the images of the choice: on average too high by up to ")
    assert notes[-1].startswith("with fewer than 6 processes the fewest threads are chosen")
    assert told == "runs/shapes/selection.json: for python -m device live --auto runs/shapes/selection.json"
    assert len(table) == 2 + 2 * len(system.thread_counts(system.usable_cores()))
    assert [line.endswith("chosen") for line in table[2:]] == [True, *[False] * (len(table) - 3)]
    found = selection.read(run_folder)
    assert found.path == run_folder / f"export/{table[2].split()[0]}.tflite"
    assert (found.threads, found.runtime) == (int(table[2].split()[1]), runtime.find().name)
    assert names(run_folder) == ["export", "selection.json"]
    # One that was exported anew since.
    shutil.copy(model("dynamic"), found.path)
    with pytest.raises(UserError, match="python -m benchmarks select"):
        selection.read(run_folder)


@pytest.mark.programs
def test_labeled_images_decide_on_accuracy(command: Run, tmp_path: Path, shapes_folder: Path) -> None:
    """A model that always says 'circle' is faster, and has no card; its labels are given."""
    guess = crafted.constant([0.5, 0.3, 0.2], crafted.End((1, 16, 16, 3)))
    crafted.write(tmp_path / "guess.tflite", guess)
    (tmp_path / "labels.txt").write_text("circle\nsquare\ntriangle\n")
    overrides = ("--labels", "labels.txt", "--mean", "0", "--std", "1")
    words = ("guess.tflite", model("int8"), "--seconds", "0.02", "--data", "shapes", *overrides, "-o", "out/mine.json")
    done = command("benchmarks", "select", *words)
    assert done.returncode == 0, done.stderr
    table = done.stdout.splitlines()
    assert table[2].split()[0] == "shapes_int8" and table[2].endswith("chosen")
    assert "paired, 30 images" in done.stdout
    guesses = [line for line in table if line.startswith("guess ")]
    assert len(guesses) == len(system.thread_counts(system.usable_cores())) and all(
        " points" in line for line in guesses
    )
    assert selection.read(tmp_path / "out/mine.json").path.samefile(model("int8"))
    done = command("benchmarks", "select", "guess.tflite", "--seconds", "0.02", "-o", "out/other.json")
    says(refusal(done), "--data")
    assert names(tmp_path / "out") == ["mine.json"]


@pytest.mark.programs
def test_one_that_fails_is_told_and_the_others_are_tried(command: Run, run_folder: Path) -> None:
    crafted.write(run_folder / "export/fails.tflite", failing.network(50))
    (run_folder / "export/shapes_float32.tflite").unlink()
    done = command("benchmarks", "select", "runs/shapes", "--seconds", "0.02")
    assert done.returncode == 0, done.stderr
    assert "the model failed while running: gather index out of bounds" in done.stdout
    assert selection.read(run_folder).path.name == "shapes_int8.tflite"


@pytest.mark.programs
def test_one_whose_accuracy_cannot_be_measured_is_not_chosen(command: Run, shapes_folder: Path, tmp_path: Path) -> None:
    """However fast it is."""
    with_card(tmp_path / "fast.tflite", crafted.echo(), crafted.card(("red", "green", "blue"), (1, 1)))
    words = ("fast.tflite", model("int8"), "--data", shapes_folder, "--seconds", "0.02", "-o", "chosen.json")
    done = command("benchmarks", "select", *words)
    assert done.returncode == 0, done.stderr
    assert selection.read(tmp_path / "chosen.json").path.samefile(model("int8"))
    (fast, *_) = [line for line in done.stdout.splitlines() if line.startswith("fast")]
    assert "the model doesn't know the label 'circle'" in fast
    done = command("benchmarks", "select", "fast.tflite", "fast.tflite", *words[2:])
    assert "the model doesn't know the label 'circle'" in refusal(done)


@pytest.mark.programs
@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["none.tflite"], ("none.tflite: ",)),
        (["good.tflite", "--seconds", "0"], ("--seconds is 0,", "3600")),
        (["words.tflite"], ("words.tflite: ", "TFL3")),
        (["good.tflite", "--runtime", "tflite-runtime"], ("tflite-runtime",)),
        (["good.tflite", "--data", "./none"], ("none: ", "DIR/LABEL/")),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    words: list[str], facts: tuple[str, ...], command: Run, tmp_path: Path
) -> None:
    shutil.copyfile(MODELS / "shapes_int8.tflite", tmp_path / "good.tflite")
    (tmp_path / "words.tflite").write_text("words")
    before = names(tmp_path)
    done = command("benchmarks", "select", *words)
    says(refusal(done), *facts)
    assert done.stdout == "" and names(tmp_path) == before


def test_accuracies_that_cannot_be_compared(command: Run, tmp_path: Path) -> None:
    """Of another task; and, with a note, on other images."""
    with_card(tmp_path / "colors.tflite", crafted.echo(), crafted.card(("red", "green", "blue"), (1, 1)))
    said = refusal(command("benchmarks", "select", model("int8"), "colors.tflite", "--seconds", "0.02"))
    says(said, model("int8"), "colors.tflite", "circle, square, triangle", "red, green, blue")
    elsewhere = {"data_fingerprint": "of other images"}
    altered(
        tmp_path / "other.tflite",
        "int8",
        lambda card: replace(card, provenance={**(card.provenance or {}), **elsewhere}),
    )
    done = command("benchmarks", "select", model("float32"), "other.tflite", "--seconds", "0.02", "--json", "-")
    assert done.returncode == 0
    says(done.stderr, "note: ", "--data")
    document = json.loads(done.stdout)
    assert document["judged"] == {"max_drop": 0.01, "paired": False, "flattery": document["judged"]["flattery"]}
    assert {row["standing"] for row in document["results"]} <= {"best", "within", "can't tell", "beyond"}
    assert document["chosen"]["file"] in ("shapes_float32.tflite", "other.tflite")
    assert {row["file"] for row in document["results"]} == {"shapes_float32.tflite", "other.tflite"}


def test_a_drop_that_can_not_be_is_refused(command: Run) -> None:
    for drop in ("0", "-1", "101", "nan", "much"):
        done = command("benchmarks", "select", "x.tflite", "--max-drop", drop)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].endswith(f"{drop} is not a number above 0 and up to 100")
