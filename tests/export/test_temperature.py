"""The temperature: found again where it is known, held against a search of every one, kept where it surely helps."""

import numpy as np
import numpy.typing as npt
import pytest

from device.inference.prediction import Scores
from device.model.card import OutputSpec
from export.confidence import temperature
from export.confidence.scored import Scored, calibration_error
from export.source.held_out import as_given

STEP = 1 / 256
Logits = npt.NDArray[np.float64]


def drawn(n: int, seed: int, spread: float = 1.5, labels: int = 5) -> tuple[Logits, npt.NDArray[np.int64]]:
    """Logits, and targets that are drawn by their softmax: whoever says that softmax is calibrated."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, spread, (n, labels))
    return logits, (logits + random.gumbel(size=logits.shape)).argmax(axis=1)


def softmax(logits: Logits, step: float = 0.0) -> Scores:
    return as_given(logits.astype(np.float32), step)


def scored(scores: Scores, targets: npt.NDArray[np.int64], step: float = 0.0, kind: str = "softmax") -> Scored:
    return Scored(scores, targets, "validation", OutputSpec(kind), step)  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [0.0, STEP])
@pytest.mark.parametrize("factor", [0.5, 2.0, 3.0])
def test_logits_that_are_too_large_or_too_small_are_divided_again(factor: float, step: float) -> None:
    """uint8 scores too: what is rounded to 0 says less, so theirs is another one, which suits them as well."""
    logits, targets = drawn(3000, seed=1)
    found = temperature.fit(scored(softmax(factor * logits, step), targets, step), seed=1)
    assert found.record.kept and found.temperature == pytest.approx(factor, rel=0.25 if step else 0.1)
    fresh, labels = drawn(3000, seed=2)
    test = scored(softmax(factor * fresh, step), labels, step)
    before, after = (calibration_error(test, one, seed=1) for one in (None, found.temperature))
    assert after.error < 0.4 * before.error and after.log_loss < before.log_loss
    assert before.interval[0] > after.interval[1]


def test_it_is_the_likeliest() -> None:
    """Of every temperature to three places nearby, by the log loss of scores that numpy makes itself."""
    logits, targets = drawn(400, seed=3)
    losses = {}
    for candidate in np.arange(1.5, 2.6, 0.001):
        divided = 2 * logits / candidate
        shares = divided - np.log(np.exp(divided).sum(axis=1, keepdims=True))
        losses[round(float(candidate), 3)] = -shares[np.arange(400), targets].mean()
    assert temperature.best(scored(softmax(2 * logits), targets)) == pytest.approx(
        min(losses, key=losses.__getitem__), abs=0.01
    )


def test_a_sigmoid_s_logits_are_divided() -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 2, 3000)
    targets = (random.random(3000) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    sure = (1 / (1 + np.exp(-2.5 * logits))).astype(np.float32)
    found = temperature.fit(scored(np.stack([1 - sure, sure], axis=1), targets, kind="sigmoid"), seed=1)
    assert found.temperature == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_calibrated_scores_get_none(seed: int) -> None:
    """The likeliest is some other number; on images that it wasn't fitted on it is not surely better."""
    logits, targets = drawn(300, seed)
    found = temperature.fit(scored(softmax(logits), targets), seed=1)
    assert found.temperature is None and found.by_folds is None
    assert found.record.temperature is not None and found.record.gain_interval is not None
    assert found.record.gain_interval[0] <= 0


def test_where_too_little_is_known_there_is_none() -> None:
    logits, targets = drawn(1000, seed=5)
    few = temperature.fit(scored(softmax(3 * logits[:99]), targets[:99]), seed=1)
    best = logits.argmax(axis=1)
    right = temperature.fit(scored(softmax(logits), best), seed=1)
    raw = temperature.fit(scored(logits.astype(np.float32), targets, kind="logits"), seed=1)
    for found in (few, right, raw):
        assert found.temperature is None and found.record.temperature is None and found.record.reason
    assert (few.record.n, right.record.wrong) == (99, 0)


def test_no_image_is_judged_by_a_temperature_that_it_fitted() -> None:
    logits, targets = drawn(500, seed=6)
    whole = scored(softmax(2 * logits), targets)
    found = temperature.fit(whole, seed=1)
    assert found.by_folds is not None and sorted(np.bincount(found.folds)) == [100] * 5
    for fold in range(5):
        rest = temperature.best(whole.of(found.folds != fold))
        assert set(found.by_folds[found.folds == fold]) == {rest}


# The calibration error.


def test_the_error_by_hand() -> None:
    """Fifteen equal scores are one bin: 0.8 said, 0.6 true. Two scores: the mean of their distances."""
    scores = np.tile(np.array([[0.8, 0.2]], np.float32), (15, 1))
    targets = np.array([0] * 9 + [1] * 6)
    assert calibration_error(scored(scores, targets), None, seed=1).error == pytest.approx(0.2)
    two = np.concatenate([scores, np.tile(np.array([[0.4, 0.6]], np.float32), (15, 1))])
    both = np.concatenate([targets, [1] * 15])
    assert calibration_error(scored(two, both), None, seed=1).error == pytest.approx((0.2 + 0.4) / 2)


def test_its_interval_holds_the_truth() -> None:
    """Drawn from known probabilities: 0 where they are said, and 0.1 where each is said 0.1 too high."""
    held = {0.0: 0, 0.1: 0}
    for seed in range(40):
        random = np.random.default_rng(seed)
        true = random.uniform(0.55, 0.85, 300)
        targets = (random.random(300) > true).astype(np.int64)
        for excess in held:
            said = (true + excess).astype(np.float32)
            low, high = calibration_error(scored(np.stack([said, 1 - said], axis=1), targets), None, seed).interval
            held[excess] += low <= excess <= high
    assert min(held.values()) >= 35
