"""Batches: the same whenever asked for, every row once an epoch, half of them mirrored; the split beside them."""

from typing import Any

import numpy as np
import pytest

from device.data.folders import Cache
from device.errors import UserError
from tests.trained import Trained
from train.recipes.catalog import RECIPES
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow


def recipe(**changes: Any) -> Recipe:
    return replaced(RECIPES["fashion_mnist"], **{"batch_size": 16, "validation_split": 0.25, **changes})


@pytest.fixture
def images(trained: Trained) -> Cache:
    """300 training images of three labels, all different."""
    found = trained.images
    assert len({image.tobytes() for image in found.images("train")}) == 300
    return found


def rows_of(cache: Cache, batch: np.ndarray[Any, Any]) -> list[int]:
    """The rows that a batch shows, mirrored or not; negative (-row - 1) where mirrored."""
    array = cache.images("train")
    places = {array[i].tobytes(): i for i in range(len(array))}
    places |= {array[i, :, ::-1].tobytes(): -i - 1 for i in range(len(array)) if not same_mirrored(array[i])}
    return [places[image.tobytes()] for image in batch]


def same_mirrored(image: np.ndarray[Any, Any]) -> bool:
    return bool((image == image[:, ::-1]).all())


def epoch(cache: Cache, batches: Any) -> list[int]:
    return [row for i in range(len(batches)) for row in rows_of(cache, batches[i][0])]


def test_every_row_comes_once_an_epoch_in_another_order(images: Cache) -> None:
    from train.data.batches import Batches

    rows = np.arange(0, 300, 2)
    batches = Batches(images, rows, recipe(horizontal_flip=False))
    assert len(batches) == 10
    first = epoch(images, batches)
    batches.start_epoch(1)
    second = epoch(images, batches)
    assert sorted(first) == sorted(second) == rows.tolist()
    assert first != second
    assert first != rows.tolist()


def test_a_batch_is_the_same_whenever_it_is_asked_for(images: Cache) -> None:
    from train.data.batches import Batches

    rows = np.arange(300)
    one, other = Batches(images, rows, recipe()), Batches(images, rows, recipe())
    one.start_epoch(2)
    one.start_epoch(3)
    other.start_epoch(3)
    late = [one[i] for i in (7, 2, 7)]
    np.testing.assert_array_equal(late[0][0], late[2][0])
    np.testing.assert_array_equal(late[0][0], other[7][0])
    np.testing.assert_array_equal(late[0][1], other[7][1])
    different = Batches(images, rows, recipe(seed=2))
    assert rows_of(images, different[0][0]) != rows_of(images, Batches(images, rows, recipe())[0][0])


def test_what_is_held_out_is_not_what_comes_first(images: Cache) -> None:
    """Both from the seed: of one stream the first batches of the first epoch would be the very rows held out."""
    from train.data.batches import Batches
    from train.data.split import split_rows

    _, validation = split_rows(np.zeros(300, np.int64), recipe(validation_split=0.25))
    first = Batches(images, np.arange(300), recipe()).order[:75]
    assert len(set(first) & set(validation)) < 40  # 19 by chance


def test_half_of_the_images_are_mirrored(images: Cache) -> None:
    from train.data.batches import Batches

    batches = Batches(images, np.arange(300), recipe(horizontal_flip=True))
    seen = epoch(images, batches)
    mirrored = [row for row in seen if row < 0]
    assert sorted(-row - 1 if row < 0 else row for row in seen) == list(range(300))
    assert 110 <= len(mirrored) <= 190  # 150 expected; 4.6 standard deviations
    batches.start_epoch(1)
    assert {row for row in epoch(images, batches) if row < 0} != set(mirrored)


def test_targets_stay_with_their_images(images: Cache) -> None:
    from train.data.batches import Batches

    targets = images.targets("train")
    rows = np.arange(300)
    sparse = recipe(loss="sparse_categorical_crossentropy", label_smoothing=0.0)
    for chosen, expected in ((recipe(), np.eye(3)[targets]), (sparse, targets)):
        batch, answers = Batches(images, rows, chosen)[3]
        seen = [-row - 1 if row < 0 else row for row in rows_of(images, batch)]
        np.testing.assert_array_equal(answers, expected[seen])


