"""Class activation maps: they add up to the logits, show what is known, and are refused where they can't."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device import Explainer, Overrides, UserError
from device.data.folders import Labeled
from device.explain import overlay, sheet
from device.images import images
from device.model import card as cards
from device.model.card import OutputSpec
from device.model.variants import DEFAULT
from tests import drawing, foreign, pooled
from tests.conftest import ROOT, Run, environment, model, shared
from tests.device import crafted

CIFAR10 = ROOT / "device/models/cifar10_int8.tflite"
COLORS = ("red", "green", "blue")
Pixels = npt.NDArray[np.uint8]


def colors(path: Path, ends: tuple[str, ...] = COLORS) -> Path:
    """The mean of red, of green and of blue over the image: what a place gives to a label is its own pixel."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(crafted.summing((1, 8, 8, 3), None)))
    code = tree.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MEAN
    network = bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    card = crafted.card(ends, (8, 8), output=OutputSpec("logits"))
    return crafted.write(path, cards.append_archive(network, card, {}))


def red_corner() -> Pixels:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:3, 5:, 0] = 255
    image[4:, :, 1] = 10
    return image


def softmax(logits: list[float]) -> list[float]:
    powers = np.exp(np.array(logits) - max(logits))
    return list(powers / powers.sum())


def test_a_map_is_what_each_place_gives(tmp_path: Path) -> None:
    explanation = Explainer(colors(tmp_path / "net.tflite"))(red_corner(), "green")
    assert explanation.label == "red" and [each.label for each in explanation.maps] == ["red", "green"]
    for number, each in enumerate(explanation.maps):
        assert np.array_equal(each.values, red_corner()[:, :, number].astype(np.float32))
        assert each.logit == pytest.approx(float(red_corner()[:, :, number].mean())) and each.bias == 0


@pytest.mark.parametrize("ends", ["dense", "convolution", "first_convolution"])
def test_maps_add_up_to_the_logits_and_those_to_the_scores(ends: Any, tmp_path: Path) -> None:
    explainer = Explainer(pooled.write(tmp_path / "net.tflite", pooled.network(ends)))
    usual = Explainer(pooled.write(tmp_path / "usual.tflite", pooled.network()))
    for label, image in drawing.shapes(6, 5):
        maps = {}
        for asked in drawing.LABELS:
            found = explainer(image, asked)
            (maps[asked],) = (each for each in found.maps if each.label == asked)
            assert found.image.shape == (16, 16, 3)
        for each in maps.values():
            assert each.values.shape == (4, 4)
            assert float(each.values.mean()) + each.bias == pytest.approx(each.logit, abs=1e-3)
        scores = softmax([maps[each].logit for each in drawing.LABELS])
        assert scores == pytest.approx([maps[each].score for each in drawing.LABELS], abs=1e-4)
        (expected,) = (each for each in usual(image, label).maps if each.label == label)
        total = expected.values + expected.bias
        assert maps[label].values + maps[label].bias == pytest.approx(total, abs=1e-3)


def test_of_one_sigmoid_the_labels_have_opposite_maps(tmp_path: Path) -> None:
    labels = ("circle", "other")
    path = pooled.write(tmp_path / "net.tflite", pooled.network("sigmoid"), labels=labels)
    first, second = Explainer(path)(drawing.shapes(1, 2)[0][1], "other").maps
    if first.label == "other":
        first, second = second, first
    explanation = Explainer(path)(drawing.shapes(1, 2)[0][1], "circle")
    asked = {each.label: each for each in (*explanation.maps, first, second)}
    assert np.array_equal(asked["circle"].values, -asked["other"].values)
    assert 1 / (1 + np.exp(-asked["other"].logit)) == pytest.approx(asked["other"].score, abs=1e-4)


@pytest.mark.parametrize(
    ("ends", "found"),
    [
        ("hidden", "MEAN, FULLY_CONNECTED, FULLY_CONNECTED, SOFTMAX"),
        ("wide", "AVERAGE_POOL_2D, CONV_2D, SOFTMAX"),
        ("maximum", "MAX_POOL_2D, FULLY_CONNECTED, SOFTMAX"),
    ],
)
def test_another_network_is_refused_with_what_it_ends_in(ends: Any, found: str, tmp_path: Path) -> None:
    path = pooled.write(tmp_path / "net.tflite", pooled.network(ends))
    with pytest.raises(UserError, match=f"{found}; expected"):
        Explainer(path)


