"""Stock MediaPipe takes the exported files as they are, and answers as device does, score for score."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device.inference.classifier import Classifier
from device.model import variants
from tests import drawing, foreign
from tests.conftest import ROOT, environment, model

pytestmark = pytest.mark.programs

IMAGES = 240
TIMEOUT_S = 120  # a MediaPipe that fails may hang


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.uint8]:
    return foreign.images(IMAGES, seed=11)


@pytest.fixture(scope="module")
def answers(
    images: npt.NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[dict[str, float]]]]:
    """variant: for each image label and score. A process of its own for each model; they run side by side."""
    python, folder = environment("mediapipe"), tmp_path_factory.mktemp("mediapipe")
    np.save(folder / "images.npy", images)
    processes = {
        variant: subprocess.Popen(
            [
                python,
                ROOT / "tests/peers/mediapipe_classify.py",
                model(variant),
                folder / "images.npy",
                folder / f"{variant}.json",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for variant in variants.NAMES
    }
    try:
        found = {}
        for variant, process in processes.items():
            _, stderr = process.communicate(timeout=TIMEOUT_S)
            assert process.returncode == 0, f"{variant}: {stderr[-2000:]}"
            found[variant] = json.loads((folder / f"{variant}.json").read_text())
        yield found
    finally:
        for process in processes.values():
            process.kill()


@pytest.mark.parametrize("variant", variants.NAMES)
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


def test_mediapipe_takes_a_rescued_file(tmp_path: Path, images: npt.NDArray[np.uint8]) -> None:
    """Equalized, with clipped ranges, corrected biases, and its last operators in float."""
    from device.model.card import Card, Confidence, OutputSpec
    from export.card import cards
    from export.rescue.build import Means
    from tests.export.test_rescue import SPEC, builder, rescaled

    made = builder(rescaled(foreign.bare()))
    means = Means(equalized=True, activations="mse", biases=True, floating=made.operators[-2:])
    card = Card("shapes", None, "int8", drawing.LABELS, SPEC, OutputSpec(), Confidence(), None, (), None, {})
    path, script = tmp_path / "rescued.tflite", ROOT / "tests/peers/mediapipe_classify.py"
    path.write_bytes(cards.assembled(made.build(means), card, {}))
    np.save(tmp_path / "images.npy", images[:60])
    done = subprocess.run(
        [environment("mediapipe"), script, path, tmp_path / "images.npy", tmp_path / "scores.json"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads((tmp_path / "scores.json").read_text())
    theirs = np.array([[answer[label] for label in drawing.LABELS] for answer in answers])
    classifier = Classifier(path)
    ours = np.array([classifier.classify(image).scores for image in images[:60]])
    np.testing.assert_allclose(theirs, ours, atol=1e-6, rtol=0)
