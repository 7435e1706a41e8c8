"""`python -m export` on Keras models and SavedModels that no run of ours made: each becomes the network that it was."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.inference.classifier import Classifier
from device.model import card as cards
from export.conversion import tf_keras
from tests import drawing, foreign, once
from tests.conftest import MODELS, Run, missing
from tests.trained import Trained

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3.15 saves through an __array__ that numpy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

KERAS_2 = MODELS / "keras_2"
FED = ("--mean", 0, "--std", 1)
ALONE = {tf_keras.REFUSED: "1"}  # Keras 3 reads it, or nobody


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, trained: Trained) -> Path:
    """A trained network, taken out of its run, in each format that Keras has, with labels and images."""

    def make(folder: Path) -> None:
        import keras

        model = keras.models.load_model(trained.run / "model.keras")
        model.save(folder / "doors.keras")
        model.save(folder / "doors.h5")
        model.export(folder / "doors_saved", verbose=False)
        shutil.copyfile(folder / "doors.h5", folder / "no_ending")
        (folder / "names.txt").write_text(foreign.LABELS)
        drawing.write_folder(folder / "shapes", {"train": 30, "test": 30})

    return once.made(tmp_path_factory, "anyone", make)


@pytest.fixture
def beside(place: Path, tmp_path: Path) -> Path:
    """Labels and images in the folder that commands run in."""
    shutil.copyfile(place / "names.txt", tmp_path / "names.txt")
    (tmp_path / "shapes").symlink_to(place / "shapes")
    return tmp_path


def read(run: Path) -> Any:
    return json.loads((run / "export/export.json").read_text())


def scores(path: Path) -> npt.NDArray[np.float32]:
    classifier = Classifier(path)
    return np.stack([classifier.classify(image).scores for image in foreign.images(20, seed=5)])


@pytest.mark.parametrize(
    ("model", "name", "reference"),
    [
        ("doors.keras", "doors", "keras"),
        ("doors.h5", "doors", "keras"),
        ("no_ending", "no_ending", "keras"),
        ("doors_saved", "doors_saved", "tensorflow"),
    ],
)
def test_every_format_becomes_the_network_that_it_was(
    model: str, name: str, reference: str, warm: Run, place: Path, trained: Trained, tmp_path: Path
) -> None:
    given = ("--labels", place / "names.txt", "--calibration", place / "shapes", *FED)
    done = warm("export", place / model, *given, "--variants", "float32,int8")
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / name
    document = read(run)
    assert document["reference"] == reference
    float32, int8 = document["variants"]
    assert (float32["n"], float32["split"], float32["agreement"]) == (30, "test", 1.0)
    assert int8["top1"] > 0.7
    card = cards.read(run / "export" / float32["file"])
    assert card is not None and card.labels == drawing.LABELS and card.name == name
    import keras

    expected = keras.models.load_model(trained.run / "model.keras").predict_on_batch(foreign.images(20, seed=5) * 1.0)
    np.testing.assert_allclose(scores(run / "export" / float32["file"]), expected, atol=1e-5)


def test_mixed_precision_becomes_float32(warm: Run, beside: Path) -> None:
    """As networks are trained on a GPU: TFLite has no operators for the half precision that they compute in."""
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="gelu"), keras.layers.Flatten()]
        network = keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax", dtype="float32")])
    finally:
        keras.config.set_dtype_policy("float32")
    network.save(beside / "m.keras")
    words = ("export", "m.keras", "--labels", "names.txt", "--calibration", "shapes", *FED, "--variants", "float32")
    done = warm(*words)
    assert done.returncode == 0, done.stderr
    (row,) = read(beside / "runs/m")["variants"]
    assert row["largest_error"] < 1e-5


def test_an_open_size_is_fixed(warm: Run, place: Path, tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    pixels = layers.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(pixels))
    keras.Model(pixels, layers.Dense(3, activation="softmax")(x)).save(tmp_path / "open.keras")
    words = ("open.keras", "--labels", place / "names.txt", "--calibration", place / "shapes", *FED)
    refused = warm("export", *words)
    assert refused.returncode == 2 and "--size" in refused.stderr.splitlines()[-1]
    done = warm("export", *words, "--size", "16x20", "--variants", "float32")
    assert done.returncode == 0, done.stderr
    card = cards.read(tmp_path / "runs/open/export/open_float32.tflite")
    assert card is not None and (card.input.height, card.input.width) == (16, 20)


def with_elu(path: Path, ends_in_it: bool) -> None:
    """LiteRT Quantizer has no int8 for ELU."""
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    inner = [layers.Conv2D(8, 3, strides=2, activation="elu"), layers.Flatten()]
    last = [layers.Dense(3), layers.ELU()] if ends_in_it else [layers.Dense(3, activation="softmax")]
    keras.Sequential([layers.Input((16, 16, 3)), layers.Rescaling(1 / 255), *inner, *last]).save(path)


def test_an_operator_that_int8_lacks_is_named(warm: Run, beside: Path) -> None:
    with_elu(beside / "m.keras", ends_in_it=False)
    words = ("export", "m.keras", "--labels", "names.txt", "--calibration", "shapes", *FED)
    done = warm(*words, "--variants", "int8")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("note: int8") and "ELU" in line]


def test_at_an_end_it_needs_a_rescue(warm: Run, beside: Path) -> None:
    with_elu(beside / "m.keras", ends_in_it=True)
    images = drawing.write_folder(beside / "more", {None: 90})
    words = ("export", "m.keras", "--labels", "names.txt", "--calibration", images, *FED, "--output", "logits")
    done = warm(*words, "--calibration-samples", 12)
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("int8: not kept:"))
    assert "ELU" in line and "--rescue" in line
    folder = beside / "runs/m/export"
    assert {path.stem for path in folder.glob("*.tflite")} == {"m_float32", "m_float16", "m_dynamic"}
    done = warm(*words, "--calibration-samples", 12, "--rescue", "--max-drop", 50)
    assert done.returncode == 3, "without test images nobody can tell what it loses"
    assert {path.stem for path in folder.glob("*.tflite")} >= {"m_int8_rescued", "m_float32"}
    rescued = Classifier(folder / "m_int8_rescued.tflite")
    assert rescued.interpreter.get_input_details()[0]["dtype"] == np.uint8


def test_a_full_disk_while_it_is_converted(command: Run, beside: Path, place: Path, full_disk: Path) -> None:
    (full_disk / "filled").write_bytes(bytes(40_000))
    words = ("--labels", "names.txt", "--calibration", "shapes", *FED)
    done = command("export", place / "doors.keras", *words, TMPDIR=str(full_disk))
    assert done.returncode == 2
    assert "no space is left on the device" in done.stderr.splitlines()[-1]
    # Python may keep there what TensorFlow's own generated code was compiled to.
    assert {path.name for path in full_disk.iterdir()} - {"__pycache__"} == {"filled"}
    assert not (beside / "runs").exists()


def test_a_teachable_machine_project_is_one_command(warm: Run, place: Path, tmp_path: Path) -> None:
    done = warm("export", KERAS_2 / "teachable_machine", "--calibration", place / "shapes", **ALONE)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs/teachable_machine"
    card = cards.read(run / "export/teachable_machine_int8.tflite")
    assert card is not None and card.labels == drawing.LABELS
    assert (card.input.mean, card.input.std) == (127.5, 127.5)
    int8 = read(run)["variants"][-1]
    assert int8["top1"] > 0.7
    assert {"Conv1", "block_0_expand", "dense_Dense2"} <= {row["layer"] for row in int8["layers"]}
    same_as_keras_2(run / "export/teachable_machine_float32.tflite")


def same_as_keras_2(path: Path) -> None:
    classifier = Classifier(path)
    shown = [classifier.classify(image).scores for _, image in drawing.shapes(6, 5, (224, 224))]
    np.testing.assert_allclose(shown, np.load(KERAS_2 / "teachable_machine_scores.npy"), atol=1e-4)


def test_its_model_as_keras_2_wrote_it_before_2_12(warm: Run, place: Path, tmp_path: Path) -> None:
    """Named as a file, in the older description, which is the one that Teachable Machine's downloads have."""
    import h5py

    def older(config: Any) -> Any:
        if isinstance(config, dict):
            left_out = ("module", "registered_name", "build_config")
            return {key: older(part) for key, part in config.items() if key not in left_out}
        return [older(part) for part in config] if isinstance(config, list) else config

    project = shutil.copytree(KERAS_2 / "teachable_machine", tmp_path / "project")
    with h5py.File(project / "keras_model.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        assert '"groups": 1' in json.dumps(config), "which Keras 3 refuses"
        file.attrs["model_config"] = json.dumps(older(config))
    done = warm(
        "export", project / "keras_model.h5", "--calibration", place / "shapes", "--variants", "float32", **ALONE
    )
    assert done.returncode == 0, done.stderr
    same_as_keras_2(tmp_path / "runs/keras_model/export/keras_model_float32.tflite")


OP_LAMBDA = ("export", KERAS_2 / "tf_op_lambda.h5", "--labels", "names.txt", "--calibration", "shapes", *FED)


def test_nothing_is_installed_where_that_is_refused(warm: Run, beside: Path) -> None:
    done = warm(*OP_LAMBDA, **{tf_keras.REFUSED: "1"})
    assert done.returncode == 2
    assert "tf-keras" in done.stderr.splitlines()[-1] and tf_keras.REFUSED in done.stderr.splitlines()[-1]
    assert {path.name for path in beside.iterdir()} == {"names.txt", "shapes"}


def test_an_install_that_fails_leaves_nothing(warm: Run, beside: Path) -> None:
    done = warm(*OP_LAMBDA, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(beside))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {KERAS_2 / 'tf_op_lambda.h5'}: tf-keras==")
    assert list((beside / "cache").iterdir()) == []


def test_what_only_keras_2_reads(command: Run, beside: Path) -> None:
    """With tf-keras as pip gets it from the index."""
    done = command(*OP_LAMBDA, "--variants", "float32,int8")
    if done.returncode == 2 and "can't be installed" in done.stderr:
        missing("no package index that has tf-keras")
    assert done.returncode == 0, done.stderr
    document = read(beside / "runs/tf_op_lambda")
    assert document["variants"][0]["agreement"] == 1.0
    assert document["variants"][-1]["top1"] > 0.7
    named = {row["layer"] for row in document["variants"][-1]["layers"]}
    assert {"conv2d", "conv2d_1", "dense"} <= named, "as the file has them"
    (installed,) = (beside / "cache").iterdir()
    assert (installed / "tf_keras").is_dir()
