"""The head of transfer: one answer, whatever the scale of the features; copies are on one side; rare classes count."""

import numpy as np
import pytest

from device.data import copies
from train.data.split import Rows
from train.networks import head


def blobs(counts: tuple[int, ...], spread: float = 0.5, seed: int = 1) -> tuple[head.Features, Rows]:
    """Features of `counts` images of each label around its own corner; 40 channels, as many as images or more."""
    random = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(counts)), counts)
    centers = np.random.default_rng(0).normal(size=(len(counts), 40))
    return (centers[targets] + spread * random.normal(size=(len(targets), 40))).astype(np.float32), targets


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_what_can_be_told_apart_is(labels: int) -> None:
    features, targets = blobs((10,) * labels)
    fitted = head.fit(features, targets, labels)
    assert fitted.kernel.shape == (40, labels) and fitted.bias.shape == (labels,)
    unseen, right = blobs((50,) * labels, seed=2)
    scores = fitted.scores(unseen)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert (scores.argmax(axis=1) == right).mean() > 0.95


def test_hundreds_of_classes_are_told_apart() -> None:
    """The slopes of the loss are means over images: here all are below scikit-learn's tolerance before a step."""
    random = np.random.default_rng(0)
    centers = 2 + random.normal(0, 0.1, (200, 512))
    targets = np.repeat(np.arange(200), 5)
    features = (centers[targets] + random.normal(0, 0.05, (1000, 512))).astype(np.float32)
    unseen = (centers + random.normal(0, 0.05, centers.shape)).astype(np.float32)
    found = head.fit(features, targets, 200).scores(unseen).argmax(axis=1)
    assert (found == np.arange(200)).mean() > 0.95


@pytest.mark.parametrize("labels", [2, 4])
def test_it_is_scikit_learn_s_regression(labels: int) -> None:
    from sklearn.linear_model import LogisticRegression

    features, targets = blobs((12,) * labels, spread=2.0)
    length = np.sqrt(np.square(features.astype(np.float64)).sum(axis=1).mean())
    theirs = LogisticRegression(C=head.C, max_iter=1000).fit(features / length, targets)
    unseen, _ = blobs((20,) * labels, spread=2.0, seed=3)
    expected = theirs.predict_proba(unseen / length)
    np.testing.assert_allclose(head.fit(features, targets, labels).scores(unseen), expected, atol=1e-4)


def test_the_scale_of_the_features_does_not_matter() -> None:
    features, targets = blobs((8, 8, 8), spread=2.0)
    unseen, _ = blobs((20, 20, 20), spread=2.0, seed=2)
    small, large = (head.fit(k * features, targets, 3).scores(k * unseen) for k in (np.float32(0.01), np.float32(100)))
    np.testing.assert_allclose(small, large, atol=1e-3)


def test_the_same_images_give_the_same_bytes() -> None:
    features, targets = blobs((30, 30), spread=2.0)
    one, other = head.fit(features, targets, 2), head.fit(features.copy(), targets.copy(), 2)
    assert one.kernel.tobytes() == other.kernel.tobytes() and one.bias.tobytes() == other.bias.tobytes()


def test_a_rare_class_is_not_given_up() -> None:
    """Two overlapping clouds, a hundred images to one: without weights nearly all of the rare one is lost."""
    features, targets = blobs((300, 3), spread=3.0)
    unseen, right = blobs((200, 200), spread=3.0, seed=5)
    recall = (head.fit(features, targets, 2).scores(unseen).argmax(axis=1) == right)[right == 1].mean()
    from sklearn.linear_model import LogisticRegression

    length = np.sqrt(np.square(features).sum(axis=1).mean())
    plain = LogisticRegression(C=head.C, max_iter=1000).fit(features / length, targets)
    assert recall > (plain.predict(unseen / length) == right)[right == 1].mean() + 0.1


def test_a_label_without_an_image_is_never_answered() -> None:
    features, targets = blobs((10, 10, 10))
    scores = head.fit(features[targets != 1], targets[targets != 1], 3).scores(features)
    assert scores[:, 1].max() == 0 and (scores[targets == 2].argmax(axis=1) == 2).all()


# Cross-validation.


def unseen_accuracy(features: head.Features, targets: Rows, hashes: list[str]) -> float:
    found = head.cross_validated(
        features, targets, copies.groups_of(hashes), np.arange(len(targets)), int(targets.max()) + 1, 1
    )
    assert found is not None
    return float((found.scores.argmax(axis=1) == found.targets).mean())


def test_noise_with_copies_is_not_known() -> None:
    """Labels by lot, five copies of each image: a head that saw a copy would know them all."""
    random = np.random.default_rng(1)
    features, targets = random.normal(size=(60, 40)).astype(np.float32), random.integers(0, 2, 60)
    five = np.repeat(np.arange(60), 5)
    alone = unseen_accuracy(features[five], targets[five], [str(i) for i in range(300)])
    grouped = unseen_accuracy(features[five], targets[five], [str(i) for i in five])
    assert alone > 0.9 and grouped < 0.7


def test_it_says_what_a_test_says() -> None:
    features, targets = blobs((40, 40, 40), spread=2.5)
    more, right = blobs((500, 500, 500), spread=2.5, seed=9)
    on_test = (head.fit(features, targets, 3).scores(more).argmax(axis=1) == right).mean()
    assert unseen_accuracy(features, targets, [str(i) for i in range(120)]) == pytest.approx(on_test, abs=0.12)


def test_an_image_alone_in_its_class_counts_as_wrong() -> None:
    features, targets = blobs((1, 10))
    assert unseen_accuracy(features, targets, [str(i) for i in range(11)]) == pytest.approx(10 / 11)


def test_copies_of_one_image_are_a_whole_class() -> None:
    features, targets = blobs((6, 10))
    hashes = ["same"] * 6 + [str(i) for i in range(10)]
    # One different image in its class, so it counts once, and as wrong.
    assert unseen_accuracy(features, targets, hashes) == pytest.approx(10 / 11)


def test_of_very_many_images_the_test_is_enough() -> None:
    rows = np.arange(head.MOST + 1)
    assert head.cross_validated(np.zeros((1, 1), np.float32), rows, rows, rows, 2, 1) is None
