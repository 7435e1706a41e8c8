"""Reads what device needs from a .tflite file itself, with device/model/tables.py.

tflite-runtime follows the positions in a file without checking them, so a truncated file ends the process; `check`
looks first. `normalization` reads the mean and standard deviation that TFLite Metadata records for a float input,
`image_size` the size, `label_files` the names of label lists.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from device.errors import UserError
from device.model import channels, damage, model_kinds
from device.model.channels import Channels
from device.model.tables import (
    BUFFERS,
    METADATA,
    OPERATOR_CODES,
    OPERATORS,
    OUTPUTS,
    SUBGRAPHS,
    OutsideError,
    Table,
    root,
)

INPUT_METADATA, OUTPUT_METADATA = 2, 3  # of SubGraphMetadata
NORMALIZATION_OPTIONS = 1  # of the union ProcessUnitOptions
IMAGE_PROPERTIES = 2  # of the union ContentProperties
# TFLite Metadata in a file: the name of its entry, and the mark of the buffer that holds it.
NAME, IDENTIFIER = "TFLITE_METADATA", b"M001"
# Operators, by their number in the schema's BuiltinOperator.
PROBABILITIES = (25, 14)  # SOFTMAX, LOGISTIC
CUSTOM = 32
CARRIERS = (6, 114, 22, 43, 53)  # DEQUANTIZE, QUANTIZE, RESHAPE, SQUEEZE, CAST
# Beyond any image; larger numbers are damage.
MAX_SIDE = 1 << 15
LABEL_FILE_TYPES = (0, 2)  # of AssociatedFileType: unknown, TENSOR_AXIS_LABELS


def _map(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def check(path: Path, content: bytes | None = None) -> None:
    """Raises UserError if it isn't a whole .tflite file: what it is instead, or that it is damaged.

    content: the bytes to check, if they were read already.
    """
    model_kinds.require_tflite(path)
    data = _map(path) if content is None else content
    try:
        operators = damage.walk(root(data, model_kinds.TFLITE_MARK), len(data))
    except (OutsideError, struct.error):
        raise UserError(
            f"{path}: the .tflite file is truncated or damaged ({len(data)} bytes); copy or export it again"
        ) from None
    except damage.DamagedError as error:
        raise UserError(
            f"{path}: the .tflite file is damaged ({error}; {len(data)} bytes); copy or export it again"
        ) from None
    model_kinds.refuse_compiled(path, operators)


def normalization(path: Path) -> tuple[Channels, Channels] | None:
    """(mean, standard deviation) of the first input by TFLite Metadata, for all channels or each; None if absent.

    The network's input is (pixel - mean) / standard deviation.
    """
    try:
        for tensor in _described_tensors(_map(path), INPUT_METADATA):
            for unit in tensor.tables(4):
                options = unit.table(1)
                if unit.number(0, "<B") == NORMALIZATION_OPTIONS and options is not None:
                    return _mean_and_deviation(options)
    except (OutsideError, struct.error):
        return None
    return None


def _mean_and_deviation(options: Table) -> tuple[Channels, Channels] | None:
    """Each is one number, or one per channel."""
    means, deviations = options.floats(0), options.floats(1)
    if len(means) not in (1, 3) or len(deviations) not in (1, 3) or 0.0 in deviations:
        return None
    if not all(map(math.isfinite, (*means, *deviations))):
        return None
    mean, deviation = (channels.of(*each) if len(each) == 3 else each[0] for each in (means, deviations))
    return mean, deviation


def image_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of the first input's images by TFLite Metadata; None if absent."""
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


@dataclass(frozen=True)
class LabelFile:
    """A label list that TFLite Metadata names. locale: its language, '' for all."""

    name: str
    locale: str


def label_files(path: Path) -> tuple[LabelFile, ...]:
    """The label lists of the first output by TFLite Metadata; the files are in the archive at the file's end."""
    try:
        return tuple(
            LabelFile(*(file.bytes(field).decode("utf-8", "replace") for field in (0, 3)))
            for tensor in _described_tensors(_map(path), OUTPUT_METADATA)
            for file in tensor.tables(6)
            if file.number(2, "<b") in LABEL_FILE_TYPES
        )
    except (OutsideError, struct.error):
        return ()


@dataclass(frozen=True)
class Producer:
    """An operator: its number in the schema's BuiltinOperator, and the tensors that it takes, -1 for one left out."""

    kind: int
    inputs: tuple[int, ...]


def producers(path: Path) -> tuple[dict[int, Producer], int]:
    """For each tensor that is computed the operator that produces it, and the place of the first output."""
    model = root(_map(path), model_kinds.TFLITE_MARK)
    codes = [max(code.number(0, "<b"), code.number(3, "<i")) for code in model.tables(OPERATOR_CODES)]
    graph = next(model.tables(SUBGRAPHS))
    found: dict[int, Producer] = {}
    for operator in graph.tables(OPERATORS):
        producer = Producer(codes[operator.number(0, "<I")], operator.integers(1))
        found.update(dict.fromkeys(operator.integers(2), producer))
    return found, graph.integers(OUTPUTS)[0]


def gives_probabilities(path: Path) -> bool:
    """Whether the first output comes from a softmax or a sigmoid, apart from changes of type or shape.

    True also if unknown (a custom operator, a constant).
    """
    try:
        found, output = producers(path)
        producer = found.get(output)
        while producer is not None and producer.kind in CARRIERS:
            producer = found.get(producer.inputs[0])
        return producer is None or producer.kind in (*PROBABILITIES, CUSTOM)
    except (OutsideError, struct.error, StopIteration, IndexError):
        return True


def _described_tensors(data: mmap.mmap | bytes, field: int) -> Iterator[Table]:
    """The TensorMetadata of the first input or output, if the file has TFLite Metadata."""
    model = root(data, model_kinds.TFLITE_MARK)
    buffers = list(model.tables(BUFFERS))
    for entry in model.tables(METADATA):
        index = entry.number(1, "<I")
        if entry.bytes(0) == NAME.encode() and index < len(buffers):
            for graph in root(buffers[index].bytes(0), IDENTIFIER).tables(3):
                yield from list(graph.tables(field))[:1]
