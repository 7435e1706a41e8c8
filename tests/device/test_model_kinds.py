"""What people give for a model: known by its content whatever its name, and answered with what to do."""

import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.model import model_kinds
from tests.conftest import Run, model
from tests.device import crafted
from tests.device.refusals import names, refusal


def zipped(*entries: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for entry in entries:
                archive.writestr(entry, b"{}")

    return write


def holding(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def folder(*files: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        for file in files:
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_bytes(b"{}")

    return make


def project(path: Path) -> None:
    folder("keras_model.h5")(path)
    (path / "labels.txt").write_text("0 cat\n1 dog\n")


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protobuf message: a small number, or a piece of up to 127 bytes."""
    key = number << 3 | (0 if isinstance(content, int) else 2)
    head = bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
    return head + (bytes([content]) if isinstance(content, int) else bytes([len(content)]) + content)


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(200)
ONNX = field(1, 8) + field(2, b"pytorch") + field(7, field(1, b"conv")) + field(8, field(2, 13))
COREML = field(1, 7) + field(2, field(1, b"image")) + field(500, b"network")
GRAPH = field(1, field(1, b"input")) + field(1, field(1, b"conv")) + field(4, field(1, 2))
SAVED = field(1, 1) + field(2, field(1, b"serve"))
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
C_ARRAY = b"unsigned char net[] = {\n 0x1c, 0x00, 0x00, 0x00, 0x54, 0x46, 0x4c, 0x33,"
PNG = images.encode_png(np.zeros((4, 4, 3), np.uint8))
# Name of the file (endings mislead on purpose), how it is made, what is said of it, and what to do.
THINGS: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "keras": (
        "a.tflite",
        zipped("metadata.json", "config.json", "model.weights.h5"),
        "a Keras model",
        "python -m export",
    ),
    "h5": ("a.h5", holding(HDF5 + b"model_config" + bytes(50)), "a Keras model (.h5)", "python -m export"),
    "h5 behind a block": ("a", holding(bytes(512) + HDF5 + b"model_config"), "a Keras model (.h5)", "python -m export"),
    "weights": ("a.weights.h5", holding(HDF5), "weights without a network", "export it"),
    "pytorch": ("a.pt", zipped("archive/data.pkl", "archive/version"), "a PyTorch model", "litert-torch"),
    "pickle": ("a.pth", holding(pickle.dumps({"weight": [1.0]})), "a Python pickle", "onnx2tf"),
    "onnx": ("a.onnx", holding(ONNX), "an ONNX model", "onnx2tf"),
    "coreml": ("a.mlmodel", holding(COREML), "a Core ML model", ".tflite"),
    "graph": ("a.pb", holding(GRAPH), "a frozen TensorFlow graph", "from_frozen_graph"),
    "saved pb": ("saved_model.pb", holding(SAVED), "saved_model.pb", "python -m export"),
    "saved model": ("a", folder("saved_model.pb", "variables/variables.index"), "SavedModel", "python -m export"),
    "unpacked": ("a", folder("config.json", "model.weights.h5"), "an unpacked Keras model", "python -m export"),
    "project": ("a", project, "a Teachable Machine project", "python -m export"),
    "zipped project": ("a.zip", zipped("keras_model.h5", "labels.txt"), "of a TensorFlow model", "python -m export"),
    "run": ("a", folder("run.json", "model.keras"), "a run folder", "python -m export"),
    "mlpackage": ("a.mlpackage", folder("Manifest.json", "Data/x"), "a Core ML model", ".tflite"),
    "zip": ("a.zip", zipped("converted/model.tflite", "labels.txt"), "a ZIP archive", "converted/model.tflite"),
    "other zip": ("a.zip", zipped("readme"), "a ZIP archive without a .tflite", "give a .tflite"),
    "half a zip": ("a.keras", holding(b"PK\x03\x04" + bytes(90)), "truncated or damaged", "get it again"),
    "lfs": ("a.tflite", holding(LFS), "a Git LFS pointer", "git lfs pull"),
    "page": ("a.tflite", holding(b"\n<!DOCTYPE html><html>"), "a web page", "get it again"),
    "js": (
        "model.json",
        holding(b'{"format": "layers-model", "modelTopology": {}}'),
        "TensorFlow.js",
        "python -m export",
    ),
    "array": ("net.cc", holding(C_ARRAY), "an array of C", "give the .tflite"),
    "image": ("a.tflite", holding(PNG), "a PNG image", "give the model first"),
    "gzip": ("a.tflite", holding(b"\x1f\x8b\x08" + bytes(30)), "a gzip archive", "unpack it"),
    "hailo": ("a.hef", holding(b"\x01HEF" + bytes(30)), "a Hailo model", "the .tflite it was made from"),
    "executorch": ("a.pte", holding(b"\x1c\0\0\0ET12" + bytes(30)), "an ExecuTorch model", ".tflite"),
    "empty": ("a.tflite", holding(b""), "not a .tflite file", "expected a .tflite file"),
    "words": ("a.tflite", holding(b"some words\n"), "not a .tflite file", "expected a .tflite file"),
}


@pytest.mark.parametrize("thing", THINGS)
def test_each_is_named_with_what_to_do(thing: str, tmp_path: Path) -> None:
    name, make, what, todo = THINGS[thing]
    make(path := tmp_path / name)
    with pytest.raises(UserError) as raised:
        Classifier(path)
    said = str(raised.value)
    assert said.startswith(f"{path}: ") and what in said and todo in said and len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ("keras", ("device", "classify")),
        ("keras", ("device", "check")),
        ("keras", ("benchmarks", "accuracy")),
        ("saved model", ("device", "live")),
        ("saved model", ("benchmarks", "latency")),
        ("onnx", ("export",)),
        ("weights", ("export",)),
        ("unpacked", ("export",)),
        ("project", ("device", "classify")),
        ("run", ("device", "classify")),
        ("run", ("benchmarks", "latency")),
    ],
)
def test_every_command_says_so(thing: str, words: tuple[str, ...], command: Run, tmp_path: Path) -> None:
    name, make, what, todo = THINGS[thing]
    make(tmp_path / name)
    before = names(tmp_path)
    if thing == "run" and words == ("benchmarks", "latency"):
        what = "no exported models"
    rest = ("image.png",) if words == ("device", "classify") else ()
    (tmp_path / "image.png").write_bytes(PNG)
    said = refusal(command(*words, name, *rest))
    assert said.startswith(f"{name}: ") and what in said and todo in said
    assert names(tmp_path) == sorted([*before, "image.png"])


def test_what_is_not_there_stays_what_is_not_there(command: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    crafted.write(tmp_path / "folder/net.tflite", crafted.constant([1, 0]))
    for name in ("none.tflite", "none.keras", "none"):
        assert refusal(command("device", "info", name)).startswith(f"{name}: ")
    said = refusal(command("device", "info", "folder"))
    assert said.startswith("folder: ") and "folder/net.tflite" in said


def test_a_run_folder_names_its_files(tmp_path: Path) -> None:
    folder("run.json", "export/doors_int8.tflite")(tmp_path / "doors")
    with pytest.raises(UserError, match=r"run folder, .*doors/export/doors_int8\.tflite"):
        model_kinds.require_tflite(tmp_path / "doors")


def test_a_project_for_litert_has_a_model_that_runs(tmp_path: Path) -> None:
    """Of Teachable Machine's three downloads: it is a folder as any other with a .tflite in it."""
    project(tmp_path / "a")
    (tmp_path / "a/keras_model.h5").rename(tmp_path / "a/model_unquant.tflite")
    (tmp_path / "a/model_unquant.tflite").write_bytes(model("float32").read_bytes())
    assert model_kinds.of_project(tmp_path / "a") == tmp_path / "a/model_unquant.tflite"
    with pytest.raises(UserError, match=r".*model_unquant\.tflite"):
        model_kinds.require_tflite(tmp_path / "a")
    (tmp_path / "a/labels.txt").write_text("cat\ndog\n")
    assert model_kinds.of_project(tmp_path / "a") is None


def test_a_keras_model_in_its_run_folder_can_be_exported(tmp_path: Path) -> None:
    zipped("metadata.json", "config.json", "model.weights.h5")(tmp_path / "model.keras")
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match=f"a Keras model .* export it first: python -m export {tmp_path}$"):
        model_kinds.require_tflite(tmp_path / "model.keras")


def test_endings_decide_nothing(command: Run, tmp_path: Path) -> None:
    """A model is a model under any name, and has that name without a .tflite's ending."""
    expected = command("device", "info", model("float32"), "--json", "-").stdout
    for name in ("NET.TFLITE", "net.lite", "net", "net.keras", "net_v1.0_224"):
        (tmp_path / name).write_bytes(model("float32").read_bytes())
        assert command("device", "info", name, "--json", "-").stdout == expected
    names = [model_kinds.name(Path(name)) for name in ("NET.TFLITE", "net.lite", "net", "net_v1.0_224")]
    assert names == ["NET", "net", "net", "net_v1.0_224"]


@pytest.mark.parametrize("words", [("device", "info"), ("benchmarks", "latency"), ("export",)])
def test_a_file_for_an_edge_tpu(words: tuple[str, ...], command: Run, tmp_path: Path) -> None:
    crafted.write(tmp_path / "net_edgetpu.tflite", crafted.echo(operator="edgetpu-custom-op"))
    rest = ("--calibration", ".") if words == ("export",) else ()
    said = refusal(command(*words, "net_edgetpu.tflite", *rest))
    assert said.startswith("net_edgetpu.tflite: ") and "Edge TPU" in said and "edgetpu-custom-op" in said


def test_a_file_of_too_many_bytes(tmp_path: Path) -> None:
    """The most, and one more; with a hole in it, so that it takes no space."""
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\0\0\0\0TFL3")
    for size in (2**31 - 1, 2**31):
        with path.open("r+b") as file:
            file.truncate(size)
        if size < 2**31:
            model_kinds.require_tflite(path)
    with pytest.raises(UserError, match=r"2147483648 bytes, .* 2147483647"):
        model_kinds.require_tflite(path)


def test_the_fields_of_a_protobuf_message() -> None:
    assert model_kinds.protobuf_fields(ONNX) == {(1, 0), (2, 2), (7, 2), (8, 2)}
    assert model_kinds.protobuf_fields(struct.pack("<Bf", 1 << 3 | 5, 1.0)) == {(1, 5)}
    for broken in (ONNX[:-1], b"\x08", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\0\0", b"some words\n"):
        assert model_kinds.protobuf_fields(broken) == set()
