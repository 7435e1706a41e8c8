"""A card's confidence as export fits it: a network whose logits are known to be too large, and images it can't know."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from device import Classifier, Overrides, UserError, text
from device.data import folders
from device.evaluation import exports
from device.evaluation.confidence import FittedConfidence
from device.inference import golden
from device.model import card as cards
from device.model.card import OutputSpec
from device.model.confidence import tempered
from export import ExportedModels, export
from export.confidence import temperature
from export.confidence.scored import Scored
from export.confidence.threshold import ThresholdWish
from export.inputs import inputs
from export.options import ExportOptions
from export.source.find import find
from export.source.request import ExportRequest
from tests import drawing, foreign
from tests.conftest import model

pytestmark = pytest.mark.long

FACTOR, NOISE = 3.0, 150.0
TRAIN, TEST, CALIBRATED = 360, 150, 30


def sure_model() -> bytes:
    """The shapes network with logits FACTOR times as large: the same labels, surer."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(foreign.bare()))
    for buffer in foreign.weights_of(-2)(tree):
        buffer.data = foreign.raw(FACTOR * np.frombuffer(bytes(buffer.data), np.float32))
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def stripes(folder: Path, count: int) -> Path:
    """Images of none of the shapes."""
    random = np.random.default_rng(1)
    folder.mkdir(parents=True)
    for i in range(count):
        image = np.repeat(random.integers(0, 256, (24, 1, 3), np.uint8), 30, axis=1)
        cv2.imwrite(str(folder / f"{i}.png"), image)
    return folder


def noisy(folder: Path) -> None:
    """Images that are hard to tell apart, each in its own measure."""
    random = np.random.default_rng(1)
    for path in sorted(folder.rglob("*.png")):
        image = cv2.imread(str(path))
        assert image is not None
        noise = random.normal(0, random.uniform(0, NOISE), image.shape)
        cv2.imwrite(str(path), np.clip(image + noise, 0, 255).astype(np.uint8))


class Made:
    """What one export of a folder says and left; images: its class folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "model.tflite").write_bytes(sure_model())
        (folder / "names.txt").write_text(foreign.LABELS)
        self.images = drawing.write_folder(folder / "shapes", {"train": TRAIN, "test": TEST})
        noisy(self.images)
        self.unknown = stripes(folder / "stripes", 60)
        self.models = self.export(folder / "run", unknown=self.unknown, false_accepts=0.2)

    @property
    def overrides(self) -> Overrides:
        return Overrides(self.folder / "names.txt", 0.0, 1.0)

    def export(self, run: Path, **wish: object) -> ExportedModels:
        given = {"variants": ("float32", "int8"), "calibration_samples": CALIBRATED, "calibration": self.images, **wish}
        return export(self.folder / "model.tflite", run=run, overrides=self.overrides, **given)  # type: ignore[arg-type]

    def confidence(self, variant: str) -> FittedConfidence:
        (row,) = (row for row in self.models.record.variants if row.variant == variant)
        assert row.confidence is not None
        return row.confidence


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("confidence"))


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_the_file_says_what_was_fitted(made: Made, variant: str) -> None:
    fitted, path = made.confidence(variant), made.models[variant].path
    found = fitted.temperature
    assert found.kept and (found.n, found.split) == (TRAIN - CALIBRATED, "calibration folder")
    assert (fitted.judged_n, fitted.judged_split) == (TEST, "test")
    card = cards.read(path)
    assert card is not None and fitted.threshold is not None
    assert card.confidence.temperature == found.temperature
    assert card.confidence.unknown_below == fitted.threshold.unknown_below
    document = json.loads((made.models.folder / "export.json").read_bytes())
    row = next(row for row in document["variants"] if row["variant"] == variant)
    assert row["confidence"]["temperature"]["temperature"] == found.temperature
    assert golden.replay(Classifier(path)).passed


def test_the_model_card_has_it(made: Made) -> None:
    rows = [line.split(" | ") for line in (made.models.folder / "MODEL_CARD.md").read_text().splitlines()]
    for variant in ("float32", "int8"):
        fitted = made.confidence(variant)
        assert fitted.before and fitted.after and fitted.threshold and fitted.threshold.right_kept
        (row,) = (cells for cells in rows if cells[0] == f"| {variant}" and len(cells) == 8)
        assert row[1] == f"{fitted.temperature.temperature:.3f}" and row[4] == f"{fitted.threshold.unknown_below:.4f}"
        assert row[2].startswith(text.percent(fitted.before.error))
        assert row[3].startswith(text.percent(fitted.after.error))
        assert row[5].startswith(text.percent(fitted.threshold.right_kept.share, 1))


def test_the_temperature_is_the_factor_of_the_logits(made: Made) -> None:
    """Times that of the network as it was, on all images that calibrated nothing."""
    request = ExportRequest(made.folder / "model.tflite", made.overrides, made.images, calibration_samples=CALIBRATED)
    images, plain = find(request).held_out.images, Classifier(model("float32"))
    scores = np.stack([plain.classify(images.image(i)).scores for i in range(len(images))])
    own = temperature.best(Scored(scores, images.targets, "", OutputSpec(), 0.0))
    assert made.confidence("float32").temperature.temperature == pytest.approx(FACTOR * own, rel=0.05)


def test_what_a_board_shows_is_the_fitted_softmax(made: Made) -> None:
    classifier = Classifier(made.models["int8"].path)
    found = made.confidence("int8")
    test = folders.labeled_folder(made.images, drawing.LABELS)
    raw, shown = [], []
    for i in range(len(test)):
        shown.append(classifier.classify(test.image(i)).scores)
        raw.append(classifier.raw_scores())
    again = tempered(np.stack(raw), "softmax", found.temperature.temperature or 1.0, 1 / 256)
    np.testing.assert_allclose(np.stack(shown), again, rtol=1e-5)
    right = np.stack(shown).argmax(axis=1) == test.targets
    assert right.mean() == made.models["int8"].accuracy
    assert found.before is not None and found.after is not None
    assert found.after.error < found.before.error and found.after.log_loss < found.before.log_loss
    sure = np.stack(shown).max(axis=1)
    assert abs(right.mean() - sure.mean()) <= found.after.error + 1e-6, "one bin's error is at most that of fifteen"


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_the_threshold_by_images_of_unknown_things(made: Made, variant: str) -> None:
    """Judged by the half that didn't choose, and by the file itself."""
    threshold = made.confidence(variant).threshold
    assert threshold is not None and threshold.false_accepts is not None and threshold.right_kept is not None
    assert (threshold.wish, threshold.share, threshold.chosen_on, threshold.false_accepts.n) == (
        "false_accepts",
        0.2,
        30,
        30,
    )
    classifier = Classifier(made.models[variant].path)
    known = [not classifier(path).is_unknown for path in sorted(made.unknown.iterdir())]
    judged = threshold.false_accepts.share * 30
    assert judged <= sum(known) <= judged + 0.2 * 31
    test = folders.labeled_folder(made.images, drawing.LABELS)
    answers = [classifier.classify(test.image(i)) for i in range(len(test))]
    right = [
        not one.is_unknown for one, target in zip(answers, test.targets, strict=True) if one.scores.argmax() == target
    ]
    assert (threshold.right_kept.n, threshold.right_kept.share) == (len(right), np.mean(right))


