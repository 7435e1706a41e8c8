"""The user's keras.json and environment never change what is trained, loaded or exported."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests import once
from tests.conftest import Run, runs_in
from tests.trained import WORDS, Trained
from tests.warm import TENSORFLOW, converting

SHORT = ("--set", "epochs=2")


def home(folder: Path, content: object) -> str:
    folder.mkdir()
    (folder / "keras.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)


def train(command: Run, data: Trained, run: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    words = ["train", "fashion_mnist", "--data", data.data, "--run", run, *WORDS, *SHORT]
    return command(*words, FRAMELITE_CACHE=str(data.cache), **environment)


def weights(run: Path) -> list[np.ndarray]:
    import keras

    return [np.asarray(weight) for weight in keras.models.load_model(run / "model.keras", compile=False).get_weights()]


@pytest.fixture(scope="session")
def plain(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with no keras.json at all."""

    def make(folder: Path) -> None:
        done = train(runs_in(folder, TENSORFLOW), trained, folder / "run", KERAS_HOME=str(folder / "none"))
        assert done.returncode == 0, done.stderr

    return once.made(tmp_path_factory, "plain", make) / "run"


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("content", "environment", "said"),
    [
        (
            {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "jax"},
            {},
            (
                "image_data_format channels_first",
                "floatx float16",
                "epsilon 0.1",
                "backend jax",
                "channels_last",
                "1e-07",
            ),
        ),
        ("{damaged", {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "1"}, ("KERAS_MAX_EPOCHS=1",)),
    ],
    ids=["layers", "limits"],
)
def test_the_same_weights_bit_for_bit(
    command: Run,
    trained: Trained,
    plain: Path,
    tmp_path: Path,
    content: object,
    environment: dict[str, str],
    said: tuple[str, ...],
) -> None:
    place = home(tmp_path / "home", content)
    done = train(command, trained, tmp_path / "run", KERAS_HOME=place, **environment)
    assert done.returncode == 0, done.stderr
    for ours, theirs in zip(weights(tmp_path / "run"), weights(plain), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    results = [json.loads((run / "evaluation.json").read_bytes()) for run in (tmp_path / "run", plain)]
    assert results[0] == results[1] and results[0]["n"] == 90
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == (2 if environment else 1), notes
    assert all(words in " ".join(notes) for words in said)
    assert environment or str(Path(place) / "keras.json") in notes[0]
    made = json.loads((tmp_path / "run/run.json").read_bytes())["keras"]
    made.pop("environment")
    assert made == {
        **{"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32"},
        **{"epsilon": 1e-7, "dtype_policy": "float32"},
    }


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("content", "environment", "named"),
    [
        ({"floatx": "float8"}, {}, "float8"),
        ({"epsilon": 1}, {}, "epsilon=1"),
        ("[1, 2]", {}, "keras.json"),
        ({}, {"KERAS_MAX_EPOCHS": "few"}, "few"),
    ],
)
def test_what_keras_cannot_be_loaded_with_is_one_line(
    command: Run, trained: Trained, tmp_path: Path, content: object, environment: dict[str, str], named: str
) -> None:
    place = home(tmp_path / "home", content)
    for words in (
        ["train", "fashion_mnist", "--data", trained.data, "--run", tmp_path / "run", *WORDS],
        ["train", "preview", "fashion_mnist", "--layers", "--labels", "3"],
    ):
        done = command(*words, FRAMELITE_CACHE=str(trained.cache), KERAS_HOME=place, **environment)
        assert done.returncode == 2, done.stderr
        line = done.stderr.splitlines()[-1]
        assert line.startswith("error: ") and named in line and str(Path(place) / "keras.json") in line
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "run").exists()


@pytest.mark.tensorflow
def test_the_table_of_layers_is_that_of_the_network(command: Run, warm: Run, tmp_path: Path) -> None:
    place = home(tmp_path / "home", {"image_data_format": "channels_first", "floatx": "float16"})
    words = ["train", "preview", "fashion_mnist", "--layers", "--labels", "3", "--json", "-"]
    ours, theirs = command(*words, KERAS_HOME=place), warm(*words)
    assert ours.returncode == theirs.returncode == 0, ours.stderr
    assert json.loads(ours.stdout) == json.loads(theirs.stdout)


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own saving
def test_export_converts_in_a_keras_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sigmoid becomes a new layer there, which the user's types must not reach; nor a limit of steps."""
    import keras

    from export.conversion import convert

    model = keras.Sequential([keras.layers.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")])
    model.save(tmp_path / "model.keras")
    shown = np.random.default_rng(1).integers(0, 256, (600, 4, 4, 3), np.uint8)
    with converting():
        plain = convert.convert(tmp_path / "model.keras", shown)
    monkeypatch.setenv("KERAS_HOME", home(tmp_path / "home", {"floatx": "float16", "epsilon": 1}))
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "1")
    network, scores = convert.convert(tmp_path / "model.keras", shown)
    assert network == plain[0]
    np.testing.assert_array_equal(scores, plain[1])
