"""Transfer learning: scaling as Keras has it, what is frozen stays, features are computed once, phases go on."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import UserError
from tests import drawing, once, processes, weights
from tests.conftest import EAGERLY, Run, runs_in
from tests.device.refusals import says
from tests.warm import TENSORFLOW
from train.recipes.catalog import RECIPES
from train.recipes.recipe import Recipe
from train.recipes.settings import replaced

pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]

SETTINGS = ("image_size=32x32", "epochs=4", "batch_size=8", "learning_rate=0.01", "dropout=0.2")
WORDS = ("--backbone", "MobileNet", *(word for setting in SETTINGS for word in ("--set", setting)))
# A head with a hidden layer is trained by epochs; one without is fitted.
BY_EPOCHS = ("--set", "head_units=8")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """KERAS_HOME with weights of MobileNetV2 and MobileNet."""

    def make(home: Path) -> None:
        for name in ("MobileNetV2", "MobileNet"):
            weights.write(name, home)

    return once.made(tmp_path_factory, "weights", make)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once.made(tmp_path_factory, "shapes", lambda made: drawing.write_folder(made, {"train": 48, "test": 12}))


@pytest.fixture
def fitted(tmp_path_factory: pytest.TempPathFactory, home: Path, folder: Path, tmp_path: Path) -> Path:
    """The folder of a test with a run `fitted` in it, its cache, and what it said in stdout."""

    def make(place: Path) -> None:
        done = train(runs_in(place, TENSORFLOW), folder, home, place / "fitted")
        assert done.returncode == 0, done.stderr
        (place / "stdout").write_text(done.stdout)

    made = once.made(tmp_path_factory, "transfer", make)
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def recipe(**changes: Any) -> Recipe:
    return replaced(RECIPES["transfer"], **{"backbone": "MobileNet", "image_size": (32, 32), **changes})


@pytest.mark.parametrize(
    ("changes", "trainable"),
    [
        ({"strategy": "all"}, 1.0),
        ({"strategy": "partial", "freeze": 50}, 0.5),
        ({"strategy": "head"}, 0.0),
    ],
)
def test_a_strategy_trains_what_it_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], trainable: float
) -> None:
    import keras

    from train.networks import transfer
    from train.optimizers import optimizers

    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(home))  # which Keras reads once, when it is imported
    parts = transfer.build(recipe(**changes), 3)
    layers = parts.base.layers
    flags = [layer.trainable for layer in layers]
    first = changes.get("freeze", 0)
    if changes["strategy"] == "partial":
        assert flags == [False] * first + [True] * (len(layers) - first)
    else:
        assert set(flags) == {trainable == 1.0}
    before = [np.array(weight) for layer in layers for weight in layer.weights]
    owners = [layer for layer in layers for _ in layer.weights]
    optimizers.compile_model(parts.whole, recipe(**changes, learning_rate=0.1).training, 5)
    parts.whole.run_eagerly = True  # one step: tracing the gradients of all layers takes ten times as long
    images = np.random.default_rng(1).integers(0, 256, (8, 32, 32, 3), np.uint8)
    parts.whole.train_on_batch(images, np.eye(3, dtype=np.float32)[np.arange(8) % 3])
    after = [np.array(weight) for layer in layers for weight in layer.weights]
    for layer, old, new in zip(owners, before, after, strict=True):
        if not layer.trainable:  # moving averages of BatchNormalization too: it stays in inference mode
            np.testing.assert_array_equal(old, new, err_msg=layer.name)
    changed = any(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert changed == bool(trainable)
    assert isinstance(parts.head, keras.Model)


def train(warm: Run, folder: Path, home: Path, run: Path, *more: object) -> Any:
    cache = run.parent / "cache"
    return warm(
        "train", "transfer", "--data", folder, "--run", run, *WORDS, *more,
        KERAS_HOME=str(home), FRAMELITE_CACHE=str(cache),
    )  # fmt: skip


def test_features_are_computed_once(warm: Run, home: Path, folder: Path, fitted: Path, tmp_path: Path) -> None:
    kept = sorted(tmp_path.glob("cache/*/features-MobileNet-*.npy"))
    assert [path.stem.rsplit("-", 1)[1] for path in kept] == ["test", "train"]
    assert np.load(kept[1]).shape == (48, 1024)
    times = [path.stat().st_mtime_ns for path in kept]
    again = train(warm, folder, home, tmp_path / "two", "--set", "seed=2")
    assert again.returncode == 0, again.stderr
    assert [path.stat().st_mtime_ns for path in kept] == times
    other = train(warm, folder, home, tmp_path / "three", "--backbone", "MobileNetV2")
    assert other.returncode == 0, other.stderr
    assert len(list(tmp_path.glob("cache/*/features-MobileNetV2-*.npy"))) == 2
    document = json.loads((tmp_path / "three/run.json").read_bytes())
    assert document["recipe"]["backbone"] == "MobileNetV2"


@pytest.mark.parametrize("words", [(), BY_EPOCHS], ids=["fitted", "by epochs"])
def test_the_saved_model_is_the_whole_network(
    warm: Run, home: Path, folder: Path, fitted: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    import keras

    from device.data import folders

    run, stdout = fitted / "fitted", (fitted / "stdout").read_text()
    if words:
        run, stdout = tmp_path / "run", train(warm, folder, home, tmp_path / "run", *words).stdout
    model = keras.models.load_model(run / "model.keras")
    assert model.input_shape == (None, 32, 32, 3)
    if words:
        assert model.optimizer.iterations.numpy() > 0, "the optimizer's state is that of the training"
    (path,) = (tmp_path / "cache").iterdir()
    cache = folders.open_cache(path)
    assert cache is not None
    answers = model.predict_on_batch(np.array(cache.images("test"))).argmax(axis=1)
    evaluation = json.loads((run / "evaluation.json").read_bytes())
    assert evaluation["top1"] == (answers == cache.targets("test")).mean()
    assert evaluation["parameters"] == model.count_params()
    # What there is of epochs, and of images that weren't held out for choosing one.
    assert (evaluation["last_epoch"] is None) == (not words) == (not (run / "history.json").exists())
    assert (evaluation["cross_validation"] or {}).get("n") == (None if words else 48)
    assert ("cross-validated" in stdout) == (not words)


@pytest.mark.usefixtures("fitted")  # with it the features
def test_fine_tuning_follows_and_goes_on_after_a_kill(eager: Run, home: Path, folder: Path, tmp_path: Path) -> None:
    more = ("--fine-tune", "2", "--freeze", "80", "--set", "steps_per_epoch=2")
    whole = train(eager, folder, home, tmp_path / "whole", *more)
    assert whole.returncode == 0, whole.stderr
    history = json.loads((tmp_path / "whole/history.json").read_bytes())
    assert len(history["loss"]) == 2, "the head itself has no epochs"
    run = tmp_path / "killed"
    words = ["-c", EAGERLY, "train", "transfer", "--data", folder, "--run", run, *WORDS, *more]
    places = {"KERAS_HOME": str(home), "FRAMELITE_CACHE": str(tmp_path / "cache")}
    with processes.started(*words, cwd=tmp_path, by=TENSORFLOW, **places) as process:
        processes.wait_for_line("epoch 1/2:", process)
        process.kill()
        process.wait()
    done = train(eager, folder, home, run, *more, "--resume")
    assert done.returncode == 0, done.stderr
    resumed = json.loads((run / "history.json").read_bytes())
    assert resumed["loss"] == history["loss"]
    evaluations = [json.loads((path / "evaluation.json").read_bytes()) for path in (run, tmp_path / "whole")]
    assert evaluations[0] == evaluations[1]


@pytest.mark.usefixtures("fitted")
def test_fine_tuning_has_its_own_epochs_after_a_head_that_patience_ended(
    eager: Run, home: Path, folder: Path, tmp_path: Path
) -> None:
    """The head is at its best at once, by a rate that ruins it afterwards, and ends after two epochs of forty."""
    more = (*BY_EPOCHS, "--set", "epochs=40", "--set", "patience=2", "--set", "learning_rate=9")
    done = train(eager, folder, home, tmp_path / "run", *more, "--fine-tune", "3", "--freeze", "80")
    assert done.returncode == 0, done.stderr
    assert "in 2 epochs: stopped" in done.stderr
    history = json.loads((tmp_path / "run/history.json").read_bytes())
    head = [number for number in history["epoch"] if number <= 40]
    assert len(head) < 40 and history["epoch"][len(head) :] in ([41, 42], [41, 42, 43]), "patience counts anew"


@pytest.mark.usefixtures("fitted")
def test_fine_tuning_that_does_harm_is_not_kept(eager: Run, home: Path, folder: Path, tmp_path: Path) -> None:
    """With a rate that ruins the network, what answers is the head as it was fitted."""
    more = ("--fine-tune", "1", "--freeze", "80", "--set", "fine_tune_learning_rate=5")
    done = train(eager, folder, home, tmp_path / "run", *more)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "run/run.json").read_bytes())
    history = json.loads((tmp_path / "run/history.json").read_bytes())
    assert document["best_epoch"] == 0 and history["val_loss"][0] > 3
    assert json.loads((tmp_path / "run/evaluation.json").read_bytes())["last_epoch"] is not None


@pytest.mark.usefixtures("fitted")
def test_a_head_whose_loss_is_no_number_keeps_what_was_good(
    warm: Run, home: Path, folder: Path, tmp_path: Path
) -> None:
    """A weight decay that makes the weights a thousand times as large in each step, of which an epoch has one."""
    import keras

    run = tmp_path / "run"
    settings = (
        "epochs=40",
        "steps_per_epoch=1",
        "optimizer=sgd",
        "weight_decay=1e5",
        "learning_rate=0.01",
        "schedule=constant",
    )
    words = (word for setting in settings for word in ("--set", setting))
    done = train(warm, folder, home, run, *BY_EPOCHS, *words)
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    assert " became " in line
    path, _, epoch = line.rpartition("; ")[2].partition(" ")
    epoch = epoch.rpartition(" ")[2]
    history = json.loads((run / "history.json").read_bytes())["val_accuracy"]
    assert (path, int(epoch)) == (str(run / "model.keras"), 1 + int(np.argmax(history)))
    model = keras.models.load_model(run / "model.keras")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert model.optimizer.iterations.numpy() > 0


def test_one_that_keras_makes_for_one_size_is_made_for_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NASNetMobile, with random weights where Keras downloads the published ones, whose checksum it knows."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    from train.networks import networks, transfer

    theirs = keras.applications.NASNetMobile(weights=None, include_top=False, input_shape=(64, 64, 3))
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: str(tmp_path / "weights.h5"))
    parts = networks.parts(recipe(backbone="NASNetMobile", image_size=(40, 48)), 3)
    assert parts.whole.input_shape == (None, 40, 48, 3)
    np.testing.assert_array_equal(parts.base.get_weights()[0], theirs.get_weights()[0])
    scores = np.asarray(parts.whole(np.zeros((1, 40, 48, 3))))
    assert scores.sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(UserError, match=r"NASNetMobile: .*31x64.* 32"):
        transfer.build(recipe(backbone="NASNetMobile", image_size=(31, 64)), 3)


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (
            ["--strategy", "partial", "--freeze", "999"],
            ("--freeze 999: ", "MobileNet", "87"),
        ),
        (["--set", "image_size=1x1"], ("transfer: ", "1x1")),
        (
            ["--backbone", "MobileNetV3Small"],
            ("MobileNetV3Small", "{home}/models", "$KERAS_HOME/models"),
        ),
    ],
)
def test_what_cannot_be_built_leaves_an_older_run_whole(
    warm: Run, home: Path, folder: Path, tmp_path: Path, words: list[str], facts: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.keras").write_bytes(b"an older run's")
    (run / "run.json").write_text("{}")
    done = train(warm, folder, home, run, *words)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    says(line, "error: ", *(fact.format(home=home) for fact in facts))
    assert (run / "model.keras").read_bytes() == b"an older run's"
    assert {path.name for path in run.iterdir()} == {"model.keras", "run.json"}


def test_damaged_weights_are_named(warm: Run, home: Path, folder: Path, tmp_path: Path) -> None:
    own = shutil.copytree(home, tmp_path / "home")
    (path,) = (own / "models").glob("mobilenet_1*")
    path.write_bytes(path.read_bytes()[:1000])
    done = train(warm, folder, own, tmp_path / "run")
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], "error: ", "MobileNet", path.name)
    assert not (tmp_path / "run").exists()
