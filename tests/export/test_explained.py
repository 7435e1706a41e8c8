"""What speaks for a label in every variant that export makes, beside float32; and the sheet of wrong answers."""

from pathlib import Path

import numpy as np
import pytest

from device import Explainer
from device.images import images
from export import export
from export.conversion import quantize
from tests import drawing, foreign, pooled


@pytest.fixture(scope="module")
def float32(tmp_path_factory: pytest.TempPathFactory) -> Explainer:
    return Explainer(pooled.write(tmp_path_factory.mktemp("pooled") / "float32.tflite", pooled.network()))


@pytest.mark.parametrize(("variant", "least"), [("float16", 0.9999), ("dynamic", 0.98), ("int8", 0.97)])
def test_maps_are_those_of_float32(variant: str, least: float, float32: Explainer, tmp_path: Path) -> None:
    tensors = [image.astype(np.float32)[None] for image in foreign.images(60, 1)]
    made = quantize.make(variant, pooled.network(), tensors, 0, 255)
    explainer = Explainer(pooled.write(tmp_path / "made.tflite", made, variant))
    ours, theirs = [], []
    for label, image in drawing.shapes(12, 21):
        (one,), (other,) = (
            [each for each in explain(image, label).maps if each.label == label] for explain in (explainer, float32)
        )
        assert float(one.values.mean()) + one.bias == pytest.approx(one.logit, abs=0.3)
        ours.append(one.values)
        theirs.append(other.values)
    assert np.corrcoef(np.ravel(ours), np.ravel(theirs))[0, 1] > least


@pytest.mark.long
def test_export_leaves_a_sheet_of_wrong_answers(tmp_path: Path) -> None:
    model = pooled.write(tmp_path / "model.tflite", pooled.network())
    folder = drawing.write_folder(tmp_path / "shapes", {"train": 60, "test": 60}, seed=31)
    models = export(model, calibration=folder, run=tmp_path / "run", variants="int8")
    row = models.record.variants[0]
    assert row.top1 is not None and row.top1 < 1
    wrong = round((1 - row.top1) * row.n)
    sheet = images.read(tmp_path / "run/export/explained_int8.png")
    # Three in a row, enlarged elevenfold to 176 pixels, with a caption and two gaps.
    assert sheet.shape[0] == -(-min(wrong, 20) // 3) * (176 + 24 + 2 * 8)
