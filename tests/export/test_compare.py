"""The comparison with the reference: figures by hand, and which of them fail a variant."""

import json
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from device import records
from device.evaluation.exports import ReferenceComparison
from device.model import variants
from export.checks import compare

GOOD = ReferenceComparison(
    n=1000,
    split="test",
    top1=0.9,
    interval=(0.88, 0.92),
    agreement=1.0,
    largest_error=0.0,
    mean_error=0.0,
    signal=120.0,
    drop=0.0,
    drop_interval=(-0.004, 0.004),
)


def answering(labels: list[int], sure: float = 1.0) -> npt.NDArray[np.float32]:
    """Scores of three labels whose highest is the given one."""
    return (np.eye(3)[labels] * sure + (1 - sure) / 3).astype(np.float32)


def test_the_drop_counts_images_that_only_one_gets_right() -> None:
    targets = np.zeros(100, np.int64)
    ours = answering([1] * 10 + [0] * 90)  # loses the first ten
    theirs = answering([0] * 96 + [1] * 4)  # but wins the last four
    measured = compare.compare(ours, theirs, targets, "test")
    assert measured.drop == pytest.approx(0.06)
    # Bonett and Price: 11/102 - 5/102, half 1.959964 * sqrt((16/102 - (6/102)^2) / 102)
    assert measured.drop_interval == pytest.approx((0.058824 - 0.076009, 0.058824 + 0.076009), abs=1e-5)


def test_every_figure_by_hand() -> None:
    targets = np.array([0, 1, 2, 2])
    reference = answering([0, 1, 2, 2])
    scores = answering([0, 1, 1, 2], sure=0.7)  # 0.8 on the answer, 0.1 elsewhere
    measured = compare.compare(scores, reference, targets, "test")
    assert (measured.n, measured.split, measured.top1, measured.agreement) == (4, "test", 0.75, 0.75)
    assert measured.drop == 0.25
    assert measured.largest_error == pytest.approx(0.9)
    # Three images differ by 0.2, 0.1, 0.1, one by 0.1, 0.8, 0.9.
    assert measured.mean_error == pytest.approx((3 * 0.4 + 1.8) / 12)
    assert measured.interval == pytest.approx((0.300636, 0.954413), abs=1e-5)  # Wilson, 3 of 4


def test_without_labels_there_is_no_accuracy() -> None:
    measured = compare.compare(answering([0, 1]), answering([0, 1]), None, "calibration")
    assert (measured.top1, measured.interval, measured.drop, measured.drop_interval) == (None,) * 4
    assert (measured.agreement, measured.split) == (1.0, "calibration")
    assert compare.failures("int8", measured) == []


@pytest.mark.parametrize("variant", variants.NAMES)
def test_equal_scores_are_sound(variant: str) -> None:
    assert compare.failures(variant, GOOD) == []


@pytest.mark.parametrize(
    ("variant", "changes", "reason"),
    [
        ("float32", {"largest_error": 2e-3}, "a score differs by 0.0020, at most 0.001 is sound"),
        ("float32", {"signal": 29.0}, "its logits have 29.0 dB of signal to noise, 30 dB or more are sound"),
        ("int8", {"signal": 2.9}, "its logits have 2.9 dB of signal to noise, 3 dB or more are sound"),
        ("dynamic", {"drop": 0.15, "drop_interval": (0.11, 0.2)}, "it loses 15.00 points of accuracy, at most 10 are"),
        ("int8", {"largest_error": None, "signal": None}, "its scores are not finite numbers"),
        ("float16", {"largest_error": None, "signal": 120.0}, "its scores are not finite numbers"),
    ],
)
def test_what_fails_a_variant(variant: str, changes: dict[str, object], reason: str) -> None:
    (said,) = compare.failures(variant, replace(GOOD, **changes))  # type: ignore[arg-type]
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("int8", {"largest_error": 0.9}),  # a single score says nothing of int8
        ("int8", {"agreement": 0.5}),  # nor do answers, which an unsure network changes at every touch
        ("float16", {"agreement": 0.9}),
        ("float16", {"largest_error": 0.06}),
        ("int8", {"drop": 0.08, "drop_interval": (0.05, 0.11)}),
        ("int8", {"drop": -0.5, "drop_interval": (-0.6, -0.4)}),
        ("float32", {"largest_error": 9e-4}),
    ],
)
def test_what_is_no_failure(variant: str, changes: dict[str, object]) -> None:
    assert compare.failures(variant, replace(GOOD, **changes)) == []  # type: ignore[arg-type]


def test_a_single_logit_is_judged_by_their_span() -> None:
    """A tenth of a percent of it in float32, and nothing in int8, as of probabilities."""
    assert compare.failures("float32", replace(GOOD, largest_error=0.03), span=40.0) == []
    (said,) = compare.failures("float32", replace(GOOD, largest_error=0.05), span=40.0)
    assert "at most 0.04" in said
    assert compare.failures("int8", replace(GOOD, largest_error=6.3), span=40.0) == []