def test_keras_is_given_these_batches_and_no_others(images: Cache) -> None:
    """Two epochs through Keras' own loop, begun at the fourth: the batches of those epochs, each once."""
    import keras

    from train.data.batches import Batches
    from train.fitting.callbacks import DeterministicEpoch

    rows = np.arange(60)
    seen: dict[int, list[tuple[int, ...]]] = {}

    class Watched(Batches):
        def __getitem__(self, index: int) -> Any:
            pixels, answers = super().__getitem__(index)
            seen.setdefault(self.epoch, []).append(tuple(rows_of(images, pixels)))
            return pixels, answers

    model = keras.Sequential([keras.layers.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile(optimizer="sgd", loss="mse")
    batches = Watched(images, rows, recipe(horizontal_flip=False))
    model.fit(batches, initial_epoch=3, epochs=5, verbose=0, shuffle=False, callbacks=[DeterministicEpoch(batches, 1)])
    # Keras looks at a few batches for their shape before the first epoch.
    assert {number: len(shown) for number, shown in seen.items() if number} == {3: 4, 4: 4}
    expected = Batches(images, rows, recipe(horizontal_flip=False))
    for number in (3, 4):
        expected.start_epoch(number)
        assert seen[number] == [tuple(rows_of(images, expected[i][0])) for i in range(len(expected))]


def test_epochs_of_a_number_of_steps_go_through_the_rows_evenly(images: Cache) -> None:
    from train.data.batches import Batches

    rows = np.arange(100)
    batches = Batches(images, rows, recipe(horizontal_flip=False, steps_per_epoch=5))  # 80 of 100 images an epoch
    assert len(batches) == 5
    seen = []
    for number in range(5):
        batches.start_epoch(number)
        seen.append(epoch(images, batches))
    assert [len(shown) for shown in seen] == [80] * 5
    whole = [row for shown in seen for row in shown]
    for begin in range(0, 400, 100):
        assert sorted(whole[begin : begin + 100]) == rows.tolist(), "every row once a round"
    again = Batches(images, rows, recipe(horizontal_flip=False, steps_per_epoch=5))
    again.start_epoch(3)
    assert epoch(images, again) == seen[3]


@pytest.mark.parametrize("count", [300, 290, 289, 273])
def test_processes_see_together_what_one_sees(images: Cache, count: int) -> None:
    """Changed and mixed by the same numbers; of the last batch what can't be shared is left out, the rest in order."""
    from train.data.batches import Batches
    from train.environment.devices import Cluster

    chosen = recipe(batch_size=18, mixup=0.5, rotation_range=20.0, random_erasing=0.5, camera_noise=0.5, blur=1.0)
    alone = Batches(images, np.arange(count), chosen)
    parts = [Batches(images, np.arange(count), chosen, Cluster("", 3, i), devices=3) for i in range(3)]
    kept = count // 3 * 3
    assert {len(part) for part in parts} == {-(-kept // 18)}
    seen = 0
    for index in range(len(parts[0])):
        answers = [part[index] for part in parts]
        assert len({len(shown) for shown, _ in answers}) == 1
        seen += sum(len(shown) for shown, _ in answers)
        if (index + 1) * 18 <= kept:
            for whole, own in zip(alone[index], zip(*answers, strict=True), strict=True):
                np.testing.assert_array_equal(np.concatenate(own), whole)
    assert seen == kept


def test_one_device_is_shown_every_image_and_two_all_but_one(images: Cache) -> None:
    from train.data.batches import Batches

    rows = np.arange(97)
    plain = recipe(horizontal_flip=False)
    assert sorted(epoch(images, Batches(images, rows, plain))) == rows.tolist()
    two = Batches(images, rows, plain, devices=2)
    missing: list[int] = []
    for number in range(3):
        two.start_epoch(number)
        shown = epoch(images, two)
        assert len(shown) == len(set(shown)) == 96
        missing += set(rows.tolist()) - set(shown)
    assert len(set(missing)) > 1, "another one each time"


def test_validation_images_that_devices_share(images: Cache) -> None:
    """500 at a time, or as many as seven devices can share."""
    from train.data.batches import ValidationBatches

    rows = np.resize(np.arange(300), 1197)
    for devices, expected in ((1, [500, 500, 197]), (7, [497, 497, 203])):
        held_out = ValidationBatches(images, rows, recipe(), devices)
        assert [len(held_out[i][0]) for i in range(len(held_out))] == expected


def test_a_mixed_image_is_mixed_as_its_target_says() -> None:
    from train.data.batches import mixed

    random = np.random.default_rng(1)
    images = random.integers(0, 256, (12, 4, 4, 3), np.uint8)
    own = np.eye(12, dtype=np.float32)  # every image of a label of its own: the target names what is in it
    shares = []
    for _ in range(50):
        blended, targets = mixed(images, own, random)
        expected = np.einsum("ij,jhwc->ihwc", targets, images.astype(np.float32))
        np.testing.assert_allclose(blended, expected, atol=0.51)
        np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-6)
        shares.append(float(targets.max()))
    assert len({round(share, 3) for share in shares}) > 10, "another share each time"


def test_a_share_of_the_batches_is_mixed(images: Cache) -> None:
    from train.data.batches import Batches

    batches = Batches(images, np.arange(300), recipe(batch_size=2, mixup=0.5, horizontal_flip=False))
    whole = sum(int((batches[i][1].max(axis=1) == 1).all()) for i in range(len(batches)))
    assert 75 < whole < 145  # half of 150, and where an image met itself or one of its label


def test_the_validation_rows_are_a_share_of_every_label() -> None:
    from train.data.split import split_rows

    targets = np.repeat([0, 1, 2], [40, 100, 8])
    rows, validation = split_rows(targets, recipe(validation_split=0.25))
    assert np.bincount(targets[validation]).tolist() == [10, 25, 2]
    assert set(rows).isdisjoint(validation)
    assert sorted([*rows, *validation]) == list(range(148))


def test_the_validation_rows_are_the_seed_s() -> None:
    from train.data.split import split_rows

    targets = np.repeat([0, 1], 50)
    _, first = split_rows(targets, recipe(seed=1))
    _, again = split_rows(targets, recipe(seed=1))
    _, other = split_rows(targets, recipe(seed=2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert first.tolist() == sorted(first)


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_both_sides_keep_an_image_of_every_label(share: float) -> None:
    from train.data.split import split_rows

    targets = np.repeat([0, 1, 2], [2, 5, 30])
    for part in split_rows(targets, recipe(validation_split=share)):
        assert set(targets[part]) == {0, 1, 2}


def test_a_label_with_one_image_cannot_be_split() -> None:
    from train.data.split import split_rows

    with pytest.raises(UserError, match=r"'dog' .*expected two"):
        split_rows(np.array([0, 0, 1]), recipe(), labels=("cat", "dog"))
