"""Networks that leave their input's size open: run at the size that somebody says, never on the placeholder's pixel."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from tests.conftest import Run, environment
from tests.device import crafted
from tests.device.crafted import End
from tests.device.refusals import names, refusal, with_card

PLACEHOLDER, OPEN = (1, 1, 1, 3), (-1, -1, -1, 3)
COLOR = (10, 200, 255)
IMAGE = np.full((30, 40, 3), COLOR, np.uint8)


def sums(classifier: Classifier) -> list[float]:
    return [float(score) for score in classifier.classify(IMAGE).scores]


def load(folder: Path, network: bytes, **overrides: Any) -> Classifier:
    return Classifier(crafted.write(folder / "net.tflite", network), Overrides(mean=0.0, **overrides), labels=False)


def of(height: int, width: int) -> list[float]:
    return [float(height * width * channel) for channel in COLOR]


def lay_out(folder: Path) -> None:
    """An open network with its labels and some images, where commands run."""
    crafted.write(folder / "open.tflite", crafted.summing(PLACEHOLDER, OPEN))
    (folder / "labels.txt").write_text("red\ngreen\nblue\n")
    for number, label in enumerate(("red", "green", "blue")):
        (folder / "data" / label).mkdir(parents=True)
        for n in range(2):
            image = IMAGE.copy()
            image[0, 0] = (number, n, 255)  # no two are the same, and all are bluest
            (folder / "data" / label / f"{n}.png").write_bytes(images.encode_png(image))


HINTS = ("--labels", "labels.txt", "--mean", "0")
COMMANDS = {
    "classify": ("device", "classify", "open.tflite", "data/red/0.png", *HINTS),
    "live": ("device", "live", "open.tflite", "--source", "test", "--frames", "2", "--headless", *HINTS),
    "check": ("device", "check", "open.tflite", "--data", "data", *HINTS),
    "info": ("device", "info", "open.tflite"),
    "export": ("export", "open.tflite", "--calibration", "data", "--variants", "float32", *HINTS),
    "latency": ("benchmarks", "latency", "open.tflite", "--seconds", "0.02", "--sustained", "0"),
    "accuracy": ("benchmarks", "accuracy", "open.tflite", "--data", "data", *HINTS),
    "compare": ("benchmarks", "compare", "open.tflite", "--seconds", "5"),
    "gate": ("benchmarks", "gate", "open.tflite", "open.tflite", "--seconds", "5"),
    "select": ("benchmarks", "select", "open.tflite", "--seconds", "0.02", "--data", "data", *HINTS, "-o", "s.json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_asks_for_the_size(name: str, command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    before = names(tmp_path)
    said = refusal(command(*COMMANDS[name]))
    assert "open.tflite" in said and str(list(OPEN)) in said and "--size" in said
    assert set(names(tmp_path)) - set(before) <= {"cache"}


def test_doctor_finds_it(command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    done = command("device", "doctor", "open.tflite")
    assert done.returncode == 1 and str(list(OPEN)) in done.stdout and "--size" in done.stdout
    assert "4x6" in command("device", "doctor", "open.tflite", "--size", "4x6").stdout


@pytest.mark.programs
@pytest.mark.parametrize("name", ["classify", "live", "check", "info", "latency", "accuracy"])
def test_with_the_size_they_run(name: str, command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    done = command(*COMMANDS[name], "--size", "4x6", "--json" if name != "live" else "--jsonl", "-")
    # check finds no golden images in it.
    assert done.returncode == (3 if name == "check" else 0), done.stderr
    document = json.loads(done.stdout.splitlines()[0] if name in ("classify", "live") else done.stdout)
    if name == "classify":
        assert {one["label"]: one["score"] for one in document["top"]} == dict(
            zip(("red", "green", "blue"), of(4, 6), strict=True)
        )
    if name == "info":
        assert (document["input"]["height"], document["input"]["width"]) == (4, 6)
    if name == "accuracy":
        assert document["results"][0]["top1"] == pytest.approx(1 / 3)  # blue, whatever it is asked


def test_the_size_decides_and_is_said(tmp_path: Path) -> None:
    classifier = load(tmp_path, crafted.summing(PLACEHOLDER, OPEN), size=(5, 7))
    assert (classifier.size, sums(classifier)) == ((5, 7), of(5, 7))
    assert any("5x7" in note and "--size" in note for note in classifier.notes)


def test_metadata_says_it(tmp_path: Path) -> None:
    network = crafted.with_image_size(crafted.summing(PLACEHOLDER, OPEN), height=4, width=9)
    classifier = load(tmp_path, network)
    assert (classifier.size, sums(classifier)) == ((4, 9), of(4, 9))
    assert any("4x9, by its metadata" in note for note in classifier.notes)
    assert load(tmp_path, network, size=(3, 3)).size == (3, 3)


def test_a_card_says_it(tmp_path: Path) -> None:
    labels = ("red", "green", "blue")
    path = with_card(tmp_path / "net.tflite", crafted.summing(PLACEHOLDER, OPEN), crafted.card(labels, (6, 4)))
    classifier = Classifier(path)
    assert (classifier.size, sums(classifier), classifier.notes) == ((6, 4), of(6, 4), [])
    with pytest.raises(UserError, match=r"card .*--size"):
        Classifier(path, Overrides(size=(6, 4)))


def test_an_open_batch_alone_is_one_image(tmp_path: Path) -> None:
    for shape in ((1, 4, 6, 3), (8, 4, 6, 3)):
        classifier = load(tmp_path, crafted.summing(shape, (-1, 4, 6, 3)))
        assert sums(classifier) == of(4, 6)
        assert not any("size" in note for note in classifier.notes)


def test_what_else_is_open(tmp_path: Path) -> None:
    """One side alone; a shape that is no placeholder; no signature, but sides of 0; open channels."""
    assert sums(load(tmp_path, crafted.summing((1, 1, 6, 3), (1, -1, 6, 3)), size=(4, 6))) == of(4, 6)
    classifier = load(tmp_path, crafted.summing((1, 4, 6, 3), OPEN))
    assert sums(classifier) == of(4, 6) and any("4x6" in note for note in classifier.notes)
    assert sums(load(tmp_path, crafted.summing((1, 4, 6, 3), OPEN), size=(2, 3))) == of(2, 3)
    assert sums(load(tmp_path, crafted.summing((1, 0, 0, 3), None), size=(4, 6))) == of(4, 6)
    with pytest.raises(UserError, match="give --size"):
        load(tmp_path, crafted.summing((1, 0, 0, 3), None))
    assert sums(load(tmp_path, crafted.summing((1, 1, 1, 1), (-1, -1, -1, -1)), size=(4, 6))) == of(4, 6)


@pytest.mark.parametrize(
    ("shape", "signature", "size", "said"),
    [
        ((1, 4, 6, 3), None, (6, 4), "--size is 6x4, .* expected 4x6"),
        ((1, 4, 6, 3), (-1, 4, 6, 3), (4, 7), "--size is 4x7, .* expected 4x6"),
        ((1, 1, 6, 3), (1, -1, 6, 3), (4, 7), "--size is 4x7, .* expected \\?x6"),
        ((1, 3, 1, 1), (1, 3, -1, -1), (4, 7), "--size is 4x7|batch, height, width"),
        ((1, 3, 1, 1), (1, 3, -1, -1), None, "batch, height, width"),
        ((1, 1, 1), (1, -1, 1), (4, 7), "batch, height, width"),
    ],
)
def test_what_does_not_fit_is_refused(
    shape: tuple[int, ...], signature: tuple[int, ...] | None, size: tuple[int, int] | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said) as raised:
        load(tmp_path, crafted.summing(shape, signature), size=size)
    assert str(raised.value).startswith(f"{tmp_path}/net.tflite: ")


def test_a_size_that_the_network_cannot_be_run_with(command: Run, tmp_path: Path) -> None:
    """It ends in a shape of its own: nothing but one pixel fits."""
    network = crafted.changed(crafted.echo(), lambda graph: setattr(graph.tensors[0], "shapeSignature", list(OPEN)))
    crafted.write(tmp_path / "net.tflite", network)
    said = refusal(command("device", "info", "net.tflite", "--size", "2x2"))
    assert said.startswith("net.tflite: litert ") and "[1, 2, 2, 3]" in said
    assert command("device", "info", "net.tflite", "--size", "1x1").returncode == 0


@pytest.mark.parametrize("size", ["4", "4x", "x6", "0x6", "-4x6", "4x6x3", "axb", "4x100000"])
def test_sizes_that_are_none(size: str, command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    done = command("device", "info", "open.tflite", f"--size={size}")
    assert done.returncode == 2 and size in done.stderr and "Traceback" not in done.stderr


def test_under_tflite_runtime(command: Run, tmp_path: Path) -> None:
    python = environment("tflite-runtime")
    lay_out(tmp_path)
    assert str(list(OPEN)) in refusal(command(*COMMANDS["classify"], python=python))
    done = command(*COMMANDS["classify"], "--size", "4x6", "--json", "-", python=python)
    assert json.loads(done.stdout)["top"][0] == {"label": "blue", "score": of(4, 6)[2]}


# The output's shape.


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 1, 3), (3,), (1, 3, 1, 1)])
def test_scores_with_ones_around_them(shape: tuple[int, ...], tmp_path: Path) -> None:
    classifier = load(tmp_path, crafted.constant([0.25, 0.5, 0.25], output=End(shape)))
    assert classifier.classify(IMAGE).scores.tolist() == [0.25, 0.5, 0.25]
    assert (classifier.output.count, classifier.card.output.kind) == (3, "softmax")


def test_a_network_that_keeps_its_dimensions(tmp_path: Path) -> None:
    assert sums(load(tmp_path, crafted.summing(PLACEHOLDER, OPEN, kept=True), size=(4, 6))) == of(4, 6)


@pytest.mark.parametrize("shape", [(1, 2, 2, 3), (2, 3), (1, 12, 3), ()])
def test_a_map_of_features_is_no_answer(shape: tuple[int, ...], tmp_path: Path) -> None:
    scores = [0.5] * int(np.prod(shape))
    with pytest.raises(UserError, match=r"the output is .*, expected \[1, labels\]"):
        load(tmp_path, crafted.constant(scores, output=End(shape)))
