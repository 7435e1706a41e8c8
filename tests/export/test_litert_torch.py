"""What litert-torch makes of a PyTorch network (tests/make_litert_torch.py) goes in by the command of the docs."""

import shlex
import shutil
from pathlib import Path

import numpy as np

from device.evaluation import exports
from device.inference.classifier import Classifier
from device.model import card as cards
from device.model.variants import BY_NAME
from tests import drawing, foreign
from tests.conftest import MODELS, ROOT, Run

FOLDER = MODELS / "litert_torch"


def test_its_float_file_is_exported(command: Run, tmp_path: Path) -> None:
    lines = (ROOT / "docs/exporting.md").read_text(encoding="utf-8").splitlines()
    (example,) = (line for line in lines if line.startswith("python -m export model.tflite --labels labels.txt"))
    shutil.copyfile(FOLDER / "model.tflite", tmp_path / "model.tflite")
    (tmp_path / "labels.txt").write_text(foreign.LABELS)
    drawing.write_folder(tmp_path / "images", {"train": 60, "test": 60})
    done = command(*shlex.split(example)[2:])
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/model/export"
    float32, *_, int8 = exports.read(folder).variants
    assert float32.top1 is not None and int8.top1 is not None and min(float32.top1, int8.top1) > 0.8
    classifier, scores = Classifier(folder / str(float32.file)), []
    for _, image in drawing.shapes(6, 5):
        classifier.classify(image)
        scores.append(classifier.raw_scores().copy())
    np.testing.assert_allclose(np.stack(scores), np.load(FOLDER / "scores.npy"), atol=1e-3)
    card = cards.read(folder / str(int8.file))
    assert card is not None and np.ptp(scores) > 2
    assert all(entry.tolerance > 2 * BY_NAME["int8"].tolerance for entry in card.golden), "a share of the logits' span"
