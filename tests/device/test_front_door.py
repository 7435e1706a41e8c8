"""`from device import Classifier`: what a Python program may give as an image, and what it gets."""

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pil

import device
from device import Classifier, ImageError, UserError
from device.images import images
from device.inference.preprocess import Preprocessor
from tests import drawing
from tests.conftest import model
from tests.device import crafted


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(str(model("int8")))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """An image that isn't upright in its file: EXIF says how it is to be turned."""
    path = tmp_path / "photo.jpg"
    image = Pil.fromarray(drawing.shape("triangle", np.random.default_rng(5), (60, 80)))
    exif = Pil.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif, quality=95)
    return path


def same(one: Any, other: Any) -> bool:
    return bool(np.array_equal(one.scores, other.scores))


def test_public_names_are_there_and_loaded_when_they_are_asked_for() -> None:
    assert set(device.__all__) <= set(dir(device))
    assert {getattr(device, name).__name__ for name in device.__all__} == set(device.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        device.Nothing  # noqa: B018


def test_every_form_of_an_image_is_the_same_image(classifier: Classifier, photo: Path) -> None:
    expected = classifier.classify(images.read(photo))
    rgb = images.read(photo)
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    for image in (str(photo), photo, os.fspath(photo), photo.read_bytes(), bytearray(photo.read_bytes()), rgb):
        assert same(classifier(image), expected), type(image)
    assert same(classifier(bgr, color="BGR"), expected) and not same(classifier(bgr), expected)
    # Without a loss, so that PIL's decoder and OpenCV's give the same pixels.
    for mode in ("RGB", "L", "RGBA", "P"):
        coded = io.BytesIO()
        Pil.fromarray(rgb).convert(mode).save(coded, "png")
        assert same(classifier(Pil.open(coded)), classifier(coded.getvalue())), mode
    turned = io.BytesIO()
    exif = Pil.Exif()
    exif[0x0112] = 8
    Pil.fromarray(rgb).save(turned, "png", exif=exif)
    assert same(classifier(Pil.open(turned)), classifier(turned.getvalue()))
    assert not same(classifier(Pil.open(turned)), classifier(rgb)), "it was turned"


def test_a_prediction(classifier: Classifier, photo: Path) -> None:
    prediction = classifier(photo)
    assert set(prediction.timings_ms) == {"decode", "preprocess", "invoke", "postprocess"}
    best = prediction.top(2)
    assert (prediction.label, prediction.score) == (best[0].label, best[0].score) and best[0].score >= best[1].score
    assert prediction.labels == drawing.LABELS and not prediction.is_unknown
    unsure = device.Prediction(prediction.scores, prediction.labels, unknown_below=1.1)
    assert unsure.is_unknown and "<caption>unknown" in unsure._repr_html_()
    odd = device.Prediction(np.array([2.0, -1.0], np.float32), ("<b>", "&"))
    assert "&lt;b&gt;" in odd._repr_html_() and "<b>" not in odd._repr_html_()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("none.jpg", "none.jpg: "),
        (b"", "image's bytes: .*empty"),
        (b"text", "image's bytes: .*decoded"),
        (np.zeros((4, 6), np.uint8), r"uint8 and shape \(4, 6\),"),
        (np.zeros((4, 6, 3), np.float32), "float32"),
        (np.zeros((4, 6, 4), np.uint8), r"shape \(4, 6, 4\)"),
        (np.zeros((0, 6, 3), np.uint8), r"shape \(0, 6, 3\)"),
        (Pil.new("I;16", (4, 4)), "mode I;16, expected 8 bits"),
        (Pil.new("F", (4, 4)), "mode F"),
        (None, "type NoneType, "),
        ([[1, 2]], "type list, "),
    ],
)
def test_what_is_no_image_is_refused(classifier: Classifier, image: Any, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        classifier(image)


def test_an_order_of_channels_that_there_is_not(classifier: Classifier) -> None:
    with pytest.raises(ImageError, match="'GBR', expected RGB"):
        classifier(np.zeros((4, 6, 3), np.uint8), color="GBR")  # type: ignore[arg-type]


def test_map_answers_in_order_and_lazily(classifier: Classifier, tmp_path: Path) -> None:
    drawn = drawing.shapes(40, seed=3)
    paths = [tmp_path / f"{number}.png" for number in range(len(drawn))]
    for path, (_, image) in zip(paths, drawn, strict=True):
        cv2.imwrite(str(path), image[:, :, ::-1])
    asked = []

    def images() -> Any:
        for path in paths:
            asked.append(path)
            yield path

    found = classifier.map(images())
    assert asked == [], "nothing is read before it is asked for"
    first = next(found)
    assert 0 < len(asked) < len(paths)
    each = [first, *found]
    assert len(each) == len(paths) and all(same(one, classifier(path)) for one, path in zip(each, paths, strict=True))
    mixed = classifier.map([paths[0], tmp_path / "none.png", paths[1]])
    assert same(next(mixed), each[0])
    with pytest.raises(ImageError, match=r"none\.png"):
        next(mixed)


def test_a_third_party_file_asks_for_what_it_does_not_say(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.8]))
    with pytest.raises(UserError, match="--mean"):
        Classifier(path)
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\n")
    known = Classifier(os.fspath(path), device.Overrides(labels=labels, mean=0.0, std=255.0))
    assert known(np.zeros((4, 6, 3), np.uint8)).label == "dog"


