"""The whole path as a user goes it: train, export, classify, measure; the figures of every step are the same."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import folders
from device.images import images
from device.inference.classifier import Classifier
from device.model import card as cards
from device.model.variants import DEFAULT
from tests import drawing
from tests.conftest import ROOT, Run, environment

pytestmark = pytest.mark.tensorflow

RUN = Path("runs/fashion_mnist")
MODELS = [RUN / f"export/fashion_mnist_{variant}.tflite" for variant in DEFAULT]
# The default recipe as it is, but for a data set that is drawn and small.
TRAIN = ("train", "fashion_mnist", "--data", "shapes", "--set", "epochs=6", "--set", "batch_size=16")

Step = Callable[..., Any]


@pytest.fixture
def step(command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Runs a command for a user with a home of her own; its JSON documents where it was asked for them."""
    for name in ("FRAMELITE_CACHE", "KERAS_HOME"):
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()

    def run(*words: object, **options: Any) -> Any:
        done: subprocess.CompletedProcess[str] = command(*words, HOME=str(tmp_path / "home"), **options)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if words[1] == "classify" else done.stdout

    return run


def test_train_export_classify_and_measure(step: Step, tmp_path: Path) -> None:
    drawing.write_folder(tmp_path / "shapes", {"train": 240, "test": 60})
    for image in sorted((tmp_path / "shapes/test/circle").iterdir())[:4]:  # whatever is learned, not all is right
        image.rename(tmp_path / f"shapes/test/square/circle_{image.name}")
    step(*TRAIN)
    evaluation = json.loads((tmp_path / RUN / "evaluation.json").read_text())
    assert 0.5 < evaluation["top1"] < 1, "right and wrong answers both, or the figures below say little"
    assert (tmp_path / "home/.cache/framelite").is_dir()

    step("export", RUN)
    exported = json.loads((tmp_path / RUN / "export/export.json").read_text())["variants"]
    carried = [cards.read(tmp_path / path) for path in MODELS]

    measured = json.loads(step("benchmarks", "accuracy", RUN, "--json", "-"))["results"]
    named = json.loads(step("benchmarks", "accuracy", *MODELS, "--data", "shapes/", "--json", "-"))["results"]
    for variant, row, mine, result, again in zip(DEFAULT, exported, carried, measured, named, strict=True):
        assert mine is not None and mine.accuracy is not None
        assert row["variant"] == mine.variant == result["variant"] == variant
        assert row["top1"] == mine.accuracy.top1 == result["top1"] == again["top1"], variant
        assert row["interval"] == list(mine.accuracy.interval) == result["interval"]
        assert row["n"] == mine.accuracy.n == result["n"] == evaluation["n"] == 60
        assert result["left_out"] == 0
    assert measured[0]["top1"] == evaluation["top1"], "float32 is as good as Keras' model"

    check_answers(step, measured)
    check_mediapipe(tmp_path)
    check_latency(json.loads(step("benchmarks", "latency", RUN, "--seconds", "0.1", "--json", "-")))


def check_answers(step: Step, measured: list[dict[str, Any]]) -> None:
    """classify gives each test image the same label under both interpreters, as often the right one as measured.

    But for an image whose two best scores are nearly the same: `dynamic` is rounded otherwise in another runtime.
    """
    tflite_runtime = environment("tflite-runtime")
    for model, result in zip(MODELS, measured, strict=True):
        words = ("device", "classify", model, "shapes/test", "--json", "-")
        here, there = step(*words), step(*words, python=tflite_runtime)
        assert len(here) == 60
        images = [answer["image"] for answer in here]
        assert images == [answer["image"] for answer in there]
        answers = [answer["top"][0]["label"] for answer in here]
        others = [answer["top"][0]["label"] for answer in there]
        for answer, label, other in zip(here, answers, others, strict=True):
            first, second = (each["score"] for each in answer["top"][:2])
            assert label == other or first - second < 0.1, (model, answer)
        assert sum(label != other for label, other in zip(answers, others, strict=True)) <= 1, model
        right = [Path(image).parent.name == label for image, label in zip(images, answers, strict=True)]
        assert sum(right) / 60 == result["top1"]


def check_mediapipe(folder: Path) -> None:
    """Stock MediaPipe gives the scores that device gives, on the test images at the network's size."""
    tests = folders.labeled_folder(folder / "shapes", drawing.LABELS)
    preprocessed = np.stack([images.preprocess(tests.image(i), (28, 28)) for i in range(len(tests))])
    np.save(folder / "images.npy", preprocessed)
    for model in (MODELS[0], MODELS[3]):
        subprocess.run(
            [
                environment("mediapipe"),
                ROOT / "tests/peers/mediapipe_classify.py",
                model,
                "images.npy",
                "scores.json",
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
        classifier = Classifier(folder / model)
        for image, answer in zip(preprocessed, json.loads((folder / "scores.json").read_text()), strict=True):
            ours = classifier.classify(image).scores
            np.testing.assert_allclose([answer[label] for label in drawing.LABELS], ours, atol=1e-6)


def check_latency(document: dict[str, Any]) -> None:
    rows = document["results"]
    assert [row["variant"] for row in rows] == list(DEFAULT)
    assert rows[0]["ratio_to_float32"] == 1
    for row in rows:
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["max_ms"]
