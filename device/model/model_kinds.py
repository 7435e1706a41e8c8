"""What a file or folder that is given as a model is: decided by its content, never by how its name ends.

Only a .tflite file (the mark TFL3) runs as it is. Of everything else that people have under the name of a model it is
said what it is, and how it becomes a .tflite.
"""

import mmap
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from device.errors import UserError

TFLITE_MARK, TFLITE_ENDINGS = b"TFL3", (".tflite", ".lite")
# Of what export takes beside them; .savedmodel is what Teachable Machine calls the folder.
ENDINGS = (*TFLITE_ENDINGS, ".h5", ".hdf5", ".savedmodel")
HDF5_MARK, ZIP_MARK = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
# What the Edge TPU's compiler leaves of a network (https://coral.ai/docs/edgetpu/compiler).
EDGE_TPU_OPERATOR = "edgetpu-custom-op"
# The first bytes of a file are enough to know it.
HEAD_BYTES = 4096
# Top-level fields of a protobuf message that are looked at: a network has one for each node at most.
MOST_FIELDS = 4096
# Positions in a FlatBuffer are signed numbers of 32 bits.
MAX_TFLITE_BYTES = 2**31 - 1

EXPORT_IT = "export it first: python -m export MODEL --labels FILE --calibration DIR"
OF_TORCH = "convert it with litert-torch (or over ONNX with onnx2tf), and give the .tflite"
AGAIN = "get it again"


@dataclass(frozen=True)
class ModelKind:
    """What it is, in words that follow 'this is', and what to do to have a .tflite of it."""

    what: str
    todo: str


UNKNOWN = ModelKind("not a .tflite file", "expected a .tflite file")
KERAS, KERAS_H5 = ModelKind("a Keras model (.keras)", EXPORT_IT), ModelKind("a Keras model (.h5)", EXPORT_IT)
SAVED_MODEL = ModelKind("a TensorFlow SavedModel", EXPORT_IT)
TEACHABLE_MACHINE = ModelKind(
    "a Teachable Machine project", "export it first: python -m export FOLDER --calibration DIR"
)
# What export turns into a .tflite.
CONVERTIBLE = (KERAS, KERAS_H5, SAVED_MODEL, TEACHABLE_MACHINE)
# What an unpacked download of Teachable Machine holds beside labels.txt: its model for Keras, TensorFlow or LiteRT.
PROJECT_MODELS, PROJECT_LABELS = ("keras_model.h5", "model.savedmodel", "model_unquant.tflite"), "labels.txt"
# Files that are known by how they begin: (the mark, where it stands, what it is).
BEGINNINGS: tuple[tuple[bytes, int, ModelKind], ...] = (
    (b"version https://git-lfs", 0, ModelKind("a Git LFS pointer, not the file itself", "get that with: git lfs pull")),
    (b"ET1", 4, ModelKind("an ExecuTorch model (.pte)", "give a .tflite; convert the PyTorch model with litert-torch")),
    (
        b"\x01HEF",
        0,
        ModelKind("a Hailo model (.hef), which runs on a Hailo alone", "give the .tflite it was made from"),
    ),
    (
        b"RKNN",
        0,
        ModelKind("a Rockchip model (.rknn), which runs on its NPU alone", "give the .tflite it was made from"),
    ),
    (b"\x93NUMPY", 0, ModelKind("a NumPy array (.npy)", "give a .tflite file")),
    (b"\xff\xd8\xff", 0, ModelKind("a JPEG image", "give the model first, images after it")),
    (b"\x89PNG", 0, ModelKind("a PNG image", "give the model first, images after it")),
    (b"RIFF", 0, ModelKind("an image or a sound (RIFF)", "give the model first, images after it")),
    (b"\x1f\x8b", 0, ModelKind("a gzip archive", "unpack it, and give the .tflite in it")),
    (b"ustar", 257, ModelKind("a tar archive", "unpack it, and give the .tflite in it")),
    (b"7z\xbc\xaf", 0, ModelKind("a 7z archive", "unpack it, and give the .tflite in it")),
)


