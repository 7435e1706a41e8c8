"""What is wrong inside a .tflite file, found before an interpreter loads it: positions, indices, names, sizes.

An interpreter trusts these, and ends the process, or Python's own decoder fails, where they lie. It takes about a
millisecond; what only the interpreter can know (whether operators fit their tensors) it says itself.
"""

import math
import struct

from device.tables import (
    BUFFERS,
    INPUTS,
    OPERATOR_CODES,
    OPERATORS,
    OUTPUTS,
    SUBGRAPHS,
    TENSORS,
    OutsideError,
    Table,
)

# More than any image network's tensor has: an interpreter would ask for that much memory, and end.
MAX_ELEMENTS = 1 << 31


class DamagedError(Exception):
    """Says what is wrong, in words that follow 'damaged'."""


def walk(model: Table, file_bytes: int) -> tuple[str, ...]:
    """Visits everything that an interpreter relies on when it loads the file; the names of custom operators.

    OutsideError or struct.error where a position or an index leads nowhere, DamagedError where a value can't be.
    """
    codes, custom = 0, []
    for code in model.tables(OPERATOR_CODES):
        codes += 1
        if name := code.bytes(1):
            custom.append(_text(name, "an operator's name"))
    buffers = _buffers(model, file_bytes)
    for graph in model.tables(SUBGRAPHS):
        tensors = 0
        for tensor in graph.tables(TENSORS):
            _tensor(tensor, tensors, buffers)
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
    return tuple(custom)


def _buffers(model: Table, file_bytes: int) -> int:
    """How many there are; all of them lie in the file."""
    count = 0
    for buffer in model.tables(BUFFERS):
        buffer.vector(0, 1)
        # From 256 KB on, weights may lie behind the FlatBuffer: fields 1 and 2 are offset and size in the file.
        if buffer.number(1, "<Q") + buffer.number(2, "<Q") > file_bytes:
            raise OutsideError
        count += 1
    return count


def _tensor(tensor: Table, index: int, buffers: int) -> None:
    shape = tensor.integers(0)
    if shape and (min(shape) < 0 or math.prod(shape) > MAX_ELEMENTS):
        raise DamagedError(f"tensor {index} has the shape {list(shape)}")
    _text(tensor.bytes(3), f"the name of tensor {index}")
    if (quantization := tensor.table(4)) is not None:
        quantization.vector(2, 4)
        quantization.vector(3, 8)
    if tensor.number(2, "<I") >= buffers:
        raise OutsideError


def _text(name: bytes, what: str) -> str:
    """Names are UTF-8; an interpreter decodes them when it is asked for its inputs, and fails."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise DamagedError(f"{what} is no UTF-8") from None


def _indices(table: Table, field: int, tensors: int) -> None:
    start, count = table.vector(field, 4)
    indices = struct.unpack_from(f"<{count}i", table.data, start)
    if indices and max(indices) >= tensors:
        raise OutsideError