def test_threads_that_share_a_classifier_wait_for_one_another(classifier: Classifier) -> None:
    """Two that preprocess at once would meet here: each then reads what the other's image gave."""
    both, met = threading.Barrier(2), []

    class Meeting(Preprocessor):
        def __call__(self, image: Any) -> Any:
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)
                met.append(image)
            return super().__call__(image)

    shared = classifier.fed_by(Meeting(classifier.preprocessor.spec, classifier.preprocessor.input))
    drawn = [image for _, image in drawing.shapes(2, seed=4)]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(shared, drawn))
    assert met == [] and all(same(one, classifier(image)) for one, image in zip(found, drawn, strict=True))


def test_a_classifier_may_be_called_while_it_maps(classifier: Classifier) -> None:
    drawn = [image for _, image in drawing.shapes(30, seed=5)]
    expected = [classifier(image) for image in drawn]
    for i, prediction in enumerate(classifier.map(drawn)):
        assert same(prediction, expected[i]) and same(classifier(drawn[-1 - i]), expected[-1 - i])


@pytest.mark.parametrize("mean", [[100, 110, 120], (100.0, 110.0, 120.0), np.array([100, 110, 120])])
def test_overrides_as_programs_have_them(mean: Any, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.echo())
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    given: Any = {"labels": str(tmp_path / "labels.txt"), "mean": mean, "std": np.float32(2)}
    prediction = Classifier(path, device.Overrides(**given))(np.full((4, 6, 3), (110, 150, 130), np.uint8))
    assert prediction.label == "green" and prediction.scores.tolist() == [5, 20, 5]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fit": "zoom"}, "fit is 'zoom', expected one of crop, stretch, pad"),
        ({"output": "words"}, "output is 'words', expected one of softmax, sigmoid, logits"),
        ({"mean": "127.5"}, "mean is '127.5', expected a number"),
        ({"std": [1, 2]}, r"std is \[1, 2\], expected a number, or three"),
        ({"mean": True}, "mean is True, expected"),
        ({"size": 224}, r"size is 224, expected \(height, width\)"),
        ({"size": (0, 224)}, r"size is \(0, 224\)"),
    ],
)
def test_overrides_that_mean_nothing(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        device.Overrides(**given)


def test_what_is_no_overrides_is_named() -> None:
    with pytest.raises(UserError, match=r"overrides is 'labels\.txt', expected Overrides"):
        Classifier(model("int8"), "labels.txt")  # type: ignore[arg-type]


@pytest.mark.parametrize("one", ["images", Path("images"), b"..."])
def test_map_takes_several_images(classifier: Classifier, one: Any) -> None:
    with pytest.raises(UserError, match=r"images is .*, expected several"):
        classifier.map(one)
