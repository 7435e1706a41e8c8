"""What `python -m export` can't work with is said in one line, and nothing half-written is left."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device.model import card
from device.model.variants import DEFAULT
from tests import drawing, foreign, processes
from tests.conftest import Run, model
from tests.device.refusals import says


def lay_out(folder: Path) -> Path:
    """A stranger's model with what it takes to export it."""
    (folder / "model.tflite").write_bytes(foreign.bare())
    (folder / "labels.txt").write_text(foreign.LABELS)
    drawing.write_folder(folder / "shapes", {"train": 12, "test": 9})
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder that commands run in, with such a model."""
    return lay_out(tmp_path)


WORDS = ("export", "model.tflite", "--labels", "labels.txt", "--calibration", "shapes", "--mean", "0", "--std", "1")


def without(option: str) -> tuple[str, ...]:
    at = WORDS.index(option)
    return WORDS[:at] + WORDS[at + 2 :]


def instead(option: str, value: str) -> tuple[str, ...]:
    return (*without(option), option, value)


def refused(done: subprocess.CompletedProcess[str], *facts: str) -> None:
    assert done.returncode == 2, done.stderr
    *before, last = done.stderr.splitlines()
    assert last.startswith("error: "), done.stderr
    says(last, *facts)
    assert all(line.startswith("note: ") for line in before)
    assert done.stdout == ""


def in_labels(text: str) -> Callable[[Path], object]:
    return lambda place: (place / "labels.txt").write_text(text)


def nothing(place: Path) -> None:
    pass


def of_variant(variant: str) -> Callable[[Path], object]:
    return lambda place: shutil.copyfile(model(variant), place / "model.tflite")


def break_a_calibration_image(place: Path) -> None:
    (place / "shapes/train/square/0001.png").write_bytes(b"no image")


def use_the_calibration_images_to_test(place: Path) -> None:
    shutil.rmtree(place / "shapes/test")
    shutil.copytree(place / "shapes/train", place / "shapes/test")


def truncate(place: Path) -> None:
    (place / "model.tflite").write_bytes(foreign.bare()[:9000])


def rename_a_test_label(place: Path) -> None:
    for split in ("train", "test"):
        (place / "shapes" / split / "circle").rename(place / "shapes" / split / "disc")


SHORT = WORDS[:2]
CASES: dict[str, tuple[Callable[[Path], object], tuple[str, ...], tuple[str, ...]]] = {
    "unknown variant": (nothing, (*WORDS, "--variants", "int8,int4"), ("'int4'", "float32,")),
    "no variant": (nothing, (*WORDS, "--variants", " ,"), ("variant", "float32,")),
    "no images": (nothing, (*WORDS, "--calibration-samples", "0"), ("0 calibration samples", "at least 1")),
    "missing .tflite": (nothing, ("export", "nowhere.tflite"), ("nowhere.tflite: ",)),
    "missing .keras": (nothing, ("export", "nowhere.keras"), ("nowhere.keras: ", "train it")),
    "missing run": (nothing, ("export", "runs/nowhere"), ("runs/nowhere: ",)),
    "no run folder": (nothing, ("export", "shapes"), ("shapes: ", "run.json")),
    "no calibration": (nothing, without("--calibration"), ("model.tflite: ", "--calibration DIR")),
    "no calibration folder": (nothing, instead("--calibration", "x"), ("x: ", "calibration")),
    "no test folder": (nothing, (*WORDS, "--test", "x"), ("x: ", "test images")),
    "no labels": (
        lambda place: (place / "labels.txt").unlink(),
        without("--labels"),
        ("model.tflite: ", "--labels FILE"),
    ),
    "no label file": (nothing, instead("--labels", "x.txt"), ("x.txt: ", "labels")),
    "no scaling": (nothing, WORDS[:6], ("model.tflite: ", "--mean and --std")),
    "auto with few labels": (nothing, (*WORDS[:6], "--scaling", "auto"), ("12 images", "--scaling auto", " 20 ")),
    "auto beside a card": (
        of_variant("float32"),
        (*SHORT, *WORDS[4:6], "--scaling", "auto"),
        ("model.tflite: ", "card", "leave out --scaling"),
    ),
    "two labels": (
        in_labels("circle\nsquare\n"),
        WORDS,
        ("model.tflite: ", "labels.txt has 2 labels", "the network has 3"),
    ),
    "a label twice": (in_labels("circle\nsquare\ncircle\n"), WORDS, ("shapes: ", "'triangle'")),
    "other labels": (rename_a_test_label, WORDS, ("shapes: ", "'disc'", "circle,")),
    "int8": (of_variant("int8"), (*SHORT, *WORDS[4:6]), ("model.tflite: ", "quantized already")),
    "dynamic": (of_variant("dynamic"), (*SHORT, *WORDS[4:6]), ("model.tflite: ", "quantized already")),
    "float16": (of_variant("float16"), (*SHORT, *WORDS[4:6]), ("model.tflite: ", "quantized already")),
    "labels beside a card": (of_variant("float32"), WORDS[:6], ("model.tflite: ", "card", "leave out")),
    "truncated": (truncate, WORDS, ("model.tflite: ", "truncated")),
    "broken image": (break_a_calibration_image, WORDS, ("shapes/train/square/0001.png: ", "decoded")),
    "all are twins": (use_the_calibration_images_to_test, WORDS, ("shapes: 12 of 12 ", "calibration")),
    "few images": (nothing, instead("--calibration", "shapes/test"), ("shapes/test: 9 calibration images",)),
    "no folder to write to": (nothing, (*WORDS, "--run", "labels.txt"), ("{place}/labels.txt: ", "folder")),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_one_line_and_nothing_is_written(command: Run, place: Path, case: str) -> None:
    change, words, facts = CASES[case]
    change(place)
    before = sorted(place.rglob("*"))
    refused(command(*words), *(fact.format(place=place) for fact in facts))
    assert sorted(place.rglob("*")) == before, "nothing is written"


def test_a_float32_network_that_is_broken_is_refused(command: Run, place: Path) -> None:
    broken = foreign.changed(lambda kernel, bias: (kernel * np.float32("nan"), bias), lambda kernel: kernel)
    (place / "model.tflite").write_bytes(broken)
    done = command(*WORDS)
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], "error: model.tflite: ", "float32", "scores", "finite")
    assert not (place / "runs/model/export").exists()


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.mark.long
def test_control_c_leaves_whole_files_or_none(place: Path) -> None:
    """Interrupted when a variant is under way: what is there has its card, and there is no temporary file."""
    folder, scratch = place / "runs/model/export", place / "scratch"
    scratch.mkdir()
    (place / "model.tflite").write_bytes(foreign.large())  # slow enough to be interrupted
    with processes.started(*WORDS, cwd=place, TMPDIR=str(scratch)) as process:
        processes.wait_for_line("float16:", process)
        assert files_in(folder) == {"model_float32.tflite"}
        code, stderr = processes.interrupt(process)
    assert code == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr
    names = files_in(folder)
    assert names < {f"model_{variant}.tflite" for variant in DEFAULT}
    for name in names:
        assert card.read(folder / name) is not None
    assert list(scratch.iterdir()) == [], "the temporary folder is gone"


def test_no_space_left(command: Run, place: Path, full_disk: Path) -> None:
    """The first files fit; of the one that doesn't, nothing is left."""
    done = command(*WORDS, "--run", full_disk)
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], "error: ", "no space")
    assert "Traceback" not in done.stderr
    names = files_in(full_disk / "export")
    assert "model_float32.tflite" in names
    assert names <= {"model_float32.tflite", "model_float16.tflite", "model_dynamic.tflite"}
    for name in names:
        assert card.read(full_disk / "export" / name) is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_to_write(command: Run, place: Path) -> None:
    (place / "sealed").mkdir(mode=0o555)
    done = command(*WORDS, "--run", "sealed")
    refused(done, f"{place}/sealed: ", "permission", "--run")
