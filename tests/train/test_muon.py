"""Orthogonal steps for convolution kernels, SGD for the rest; and what is saved of a run that used them."""

from pathlib import Path

import numpy as np
import pytest

from tests import processes
from tests.conftest import Run
from tests.train import saved
from tests.trained import Trained
from tests.warm import TENSORFLOW

pytestmark = pytest.mark.tensorflow

SETTINGS = ("network=residual", "filters=4-8", "blocks=0", "optimizer=muon", "weight_decay=0.01", "batch_size=16")
WORDS = tuple(word for setting in (*SETTINGS, "dropout=0", "epochs=4") for word in ("--set", setting))


@pytest.mark.parametrize("shape", [(27, 16), (8, 72), (30, 30)])
def test_a_step_is_nearly_orthogonal_and_points_where_the_gradient_does(shape: tuple[int, int]) -> None:
    from train.optimizers import muon

    matrix = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    step = np.asarray(muon.orthogonal(matrix))
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    assert step.shape == shape
    # The iteration has the exact one's singular vectors; singular values near 0 need more steps than four.
    inside = left.T @ step @ right.T
    np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=1e-3)
    assert np.diag(inside)[values > 0.1 * values[0]].min() > 0.6 and np.diag(inside).max() < 1.3


def test_kernels_keep_their_length_and_the_rest_moves_by_sgd() -> None:
    import keras

    from train.optimizers.muon import Muon

    kernel = keras.Variable(np.random.default_rng(1).normal(size=(3, 3, 4, 16)).astype(np.float32))
    dense, twin = (keras.Variable(np.arange(6.0, dtype=np.float32).reshape(2, 3)) for _ in range(2))
    ours = Muon(0.1, others=2.0, weight_decay=0.5)
    stock = keras.optimizers.SGD(0.2, momentum=0.9, nesterov=True, weight_decay=0.5)
    before = kernel.numpy()
    for number in range(3):
        gradient = np.random.default_rng(number).normal(size=kernel.shape).astype(np.float32)
        rest = np.full((2, 3), 0.5 + number, np.float32)
        ours.apply([gradient, rest], [kernel, dense])
        stock.apply([rest], [twin])
    np.testing.assert_allclose(dense.numpy(), twin.numpy(), rtol=1e-6)
    moved = kernel.numpy()
    assert np.linalg.norm(moved) == pytest.approx(4.0, rel=0.15)  # of 16 filters: the step itself may add a little
    scaled = before * 4.0 / np.linalg.norm(before)
    assert 0.2 < np.linalg.norm(moved - scaled) < 3 * 0.1 * 1.3 * 4, "three steps of a tenth, 16 singular values of one"


def test_its_settings_survive_being_saved() -> None:
    from train.optimizers import optimizers
    from train.optimizers.muon import Muon

    one = Muon(optimizers.warmup_cosine(0.1, 50, 0.1), others=3.0, weight_decay=0.02)
    two = Muon.from_config(one.get_config())
    assert (two.others, two.weight_decay) == (3.0, pytest.approx(0.06)) and two.get_config() == one.get_config()
    assert float(two.learning_rate) == float(one.learning_rate)


def test_killed_and_resumed_it_ends_with_the_same_weights(warm: Run, trained: Trained, tmp_path: Path) -> None:
    words = ("train", "fashion_mnist", "--data", trained.data, *WORDS)
    whole, run = tmp_path / "whole", tmp_path / "run"
    done = warm(*words, "--run", whole, FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 0, done.stderr
    cache = {"FRAMELITE_CACHE": str(trained.cache)}
    with processes.started(*words, "--run", run, cwd=tmp_path, by=TENSORFLOW, **cache) as process:
        processes.wait_for_line("epoch 2/4:", process)
        process.kill()
    assert warm(*words, "--run", run, "--resume", FRAMELITE_CACHE=str(trained.cache)).returncode == 0
    assert saved.weights(run / "model.keras") == saved.weights(whole / "model.keras")

    # Keras alone must read the model: it doesn't know our optimizer.
    script = f"import keras; print(keras.models.load_model({str(whole / 'model.keras')!r}).count_params())"
    read = warm("-c", script)
    assert read.returncode == 0, read.stderr
    assert int(read.stdout) > 100


def test_a_trained_backbone_is_refused(warm: Run, trained: Trained, tmp_path: Path) -> None:
    words = ("train", "transfer", "--data", trained.data, "--set", "optimizer=muon", "--strategy", "all")
    done = warm(*words, "--run", tmp_path / "run")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "optimizer is muon" in done.stderr and not (tmp_path / "run").exists()
