"""Random numbers: each purpose has its own, so what is held out says nothing of the order or the changes."""

from itertools import product

import numpy as np

from train.data import streams
from train.data.split import held_out
from train.data.streams import Purpose


def test_no_two_purposes_seeds_or_indices_share_a_stream() -> None:
    indices = [(), (0,), (0, 0), (0, 0, 0), (1,), (0, 1), (1, 0), (2**32 - 1,)]
    asked = list(product(Purpose, (0, 1, 2, 2**32 - 1), indices))
    drawn = {streams.generator(purpose, seed, *index).integers(0, 2**63, 4).tobytes() for purpose, seed, index in asked}
    assert len(drawn) == len(asked)
    # Nor with what draws from a seed as it is, such as export's choice of images.
    plain = {np.random.default_rng(seed).integers(0, 2**63, 4).tobytes() for seed in ([1], [1, 0], [1, 0, 0], 1, 2, 0)}
    assert len(plain) == 3 and not plain & drawn


def test_the_same_arguments_draw_the_same() -> None:
    one, other = (streams.generator(Purpose.CHANGES, 7, 3, 2).random(5) for _ in range(2))
    assert (one == other).all()


def test_test_and_validation_are_drawn_apart() -> None:
    """By one stream both would hold out the same places of a list of the same length."""
    rows = np.arange(200)
    test, validation = (
        set(held_out(rows * 0, rows, 0.5, streams.generator(purpose, 1)))
        for purpose in (Purpose.TEST, Purpose.VALIDATION)
    )
    assert 35 <= len(test & validation) <= 65  # 50 by chance, standard deviation 3.5
