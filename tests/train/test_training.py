"""train.train: what Python is given, and that every check of a run is the function's own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import train
from device.errors import UserError
from tests import drawing
from tests.conftest import ROOT
from tests.trained import Trained
from train.environment import environment

# As tests.trained.SETTINGS, in Python's words.
FIELDS: dict[str, Any] = {"image_size": (16, 16), "network": "tiny", "epochs": 7, "batch_size": 16}
FIELDS |= {"learning_rate": 0.01, "grayscale": False}


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What training sets for TensorFlow is put back."""
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_package_is_light_and_lists_what_there_is() -> None:
    code = "import sys, train; print(sorted(train.__all__), {'numpy', 'cv2', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "['Run', 'train'] set()"
    assert callable(train.train) and train.Run.__name__ == "Run"
    with pytest.raises(AttributeError):
        train.fitted  # noqa: B018


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "neither a recipe"),
        ({"data": "cifar10"}, "no recipe"),
        ({"recipe": "cifar11"}, "unknown recipe 'cifar11'"),
        ({"recipe": "classical"}, "has no network"),
        ({"recipe": "cifar10", "batch": 16}, "expected batch_size=16"),
        ({"recipe": "cifar10", "epochs": 0}, "epochs is 0, expected at least 1"),
        ({"recipe": "cifar10", "resume": True, "again": True}, "--resume and --again"),
        ({"recipe": "cifar10", "max_latency": 2.0}, "--max-latency .*MobileNetV2"),
        ({"recipe": "transfer", "max_size": 0.0}, "--max-size is 0,"),
        ({"recipe": "cifar10", "data": "nowhere/"}, "nowhere: "),
    ],
)
def test_what_cannot_be_trained_is_refused(
    asked: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        train.train(**asked)
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_another_kind_is_refused(shapes_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=str(tmp_path)):
        train.train("fashion_mnist", data=shapes_folder, run=tmp_path, **FIELDS)
    assert [path.name for path in tmp_path.glob("*.*")] == ["mine.txt"]


def test_what_isn_t_trained_yet_has_no_accuracy(tmp_path: Path) -> None:
    run = train.Run(str(tmp_path / "run"))
    assert run.path == tmp_path / "run"
    with pytest.raises(UserError, match="finished run"):
        _ = run.accuracy
    assert run.history == {} and "no run" in run._repr_html_()


@pytest.mark.tensorflow
def test_a_run_that_is_up_to_date_is_returned_as_it_is(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command made it; the function knows it again by its fields."""
    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    folder = shutil.copytree(trained.run, tmp_path / "run")
    before = contents(folder)
    run = train.train("fashion_mnist", data=trained.data, run=folder, **FIELDS)
    assert run.path == folder and contents(folder) == before
    assert run.accuracy == json.loads((folder / "evaluation.json").read_bytes())["top1"]
    assert run.history["epoch"] == [1, 2, 3, 4, 5, 6, 7] and len(run.history["val_loss"]) == 7
    page = run._repr_html_()
    assert page.startswith("<table>") and "circle, square, triangle" in page and f"{100 * run.accuracy:.2f} %" in page


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras' own, as it saves
def test_a_folder_of_one_s_own_is_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run in the folder is moved aside, as the command does it."""
    drawing.write_folder(tmp_path / "shapes", {None: 45})
    monkeypatch.chdir(tmp_path)
    run = train.train(data="./shapes", backbone="EfficientNetLite0", image_size=32)
    assert run.path == Path("runs/shapes") and run.history == {} and 0 <= run.accuracy <= 1
    record = json.loads((run.path / "run.json").read_bytes())
    assert (record["kind"], record["recipe"]["name"], record["status"]) == ("network", "transfer", "done")
    before = contents(run.path)
    other = train.train(data="./shapes", backbone="EfficientNetLite0", image_size=32, seed=2)
    assert other.path == run.path
    assert {path.name: kept for path, kept in contents(Path("runs/shapes.1")).items()} == {
        path.name: kept for path, kept in before.items()
    }


@pytest.mark.tensorflow
def test_keras_with_another_engine_is_refused() -> None:
    import keras

    assert keras.config.backend() == "tensorflow"
    with pytest.raises(UserError, match="fresh process"):
        environment.prepare("jax")
