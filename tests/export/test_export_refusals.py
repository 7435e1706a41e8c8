"""What `python -m export` can't work with is said in one line, and nothing half-written is left."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device.model import card
from tests import drawing, foreign, processes
from tests.conftest import Run, model


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


def refused(done: subprocess.CompletedProcess[str], expected: str) -> None:
    assert done.returncode == 2, done.stderr
    *before, last = done.stderr.splitlines()
    assert last.startswith(f"error: {expected}"), done.stderr
    assert all(line.startswith("note: ") for line in before)
    assert done.stdout == ""


def in_labels(text: str) -> Callable[[Path], object]:
    return lambda place: (place / "labels.txt").write_text(text)


def nothing(place: Path) -> None:
    pass


def of_variant(variant: str) -> Callable[[Path], object]:
    return lambda place: shutil.copyfile(model(variant), place / "model.tflite")


def break_a_calibration_image(place: Path) -> None:
    (place / "shapes/train/square/0001.png").write_bytes(b"no picture")


def use_the_calibration_images_to_test(place: Path) -> None:
    shutil.rmtree(place / "shapes/test")
    shutil.copytree(place / "shapes/train", place / "shapes/test")


def truncate(place: Path) -> None:
    (place / "model.tflite").write_bytes(foreign.bare()[:9000])


def rename_a_test_label(place: Path) -> None:
    for split in ("train", "test"):
        (place / "shapes" / split / "circle").rename(place / "shapes" / split / "disc")


SHORT = WORDS[:2]
CASES = {
    "unknown variant": (
        nothing,
        (*WORDS, "--variants", "int8,int4"),
        "unknown variant 'int4', expected some of float32,",
    ),
    "no variant": (nothing, (*WORDS, "--variants", " ,"), "no variant is named, expected some of float32,"),
    "no images": (
        nothing,
        (*WORDS, "--calibration-samples", "0"),
        "0 calibration samples were asked for, expected at least 1",
    ),
    "missing .tflite": (nothing, ("export", "nowhere.tflite"), "nowhere.tflite: there is no such model file"),
    "missing .keras": (nothing, ("export", "nowhere.keras"), "nowhere.keras: there is no such model; train it with: "),
    "missing run": (nothing, ("export", "runs/nowhere"), "runs/nowhere: there is no such run or model; expected a run"),
    "no run folder": (nothing, ("export", "shapes"), "shapes: this is no run folder (no readable run.json); make one"),
    "no calibration": (
        nothing,
        without("--calibration"),
        "model.tflite: a model without a run needs --calibration DIR",
    ),
    "no calibration folder": (nothing, instead("--calibration", "x"), "x: there is no such folder of calibration"),
    "no test folder": (nothing, (*WORDS, "--test", "x"), "x: there is no such folder of test images"),
    "no labels": (
        lambda place: (place / "labels.txt").unlink(),
        without("--labels"),
        "model.tflite: the file has no labels; give --labels FILE",
    ),
    "no label file": (nothing, instead("--labels", "x.txt"), "x.txt: can't read the labels"),
    "no scaling": (nothing, WORDS[:6], "model.tflite: the float input's scaling is not known; give --mean and --std"),
    "auto without labels": (
        nothing,
        (*WORDS[:4], "--calibration", "shapes/train/circle", "--scaling", "auto"),
        "4 images lie in folders called after the model's labels, and --scaling auto needs 20 at least; give",
    ),
    "auto beside a card": (
        of_variant("float32"),
        (*SHORT, *WORDS[4:6], "--scaling", "auto"),
        "model.tflite: the file has a card of its own; leave out --scaling",
    ),
    "two labels": (in_labels("circle\nsquare\n"), WORDS, "model.tflite: labels.txt has 2 labels, the network has 3"),
    "a label twice": (
        in_labels("circle\nsquare\ncircle\n"),
        WORDS,
        "shapes: the model doesn't know the label 'triangle'",
    ),
    "other labels": (rename_a_test_label, WORDS, "shapes: the model doesn't know the label 'disc'; it knows circle,"),
    "int8": (of_variant("int8"), (*SHORT, *WORDS[4:6]), "model.tflite: the network is quantized already; give the"),
    "dynamic": (of_variant("dynamic"), (*SHORT, *WORDS[4:6]), "model.tflite: the network is quantized already"),
    "float16": (of_variant("float16"), (*SHORT, *WORDS[4:6]), "model.tflite: the network is quantized already"),
    "labels beside a card": (
        of_variant("float32"),
        WORDS[:6],
        "model.tflite: the file has a card of its own; leave out",
    ),
    "truncated": (truncate, WORDS, "model.tflite: the .tflite file is truncated or damaged"),
    "broken image": (
        break_a_calibration_image,
        WORDS,
        "shapes/train/square/0001.png: not an image that can be decoded",
    ),
    "all are twins": (use_the_calibration_images_to_test, WORDS, "shapes: 12 of 12 test images are also calibration"),
    "few images": (nothing, instead("--calibration", "shapes/test"), "shapes/test: 9 calibration images, expected at"),
    "no folder to write to": (
        nothing,
        (*WORDS, "--run", "labels.txt"),
        "{place}/labels.txt: this is a file, expected a folder",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(command: Run, place: Path, case: str) -> None:
    change, words, expected = CASES[case]
    change(place)
    before = sorted(place.rglob("*"))
    refused(command(*words), expected.format(place=place))
    assert sorted(place.rglob("*")) == before, "nothing is written"


def test_a_float32_network_that_is_broken_is_refused(command: Run, place: Path) -> None:
    broken = foreign.changed(lambda kernel, bias: (kernel * np.float32("nan"), bias), lambda kernel: kernel)
    (place / "model.tflite").write_bytes(broken)
    done = command(*WORDS)
    assert done.returncode == 2
    expected = "error: model.tflite: its float32 .tflite is not sound: its scores are not finite numbers"
    assert done.stderr.splitlines()[-1].startswith(expected)
    assert not (place / "runs/model/export").exists()


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


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
    assert names < {f"model_{variant}.tflite" for variant in ("float32", "float16", "dynamic", "int8")}
    for name in names:
        assert card.read(folder / name) is not None
    assert list(scratch.iterdir()) == [], "the temporary folder is gone"


def test_no_space_left(command: Run, place: Path, full_disk: Path) -> None:
    """The first files fit; of the one that doesn't, nothing is left."""
    done = command(*WORDS, "--run", full_disk)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "no space is left on the device" in done.stderr.splitlines()[-1]
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
    refused(done, f"{place}/sealed: no permission to write there; choose another place with --run")
