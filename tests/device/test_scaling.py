"""Mean and std for each channel: what the network is fed, from options and metadata, and in a stream of frames."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device.__main__ import parser
from device.check.mismatches import classic
from device.commands import options
from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model import card as cards
from device.model.card import InputSpec
from device.model.channels import SCALINGS, Channels
from export.card import metadata
from tests.conftest import Run
from tests.device import crafted
from tests.device.crafted import End

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
RANDOM = np.random.default_rng(1).integers(0, 256, (24, 40, 3), np.uint8)
SHAPE = (1, 24, 40, 3)
SPECS: tuple[tuple[Channels, Channels], ...] = ((MEAN, STD), (MEAN, 57.0), (0.0, STD), (127.5, 64.0))


def formula(image: npt.NDArray[np.uint8], mean: Channels, std: Channels) -> npt.NDArray[np.float32]:
    return np.asarray(
        (image.astype(np.float32) - np.asarray(mean, np.float32)) / np.asarray(std, np.float32), np.float32
    )


def load(folder: Path, end: End, mean: Channels | None = None, std: Channels | None = None) -> Classifier:
    path = crafted.write(folder / "net.tflite", crafted.constant([1, 2], end))
    return Classifier(path, Overrides(mean=mean, std=std), labels=False)


def two_labels(folder: Path) -> Overrides:
    (folder / "labels.txt").write_text("a\nb\n")
    return Overrides(folder / "labels.txt")


@pytest.mark.parametrize(("mean", "std"), SPECS)
def test_float_numbers_are_the_formula_to_the_last_bit(mean: Channels, std: Channels, tmp_path: Path) -> None:
    classifier = load(tmp_path, End(SHAPE), mean, std)
    for image in (RANDOM, RANDOM[::-1, ::-1].copy(), np.broadcast_to(np.array([0, 128, 255], np.uint8), RANDOM.shape)):
        image = np.ascontiguousarray(image)
        image.flags.writeable = False  # as the rows of a cache are
        tensor = classifier.preprocessor.tensor(image)
        assert (tensor.dtype, tensor.shape) == (np.float32, SHAPE)
        assert np.array_equal(tensor[0], formula(image, mean, std))


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("mean", "std"), SPECS)
def test_codes_are_the_formula(dtype: str, mean: Channels, std: Channels, tmp_path: Path) -> None:
    limits, scale, zero_point = np.iinfo(dtype), 0.02, int(np.iinfo(dtype).min) + 110
    tensor = load(tmp_path, End(SHAPE, dtype, scale, zero_point), mean, std).preprocessor.tensor(RANDOM)
    codes = np.clip(np.round(formula(RANDOM, mean, std) / np.float32(scale)) + zero_point, limits.min, limits.max)
    assert tensor.dtype == np.dtype(dtype)
    assert np.array_equal(tensor[0], codes)


@pytest.mark.parametrize("end", [End(SHAPE), End(SHAPE, "uint8", 0.02, 110), End(SHAPE, "int8", 0.02, -18)])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_a_frame_becomes_the_same_bytes(end: End, color: str, tmp_path: Path) -> None:
    classifier = load(tmp_path, end, MEAN, STD)
    path, random = classifier.preprocessor.stream(), np.random.default_rng(2)
    for size in ((90, 160), (24, 40), (500, 375)):
        image = random.integers(0, 256, (*size, 3), np.uint8)
        rgb = image if color == "RGB" else image[:, :, ::-1].copy()
        tensor = path(image, color)  # type: ignore[arg-type]
        assert np.array_equal(tensor, classifier.preprocessor(rgb))
    kept = path(RANDOM, "RGB")
    path(RANDOM[::-1].copy(), "RGB")
    assert np.array_equal(kept, classifier.preprocessor.tensor(RANDOM)), "the next frame left it alone"


def test_metadata_of_a_float_input_says_it(tmp_path: Path) -> None:
    network = crafted.constant([1, 2], End(SHAPE))
    card = crafted.card(None, SHAPE[1:3], input=InputSpec(24, 40, mean=MEAN, std=STD))
    path = crafted.write(tmp_path / "net.tflite", metadata.embed(network, card))
    classifier = Classifier(path, two_labels(tmp_path))
    np.testing.assert_allclose(classifier.preprocessor.tensor(RANDOM)[0], formula(RANDOM, MEAN, STD), rtol=1e-6)
    assert "123.675,116.28,103.53" in classifier.notes[-1] and "58.395,57.12,57.375" in classifier.notes[-1]


def test_metadata_of_a_quantized_input_says_it_where_its_codes_span_the_same(tmp_path: Path) -> None:
    low, high = -MEAN[0] / STD[0], (255 - MEAN[2]) / STD[2]
    scale = (high - low) / 255
    card = crafted.card(None, SHAPE[1:3], input=InputSpec(24, 40, mean=MEAN, std=STD))
    for step, fits in ((scale, True), (1.2 * scale, False)):
        network = crafted.constant([1, 2], End(SHAPE, "uint8", step, round(-low / step)))
        path = crafted.write(tmp_path / "net.tflite", metadata.embed(network, card))
        if not fits:
            with pytest.raises(UserError, match="give --mean and --std"):
                Classifier(path, two_labels(tmp_path))
            continue
        codes = np.round(formula(RANDOM, MEAN, STD) / step) + round(-low / step)
        fed = Classifier(path, two_labels(tmp_path)).preprocessor.tensor(RANDOM)[0]
        assert np.abs(fed - codes.clip(0, 255)).max() <= 1


def test_a_mismatch_replaces_three_numbers_by_one(tmp_path: Path) -> None:
    classifier = load(tmp_path, End(SHAPE), MEAN, STD)
    ways = {mismatch.name: mismatch for mismatch in classic(classifier.card.input)}
    assert {"0..255", "0..1", "-1..1"} <= set(ways)
    fed = ways["-1..1"].applied(classifier)
    assert np.array_equal(fed.preprocessor.tensor(RANDOM)[0], formula(RANDOM, 127.5, 127.5))
    assert np.array_equal(classifier.preprocessor.tensor(RANDOM)[0], formula(RANDOM, MEAN, STD))


# By name.


def of_command_line(*words: object) -> Overrides:
    return options.overrides(parser().parse_args(["classify", "net.tflite", "image.png", *map(str, words)]))


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("end", [End(SHAPE), End(SHAPE, "uint8", 2.0, 128), End(SHAPE, "int8", 2.0, 0)])
def test_a_name_stands_for_mean_std_and_order(name: str, end: End, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1, 2], end))
    classifier = Classifier(path, of_command_line("--scaling", name), labels=False)
    named = SCALINGS[name]
    numbers = formula(RANDOM, named.mean, named.std)[:, :, :: -1 if name == "caffe" else 1]
    if end.scale:
        limits = np.iinfo(end.dtype)
        numbers = np.clip(np.round(numbers / np.float32(end.scale)) + end.zero_point, limits.min, limits.max)
    tensor = classifier.preprocessor.tensor(RANDOM)
    assert tensor.dtype == np.dtype(end.dtype) and np.array_equal(tensor[0], numbers)
    frame = np.ascontiguousarray(RANDOM[:, :, ::-1])
    assert np.array_equal(classifier.preprocessor.stream()(frame, "BGR"), tensor)
    assert f"--scaling {name}" in classifier.notes[-1]


def test_the_published_numbers() -> None:
    """torchvision's, whose means and deviations are of 0..1; Keras' preprocess_input of mode 'caffe'."""
    imagenet, caffe = SCALINGS["imagenet"], SCALINGS["caffe"]
    assert imagenet.mean == pytest.approx([255 * mean for mean in (0.485, 0.456, 0.406)])
    assert imagenet.std == pytest.approx([255 * std for std in (0.229, 0.224, 0.225)])
    assert (caffe.mean, caffe.std, caffe.color) == ((123.68, 116.779, 103.939), 1.0, "BGR")


def test_a_name_and_numbers_beside_it(tmp_path: Path) -> None:
    assert Overrides(scaling="0..1", std=255.0).given() == ["--scaling"]
    for given in ({"mean": 1.0}, {"std": 2.0}, {"mean": MEAN, "std": STD}):
        with pytest.raises(UserError, match=r"--scaling 0\.\.1 "):
            Overrides(scaling="0..1", **given)
    with pytest.raises(UserError, match="imagenet, caffe"):
        Overrides(scaling="zero to one")
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([1, 2], End(SHAPE)))
    with pytest.raises(UserError, match="export"):
        Classifier(path, Overrides(scaling="auto"), labels=False)


# Through the command line.


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--mean", "1,2", "--std", "1"), "'1,2'"),
        (("--mean", "1,2,3,4", "--std", "1"), "'1,2,3,4'"),
        (("--mean", "123,7", "--std", "58"), "'123,7'"),
        (("--mean", "0", "--std", "a,b,c"), "'a,b,c'"),
        (("--mean", "0", "--std", "58,0,57"), "58,0,57"),
        (("--mean", "0", "--std", "58,nan,57"), "58,nan,57"),
        (("--mean", "1,2,inf", "--std", "58"), "1,2,inf"),
        # PyTorch's numbers are for pixels 0..1: taken as they are, the scores would be wrong in silence.
        (("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"), "123.675,116.28,103.53"),
        (("--mean", "0.5", "--std", "0.5"), "--mean 127.5 --std 127.5"),
        (("--scaling", "imagenet", "--std", "1"), "--scaling imagenet"),
        (("--scaling", "auto"), "'auto'"),
    ],
)
def test_what_is_no_scaling_is_refused_and_named(
    options: tuple[str, ...], named: str, command: Run, tmp_path: Path
) -> None:
    crafted.write(tmp_path / "net.tflite", crafted.constant([1, 2], End(SHAPE)))
    (tmp_path / "labels.txt").write_text("a\nb\n")
    (tmp_path / "image.png").write_bytes(images.encode_png(RANDOM))
    done = command("device", "classify", "net.tflite", "image.png", "--labels", "labels.txt", *options)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert named in done.stderr.splitlines()[-1]


def test_info_shows_a_card_s_three_numbers(command: Run, tmp_path: Path) -> None:
    card = crafted.card(("a", "b"), SHAPE[1:3], input=InputSpec(24, 40, mean=MEAN, std=STD))
    crafted.write(tmp_path / "net.tflite", cards.append_archive(crafted.constant([1, 2], End(SHAPE)), card, {}))
    done = command("device", "info", "net.tflite")
    assert done.returncode == 0, done.stderr
    assert "(pixel - 123.675,116.28,103.53) / 58.395,57.12,57.375" in done.stdout
