"""What a camera does to test images, and what float32 and int8 lose by it: in numbers that can be done again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device import Overrides, UserError, text
from device.data.folders import Labeled
from device.evaluation import evaluate, exports
from device.evaluation.robustness import Robustness
from device.images import images
from device.model.card import InputSpec
from export import export
from export.robustness import corruptions, measure, report
from export.robustness.corruptions import CORRUPTIONS, strength
from tests import drawing, foreign
from tests.conftest import model
from tests.exported import Exported

Pixels = npt.NDArray[np.uint8]
SIZES = {32: "CIFAR-10-C", 224: "ImageNet-C"}


def image(side: int) -> Pixels:
    return drawing.shape("triangle", np.random.default_rng(3), (side, side))


def changed(name: str, side: int, severity: int, row: int = 0) -> Pixels:
    return measure.corrupted(image(side), (side, side), (name, severity), (1, row))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("side", SIZES)
def test_each_changes_an_image_the_more_the_severer(name: str, side: int) -> None:
    found = [changed(name, side, severity) for severity in (1, 5)]
    assert all(each.shape == (side, side, 3) and each.dtype == np.uint8 for each in found)
    mild, severe = (float(np.abs(each.astype(int) - image(side)).mean()) for each in found)
    assert 0 < mild < severe
    assert np.array_equal(found[0], changed(name, side, 1)), "the same draw"
    assert corruptions.benchmark_for(side).name == SIZES[side]


@pytest.mark.parametrize("name", ["motion_blur", "gaussian_noise", "shot_noise", "shift"])
def test_another_image_has_another_draw(name: str) -> None:
    assert not np.array_equal(changed(name, 32, 3), changed(name, 32, 3, row=1))


def test_light_changes_by_the_strength() -> None:
    """A value of HSV added to, and taken from; contrast is a factor around the mean."""
    plain = np.array([[[100, 50, 0], [0, 0, 0], [255, 255, 255]]], np.uint8)
    random, given = np.random.default_rng(1), strength(5, 32, 32)
    brighter, darker = corruptions.brightness(plain, given, random), corruptions.darkness(plain, given, random)
    added = 0.3 * 255
    assert np.allclose(brighter[0, 0], [100 + added, (100 + added) / 2, 0], atol=1)
    assert np.allclose(brighter[0, 1:], [[added] * 3, [255.0] * 3], atol=1)
    assert np.allclose(darker[0, 0], [100 - added, (100 - added) / 2, 0], atol=1)
    assert darker[0, 1].max() == 0 and np.allclose(darker[0, 2], 255 - added, atol=1)
    flat = corruptions.contrast(image(32), given, random).astype(float)
    assert flat.std(axis=(0, 1)) == pytest.approx(0.15 * image(32).std(axis=(0, 1)), rel=0.05)
    assert flat.mean() == pytest.approx(image(32).mean(), abs=1)


def test_noise_has_the_published_spread() -> None:
    gray, random = np.full((200, 200, 3), 128, np.uint8), np.random.default_rng(1)
    for severity in (1, 5):
        given = strength(severity, 32, 32)
        normal = corruptions.gaussian_noise(gray, given, random).astype(float)
        assert normal.std() == pytest.approx(255 * given.of.gaussian[severity - 1], rel=0.03)
        counted = corruptions.shot_noise(gray, given, random).astype(float)
        assert counted.std() == pytest.approx(255 * np.sqrt(128 / 255 / given.of.shot[severity - 1]), rel=0.03)


def test_compression_is_that_of_a_jpeg_of_the_published_quality() -> None:
    assert np.array_equal(changed("jpeg", 224, 3), images.through_jpeg(image(224), 15))


def test_the_kernels() -> None:
    """A disk is as large as its radius says; a trail begins at its place and goes one way."""
    disk = corruptions.disk(10, 0.01)
    assert disk.sum() == pytest.approx(1) and (disk > disk.max() / 2).sum() == pytest.approx(np.pi * 100, rel=0.03)
    assert corruptions.disk(0.3, 0.4).argmax() == corruptions.disk(0.3, 0.4).size // 2
    trail = corruptions.trail(10, 3, 0)
    middle = trail.shape[0] // 2
    assert trail.sum() == pytest.approx(1) and trail[middle, middle] == trail.max()
    assert trail[middle, :middle].max() == 0 and trail[:middle].max() == trail[middle + 1 :].max() == 0
    assert trail[middle, middle + 3] / trail.max() == pytest.approx(np.exp(-0.5), rel=1e-3)


def test_a_dot_moves_and_turns_by_the_strength() -> None:
    """A dot moves by the share of the side, and turns around the middle."""
    dot = np.zeros((101, 101, 3), np.uint8)
    dot[50, 90] = 255
    random = np.random.default_rng(1)
    moved = corruptions.shift(dot, strength(5, 224, 101), random)
    assert np.hypot(*(np.array(centroid(moved)) - (50, 90))) == pytest.approx(10.1, abs=0.2)
    turned = centroid(corruptions.rotation(dot, strength(5, 224, 101), random))
    assert np.hypot(turned[0] - 50, turned[1] - 50) == pytest.approx(40, abs=0.3)
    assert abs(np.rad2deg(np.arctan2(turned[0] - 50, turned[1] - 50))) == pytest.approx(15, abs=0.5)


def centroid(of: Pixels) -> tuple[float, float]:
    light = of[:, :, 0].astype(float)
    rows, columns = np.indices(light.shape)
    return float((rows * light).sum() / light.sum()), float((columns * light).sum() / light.sum())


def test_larger_images_are_corrupted_in_their_own_pixels() -> None:
    spec = InputSpec(16, 16)
    for shape, expected, scale in (((16, 16), (16, 16), 1), ((24, 30), (24, 24), 1.5), ((400, 300), (32, 32), 2)):
        at_hand, by = measure.staged(np.zeros((*shape, 3), np.uint8), spec)
        assert (at_hand.shape[:2], by) == (expected, scale)
    small, by = measure.staged(np.zeros((8, 10, 3), np.uint8), spec)
    assert small.shape == (16, 16, 3) and by == 1
    padded, by = measure.staged(np.zeros((16, 24, 3), np.uint8), replace(spec, fit="pad"))
    assert padded.shape == (24, 24, 3) and by == 1.5


# Both files on the same images.


def drawn(count: int) -> Labeled:
    shapes = drawing.shapes(count, 11, foreign.SIZE)
    targets = np.array([drawing.LABELS.index(label) for label, _ in shapes])
    return Labeled(drawing.LABELS, np.stack([each for _, each in shapes]), targets, "test", 0)


@pytest.fixture(scope="module")
def measured() -> Robustness:
    return measure.measure(model("float32"), model("int8"), drawn(60), 1)


def test_every_row_is_of_the_same_images(measured: Robustness) -> None:
    assert [(row.corruption, row.severity) for row in measured.rows] == measure.settings()
    assert {row.n for row in (measured.clean, *measured.rows)} == {60} and measured.parameters == "CIFAR-10-C"
    for variant, top1 in (("float32", measured.clean.float32), ("int8", measured.clean.int8)):
        scores = evaluate.score_images(model(variant), drawn(60))
        assert top1 == evaluate.accuracy(scores, drawn(60).targets).top1
    row = next(row for row in measured.rows if (row.corruption, row.severity) == ("darkness", 5))
    dark = replace(drawn(60), sources=np.stack([dark_one(i) for i in range(60)]))
    scores = evaluate.score_images(model("int8"), dark)
    assert row.int8 == evaluate.accuracy(scores, dark.targets).top1 < measured.clean.int8
    assert row.drop == pytest.approx(row.float32 - row.int8) and row.drop_interval[0] < row.drop < row.drop_interval[1]


def dark_one(row: int) -> Pixels:
    return measure.corrupted(drawn(60).image(row), foreign.SIZE, ("darkness", 5), (1, row))


def test_the_same_seed_gives_the_same_and_one_file_loses_nothing_to_itself(measured: Robustness) -> None:
    assert measure.measure(model("float32"), model("int8"), drawn(60), 1) == measured
    alone = measure.measure(model("int8"), model("int8"), drawn(20), 1)
    assert {row.drop for row in alone.rows} == {0.0} and (alone.drop, alone.more_than_clean) == (0, 0)
    mean = np.mean([row.drop for row in measured.rows])
    assert measured.drop == pytest.approx(mean) and measured.drop_interval[0] <= mean <= measured.drop_interval[1]
    assert measured.more_than_clean == pytest.approx(mean - measured.clean.drop)


def test_the_table_marks_what_chance_does_not_explain(measured: Robustness) -> None:
    worse = replace(measured.rows[0], int8=0.5, drop=0.4, drop_interval=(0.3, 0.5))
    lines = report.lines(replace(measured, rows=(worse, *measured.rows[1:])))
    assert len([line for line in lines if " / " in line]) == 2 + len(CORRUPTIONS)
    assert "50.0*" in next(line for line in lines if line.startswith("jpeg"))
    (said,) = (line for line in lines if line.startswith("jpeg, severity 1"))
    assert text.points(0.4, (0.3, 0.5)) in said


# As a part of an export.


@pytest.mark.long
def test_it_is_added_to_an_export_that_is_up_to_date(exported: Exported, tmp_path: Path) -> None:
    run = shutil.copytree(exported.run, tmp_path / "run")
    folder = run / "export"
    before = {path.name: path.read_bytes() for path in folder.glob("*.tflite")}
    wanted = {"run": run, "overrides": Overrides(exported.labels, 0.0, 1.0), "calibration": exported.images}
    models = export(exported.model, robustness=True, **wanted)  # type: ignore[arg-type]
    found = exports.read(folder).robustness
    assert models.is_new and found is not None and found == models.record.robustness
    assert (found.n, found.split, found.larger_than_input) == (30, "test", 1.5)
    assert (folder / "robustness.png").read_bytes()[:4] == b"\x89PNG"
    assert {path.name: path.read_bytes() for path in folder.glob("*.tflite")} == before
    assert any(line.startswith("motion blur") for line in models.lines())
    document = json.loads((folder / "export.json").read_bytes())
    assert len(document["robustness"]["rows"]) == len(measure.settings())
    again = export(exported.model, robustness=True, **wanted)  # type: ignore[arg-type]
    assert not again.is_new and again.record.robustness == found


def test_what_there_is_nothing_to_measure_with(exported: Exported, tmp_path: Path) -> None:
    wanted = {"run": tmp_path / "run", "overrides": Overrides(exported.labels, 0.0, 1.0), "robustness": True}
    with pytest.raises(UserError, match="labeled test images"):
        export(exported.model, calibration=exported.images / "train", **wanted)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="add float32"):
        export(exported.model, calibration=exported.images, variants="int8", **wanted)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
