"""Where a run begins and when it ends: --from saved weights, patience, TensorBoard's logs, a loss that is no number."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import drawing
from tests.conftest import Run
from tests.trained import WORDS, Trained
from train.recipes import catalog
from train.recipes.settings import replaced

pytestmark = pytest.mark.tensorflow


def train(warm: Run, trained: Trained, run: Path, *more: object) -> Any:
    words = ["train", "fashion_mnist", "--data", trained.data, "--run", run, *WORDS, *more]
    return warm(*words, FRAMELITE_CACHE=str(trained.cache))


def layer_weights(model: Path) -> list[list[np.ndarray[Any, Any]]]:
    import keras

    layers = keras.models.load_model(model, compile=False).layers
    return [layer.get_weights() for layer in layers if layer.weights]


# A step so small that no weight of float32 moves: what was loaded can be seen in what is saved.
STILL = ("--set", "epochs=1", "--set", "schedule=constant", "--set", "learning_rate=1e-30", "--set", "weight_decay=0")


@pytest.mark.parametrize("named", ["run", "model"])
def test_from_begins_with_the_saved_weights(warm: Run, trained: Trained, tmp_path: Path, named: str) -> None:
    source = trained.run if named == "run" else trained.run / "model.keras"
    run = tmp_path / "run"
    done = train(warm, trained, run, "--from", source, *STILL)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"{trained.run / 'model.keras'}: starts from its weights"
    for ours, theirs in zip(
        layer_weights(run / "model.keras"), layer_weights(trained.run / "model.keras"), strict=True
    ):
        for one, other in zip(ours[:2], theirs[:2], strict=True):  # beside them: moving averages of the new images
            np.testing.assert_allclose(one, other, atol=1e-6)
    record = json.loads((run / "run.json").read_bytes())
    assert record["from"]["path"].endswith("model.keras") and len(record["from"]["sha256"]) == 12
    # Another beginning is another run.
    assert "up to date" in train(warm, trained, run, "--from", source, *STILL).stderr
    assert "up to date" not in train(warm, trained, run, *STILL).stderr


def test_a_mirrored_run_begins_with_a_mirrored_or_a_plain_one(warm: Run, trained: Trained, tmp_path: Path) -> None:
    """What is saved answers the same for an image and its mirror image; what is trained is the network inside."""
    import keras

    first, second, mirrored = tmp_path / "first", tmp_path / "second", ("--set", "flip_average=true")
    assert train(warm, trained, first, "--from", trained.run, *STILL, *mirrored).returncode == 0
    assert train(warm, trained, second, "--from", first, *STILL, *mirrored).returncode == 0
    plain, one, two = (keras.models.load_model(run / "model.keras") for run in (trained.run, first, second))
    assert one.optimizer is not None and one.count_params() == two.count_params() == plain.count_params()
    for ours, theirs in zip(two.trainable_weights, plain.trainable_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    images = np.random.default_rng(1).integers(0, 256, (2, *one.input_shape[1:]), np.uint8)
    answers = one.predict_on_batch(images)
    np.testing.assert_allclose(answers, one.predict_on_batch(images[:, :, ::-1]), atol=1e-6)
    assert np.abs(answers - plain.predict_on_batch(images)).max() > 1e-4


def test_other_labels_take_all_but_the_last_layer(warm: Run, trained: Trained, tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "two", {"train": 60, "test": 15})
    for split in ("train", "test"):
        shutil.rmtree(folder / split / "triangle")
    run = tmp_path / "run"
    words = ["train", "fashion_mnist", "--data", folder, "--run", run, *WORDS, "--from", trained.run, *STILL]
    done = warm(*words)
    assert done.returncode == 0, done.stderr
    assert "starts from its weights except the last layer's, which has 3 outputs" in done.stderr.splitlines()[0]
    ours, theirs = layer_weights(run / "model.keras"), layer_weights(trained.run / "model.keras")
    np.testing.assert_allclose(ours[0][0], theirs[0][0], atol=1e-6)
    assert ours[-1][0].shape[-1] == 2


def load_weights(source: Path, labels: tuple[str, ...]) -> tuple[str, bool, bool]:
    """What is said; whether the first layer was taken, and the last one."""
    import keras

    from train.fitting import saved_weights
    from train.networks import networks

    model = networks.trained_part(networks.load(source))
    keras.utils.set_random_seed(5)
    fresh = keras.models.clone_model(model)
    said = saved_weights.load(fresh, source, labels)
    same = [np.array_equal(a, b) for a, b in zip(fresh.get_weights(), model.get_weights(), strict=True)]
    assert all(same[:-2])
    return said, same[0], same[-2]


@pytest.mark.parametrize(
    ("labels", "taken"),
    [
        (("circle", "square", "triangle"), True),
        (("circle", "square", "star"), False),
        (("bus", "car", "van"), False),
        (("square", "circle", "triangle"), False),
    ],
    ids=["the same", "one other", "all others", "another order"],
)
@pytest.mark.parametrize("where", ["model.keras", "checkpoint"])
def test_the_last_layer_is_taken_for_the_same_labels_alone(
    trained: Trained, labels: tuple[str, ...], taken: bool, where: str
) -> None:
    """As many labels don't make the same labels."""
    checkpoints = sorted((trained.run / "checkpoint").glob("*.keras"))
    said, first, last = load_weights(checkpoints[0] if where == "checkpoint" else trained.run / where, labels)
    assert (first, last) == (True, taken)
    assert ("except the last layer" in said) == (not taken)
    assert taken or "circle, square, triangle" in said


