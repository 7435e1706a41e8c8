"""int8 files on TensorFlow Lite Micro's own interpreter, on the PC: they load as they are, and answer as in LiteRT."""

import json
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device.inference.classifier import Classifier
from export.rescue.build import Means
from tests import drawing, foreign
from tests.conftest import ROOT, environment, model
from tests.export.rescuing import builder, rescaled, written

pytestmark = pytest.mark.programs

IMAGES = 60
# Of 256: reference kernels there, XNNPACK's here.
STEPS = 8
MODELS = {"shapes": model("int8"), "cifar10": ROOT / "device/models/cifar10_int8.tflite"}
RESCUED = Means(equalized=True, saturated=True, activations="mse", weights="octav", biases=True)


@pytest.mark.parametrize("name", [*MODELS, "rescued"])
def test_uint8_scores_are_those_of_litert(name: str, tmp_path: Path) -> None:
    """uint8 at both ends and the archive behind the network are no trouble to it."""
    python = environment("tflite-micro")
    path = MODELS.get(name) or written(tmp_path / "rescued.tflite", builder(rescaled(foreign.bare())).build(RESCUED))
    classifier = Classifier(path)
    images = np.stack([image for _, image in drawing.shapes(IMAGES, 3, classifier.size)])
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run(
        [
            *(python, ROOT / "tests/peers/tflite_micro_scores.py"),
            *(tmp_path / "images.npy", tmp_path / "scores.json", path),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (rows,) = json.loads((tmp_path / "scores.json").read_text())
    theirs, ours = np.array(rows), np.stack([raw(classifier, image) for image in images])
    assert len(set(ours.argmax(axis=1))) > 1, "the images tell the labels apart"
    assert np.abs(theirs - ours).max() <= STEPS
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).mean() > 0.95


def raw(classifier: Classifier, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The file's own uint8 scores."""
    classifier.invoke(classifier.preprocessor(image))
    scores = classifier.interpreter.get_tensor(classifier.output.index)
    assert scores.dtype == np.uint8
    return np.asarray(scores.reshape(-1).astype(np.int64))
