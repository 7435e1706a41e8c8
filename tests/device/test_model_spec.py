"""What a model file is to be fed: by its card, by what the user says, by its codes, or an error that asks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device.__main__ import parser
from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model.card import InputSpec, OutputSpec
from export.card import metadata
from tests.conftest import Run, model, shared
from tests.device import crafted
from tests.device.crafted import End
from tests.device.refusals import refusal, says, with_card

FLOAT = Overrides(mean=0.0, std=255.0)
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    path.write_bytes(images.encode_png(np.full((5, 7, 3), (10, 200, 255), np.uint8)))
    return path


def labels_file(folder: Path, text: str | bytes = "red\ngreen\nblue\n") -> Path:
    path = folder / "labels.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# Without a card: overrides, codes, metadata, and notes on what was taken from where.


def test_hints_make_a_card_and_the_rest_is_said(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5, 0.3]))
    labels = labels_file(tmp_path)
    classifier = Classifier(path, Overrides(labels, 127.5, 64.0, "pad", "logits"))
    assert classifier.card == crafted.card(
        ("red", "green", "blue"),
        (4, 6),
        name="net",
        variant=None,
        input=InputSpec(4, 6, fit="pad", mean=127.5, std=64.0),
        output=OutputSpec("logits"),
    )
    assert classifier.notes == [f"{path}: pixels scaled by --mean 127.5 --std 64"]
    classifier = Classifier(path, Overrides(labels, std=255.0))
    assert (classifier.card.output.kind, classifier.card.input) == ("softmax", InputSpec(4, 6, std=255.0))
    assert classifier.notes == [
        f"{path}: no card; outputs taken as softmax (--output says otherwise)",
        f"{path}: pixels scaled by --mean 0 --std 255",
    ]


def test_a_label_that_stands_twice_is_only_noted(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5, 0.3]))
    labels = labels_file(tmp_path, "crane\ntench\ncrane\n")
    classifier = Classifier(path, replace(FLOAT, labels=labels))
    assert classifier.card.labels == ("crane", "tench", "crane")
    assert classifier.notes[0] == f"{labels}: repeated labels: 'crane'"


def test_of_many_labels_that_stand_twice_some_are_named(tmp_path: Path) -> None:
    names = [f"label {i}" for i in range(8)]
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.0] * 16))
    labels = labels_file(tmp_path, "\n".join(names + names) + "\n")
    (note, *_) = Classifier(path, replace(FLOAT, labels=labels)).notes
    assert note.endswith(": repeated labels: 'label 0', 'label 1', 'label 2', 'label 3', 'label 4' …")


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "mean", "std", "span"),
    [
        ("uint8", 1 / 255, 0, 0.0, 255.0, "0..1"),
        ("uint8", 1.0, 0, 0.0, 1.0, "0..255"),
        ("uint8", 1 / 128, 128, 127.5, 127.5, "-1..1"),
        ("uint8", 0.998, 1, 0.0, 1.0, "0..255"),  # off by less than two steps
        ("int8", 1 / 255, -128, 0.0, 255.0, "0..1"),
        ("int8", 1.0, -128, 0.0, 1.0, "0..255"),
        ("int8", 2 / 255, 0, 127.5, 127.5, "-1..1"),
    ],
)
def test_a_quantized_input_that_spans_a_known_range_takes_the_pixels_code(
    dtype: str, scale: float, zero_point: int, mean: float, std: float, span: str, tmp_path: Path
) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.echo(dtype, scale, zero_point))
    classifier = Classifier(path, labels=False)
    assert (classifier.card.input.mean, classifier.card.input.std) == (mean, std)
    assert f"{dtype} input" in classifier.notes[-1] and f" {span}, " in classifier.notes[-1]


@pytest.mark.parametrize("scale", [0.5, 0.01, 2.0])
def test_a_quantized_input_of_another_range_asks(scale: float, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.echo("uint8", scale, 10))
    with pytest.raises(UserError, match=r"spans .*, expected 0..1, -1..1 or 0..255; give --mean and --std"):
        Classifier(path, labels=False)
    assert Classifier(path, FLOAT, labels=False).card.input.std == 255


def test_a_float_input_is_scaled_by_metadata_or_asks(tmp_path: Path) -> None:
    network = crafted.constant([0.25, 0.75])
    path = crafted.write(tmp_path / "net.tflite", network)
    with pytest.raises(UserError, match="--mean and --std"):
        Classifier(path, labels=False)
    card = crafted.card(("a", "b"), (4, 6), input=InputSpec(4, 6, mean=127.5, std=64.0))
    crafted.write(path, metadata.embed(network, card))
    classifier = Classifier(path, Overrides(labels_file(tmp_path, "a\nb\n")))
    assert (classifier.card.input.mean, classifier.card.input.std) == (127.5, 64.0)
    assert classifier.notes[-1] == f"{path}: pixels scaled by its metadata: mean 127.5, std 64"


def test_metadata_without_its_archive_is_a_truncated_file_unless_labels_are_given(tmp_path: Path) -> None:
    card = crafted.card(("a", "b"), (4, 6))
    path = crafted.write(tmp_path / "net.tflite", metadata.embed(crafted.constant([0.25, 0.75]), card))
    with pytest.raises(UserError, match=r"'labels.txt', .*missing"):
        Classifier(path)
    assert Classifier(path, Overrides(labels_file(tmp_path, "a\nb\n"))).card.labels == ("a", "b")


def test_one_output_is_a_sigmoid_with_two_labels(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.3]))
    overrides = replace(FLOAT, labels=labels_file(tmp_path, "cat\ndog\n"))
    classifier = Classifier(path, overrides)
    assert classifier.card.output.kind == "sigmoid"
    assert f"{path}: no card; outputs taken as sigmoid (--output says otherwise)" in classifier.notes
    one = replace(overrides, labels=labels_file(tmp_path, "dog\n"), output="softmax")
    assert Classifier(path, one).card.labels == ("dog",)


# What is refused.


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--mean", "0"], ("net.tflite: ", "--labels")),
        (["--labels", "none.txt", "--std", "1"], ("none.txt: ",)),
        (["--labels", "labels.txt"], ("net.tflite: ", "--mean", "--std")),
        (["--labels", "labels.txt", "--std", "0"], ("--std is 0,",)),
        (["--labels", "labels.txt", "--std", "nan"], ("--std is nan,",)),
        (["--labels", "labels.txt", "--std", "1e-50"], ("--std is 1e-50,",)),
        (["--labels", "labels.txt", "--mean", "inf"], ("--mean is inf,",)),
        (["--labels", "two.txt", "--std", "1"], ("two.txt", "2 labels", "3 outputs")),
        (["--labels", "two.txt", "--std", "1", "--output", "sigmoid"], ("two.txt", "2 labels", "3 outputs")),
    ],
)
def test_hints_that_do_not_fit_are_refused(
    options: list[str], facts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5, 0.3])).relative_to(tmp_path)
    labels_file(tmp_path)
    (tmp_path / "two.txt").write_text("a\nb\n")
    monkeypatch.chdir(tmp_path)
    given = parser().parse_args(["classify", "net.tflite", "image.png", *options])
    with pytest.raises(UserError) as raised:
        Classifier(network, Overrides(given.labels, given.mean, given.std, given.fit, given.output))
    says(str(raised.value), *facts)


def test_hints_that_do_not_fit_through_the_command_line(command: Run, tmp_path: Path, image: Path) -> None:
    crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5, 0.3]))
    words = ("device", "classify", "net.tflite", image, "--labels", "labels.txt", "--json", "out.json")
    labels_file(tmp_path)
    says(refusal(command(*words, "--std", "nan")), "--std is nan,")
    labels_file(tmp_path, "a\nb\n")
    says(refusal(command(*words, "--std", "1")), "2 labels", "3 outputs")
    assert not (tmp_path / "out.json").exists()


def test_hints_beside_a_card_are_refused(command: Run, image: Path, tmp_path: Path) -> None:
    labels = labels_file(tmp_path)
    said = refusal(command("device", "classify", model("int8"), image, "--labels", labels, "--std", "1"))
    says(said, f"{model('int8')}: ", "--labels --std")


def test_a_card_that_does_not_fit_its_network_is_refused(command: Run, tmp_path: Path) -> None:
    network = crafted.constant([0.2, 0.5, 0.3])
    good = crafted.card(("a", "b", "c"), (4, 6))
    Classifier(with_card(tmp_path / "net.tflite", network, good))
    with_card(tmp_path / "net.tflite", network, replace(good, input=InputSpec(6, 4)))
    says(refusal(command("device", "info", "net.tflite")), "net.tflite: ", "6x4", "4x6")
    with_card(tmp_path / "net.tflite", network, replace(good, labels=("a", "b")))
    says(refusal(command("device", "info", "net.tflite")), "net.tflite: ", "2 labels", "3 outputs")


TWO_INPUTS = crafted.constant([0.5, 0.5], End(), End())
NETWORKS = {
    "two inputs": (TWO_INPUTS, ("2 inputs", "input_1 [1, 4, 6, 3]", "input_2 [1, 4, 6, 3]")),
    "rank 2": (crafted.constant([1], End((1, 10))), ("[1, 10]", "[1, height, width, 3]")),
    "gray": (crafted.constant([1], End((1, 8, 8, 1))), ("[1, 8, 8, 1]", "[1, height, width, 3]")),
    "a batch": (crafted.constant([1], End((2, 8, 8, 3))), ("[2, 8, 8, 3]", "[1, height, width, 3]")),
    "float64": (crafted.constant([1], End(dtype="float64")), ("float64", "float32, uint8 or int8")),
    "no scale": (crafted.constant([1], End(dtype="uint8")), ("uint8 input", "scale")),
    "no output scale": (
        crafted.constant([1, 2], output=End((1, 2), "int8")),
        ("int8 output", "scale"),
    ),
    "a map of features": (
        crafted.constant([1, 2, 3, 4], output=End((1, 1, 2, 2))),
        ("[1, 1, 2, 2]", "[1, labels]"),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_no_image_classifier_is_refused(name: str, tmp_path: Path) -> None:
    network, facts = NETWORKS[name]
    path = crafted.write(tmp_path / "net.tflite", network)
    with pytest.raises(UserError) as raised:
        Classifier(path, FLOAT, labels=False)
    says(str(raised.value), f"{path}: ", *facts)


def test_a_network_of_two_inputs_through_the_command_line(command: Run, image: Path, tmp_path: Path) -> None:
    crafted.write(tmp_path / "two.tflite", TWO_INPUTS)
    said = refusal(command("device", "classify", "two.tflite", image, "--std", 1))
    says(said, "two.tflite: ", "2 inputs")


# Third parties' files.


@pytest.mark.parametrize("name", ["mobilenet_v2_1.0_224_quant", "tf2_mobilenet_v2_1.0_224_ptq"])
def test_mobilenet_with_the_labels_inside_it(name: str) -> None:
    classifier = Classifier(shared(f"models/{name}.tflite"))
    assert "labels from " in classifier.notes[0] and classifier.notes[0].endswith(".txt inside it")
    answer = classifier.classify(images.read(shared("images/cat.bmp")))
    assert classifier.top(answer.scores, 1)[0].label == "Egyptian cat"


def test_mobilenet_with_labels_from_a_file() -> None:
    overrides = Overrides(shared("models/imagenet_labels.txt"))
    classifier = Classifier(shared("models/mobilenet_v2_1.0_224_quant.tflite"), overrides)
    answer = classifier.classify(images.read(shared("images/cat.bmp")))
    assert classifier.top(answer.scores, 1)[0].label == "Egyptian cat"


def test_an_int8_network_of_0_to_255(tmp_path: Path) -> None:
    labels = labels_file(tmp_path, "".join(f"{label}\n" for label in CIFAR10))
    classifier = Classifier(shared("models/pretrainedResnet_quant.tflite"), Overrides(labels))
    assert (classifier.card.labels, classifier.input.dtype) == (CIFAR10, np.int8)
    assert "int8 input" in classifier.notes[-1]
    answer = classifier.classify(images.read(shared("images/cat.bmp")))
    assert classifier.top(answer.scores, 1)[0].label == "cat"