def test_by_a_share_of_right_predictions(made: Made, tmp_path: Path) -> None:
    """Images of unknown things choose nothing then; all of them judge."""
    models = made.export(tmp_path / "run", variants="float32", keep_known=0.9, unknown=made.unknown)
    (row,) = models.record.variants
    assert row.confidence is not None and row.confidence.threshold is not None
    found = row.confidence.threshold
    assert (found.wish, found.share) == ("keep_known", 0.9)
    assert found.false_accepts is not None and found.false_accepts.n == 60
    assert found.right_kept is not None and found.right_kept.interval[0] < 0.9 < found.right_kept.interval[1]


def test_without_a_test_it_is_judged_by_folds(made: Made, tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    for label in drawing.LABELS:
        shutil.copytree(made.images / "train" / label, tmp_path / "flat" / label)
    models = made.export(tmp_path / "run", variants="float32", calibration=tmp_path / "flat", keep_known=0.9)
    (row,) = models.record.variants
    assert row.top1 is None and row.confidence is not None and row.confidence.threshold is not None
    found = row.confidence
    assert (found.judged_n, found.judged_split) == (TRAIN - CALIBRATED, "calibration folder")
    assert found.before is not None and found.after is not None and found.after.error < found.before.error
    right = row.confidence.threshold.right_kept
    assert right is not None and right.interval[0] < 0.9 < right.interval[1]


def test_what_decides_it_is_among_the_inputs(made: Made, tmp_path: Path) -> None:
    other = stripes(tmp_path / "other", 40)
    request = ExportRequest(made.folder / "model.tflite", made.overrides, made.images, calibration_samples=CALIBRATED)
    with_unknown = replace(request, unknown=made.unknown)
    wish = ExportOptions(("float32", "int8"), threshold=ThresholdWish(false_accepts=0.2))
    found = [
        inputs(find(with_unknown), wish),
        inputs(find(with_unknown), replace(wish, threshold=ThresholdWish(false_accepts=0.1))),
        inputs(find(with_unknown), replace(wish, threshold=ThresholdWish(keep_known=0.9))),
        inputs(find(replace(request, unknown=other)), wish),
        inputs(find(request), replace(wish, threshold=ThresholdWish())),
    ]
    assert len(set(found)) == len(found)
    assert found[0] == exports.read(made.models.folder).inputs
    assert not made.export(made.folder / "run", unknown=made.unknown, false_accepts=0.2).is_new


def test_what_is_tested_fits_nothing(made: Made) -> None:
    """Also where both are looked for in the same folder."""
    both = ExportRequest(made.folder / "model.tflite", made.overrides, made.images / "train", made.images / "train")
    source = find(replace(both, calibration_samples=CALIBRATED))
    assert source.test is not None and len(source.test) == TRAIN - CALIBRATED
    assert len(source.held_out.images) == len(source.validation.images) == 0


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"false_accepts": 0.1}, "false_accepts needs unknown"),
        ({"keep_known": 0.9, "calibration_samples": 300}, "60 labeled images are held out"),
        ({"unknown": "nowhere"}, "nowhere: there is no such folder"),
        ({"unknown": "stripes", "false_accepts": 0.01}, "60 different images"),
    ],
)
def test_what_cannot_be_had_is_refused(made: Made, tmp_path: Path, wish: dict[str, object], reason: str) -> None:
    given = {**wish, "unknown": made.unknown} if wish.get("unknown") == "stripes" else wish
    with pytest.raises(UserError, match=reason):
        made.export(tmp_path / "run", **given)
    assert not (tmp_path / "run/export").exists()
