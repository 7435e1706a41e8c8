"""Reads the little that device needs from a .tflite file itself, by position, with the standard library.

A .tflite file is a FlatBuffer (https://flatbuffers.dev/internals). tflite-runtime follows the positions in it without
looking whether they lie inside the file, so a truncated one ends the process; `check` looks first. `normalization`
reads the mean and standard deviation that TFLite Metadata records for a float input, `label_files` the names
of label lists. flatbuffers, the package, is not used: tflite-runtime doesn't bring it.

Field numbers are those of the public schemas: tensorflow/lite/schema.fbs and metadata_schema.fbs.
"""

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from device import channels
from device.channels import Channels
from device.errors import UserError

OPERATOR_CODES, SUBGRAPHS, BUFFERS, METADATA = 1, 2, 4, 6  # of Model
TENSORS, INPUTS, OUTPUTS, OPERATORS = 0, 1, 2, 3  # of SubGraph
INPUT_METADATA, OUTPUT_METADATA = 2, 3  # of SubGraphMetadata
NORMALIZATION_OPTIONS = 1  # of the union ProcessUnitOptions
LABEL_FILE_TYPES = (0, 2)  # of AssociatedFileType: not said, TENSOR_AXIS_LABELS


class OutsideError(Exception):
    """A position in the file leads outside it."""


class Table:
    """One FlatBuffer table: fields by number, absent ones as None."""

    def __init__(self, data: mmap.mmap | bytes, position: int) -> None:
        self.data = data
        self.position = position
        self.vtable = position - self._number("<i", position)
        self.vtable_bytes = self._number("<H", self.vtable)
        table_bytes = self._number("<H", self.vtable + 2)
        if self.vtable + self.vtable_bytes > len(data) or position + table_bytes > len(data):
            raise OutsideError

    def _number(self, code: str, position: int) -> int:
        if not 0 <= position <= len(self.data) - struct.calcsize(code):
            raise OutsideError
        return int(struct.unpack_from(code, self.data, position)[0])

    def where(self, field: int) -> int | None:
        """The absolute position of a field's value; None where the field is absent."""
        entry = 4 + 2 * field
        if entry >= self.vtable_bytes:
            return None
        offset = self._number("<H", self.vtable + entry)
        return self.position + offset if offset else None

    def number(self, field: int, code: str) -> int:
        position = self.where(field)
        return 0 if position is None else self._number(code, position)

    def table(self, field: int) -> "Table | None":
        position = self.where(field)
        return None if position is None else Table(self.data, position + self._number("<I", position))

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """(position of the first item, number of items); all of them lie in the file."""
        position = self.where(field)
        if position is None:
            return 0, 0
        start = position + self._number("<I", position)
        count = self._number("<I", start)
        if start + 4 + count * item_bytes > len(self.data):
            raise OutsideError
        return start + 4, count

    def tables(self, field: int) -> Iterator["Table"]:
        start, count = self.vector(field, 4)
        for position in range(start, start + 4 * count, 4):
            yield Table(self.data, position + self._number("<I", position))

    def bytes(self, field: int) -> bytes:
        start, count = self.vector(field, 1)
        return bytes(self.data[start : start + count])

    def floats(self, field: int) -> tuple[float, ...]:
        start, count = self.vector(field, 4)
        return struct.unpack_from(f"<{count}f", self.data, start)


def _root(data: mmap.mmap | bytes, identifier: bytes) -> Table:
    if len(data) < 8 or data[4:8] != identifier:
        raise OutsideError
    return Table(data, int(struct.unpack_from("<I", data)[0]))


def _map(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""


def check(path: Path) -> None:
    """Refuses what is not a whole .tflite file: UserError says whether it is none at all or a truncated one."""
    data = _map(path)
    if data[4:8] != b"TFL3":
        raise UserError(f"{path}: this is not a .tflite file (it lacks the mark TFL3); expected a model made by export")
    try:
        _walk(_root(data, b"TFL3"), len(data))
    except (OutsideError, struct.error):
        raise UserError(
            f"{path}: the .tflite file is truncated or damaged ({len(data)} bytes); copy or export it again"
        ) from None


def _walk(model: Table, file_bytes: int) -> None:
    """Visits everything whose place an interpreter relies on when it loads the file."""
    codes = sum(1 for _ in model.tables(OPERATOR_CODES))
    buffers = 0
    for buffer in model.tables(BUFFERS):
        buffer.vector(0, 1)
        # From 256 KB on, weights may lie behind the FlatBuffer: fields 1 and 2 are offset and size in the file.
        if buffer.number(1, "<Q") + buffer.number(2, "<Q") > file_bytes:
            raise OutsideError
        buffers += 1
    for graph in model.tables(SUBGRAPHS):
        tensors = 0
        for tensor in graph.tables(TENSORS):
            tensor.vector(0, 4)
            tensor.vector(3, 1)
            quantization = tensor.table(4)
            if quantization is not None:
                quantization.vector(2, 4)
                quantization.vector(3, 8)
            if tensor.number(2, "<I") >= buffers:
                raise OutsideError
            tensors += 1
        _indices(graph, INPUTS, tensors)
        _indices(graph, OUTPUTS, tensors)
        for operator in graph.tables(OPERATORS):
            if operator.number(0, "<I") >= codes:
                raise OutsideError
            _indices(operator, 1, tensors)
            _indices(operator, 2, tensors)
    if not codes or not buffers:
        raise OutsideError


def _indices(table: Table, field: int, tensors: int) -> None:
    start, count = table.vector(field, 4)
    indices = struct.unpack_from(f"<{count}i", table.data, start)
    if any(index >= tensors for index in indices):
        raise OutsideError


def normalization(path: Path) -> tuple[Channels, Channels] | None:
    """(mean, standard deviation) of the first input by TFLite Metadata, for all channels or each; None where absent.

    The network's number is (pixel - mean) / standard deviation.
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
    """As the schema has it, each is one number or one a channel."""
    means, deviations = options.floats(0), options.floats(1)
    if len(means) not in (1, 3) or len(deviations) not in (1, 3) or 0.0 in deviations:
        return None
    if not all(map(math.isfinite, (*means, *deviations))):
        return None
    mean, deviation = (channels.of(*each) if len(each) == 3 else each[0] for each in (means, deviations))
    return mean, deviation


@dataclass(frozen=True)
class LabelFile:
    """A label list that TFLite Metadata names; locale: the language of its words, '' where it is for all."""

    name: str
    locale: str


def label_files(path: Path) -> tuple[LabelFile, ...]:
    """The lists of the first output's labels by TFLite Metadata; they lie in the archive at the file's end."""
    try:
        return tuple(
            LabelFile(*(file.bytes(field).decode("utf-8", "replace") for field in (0, 3)))
            for tensor in _described_tensors(_map(path), OUTPUT_METADATA)
            for file in tensor.tables(6)
            if file.number(2, "<b") in LABEL_FILE_TYPES
        )
    except (OutsideError, struct.error):
        return ()


def _described_tensors(data: mmap.mmap | bytes, field: int) -> Iterator[Table]:
    """The TensorMetadata of the first input or output, where the file holds TFLite Metadata."""
    model = _root(data, b"TFL3")
    buffers = list(model.tables(BUFFERS))
    for entry in model.tables(METADATA):
        index = entry.number(1, "<I")
        if entry.bytes(0) == b"TFLITE_METADATA" and index < len(buffers):
            for graph in _root(buffers[index].bytes(0), b"M001").tables(3):
                yield from list(graph.tables(field))[:1]
