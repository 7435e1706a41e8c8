"""A card's confidence: its temperature in every score that is shown, its threshold wherever a label is."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.images import images
from device.inference.classifier import Classifier
from device.inference.golden import replay
from device.model import card as cards
from device.model.card import Confidence, OutputSpec
from device.model.confidence import tempered
from tests import drawing
from tests.conftest import Run, model
from tests.device import crafted
from tests.device.altering import altered
from tests.device.crafted import End
from tests.device.refusals import with_card

IMAGE = np.zeros((4, 6, 3), np.uint8)
SURE = (0.8, 0.15, 0.05)


def network(folder: Path, scores: Sequence[float], kind: Any, confidence: Confidence) -> Path:
    labels = tuple("abcdefgh"[: max(2, len(scores))])
    card = crafted.card(labels, (4, 6), output=OutputSpec(kind), confidence=confidence)
    return with_card(folder / "net.tflite", crafted.constant(scores), card)


def scores_of(folder: Path, scores: Sequence[float], kind: Any, **confidence: float) -> list[float]:
    answer = Classifier(network(folder, scores, kind, Confidence(**confidence))).classify(IMAGE)
    assert answer.scores.dtype == np.float32
    return [float(score) for score in answer.scores]


def softmax(logits: Sequence[float]) -> list[float]:
    odds = np.exp(np.array(logits) - max(logits))
    return [float(score) for score in odds / odds.sum()]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 10.0])
def test_the_temperature_divides_the_logits(temperature: float, tmp_path: Path) -> None:
    logits = np.array([2.0, -1.0, 0.5])
    expected = softmax(list(logits / temperature))
    assert scores_of(tmp_path, softmax(list(logits)), "softmax", temperature=temperature) == pytest.approx(
        expected, abs=1e-6
    )
    assert scores_of(tmp_path, list(logits), "logits", temperature=temperature) == pytest.approx(
        list(logits / temperature)
    )
    each = [float(1 / (1 + np.exp(-logit))) for logit in logits]
    expected = [float(1 / (1 + np.exp(-logit / temperature))) for logit in logits]
    assert scores_of(tmp_path, each, "sigmoid", temperature=temperature) == pytest.approx(expected, abs=1e-6)
    one = scores_of(tmp_path, [each[0]], "sigmoid", temperature=temperature)
    assert one == pytest.approx([1 - expected[0], expected[0]], abs=1e-6)


@pytest.mark.parametrize("scores", [(1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.5, 0.5, 0.0)])
def test_ends_stay_ends(scores: tuple[float, ...], tmp_path: Path) -> None:
    """int8 scores have true zeros and ones: no logarithm of them may become a NaN."""
    for kind in ("softmax", "sigmoid"):
        found = scores_of(tmp_path, scores, kind, temperature=2.0)
        assert np.isfinite(found).all()
        if kind == "softmax":
            assert found == pytest.approx(list(scores))


def test_what_int8_rounds_to_zero_is_not_impossible(tmp_path: Path) -> None:
    """255 of 256 steps for one label: with a temperature of 3 the others have their share again."""
    card = crafted.card(("a", "b", "c"), (4, 6), confidence=Confidence(3.0))
    codes = crafted.constant([255, 0, 0], output=End((1, 3), "uint8", 1 / 256, 0))
    found = Classifier(with_card(tmp_path / "net.tflite", codes, card)).classify(IMAGE).scores
    odds = np.array([255 / 256, 1 / 512, 1 / 512]) ** (1 / 3)
    assert found.tolist() == pytest.approx(list(odds / odds.sum()))


def test_without_one_nothing_changes(tmp_path: Path) -> None:
    assert scores_of(tmp_path, SURE, "softmax") == [float(np.float32(score)) for score in SURE]


@pytest.mark.parametrize("temperature", [0, -1.5])
def test_a_temperature_that_is_none(temperature: float) -> None:
    document = json.loads(json.dumps(crafted.FULL.to_json()))
    document["confidence"]["temperature"] = temperature
    with pytest.raises(cards.CardError, match=r"confidence\.temperature is .*, expected more than 0"):
        cards.parse(document)


def with_confidence(**values: float) -> Any:
    return lambda card: replace(card, confidence=Confidence(**values))


def test_golden_images_are_held_against_what_the_network_itself_says(tmp_path: Path) -> None:
    """They were recorded so: a temperature that is fitted later changes what is shown, not what is checked."""
    path = altered(tmp_path / "net.tflite", "int8", with_confidence(temperature=3.0))
    plain, classifier = Classifier(model("int8")), Classifier(path)
    for _, image in drawing.shapes(9, seed=3):
        sure, less = (one.classify(image).scores for one in (plain, classifier))
        assert less.max() < sure.max() and less.argmax() == sure.argmax()
    assert replay(classifier).passed and replay(classifier).score_error == replay(plain).score_error


def test_classify_says_unknown(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(images.encode_png(IMAGE))
    (tmp_path / "b.png").write_bytes(images.encode_png(IMAGE))
    network(tmp_path, SURE, "softmax", Confidence(temperature=None, unknown_below=0.9))
    assert command("device", "classify", "net.tflite", "a.png").stdout.splitlines()[0] == "unknown"
    done = command("device", "classify", "net.tflite", "a.png", "b.png")
    assert done.stdout.splitlines() == ["a.png  unknown  0.800", "b.png  unknown  0.800"]
    document = json.loads(command("device", "classify", "net.tflite", "a.png", "--json", "-").stdout)
    assert document["unknown"] is True
    assert [one["label"] for one in document["top"]] == ["a", "b", "c"]


def test_classify_by_temperature_and_threshold(command: Run, tmp_path: Path) -> None:
    """The threshold is held against the score that is shown."""
    (tmp_path / "a.png").write_bytes(images.encode_png(IMAGE))
    for temperature, unknown in ((1.0, False), (3.0, True)):
        network(tmp_path, SURE, "softmax", Confidence(temperature, 0.6))
        document = json.loads(command("device", "classify", "net.tflite", "a.png", "--json", "-").stdout)
        assert document["unknown"] is unknown
    network(tmp_path, SURE, "softmax", Confidence())
    done = command("device", "classify", "net.tflite", "a.png", "--json", "-")
    assert "unknown" not in json.loads(done.stdout)


def test_live_says_unknown_and_shows_the_same_scores(command: Run, tmp_path: Path) -> None:
    network(tmp_path, SURE, "softmax", Confidence(3.0, 0.6))
    words = ("--source", "test", "--frames", "1", "--headless", "--jsonl", "-", "--threads", "1")
    done = command("device", "live", "net.tflite", *words)
    document = json.loads(done.stdout.splitlines()[0])
    expected = max(scores_of(tmp_path, SURE, "softmax", temperature=3.0))
    assert (document["label"], document["top"][0]["label"]) == ("unknown", "a")
    assert document["score"] == pytest.approx(expected, abs=1e-4)


def test_info_says_both_in_words(command: Run, tmp_path: Path) -> None:
    said = []
    for confidence in (Confidence(1.5, 0.4), Confidence(0.8), Confidence()):
        network(tmp_path, SURE, "softmax", confidence)
        rows = dict(line.split(maxsplit=1) for line in command("device", "info", "net.tflite").stdout.splitlines())
        said.append((rows["scores"], rows["unknown"]))
    (less, below), (more, _), (plain, never) = said
    assert "temperature 1.5" in less and "less sure" in less and "0.4" in below
    assert "temperature 0.8" in more and "surer" in more
    assert "no temperature" in plain and "no threshold" in never


def test_many_images_at_once_are_as_one_by_one() -> None:
    """As export fits a temperature: the same function, for all images or with a temperature of each."""
    codes = np.random.default_rng(1).dirichlet([0.1] * 6, 200) * 256
    scores = (np.clip(np.round(codes), 0, 255) / 256).astype(np.float32)
    temperatures = np.linspace(0.3, 3, 200)
    for kind in ("softmax", "sigmoid", "logits"):
        for step in (0.0, 1 / 256):
            each = np.stack([tempered(row, kind, t, step) for row, t in zip(scores, temperatures, strict=True)])
            found = tempered(scores, kind, temperatures[:, None], step)
            np.testing.assert_allclose(found, each, rtol=1e-6)
            assert found.dtype == each.dtype == np.float32 and each.shape == scores.shape


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_best_label_stays_the_best(temperature: float) -> None:
    codes = np.random.default_rng(2).dirichlet([0.2] * 10, 500) * 256
    scores = (np.clip(np.round(codes), 0, 255) / 256).astype(np.float32)
    assert np.array_equal(tempered(scores, "softmax", temperature, 1 / 256).argmax(axis=1), scores.argmax(axis=1))


def test_no_label_of_a_quantized_output_is_impossible() -> None:
    """Also where the others' rounded scores leave nothing, or both ends of a sigmoid are reached."""
    full = np.array([254 / 256, 2 / 256, 0, 0], np.float32)
    found = tempered(full, "softmax", 1.0, 1 / 256)
    assert found[2] == found[3] == pytest.approx(1 / 1024, rel=0.01)
    assert found.sum() == pytest.approx(1)
    zero, one = tempered(np.array([0, 1], np.float32), "sigmoid", 1.0, 1 / 256)
    assert (zero, one) == (pytest.approx(1 / 1024), pytest.approx(1 - 1 / 1024))
