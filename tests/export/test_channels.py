"""A float model whose channels are scaled differently: every variant answers alike, in device and in MediaPipe."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from device.data import folders
from device.evaluation import evaluate
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model import flatbuffer
from device.model.card import InputSpec
from device.model.variants import NAMES
from export import variants
from export.conversion import pixels
from export.options import ExportOptions
from export.source.find import find
from export.source.request import ExportRequest
from export.source.sources import ExportSource
from tests import drawing, foreign
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.long

TEST = 90
MODEL, IMAGES = foreign.for_each_channel(), foreign.images(10, seed=4)
SPEC = InputSpec(*foreign.SIZE, mean=foreign.MEAN, std=foreign.STD)


@dataclass(frozen=True)
class Made:
    """The files by variant, and what they were made from."""

    source: ExportSource
    images: Path
    model: Path
    labels: Path

    def path(self, variant: str) -> Path:
        return self.source.folder / f"export/model_{variant}.tflite"

    def scores(self, variant: str) -> npt.NDArray[np.float32]:
        return evaluate.score_images(self.path(variant), self.test())

    def test(self) -> folders.Labeled:
        return folders.labeled_folder(self.images, drawing.LABELS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("channels")
    (folder / "model.tflite").write_bytes(foreign.for_each_channel())
    (folder / "labels.txt").write_text(foreign.LABELS)
    images = drawing.write_folder(folder / "shapes", {"train": 60, "test": TEST})
    overrides = Overrides(folder / "labels.txt", foreign.MEAN, foreign.STD)
    source = find(ExportRequest(folder / "model.tflite", overrides, images, run=folder / "run"))
    variants.export(source, ExportOptions(NAMES))
    return Made(source, images, folder / "model.tflite", folder / "labels.txt")


def test_every_variant_is_kept_and_as_good(made: Made) -> None:
    targets = made.test().targets
    source = Classifier(made.model, Overrides(made.labels, foreign.MEAN, foreign.STD))
    expected = np.array([source.classify(made.test().image(i)).scores for i in range(TEST)])
    assert (expected.argmax(axis=1) == targets).mean() > 0.9
    for variant in NAMES:
        scores = made.scores(variant)
        assert (scores.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.97, variant
        assert np.abs(scores - expected).mean() < 0.03, variant
    np.testing.assert_allclose(made.scores("float32"), expected, atol=1e-4)


def test_one_mean_for_all_is_another_network(made: Made) -> None:
    """So the three numbers matter here: with their mean scores change."""
    whole = Overrides(made.labels, float(np.mean(foreign.MEAN)), float(np.mean(foreign.STD)))
    other = np.array([Classifier(made.model, whole).classify(made.test().image(i)).scores for i in range(20)])
    assert np.abs(other - made.scores("float32")[:20]).max() > 0.01


@pytest.mark.parametrize("variant", NAMES)
def test_the_files_take_pixels_and_say_so(variant: str, made: Made) -> None:
    """In the card and in TFLite Metadata, of which MediaPipe takes one number alone."""
    classifier = Classifier(made.path(variant))
    assert (classifier.card.input.mean, classifier.card.input.std) == (0, 1)
    assert flatbuffer.normalization(made.path(variant)) == (0, 1)
    image = foreign.images(1, seed=3)[0]
    assert np.array_equal(classifier.preprocessor.tensor(image)[0], image)
    if variant == "int8":
        assert (classifier.input.dtype, classifier.input.scale, classifier.input.zero_point) == (np.uint8, 1, 0)


def test_what_int8_scales_inside_has_the_range_of_all_pixels(made: Made) -> None:
    """Not only of those that the calibration images have."""
    tree = Interpreter(
        str(made.path("int8")), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    tree.allocate_tensors()
    (name,) = pixels.ranges(pixels.taken(MODEL, SPEC), SPEC)
    (scaled,) = [one for one in tree.get_tensor_details() if one["name"] == name]
    scale, zero_point = scaled["quantization"]
    low, high = -foreign.MEAN[0] / foreign.STD[0], (255 - foreign.MEAN[2]) / foreign.STD[2]
    assert (-128 - zero_point) * scale == pytest.approx(low, abs=scale)
    assert (127 - zero_point) * scale == pytest.approx(high, abs=scale)


@pytest.mark.parametrize("model", [MODEL, foreign.unsigned(), foreign.large()], ids=["bare", "unsigned", "large"])
def test_the_scaling_inside_is_that_outside(model: bytes) -> None:
    outer, inner = (opened(one) for one in (model, pixels.taken(model, SPEC)))
    for image, tensor in zip(IMAGES, pixels.tensors(IMAGES, SPEC), strict=True):
        np.testing.assert_allclose(answer(inner, image[None].astype(np.float32)), answer(outer, tensor), atol=1e-5)


def test_one_mean_and_std_leave_the_model_as_it_is() -> None:
    for spec in (
        InputSpec(16, 16),
        InputSpec(16, 16, mean=127.5, std=64.0),
        InputSpec(16, 16, mean=(1.0, 1.0, 1.0), std=2.0),
    ):
        assert pixels.taken(MODEL, spec) is MODEL and pixels.ranges(MODEL, spec) == {}
        assert pixels.fed(spec) is spec


def opened(content: bytes) -> Interpreter:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    return interpreter


def answer(interpreter: Interpreter, tensor: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
    interpreter.invoke()
    scores: npt.NDArray[np.float32] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].copy()
    return scores


@pytest.mark.programs
@pytest.mark.parametrize("variant", NAMES)
def test_mediapipe_answers_as_device_does(variant: str, made: Made, tmp_path: Path) -> None:
    python, shown = environment("mediapipe"), foreign.images(60, seed=11)
    np.save(tmp_path / "images.npy", shown)
    script = ROOT / "tests/peers/mediapipe_classify.py"
    words = [python, script, made.path(variant), tmp_path / "images.npy", tmp_path / "scores.json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads((tmp_path / "scores.json").read_text())
    theirs = np.array([[one[label] for label in drawing.LABELS] for one in answers])
    classifier = Classifier(made.path(variant))
    ours = np.array([classifier.classify(image).scores for image in shown])
    np.testing.assert_allclose(theirs, ours, atol=1e-5, rtol=0)
