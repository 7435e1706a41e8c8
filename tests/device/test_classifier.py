"""An image in, scores out: what the network is fed, and what its answer is read as."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model.card import InputSpec, OutputSpec
from device.model.variants import DEFAULT
from tests import drawing
from tests.conftest import model
from tests.device import crafted
from tests.device.crafted import End
from tests.device.refusals import with_card

RANDOM = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)


def load(folder: Path, network: bytes, **overrides: Any) -> Classifier:
    return Classifier(crafted.write(folder / "net.tflite", network), Overrides(**overrides), labels=False)


@pytest.mark.parametrize("variant", DEFAULT)
def test_the_committed_models_know_their_shapes(variant: str) -> None:
    classifier = Classifier(model(variant))
    assert classifier.notes == []
    assert (classifier.card.labels, classifier.size) == (drawing.LABELS, (16, 16))
    right = 0
    for label, image in drawing.shapes(30, seed=77):
        answer = classifier.classify(image)
        assert answer.scores.shape == (3,) and answer.scores.dtype == np.float32
        assert answer.scores.sum() == pytest.approx(1, abs=0.02)
        assert min(answer.timings_ms.values()) > 0 and len(answer.timings_ms) == 3
        right += classifier.top(answer.scores, 1)[0].label == label
    assert right >= 28


# What the network is fed.


def formula(image: npt.NDArray[np.uint8], mean: float, std: float) -> npt.NDArray[np.float32]:
    return np.asarray((image.astype(np.float32) - np.float32(mean)) / np.float32(std), np.float32)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.0, 255.0), (127.5, 127.5), (123.68, -58.4)])
def test_float_numbers_are_the_formula(mean: float, std: float, tmp_path: Path) -> None:
    tensor = load(tmp_path, crafted.constant([1]), mean=mean, std=std).preprocessor.tensor(RANDOM)
    assert (tensor.dtype, tensor.shape) == (np.float32, (1, 4, 6, 3))
    assert np.array_equal(tensor[0], formula(RANDOM, mean, std))


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("scale", "zero_point"), [(1.0, 0), (1 / 255, 0), (2 / 255, 128)])
def test_codes_are_pixels_where_the_range_is_known(dtype: str, scale: float, zero_point: int, tmp_path: Path) -> None:
    lowest = np.iinfo(dtype).min
    classifier = load(tmp_path, crafted.constant([1], End((1, 4, 6, 3), dtype, scale, zero_point + lowest)))
    tensor = classifier.preprocessor.tensor(RANDOM)
    assert tensor.dtype == np.dtype(dtype)
    assert np.array_equal(tensor[0], RANDOM.astype(int) + lowest)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(
    ("mean", "std", "scale", "zero_point"), [(0.0, 255.0, 0.02, 60), (127.5, 127.5, 0.02, 60), (0.0, 1.0, 0.5, -10)]
)
def test_codes_are_the_formula_where_it_is_given(
    dtype: str, mean: float, std: float, scale: float, zero_point: int, tmp_path: Path
) -> None:
    limits = np.iinfo(dtype)
    zero_point += int(limits.min)
    if not limits.min <= zero_point:
        zero_point = int(limits.min)
    network = crafted.constant([1], End((1, 4, 6, 3), dtype, scale, zero_point))
    tensor = load(tmp_path, network, mean=mean, std=std).preprocessor.tensor(RANDOM)
    expected = np.clip(np.round(formula(RANDOM, mean, std) / np.float32(scale)) + zero_point, limits.min, limits.max)
    assert tensor.dtype == np.dtype(dtype)
    assert np.array_equal(tensor[0], expected)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "overrides", "scores"),
    [
        ("float32", 0.0, 0, {"mean": 0.0}, (10, 200, 255)),
        ("float32", 0.0, 0, {"mean": 5.0, "std": 10.0}, (0.5, 19.5, 25)),
        ("uint8", 1.0, 0, {}, (10, 200, 255)),
        ("int8", 1.0, -128, {}, (10, 200, 255)),
        ("int8", 0.5, 0, {"mean": 200.0, "std": 2.0}, (-64, 0, 27.5)),  # -95 is below the lowest code
    ],
)
def test_red_green_and_blue_arrive_as_themselves(
    dtype: str, scale: float, zero_point: int, overrides: dict[str, float], scores: tuple[float, ...], tmp_path: Path
) -> None:
    """Through a network that answers with what it was fed."""
    classifier = load(tmp_path, crafted.echo(dtype, scale, zero_point), **overrides)
    image = np.full((9, 7, 3), (10, 200, 255), np.uint8)
    assert classifier.classify(image).scores.tolist() == list(scores)


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_a_view_into_a_larger_image_is_fed_as_a_copy_is(variant: str) -> None:
    """A crop that needs no resize reaches the interpreter as a view with strides of the whole."""
    whole = np.random.default_rng(3).integers(0, 256, (16, 40, 3), np.uint8)
    classifier = Classifier(model(variant))
    prepared = classifier.preprocessor.resize(whole)
    assert prepared.shape == (16, 16, 3) and not prepared.flags.c_contiguous
    expected = classifier.classify(np.ascontiguousarray(whole[:, 12:28])).scores
    assert np.array_equal(classifier.classify(whole).scores, expected)


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_an_image_is_made_to_fit_as_the_card_says(fit: str, tmp_path: Path) -> None:
    card = crafted.card(("a", "b"), (4, 6), input=InputSpec(4, 6, fit=fit))  # type: ignore[arg-type]
    classifier = Classifier(with_card(tmp_path / "net.tflite", crafted.constant([0.25, 0.75]), card))
    image = np.random.default_rng(4).integers(0, 256, (30, 20, 3), np.uint8)
    expected = images.preprocess(image, (4, 6), fit)  # type: ignore[arg-type]
    assert np.array_equal(classifier.preprocessor.resize(image), expected)


# What the answer is read as.


@pytest.mark.parametrize(
    ("codes", "end", "scores"),
    [
        ([0, 64, 255], End((1, 3), "uint8", 1 / 256, 0), [0, 0.25, 255 / 256]),
        ([-128, -64, 127], End((1, 3), "int8", 1 / 256, -128), [0, 0.25, 255 / 256]),
        ([0, 100, 255], End((1, 3), "uint8", 0.5, 100), [-50, 0, 77.5]),
        ([-3.5, 0.125, 8], End((1, 3)), [-3.5, 0.125, 8]),
    ],
)
def test_quantized_scores_become_numbers(codes: list[float], end: End, scores: list[float], tmp_path: Path) -> None:
    classifier = load(tmp_path, crafted.constant(codes, output=end), mean=0.0, output="logits")
    answer = classifier.classify(RANDOM)
    assert answer.scores.dtype == np.float32
    assert answer.scores.tolist() == scores


def test_one_sigmoid_is_the_probability_of_the_second_label(tmp_path: Path) -> None:
    for network in (crafted.constant([0.25]), crafted.constant([64], output=End((1, 1), "uint8", 1 / 256, 0))):
        assert load(tmp_path, network, mean=0.0).classify(RANDOM).scores.tolist() == [0.75, 0.25]
    card = crafted.card(("cat", "dog"), (4, 6), output=OutputSpec("sigmoid"))
    classifier = Classifier(with_card(tmp_path / "card.tflite", crafted.constant([0.25]), card))
    assert [ranked.label for ranked in classifier.top(classifier.classify(RANDOM).scores, 2)] == ["cat", "dog"]


def test_the_best_labels_come_first_and_ties_in_output_order(tmp_path: Path) -> None:
    scores = [0.1, 0.3, 0.1, 0.5]
    card = crafted.card(("a", "b", "c", "d"), (4, 6))
    classifier = Classifier(with_card(tmp_path / "net.tflite", crafted.constant(scores), card))
    answer = classifier.classify(RANDOM)
    top = classifier.top(answer.scores, 10)
    assert [(ranked.label, ranked.index) for ranked in top] == [("d", 3), ("b", 1), ("a", 0), ("c", 2)]
    assert [ranked.score for ranked in top] == pytest.approx([0.5, 0.3, 0.1, 0.1])
    assert [ranked.label for ranked in classifier.top(answer.scores, 2)] == ["d", "b"]


def test_many_equal_scores_keep_output_order(tmp_path: Path) -> None:
    labels = tuple(f"label{i}" for i in range(200))
    network = crafted.constant([0.25, 0.75] * 100)
    classifier = Classifier(with_card(tmp_path / "net.tflite", network, crafted.card(labels, (4, 6))))
    top = classifier.top(classifier.classify(RANDOM).scores, 200)
    assert [ranked.index for ranked in top] == [*range(1, 200, 2), *range(0, 200, 2)]


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(UserError, match="there is no such model file"):
            Classifier(path)


def test_labels_are_asked_for_unless_they_are_not_wanted(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1, 2]))
    with pytest.raises(UserError, match="has no labels; give --labels FILE"):
        Classifier(path, Overrides(mean=0.0))
    assert Classifier(path, Overrides(mean=0.0), labels=False).card.labels is None


def test_two_threads_answer_as_one_does() -> None:
    one, two = Classifier(model("float32")), Classifier(model("float32"), threads=2)
    for _, image in drawing.shapes(3, seed=5):
        assert two.classify(image).scores == pytest.approx(one.classify(image).scores, abs=1e-6)
