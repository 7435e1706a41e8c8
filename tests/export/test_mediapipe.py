"""Stock MediaPipe takes the exported files as they are, and answers as device does, score for score."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device.inference.classifier import Classifier
from device.model.variants import DEFAULT
from export.rescue.build import Means
from tests import drawing, foreign
from tests.conftest import ROOT, environment, model
from tests.export.rescuing import builder, rescaled, written

pytestmark = pytest.mark.programs

IMAGES = 240
TIMEOUT_S = 120  # a MediaPipe that fails may hang


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.uint8]:
    return foreign.images(IMAGES, seed=11)


@contextmanager
def classifying(path: Path, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """MediaPipe in a process of its own, on folder/images.npy; the scores go to folder/NAME.json."""
    script, scores = ROOT / "tests/peers/mediapipe_classify.py", folder / f"{path.stem}.json"
    words = [environment("mediapipe"), script, path, folder / "images.npy", scores]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def answered(process: "subprocess.Popen[str]", scores: Path) -> list[dict[str, float]]:
    """For each image label and score."""
    _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, f"{scores.stem}: {stderr[-2000:]}"
    found: list[dict[str, float]] = json.loads(scores.read_text())
    return found


@pytest.fixture(scope="module")
def answers(
    images: npt.NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict[str, float]]]:
    """variant: for each image label and score. The processes run side by side."""
    folder = tmp_path_factory.mktemp("mediapipe")
    np.save(folder / "images.npy", images)
    with ExitStack() as stack:
        processes = {name: stack.enter_context(classifying(model(name), folder)) for name in DEFAULT}
        return {name: answered(one, folder / f"{model(name).stem}.json") for name, one in processes.items()}


@pytest.mark.parametrize("variant", DEFAULT)
def test_mediapipe_answers_as_device_does(
    variant: str, images: npt.NDArray[np.uint8], answers: dict[str, list[dict[str, float]]]
) -> None:
    classifier = Classifier(model(variant))
    ours = np.array([classifier.classify(image).scores for image in images])
    assert all(set(answer) == set(drawing.LABELS) for answer in answers[variant])
    theirs = np.array([[answer[label] for label in drawing.LABELS] for answer in answers[variant]])
    assert theirs.shape == (IMAGES, 3)
    np.testing.assert_allclose(theirs, ours, atol=1e-6, rtol=0)
    # The images are not all of one kind, so labels that were mixed up would show.
    expected = [label for label, _ in drawing.shapes(IMAGES, 11, foreign.SIZE)]
    shown = [max(answer, key=lambda label: answer[label]) for answer in answers[variant]]
    assert np.mean([label == name for label, name in zip(shown, expected, strict=True)]) > 0.75
    assert len(set(shown)) == 3


def test_a_file_whose_archive_is_gone_is_refused(tmp_path: Path, images: npt.NDArray[np.uint8]) -> None:
    """So the labels that MediaPipe shows above are the archive's."""
    from device.model import card

    path = tmp_path / "model.tflite"
    path.write_bytes(card.network_bytes(model("int8")))
    np.save(tmp_path / "images.npy", images[:1])
    script = ROOT / "tests/peers/mediapipe_classify.py"
    done = subprocess.run(
        [environment("mediapipe"), script, path, tmp_path / "images.npy", tmp_path / "scores.json"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode != 0
    assert "No associated file with name: labels.txt" in done.stderr
    assert not (tmp_path / "scores.json").exists()


def test_mediapipe_takes_rescued_files(tmp_path: Path, images: npt.NDArray[np.uint8]) -> None:
    """By each of the search's means: in int8 throughout, and with operators in float at either end or everywhere."""
    made = builder(rescaled(foreign.bare()), images=60)
    names = made.operators
    means = {
        "int8": Means(equalized=True, saturated=True, activations="percentile", weights="octav", biases=True),
        "first": Means(equalized=True, more_images=True, floating=names[:2]),
        "last": Means(equalized=True, activations="mse", biases=True, floating=names[-2:]),
        "all": Means(floating=names, dynamic=True),
    }
    for name, each in means.items():
        written(tmp_path / f"{name}.tflite", made.build(each))
    np.save(tmp_path / "images.npy", images[:60])
    with ExitStack() as stack:
        processes = {name: stack.enter_context(classifying(tmp_path / f"{name}.tflite", tmp_path)) for name in means}
        for name, process in processes.items():
            answers = answered(process, tmp_path / f"{name}.json")
            theirs = np.array([[answer[label] for label in drawing.LABELS] for answer in answers])
            classifier = Classifier(tmp_path / f"{name}.tflite")
            ours = np.array([classifier.classify(image).scores for image in images[:60]])
            np.testing.assert_allclose(theirs, ours, atol=1e-6, rtol=0, err_msg=name)