@pytest.mark.parametrize("variant", DEFAULT)
def test_flattened_features_are_refused(variant: str) -> None:
    with pytest.raises(UserError, match="RESHAPE, FULLY_CONNECTED, SOFTMAX"):
        Explainer(model(variant))


def test_a_dense_layer_that_clips_is_found_out(tmp_path: Path) -> None:
    """Its operators are the right ones; that maps don't add up shows with an image."""
    explainer = Explainer(pooled.write(tmp_path / "net.tflite", pooled.network("relu")))
    with pytest.raises(UserError, match="weighted sum"):
        for _, image in drawing.shapes(12, 3):
            explainer(image)


def test_a_map_of_one_place_is_refused(tmp_path: Path) -> None:
    """A network whose strides leave nothing of the image tells no places apart."""
    network = bytearray(crafted.summing((1, 1, 1, 3), None))
    tree = flatbuffer_utils.read_model_from_bytearray(network)
    tree.operatorCodes[0].builtinCode = tree.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.MEAN
    body = bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    card = crafted.card(COLORS, (1, 1), output=OutputSpec("logits"))
    with pytest.raises(UserError, match="1x1"):
        Explainer(crafted.write(tmp_path / "net.tflite", cards.append_archive(body, card, {})))


def test_an_int8_file_within_its_steps() -> None:
    explainer = Explainer(CIFAR10)
    for _, image in drawing.shapes(3, 4, (64, 64)):
        (shown,) = explainer(image).maps
        assert shown.values.shape[0] > 1
        assert float(shown.values.mean()) + shown.bias == pytest.approx(shown.logit, abs=0.5)
        assert shown.score == explainer.classifier(image).score


@pytest.mark.parametrize(
    ("name", "size"), [("mobilenet_v2_1.0_224_quant", 7), ("tf2_mobilenet_v2_1.0_224_ptq", 7), ("pretrainedResnet", 8)]
)
def test_files_of_others(name: str, size: int, tmp_path: Path) -> None:
    """AVERAGE_POOL_2D and a 1x1 convolution; MEAN; AVERAGE_POOL_2D, RESHAPE and a dense layer."""
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"{i}\n" for i in range(10 if size == 8 else 1001)))
    path = shared(f"models/{name}.tflite")
    explainer = Explainer(path, Overrides(labels, 0.0, 1.0 if size == 8 else 255.0))
    (shown,) = explainer(shared("images/cat.bmp")).maps
    assert shown.values.shape == (size, size)
    assert float(shown.values.mean()) + shown.bias == pytest.approx(shown.logit, abs=0.5)


def test_a_label_that_there_is_not() -> None:
    with pytest.raises(UserError, match="no label 'zebra', expected one of airplane"):
        Explainer(CIFAR10)(drawing.shapes(1, 1)[0][1], "zebra")


# Images.


def test_heat_lies_where_the_map_is_high(tmp_path: Path) -> None:
    explanation = Explainer(colors(tmp_path / "net.tflite"))(red_corner())
    drawn = explanation.overlay()
    side = overlay.SIDE
    assert drawn.shape == (side + overlay.CAPTION, 2 * side + overlay.GAP, 3)
    plain, heated = drawn[:side, :side].astype(int), drawn[:side, side + overlay.GAP :].astype(int)
    changed = np.abs(plain - heated).sum(axis=2) > 0
    assert changed[20:100, 220:300].all() and not changed[180:, :].any()
    assert images.decode(explanation._repr_png_()).shape == drawn.shape


def test_small_images_are_enlarged_and_large_ones_reduced() -> None:
    small = np.arange(28 * 28 * 3, dtype=np.uint8).reshape(28, 28, 3)
    assert np.array_equal(overlay.at_size(small, 320)[::12, ::12], small)
    assert overlay.at_size(np.zeros((224, 448, 3), np.uint8), 112).shape == (112, 224, 3)
    assert overlay.at_size(np.zeros((350, 350, 3), np.uint8), 320).shape == (350, 350, 3)