def is_tflite(path: Path) -> bool:
    """Whether it is a file with a .tflite's mark; whether it is whole, `flatbuffer.check` says."""
    return path.is_file() and head(path)[4:8] == TFLITE_MARK


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def name(path: Path) -> str:
    """A model's name by its file's: without the ending, where it has one that models have."""
    return path.stem if path.suffix.lower() in (*ENDINGS, ".keras") else path.name


def require_tflite(path: Path) -> None:
    """UserError for what isn't there, or is something else: what it is, and what to do."""
    if path.is_dir():
        kind = of_folder(path)
        if kind is None:
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in TFLITE_ENDINGS)
            if inside:
                todo = f"give one in it, such as {inside[0]}"
                raise UserError(f"{path}: this is a folder, expected a .tflite file; {todo}")
            raise UserError(_no_such_file(path))
        raise UserError(f"{path}: this is {kind.what}, expected a .tflite file; {kind.todo}")
    if not path.is_file():
        raise UserError(_no_such_file(path))
    if not is_tflite(path):
        raise refusal(path)
    if (size := path.stat().st_size) > MAX_TFLITE_BYTES:
        raise UserError(
            f"{path}: it has {size} bytes, expected at most {MAX_TFLITE_BYTES}; give a smaller .tflite file"
        )


def _no_such_file(path: Path) -> str:
    return f"{path}: there is no such model file, expected a .tflite file; check the path"


def refusal(path: Path, expected: str = "a .tflite file") -> UserError:
    """For a file that is no .tflite: what it is, what was expected, and what to do."""
    kind = of_file(path)
    if kind == UNKNOWN:
        what = "this is not a .tflite file (it lacks the mark TFL3)"
        return UserError(f"{path}: {what}, expected {expected}; check the path, or {AGAIN}")
    todo = kind.todo
    if kind in (KERAS, KERAS_H5) and (path.parent / "run.json").is_file():
        todo = f"export it first: python -m export {path.parent}"
    return UserError(f"{path}: this is {kind.what}, expected {expected}; {todo}")


def refuse_compiled(path: Path, operators: Iterable[str]) -> None:
    """UserError for a .tflite that was compiled for an accelerator; operators: its custom ones."""
    if EDGE_TPU_OPERATOR in operators:
        raise UserError(
            f"{path}: this file was compiled for an Edge TPU (its operator is {EDGE_TPU_OPERATOR}) and runs there"
            " alone; expected one for a processor; give the .tflite that the Edge TPU's compiler was given"
        )