@pytest.mark.parametrize("named", ["alone.keras", "model.keras", "other.keras"])
def test_labels_that_a_file_does_not_say(trained: Trained, tmp_path: Path, named: str) -> None:
    """Alone, beside a run.json that can't be read, and beside that of another model: taken, and that is said."""
    shutil.copy(trained.run / "model.keras", tmp_path / named)
    if named != "alone.keras":
        whole = (trained.run / "run.json").read_bytes()
        (tmp_path / "run.json").write_bytes(whole if named == "other.keras" else whole[:100])
    said, first, last = load_weights(tmp_path / named, ("bus", "car", "van"))
    assert (first, last) == (True, True)
    assert "labels are unknown" in said and "bus, car, van" in said


def test_other_labels_of_the_same_number(warm: Run, trained: Trained, tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "renamed", {"train": 60, "test": 15})
    for split in ("train", "test"):
        (folder / split / "triangle").rename(folder / split / "wedge")
    run = tmp_path / "run"
    done = warm("train", "fashion_mnist", "--data", folder, "--run", run, *WORDS, "--from", trained.run, *STILL)
    assert done.returncode == 0, done.stderr
    assert "except the last layer's, whose labels there are circle, square, triangle" in done.stderr
    ours, theirs = layer_weights(run / "model.keras"), layer_weights(trained.run / "model.keras")
    np.testing.assert_allclose(ours[0][0], theirs[0][0], atol=1e-6)
    assert np.abs(ours[-1][0] - theirs[-1][0]).max() > 0.01


@pytest.mark.parametrize(
    ("source", "settings", "expected"),
    [
        ("nowhere", (), "error: --from nowhere: no such model; expected a .keras file, or a run folder"),
        ("empty", (), "error: --from empty: no such model"),
        ("damaged.keras", (), "error: damaged.keras: can't be read as a Keras model"),
        ("{run}", ("--set", "network=cifar10_tutorial"), "error: {run}/model.keras: its layers differ from this"),
    ],
)
def test_what_cannot_be_begun_with_is_refused(
    warm: Run, trained: Trained, tmp_path: Path, source: str, settings: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged.keras").write_bytes((trained.run / "model.keras").read_bytes()[:300])
    done = train(warm, trained, tmp_path / "run", "--from", source.format(run=trained.run), *settings)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(expected.format(run=trained.run))
    assert not (tmp_path / "run").exists()


def test_patience_ends_a_run_that_gets_no_better(warm: Run, trained: Trained, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = (*STILL, "--set", "epochs=50", "--set", "patience=3")
    done = train(warm, trained, run, *words)
    assert done.returncode == 0, done.stderr
    assert "no better validation accuracy in 3 epochs: stopped" in done.stderr
    record = json.loads((run / "run.json").read_bytes())
    history = json.loads((run / "history.json").read_bytes())
    assert record["status"] == "done"
    assert len(history["loss"]) == record["best_epoch"] + 3 < 50
    # A finished run is finished, also for --resume.
    assert (
        "up to date"
        in train(warm, trained, run, *STILL, "--set", "epochs=50", "--set", "patience=3", "--resume").stderr
    )


@pytest.mark.parametrize(("best_by", "kept"), [("accuracy", [1, 2]), ("loss", [1, 3]), ("last", [1, 2, 3, 4])])
def test_which_epoch_is_kept(best_by: str, kept: list[int], tmp_path: Path) -> None:
    """Validation accuracy is highest in the second epoch, and its loss lowest in the third."""
    import keras

    from train.fitting import callbacks
    from train.run import checkpoint

    saved: list[int] = []
    recipe = replaced(catalog.get("fashion_mnist"), keep_best_by=best_by, epochs=4)
    keeper = callbacks.BestCheckpoint(
        tmp_path / "model.keras", None, checkpoint.State(), 4, recipe, lambda: saved.append(keeper.state.epoch + 1)
    )
    keeper.set_model(keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)]))
    for epoch, (accuracy, loss) in enumerate([(0.5, 0.9), (0.8, 1.1), (0.7, 0.6), (0.8, 0.7)]):
        keeper.on_epoch_begin(epoch)
        keeper.on_epoch_end(epoch, {"loss": 1.0, "accuracy": 0.5, "val_accuracy": accuracy, "val_loss": loss})
    assert saved == kept and keeper.state.best_epoch == kept[-1]


def test_tensorboard_s_logs_hold_the_curves(warm: Run, trained: Trained, tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = tmp_path / "run"
    done = train(warm, trained, run, "--tensorboard", "--set", "epochs=2")
    assert done.returncode == 0, done.stderr
    history = json.loads((run / "history.json").read_bytes())
    for split, name in (("train", "loss"), ("validation", "val_loss")):
        events = EventAccumulator(str(run / "tensorboard" / split))
        events.Reload()
        found = [float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("epoch_loss")]
        np.testing.assert_allclose(found, history[name], rtol=1e-5)


def test_a_loss_that_is_no_number_keeps_what_was_good(warm: Run, trained: Trained, tmp_path: Path) -> None:
    """One step an epoch, and a weight decay that makes the weights a thousand times as large in each."""
    import keras

    run = tmp_path / "run"
    settings = ("network=cifar10_tutorial", "steps_per_epoch=1", "epochs=40", "optimizer=sgd", "weight_decay=1e5")
    words = [word for setting in (*settings, "schedule=constant", "learning_rate=0.01") for word in ("--set", setting)]
    done = train(warm, trained, run, *words)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "became" in line and "try a smaller --set learning_rate" in line
    latest = json.loads((run / "checkpoint/latest.json").read_bytes())
    assert line.endswith(f"{run / 'model.keras'} is that of epoch {latest['best_epoch']}")
    assert latest["epoch"] >= 1 and all(np.isfinite(latest["history"]["loss"]))
    assert all(np.isfinite(weight).all() for weight in keras.models.load_model(run / "model.keras").get_weights())
    assert json.loads((run / "run.json").read_bytes())["status"] == "failed"
