"""Reads FlatBuffer tables with the standard library (https://flatbuffers.dev/internals).

Doesn't use the package flatbuffers, which tflite-runtime doesn't install. Field numbers are those of the public
schemas: tensorflow/lite/schema.fbs and metadata_schema.fbs.
"""

import mmap
import struct
from collections.abc import Iterator

OPERATOR_CODES, SUBGRAPHS, BUFFERS, METADATA = 1, 2, 4, 6  # of Model
TENSORS, INPUTS, OUTPUTS, OPERATORS = 0, 1, 2, 3  # of SubGraph

_FORMATS = {code: struct.Struct(code) for code in ("<b", "<B", "<H", "<i", "<I", "<Q")}
_U16, _U32, _I32 = _FORMATS["<H"], _FORMATS["<I"], _FORMATS["<i"]


class OutsideError(Exception):
    """A position points outside the file."""


class Table:
    """One FlatBuffer table: fields by number, absent ones as None."""

    __slots__ = ("_end", "data", "position", "vtable", "vtable_bytes")

    def __init__(self, data: mmap.mmap | bytes, position: int) -> None:
        self.data = data
        self._end = len(data)
        self.position = position
        self.vtable = position - self._number(_I32, position)
        self.vtable_bytes = self._number(_U16, self.vtable)
        table_bytes = self._number(_U16, self.vtable + 2)
        if self.vtable + self.vtable_bytes > self._end or position + table_bytes > self._end:
            raise OutsideError

    def _number(self, form: struct.Struct, position: int) -> int:
        if not 0 <= position <= self._end - form.size:
            raise OutsideError
        number: int = form.unpack_from(self.data, position)[0]
        return number

    def where(self, field: int) -> int | None:
        """The absolute position of a field's value; None if the field is absent."""
        entry = 4 + 2 * field
        if entry >= self.vtable_bytes:
            return None
        offset = self._number(_U16, self.vtable + entry)
        return self.position + offset if offset else None

    def number(self, field: int, code: str) -> int:
        position = self.where(field)
        return 0 if position is None else self._number(_FORMATS[code], position)

    def table(self, field: int) -> "Table | None":
        position = self.where(field)
        return None if position is None else Table(self.data, position + self._number(_U32, position))

    def vector(self, field: int, item_bytes: int) -> tuple[int, int]:
        """(position of the first item, number of items); checks that all are inside the file."""
        position = self.where(field)
        if position is None:
            return 0, 0
        start = position + self._number(_U32, position)
        count = self._number(_U32, start)
        if start + 4 + count * item_bytes > self._end:
            raise OutsideError
        return start + 4, count

    def tables(self, field: int) -> Iterator["Table"]:
        start, count = self.vector(field, 4)
        for position in range(start, start + 4 * count, 4):
            yield Table(self.data, position + self._number(_U32, position))

    def bytes(self, field: int) -> bytes:
        start, count = self.vector(field, 1)
        return bytes(self.data[start : start + count])

    def floats(self, field: int) -> tuple[float, ...]:
        start, count = self.vector(field, 4)
        return struct.unpack_from(f"<{count}f", self.data, start)

    def integers(self, field: int, item_bytes: int = 4) -> tuple[int, ...]:
        """Signed integers of four or eight bytes."""
        start, count = self.vector(field, item_bytes)
        return struct.unpack_from(f"<{count}{'i' if item_bytes == 4 else 'q'}", self.data, start)


def root(data: mmap.mmap | bytes, identifier: bytes) -> Table:
    """The root table of a file with this identifier; OutsideError for another file."""
    if len(data) < 8 or data[4:8] != identifier:
        raise OutsideError
    return Table(data, int(_U32.unpack_from(data)[0]))