def test_several_reasons_are_all_said() -> None:
    broken = replace(GOOD, agreement=0.1, drop=0.8, drop_interval=(0.7, 0.9), largest_error=1.5, signal=-2.0)
    assert len(compare.failures("int8", broken)) == 3


def test_what_is_lost_is_said_where_chance_does_not_explain_it() -> None:
    lossy = replace(GOOD, drop=0.021, drop_interval=(0.003, 0.039))
    assert compare.losses("int8", lossy) == ["int8 loses 2.1 points of accuracy (0.3 to 3.9)"]
    assert compare.losses("int8", replace(lossy, drop_interval=(-0.003, 0.045))) == []
    assert compare.losses("int8", replace(lossy, drop=None, drop_interval=None)) == []


def test_a_label_that_vanishes_is_said_where_the_whole_hardly_loses() -> None:
    """Twelve of 4,012: the interval of all labels ends at 0.1 points, and nothing is broken."""
    targets = np.repeat([0, 1, 2], [2000, 2000, 12])
    reference = answering(targets.tolist())
    lost = answering([*targets[:-12], *[0] * 12])
    measured = compare.compare(lost, reference, targets, "test", labels=("a", "b", "rare"))
    assert compare.failures("int8", measured) == []
    assert compare.losses("int8", measured)[-1] == "int8, label rare: 12 of 12 images lost, beyond chance"
    assert measured.balanced == pytest.approx(2 / 3) and measured.worst_label is not None
    assert (measured.worst_label.label, measured.worst_label.n) == ("rare", 12)
    document = json.loads(json.dumps(records.to_json(measured), allow_nan=False))
    assert [row["label"] for row in document["by_label"]["beyond_chance"]] == ["rare"]
    assert compare.losses("int8", compare.compare(reference, reference, targets, "test")) == []


def test_by_heads_that_have_not_seen_the_images_each_label_is_judged_too() -> None:
    targets = np.repeat([0, 1], [100, 12])
    seen, unseen = answering(targets.tolist()), answering([0] * 112)
    measured = compare.compare(seen, seen, targets, "cross-validation", unseen=(unseen, seen), labels=("a", "b"))
    assert (measured.top1, measured.balanced) == (100 / 112, 0.5)
    assert compare.losses("int8", measured)[-1] == "int8, label b: 12 of 12 images lost, beyond chance"


# Signal to noise.


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("sure", [0.8, 1.5, 3.0])
def test_signal_to_noise_says_the_same_of_sure_and_unsure_networks(sure: float) -> None:
    """Noise of a fifth of the logits: 14 dB, and what a step of a uint8 score hides."""
    random = np.random.default_rng(1)
    logits = random.normal(0, sure, (400, 6))
    noisy = logits + random.normal(0, 0.2 * sure, logits.shape)
    assert compare.signal_to_noise(softmax(noisy), softmax(logits), "softmax") == pytest.approx(14.5, abs=1.5)


def test_signal_to_noise_is_what_is_computed_by_hand() -> None:
    """Raw logits: centered (1, -1) and (2, -2) against (1, -1) and (1, -1): 4 (1 + 1 + 1 + 1) / (1 + 1)."""
    ours, theirs = np.array([[2, 0], [4, 0]], np.float32), np.array([[1, -1], [5, 3]], np.float32)
    # power (1 + 1 + 1 + 1) / 4, noise (0 + 0 + 1 + 1) / 4
    assert compare.signal_to_noise(ours, theirs, "logits") == pytest.approx(10 * math.log10(2))


def test_what_a_uint8_score_cannot_tell_apart_is_no_noise() -> None:
    reference = softmax(np.random.default_rng(2).normal(0, 0.05, (50, 10)))
    rounded = np.round(reference * 256) / 256
    assert compare.signal_to_noise(rounded.astype(np.float32), reference, "softmax") == compare.NO_NOISE
    assert compare.signal_to_noise(reference[::-1], reference, "softmax") < 10


def test_other_labels_or_one_answer_for_all_are_noise() -> None:
    reference = softmax(np.random.default_rng(3).normal(0, 2, (60, 4)))
    assert compare.signal_to_noise(np.roll(reference, 1, axis=1), reference, "softmax") < 0
    assert compare.signal_to_noise(np.full_like(reference, 0.25), reference, "softmax") < 2
    assert compare.signal_to_noise(reference, reference, "softmax") == compare.NO_NOISE


def test_sigmoids_are_taken_each_by_itself() -> None:
    reference = np.array([[0.9, 0.8], [0.1, 0.3]], np.float32)
    assert compare.signal_to_noise(reference, reference, "sigmoid") == compare.NO_NOISE
    assert compare.signal_to_noise(1 - reference, reference, "sigmoid") < 0


def test_an_error_that_is_no_number_is_null_in_json() -> None:
    scores = np.array([[np.nan, 1.0]], np.float32)
    measured = compare.compare(scores, np.array([[0.0, 1.0]], np.float32), None, "test")
    document = json.loads(json.dumps(records.to_json(measured), allow_nan=False))
    assert (document["largest_error"], document["mean_error"], document["signal"]) == (None, None, None)
    assert document["n"] == 1