def test_a_long_label_is_cut(tmp_path: Path) -> None:
    """The caption of a tile stays in it: the strip ends dark."""
    ends = ("red " * 30, "green", "blue")
    drawn = Explainer(colors(tmp_path / "net.tflite", ends))(red_corner()).overlay()
    strip = drawn[overlay.SIDE :, -overlay.SIDE :]
    assert (strip == 255).any() and (strip[:, -4:] == overlay.DARK).all()


def test_the_sheet_shows_wrong_answers_with_both_maps(tmp_path: Path) -> None:
    drawn = drawing.shapes(60, 9, foreign.SIZE)
    targets = np.array([drawing.LABELS.index(label) for label, _ in drawn])
    pixels, path = np.stack([image for _, image in drawn]), tmp_path / "sheet.png"
    file = pooled.write(tmp_path / "net.tflite", pooled.network())
    data = Labeled(drawing.LABELS, pixels, (targets + 1) % 3, "test", 0)
    wrong = sheet.wrong(Explainer(file), data, 1, lambda count: None)
    assert len(wrong) == sheet.MOST
    assert all(len(each.maps) == 2 and each.maps[0].score >= each.maps[1].score for each in wrong)
    assert sheet.write(file, data, path) == sheet.MOST
    first = path.read_bytes()
    assert sheet.write(file, data, path) == sheet.MOST and path.read_bytes() == first
    assert images.decode(first).shape[0] > 7 * sheet.SIDE
    answers = np.array([int(Explainer(file).classifier(image).scores.argmax()) for image in pixels[:4]])
    right = Labeled(drawing.LABELS, pixels[:4], answers, "test", 0)
    assert sheet.write(file, right, path) == 0 and not path.exists()


def test_no_sheet_of_a_network_that_is_not_explained(tmp_path: Path) -> None:
    pixels = np.stack([image for _, image in drawing.shapes(4, 9, foreign.SIZE)])
    path = tmp_path / "sheet.png"
    path.write_bytes(b"an older one")
    assert sheet.write(model("int8"), Labeled(drawing.LABELS, pixels, np.zeros(4, np.int64), "test", 0), path) == 0
    assert not path.exists()


# The command.


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), drawing.shape("circle", np.random.default_rng(1), (60, 80)))
    return path


def test_for_a_person_and_for_a_script(command: Run, photo: Path, tmp_path: Path) -> None:
    done = command("device", "explain", CIFAR10, photo, "--label", "dog", "-o", "why.png", "--json", "why.json")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert images.read(tmp_path / "why.png").shape[0] > 300
    document = json.loads((tmp_path / "why.json").read_bytes())
    assert document["label"] == document["maps"][0]["label"] and "dog" in {each["label"] for each in document["maps"]}
    for each in document["maps"]:
        assert np.mean(each["values"]) + each["bias"] == pytest.approx(each["logit"], abs=0.5)
    shown = command("device", "explain", CIFAR10, photo)
    height = len(document["maps"][0]["values"])
    assert shown.returncode == 0 and len(shown.stdout.splitlines()) == 1 + height
    assert shown.stdout.startswith(document["label"])


def test_mistakes_of_the_user(command: Run, photo: Path) -> None:
    for words in ((CIFAR10, "none.png"), (CIFAR10, photo, "-o", "why.jpg"), (model("int8"), photo)):
        done = command("device", "explain", *words)
        assert (done.returncode, done.stdout) == (2, "") and len(done.stderr.splitlines()) == 1, done.stderr


def test_in_the_other_runtime(command: Run, photo: Path) -> None:
    python = environment("tflite-runtime")
    ours, theirs = (
        json.loads(command("device", "explain", CIFAR10, photo, "--json", "-", python=each).stdout)
        for each in (None, python)
    )
    assert theirs["label"] == ours["label"]
    one, other = (np.array(document["maps"][0]["values"]).reshape(-1) for document in (ours, theirs))
    assert np.corrcoef(one, other)[0, 1] > 0.95
