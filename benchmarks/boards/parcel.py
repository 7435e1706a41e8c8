"""The files for a board: the packages device and benchmarks, the model files, and the environment's requirements."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.documents.models import Model
from device.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("device", "benchmarks")
REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True)
class Parcel:
    """Files by their path in the board's folder. models: the paths of the model files, in order."""

    files: dict[str, bytes]
    models: tuple[str, ...]

    def hashes(self) -> dict[str, str]:
        return {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}


def pack(models: list[Model], requirements: bytes | None) -> Parcel:
    """A model keeps its name, which rows show; its folder, named by hash, separates equal names."""
    files = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    if requirements is not None:
        files[REQUIREMENTS] = requirements
    paths = tuple(f"models/{model.sha256()[:16]}/{model.path.name}" for model in models)
    files |= {path: model.path.read_bytes() for path, model in zip(paths, models, strict=True)}
    return Parcel(files, paths)


def requirements(bits: int) -> bytes:
    """The locked packages of a board's environment.

    On 32 bits only the interpreter: numpy and OpenCV have no wheels there, but Debian packages them.
    """
    path = ROOT / "requirements" / ("device.txt" if bits == 64 else "tflite-runtime.txt")
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{path}: missing, but needed for the environment; work in a checkout of the project, or give a ready"
            " Python on the board: --python PATH"
        ) from None
    if bits == 64:
        return whole
    # A package with its hashes: lines up to the first without a continuation.
    found = re.search(rb"^tflite-runtime==(.*\\\n)*.*\n", whole, re.MULTILINE)
    if found is None:
        raise UserError(f"{path}: it has no tflite-runtime, expected the lock for 32-bit boards; restore it from git")
    return found[0]