def of_file(path: Path) -> ModelKind:
    """What a file is that is no .tflite; UNKNOWN where nothing is known of it."""
    first = head(path)
    for mark, place, kind in BEGINNINGS:
        if first[place : place + len(mark)] == mark:
            return kind
    if first.startswith(ZIP_MARK):
        return _of_zip(path)
    # The mark may stand behind a block of the user's own, whose size is a power of two.
    if any(first[place : place + 8] == HDF5_MARK for place in (0, 512, 1024, 2048)):
        return _of_hdf5(path)
    if first[:1] == b"\x80" and first[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return ModelKind("a Python pickle, as PyTorch (.pt, .pth) and scikit-learn write them", OF_TORCH)
    return _of_text(first) or _of_protobuf(path) or UNKNOWN


def of_folder(path: Path) -> ModelKind | None:
    """What a folder is that is given as a model; None where nothing is known of it."""
    if (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file():
        return SAVED_MODEL
    if (path / "run.json").is_file():
        files = sorted((path / "export").glob("*.tflite"))
        todo = f"give one of its files, such as {files[-1]}" if files else f"export it first: python -m export {path}"
        return ModelKind("a run folder", todo)
    if (path / "config.json").is_file() and (path / "model.weights.h5").is_file():
        return ModelKind("an unpacked Keras model", "zip it to a .keras file again, and give that to python -m export")
    if (path / "Manifest.json").is_file() and (path / "Data").is_dir():
        return ModelKind("a Core ML model (.mlpackage)", "give a .tflite of what it was made from")
    project = of_project(path)
    return TEACHABLE_MACHINE if project and not is_tflite(project) else None


def of_project(folder: Path) -> Path | None:
    """The model in an unpacked download of Teachable Machine, whose labels.txt begins with '0 '; else None."""
    try:
        with (folder / PROJECT_LABELS).open("rb") as labels:
            is_numbered = labels.read(2) == b"0 "
    except OSError:
        return None
    return next((folder / name for name in PROJECT_MODELS if is_numbered and (folder / name).exists()), None)


def _of_zip(path: Path) -> ModelKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ModelKind("a ZIP archive (as .keras and .pt files are) that is truncated or damaged", AGAIN)
    last = {entry.rsplit("/", 1)[-1] for entry in names}
    if {"config.json", "model.weights.h5"} <= last:
        return KERAS
    if "data.pkl" in last:
        return ModelKind("a PyTorch model (.pt, .pth)", OF_TORCH)
    if "saved_model.pb" in last or PROJECT_MODELS[0] in last:
        return ModelKind(
            "a ZIP archive of a TensorFlow model",
            "unpack it, and export the folder: python -m export FOLDER --calibration DIR",
        )
    if inside := sorted(entry for entry in names if entry.lower().endswith(TFLITE_ENDINGS)):
        return ModelKind("a ZIP archive", f"unpack it, and give {inside[0]}")
    return ModelKind("a ZIP archive without a .tflite in it", "give a .tflite file")


def _of_hdf5(path: Path) -> ModelKind:
    """Keras writes the network's description as an attribute beside the weights."""
    with _mapped(path) as data:
        if data.find(b"model_config") >= 0:
            return KERAS_H5
    return ModelKind(
        "an HDF5 file of weights without a network", "load them into their network, save that, and export it"
    )


def _of_text(first: bytes) -> ModelKind | None:
    """What comes as text: pages in a download's place, descriptions of networks, arrays of C."""
    text = first.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return ModelKind("a web page, as a download that went wrong leaves it", AGAIN)
    if text.startswith(b"{") and (b"modeltopology" in text or b"weightsmanifest" in text):
        return ModelKind(
            "a TensorFlow.js model",
            "take the Keras model or SavedModel it was made from, which python -m export reads",
        )
    if text.startswith(b"<?xml") and b"<net" in text:
        return ModelKind("an OpenVINO model", "give a .tflite of what it was made from")
    if b"unsigned char" in text and b"0x54, 0x46, 0x4c, 0x33" in text:
        return ModelKind("a .tflite as an array of C", "give the .tflite it was made from")
    return None


def _of_protobuf(path: Path) -> ModelKind | None:
    """ONNX, Core ML and TensorFlow's graphs have no mark: their messages differ in which fields they have."""
    if not path.stat().st_size:
        return None
    with _mapped(path) as data:
        fields = protobuf_fields(data)
    if not fields:
        return None
    if {(1, 0), (7, 2)} <= fields:  # ir_version, graph
        return ModelKind("an ONNX model", "convert it with onnx2tf, and give the .tflite")
    if {(1, 0), (2, 2)} <= fields and any(number >= 200 for number, _ in fields):  # version, description, the model
        return ModelKind("a Core ML model (.mlmodel)", "give a .tflite of what it was made from")
    if fields <= {(1, 0), (2, 2)} and (2, 2) in fields:  # schema version, graphs
        return ModelKind("a TensorFlow SavedModel's saved_model.pb", "give its folder to python -m export")
    if (1, 2) in fields and fields <= {(1, 2), (2, 2), (3, 0), (4, 2), (5, 2)}:  # nodes, library, versions
        how = "tf.compat.v1.lite.TFLiteConverter.from_frozen_graph"
        return ModelKind("a frozen TensorFlow graph (.pb)", f"convert it with {how}, and give the .tflite")
    return None


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def protobuf_fields(data: mmap.mmap | bytes) -> set[tuple[int, int]]:
    """(number, wire type) of the top-level fields of a protobuf message; empty where the bytes are none.

    https://protobuf.dev/programming-guides/encoding
    """
    found: set[tuple[int, int]] = set()
    position, count = 0, 0
    while position < len(data) and count < MOST_FIELDS:
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            _, position = _varint(data, position)
        elif wire == 2:
            length, position = _varint(data, position)
            position += length
        else:
            position += {1: 8, 5: 4}.get(wire, len(data) + 1)
        if not number or position > len(data):
            return set()
        found.add((number, wire))
        count += 1
    return found


def _varint(data: mmap.mmap | bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    return 0, len(data) + 1
