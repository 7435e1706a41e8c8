"""`from device import Classifier`: what a Python program may give as an image, and what it gets."""

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pil

import device
from device import Classifier, ImageError, UserError
from device.images import images
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
