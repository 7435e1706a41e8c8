"""Reads the little that device needs from a .tflite file itself, by position: device/tables.py.

tflite-runtime follows the positions in a file without looking whether they lie inside it, so a truncated one ends the
process; `check` looks first. `normalization` reads the mean and standard deviation that TFLite Metadata records for a
float input, `image_size` the size, `associated_file` the name of the label file.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from device import damage, model_kinds
from device.errors import UserError
from device.tables import BUFFERS, METADATA, OutsideError, Table, root

INPUT_METADATA, OUTPUT_METADATA = 2, 3  # of SubGraphMetadata
NORMALIZATION_OPTIONS = 1  # of the union ProcessUnitOptions
IMAGE_PROPERTIES = 2  # of the union ContentProperties
# Beyond any image; larger numbers are damage.
MAX_SIDE = 1 << 15


def _map(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def check(path: Path) -> None:
    """Refuses what is not a whole .tflite file: UserError says what it is instead, or that it is damaged."""
    model_kinds.require_tflite(path)
    data = _map(path)
    try:
        operators = damage.walk(root(data, b"TFL3"), len(data))
    except (OutsideError, struct.error):
        raise UserError(
            f"{path}: the .tflite file is truncated or damaged ({len(data)} bytes); copy or export it again"
        ) from None
    except damage.DamagedError as error:
        raise UserError(
            f"{path}: the .tflite file is damaged ({error}; {len(data)} bytes); copy or export it again"
        ) from None
    model_kinds.refuse_compiled(path, operators)


def normalization(path: Path) -> tuple[float, float] | None:
    """(mean, standard deviation) of the first input by TFLite Metadata; None where absent or unequal by channel.

    The network's number is (pixel - mean) / standard deviation.
    """
    try:
        for tensor in _described_tensors(_map(path), INPUT_METADATA):
            for unit in tensor.tables(4):
                options = unit.table(1)
                if unit.number(0, "<B") == NORMALIZATION_OPTIONS and options is not None:
                    return _uniform(options)
    except (OutsideError, struct.error):
        return None
    return None


def _uniform(options: Table) -> tuple[float, float] | None:
    means, deviations = set(options.floats(0)), set(options.floats(1))
    if len(means) != 1 or len(deviations) != 1 or 0.0 in deviations:
        return None
    mean, deviation = means.pop(), deviations.pop()
    return (mean, deviation) if math.isfinite(mean) and math.isfinite(deviation) else None


def image_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the first input's images by TFLite Metadata; None where it says nothing."""
    try:
        for tensor in _described_tensors(_map(path), INPUT_METADATA):
            content = tensor.table(3)
            image = content.table(1) if content and content.number(0, "<B") == IMAGE_PROPERTIES else None
            if image and (size := image.table(1)):
                width, height = size.number(0, "<I"), size.number(1, "<I")
                return (height, width) if 0 < min(height, width) <= max(height, width) <= MAX_SIDE else None
    except (OutsideError, struct.error):
        return None
    return None


def associated_file(path: Path) -> str | None:
    """The file that TFLite Metadata says the first output's labels are in; it lies in the archive at the file's end."""
    try:
        for tensor in _described_tensors(_map(path), OUTPUT_METADATA):
            for file in tensor.tables(6):
                return file.bytes(0).decode("utf-8", "replace")
    except (OutsideError, struct.error):
        return None
    return None


def _described_tensors(data: mmap.mmap | bytes, field: int) -> Iterator[Table]:
    """The TensorMetadata of the first input or output, where the file holds TFLite Metadata."""
    model = root(data, b"TFL3")
    buffers = list(model.tables(BUFFERS))
    for entry in model.tables(METADATA):
        index = entry.number(1, "<I")
        if entry.bytes(0) == b"TFLITE_METADATA" and index < len(buffers):
            for graph in root(buffers[index].bytes(0), b"M001").tables(3):
                yield from list(graph.tables(field))[:1]
