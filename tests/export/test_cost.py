"""What quantization cost: the record in export.json against the files themselves, the contact sheet, the table."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from device import text
from device.data import folders
from device.data.folders import Labeled
from device.evaluation import cost_table, exports
from device.evaluation.exports import ExportedVariant
from device.evaluation.paired import Paired
from device.images import images
from device.inference.classifier import Classifier
from export.cost import paired, sheet
from tests import drawing
from tests.exported import Exported

SIZE = sheet.SIDE + sheet.TEXT


@pytest.fixture(scope="module")
def int8(lossy: Exported) -> ExportedVariant:
    (row,) = (row for row in exports.read(lossy.run / "export").variants if row.variant == "int8")
    return row


def test_it_is_what_the_two_files_predict(lossy: Exported, int8: ExportedVariant) -> None:
    data = folders.labeled_folder(lossy.images, drawing.LABELS)
    predicted = []
    for variant in ("float32", "int8"):
        classifier = Classifier(lossy.run / f"export/lossy_{variant}.tflite")
        predicted.append([classifier.classify(data.image(i)) for i in range(len(data))])
    labels = [drawing.LABELS[target] for target in data.targets]
    rows = list(zip(labels, *predicted, strict=True))
    lost = sum(before.label == label != after.label for label, before, after in rows)
    won = sum(before.label != label == after.label for label, before, after in rows)
    changed = [i for i, (_, before, after) in enumerate(rows) if before.label != after.label]
    cost = int8.cost
    assert cost is not None and lost > 10
    assert (cost.n, cost.changed, cost.lost, cost.won) == (200, len(changed), lost, won)
    assert (cost.drop, cost.drop_interval) == (Paired(200, lost, won).drop, Paired(200, lost, won).interval)
    assert cost.p == Paired(200, lost, won).p and cost.p < 0.05
    assert sorted(flip.image for flip in cost.flips) == changed
    kinds = [flip.kind for flip in cost.flips]
    assert kinds == sorted(kinds, key=("lost", "won", "other").index) and kinds.count("lost") == lost
    for flip in cost.flips:
        label, before, after = rows[flip.image]
        assert flip.label == label and flip.file == str(data.sources[flip.image])
        assert (flip.float32.label, flip.variant.label) == (before.label, after.label)
        assert flip.float32.score == pytest.approx(before.score, abs=1e-4)
        assert flip.variant.score == pytest.approx(after.score, abs=1e-4)
    losses = {row.label: (row.lost, row.won) for row in cost.labels}
    assert sum(row[0] for row in losses.values()) == lost
    assert [row[1] - row[0] for row in losses.values()] == sorted(row[1] - row[0] for row in losses.values())


def test_float32_is_beside_itself(lossy: Exported) -> None:
    float32 = exports.read(lossy.run / "export").variants[0]
    assert float32.cost is not None and float32.cost.latency is not None
    assert (float32.cost.changed, float32.cost.lost, float32.cost.won, float32.cost.sheet) == (0, 0, 0, None)
    assert float32.cost.latency.ratio == 1


def test_the_table_has_the_drop_and_the_latency(lossy: Exported, int8: ExportedVariant) -> None:
    assert int8.cost is not None and int8.cost.latency is not None
    header, _, *rows = lossy.stdout.splitlines()
    assert header.split() == " ".join(cost_table.HEADER).split()
    row = rows[3]
    assert text.points(int8.cost.drop, int8.cost.drop_interval) in row
    assert f"{int8.cost.latency.ratio:.2f}" == row.split()[-1]
    assert max(map(len, lossy.stdout.splitlines())) <= 120
    assert set(cost_table.changes(int8)) < set(lossy.stdout.splitlines())
    assert f"int8 predicts {int8.cost.changed} of 200 images differently" in lossy.stdout


def test_the_calibration_is_said_of_what_was_calibrated(lossy: Exported, int8: ExportedVariant) -> None:
    made = exports.read(lossy.run / "export")
    others = tuple(row for row in made.variants if row != int8)
    another = replace(int8, variant="another")
    for rows, named in (((*others, int8), ["int8"]), ((*others, another), ["another"]), (others, [])):
        notes = cost_table.notes(replace(made, variants=rows), lossy.run)
        assert [note.split(":")[0] for note in notes if "calibrated with" in note] == named


def test_the_contact_sheet(lossy: Exported, int8: ExportedVariant) -> None:
    """Each tile has its image, pixel by pixel, and words below."""
    cost = int8.cost
    assert cost is not None and cost.sheet is not None and cost.sheet.count == min(sheet.MOST, cost.changed)
    drawn = images.read(lossy.run / "export" / cost.sheet.file)
    lines = -(-cost.sheet.count // cost.sheet.columns)
    assert drawn.shape == (lines * SIZE, cost.sheet.columns * sheet.SIDE, 3)
    for place, flip in enumerate(cost.flips[: cost.sheet.count]):
        row, column = divmod(place, cost.sheet.columns)
        tile = drawn[row * SIZE : (row + 1) * SIZE, column * sheet.SIDE : (column + 1) * sheet.SIDE]
        assert flip.file is not None
        np.testing.assert_array_equal(tile[: sheet.SIDE], sheet.thumbnail(images.read(Path(flip.file))))
        assert tile[sheet.SIDE :].min() < 100


@pytest.mark.parametrize("size", [(28, 28), (5, 300), (1080, 720), (137, 136)])
def test_a_thumbnail_is_the_whole_image(size: tuple[int, int]) -> None:
    """A small one's pixels are repeated, so its colors stay exactly; none is larger than its tile."""
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2] = (200, 10, 30)
    tile = sheet.thumbnail(image)
    assert tile.shape == (sheet.SIDE, sheet.SIDE, 3)
    inside = (tile != 255).any(axis=2)
    height, width = (int(inside.any(axis=axis).sum()) for axis in (1, 0))
    assert max(height, width) > 100
    assert height / width == pytest.approx(size[0] / size[1], rel=0.1, abs=0.01)
    if max(size) <= 28:
        assert {tuple(pixel) for pixel in tile[inside]} == {(200, 10, 30), (0, 0, 0)}


def test_no_sheet_where_nothing_flips(tmp_path: Path) -> None:
    (tmp_path / "flips_int8.png").write_bytes(b"of an export before")
    nothing = Labeled((), (), np.zeros(0, np.int64), "test", 0)
    assert sheet.draw((), "int8", nothing, tmp_path) is None and not list(tmp_path.iterdir())


def test_scores_without_labels_and_logits() -> None:
    data = Labeled(("a", "b"), np.zeros((3, 2, 2, 3), np.uint8), np.zeros(3, np.int64), "calibration", 0)
    float32, variant = (np.array(rows, np.float32) for rows in ([[3, 1], [0, 2], [5, 5]], [[1, 3], [0, 1], [5, 5]]))
    found = paired.cost(float32, variant, data, has_labels=False, are_logits=True)
    assert found is not None and (found.n, found.changed, found.pairs, found.p) == (3, 1, None, None)
    (flip,) = found.flips
    assert (flip.kind, flip.label, flip.file) == ("other", None, None)
    assert flip.float32.score == flip.variant.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-4)
    assert paired.cost(float32, np.full_like(variant, np.nan), data, True, False) is None
