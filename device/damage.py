"""What is wrong inside a .tflite file, found before an interpreter loads it: positions, indices, names, sizes.

An interpreter trusts these, and ends the process, or Python's own decoder fails, where they lie. It takes about a
millisecond; what only the interpreter can know (whether operators fit their tensors) it says itself.
"""

import math

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

# More than any image network's tensor has: an interpreter would ask for the memory all the same.
MAX_ELEMENTS = 1 << 28
# The lowest and the highest code of a quantized type (TensorType); tables of answers are read at a zero point's place.
CODES = {3: (0, 255), 9: (-128, 127), 7: (-(1 << 15), (1 << 15) - 1)}
# Operators (BuiltinOperator) that have inputs which may be absent (-1): a bias, from the third input on, or, of
# recurrent and custom ones, any. An interpreter reads the absent inputs of all others.
WITH_BIAS = frozenset({3, 4, 9, 67, 132, 141})
ANY_ABSENT = frozenset({16, 27, 32, 35, 44, 46, 52})
FIRST_STABLEHLO = 147


class DamagedError(Exception):
    """Says what is wrong, in words that follow 'damaged'."""


def walk(model: Table, file_bytes: int) -> tuple[str, ...]:
    """Visits everything that an interpreter relies on when it loads the file; the names of custom operators.

    OutsideError or struct.error where a position or an index leads nowhere, DamagedError where a value can't be.
    """
    codes, custom = [], []
    for code in model.tables(OPERATOR_CODES):
        codes.append(max(code.number(0, "<B"), code.number(3, "<I")))  # the first is of files before 2020
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
            _operator(operator, codes, tensors)
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
    if tensor.number(2, "<I") >= buffers:
        raise OutsideError
    if (quantization := tensor.table(4)) is not None:
        scales, zero_points = quantization.floats(2), quantization.integers(3, 8)
        limits = CODES.get(tensor.number(1, "<B"))
        if limits is None:
            return
        if scales and not (min(scales) >= 0 and math.isfinite(sum(scales))):
            raise DamagedError(f"a scale of tensor {index} is negative or no number")
        if zero_points and not limits[0] <= min(zero_points) <= max(zero_points) <= limits[1]:
            raise DamagedError(f"the zero point of tensor {index} is outside its type's {limits[0]}..{limits[1]}")


def _operator(operator: Table, codes: list[int], tensors: int) -> None:
    place = operator.number(0, "<I")
    if place >= len(codes):
        raise OutsideError
    inputs, code = _indices(operator, 1, tensors), codes[place]
    if min(_indices(operator, 2, tensors), default=0) < 0:
        raise DamagedError("an operator has no place for its output")
    if min(inputs, default=0) < 0 and code not in ANY_ABSENT and code < FIRST_STABLEHLO:
        needed = inputs[:2] if code in WITH_BIAS else inputs
        if min(needed) < 0:
            raise DamagedError(f"an operator (number {code}) lacks an input")


def _text(name: bytes, what: str) -> str:
    """Names are UTF-8; an interpreter decodes them when it is asked for its inputs, and fails."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise DamagedError(f"{what} is no UTF-8") from None


def _indices(table: Table, field: int, tensors: int) -> tuple[int, ...]:
    indices = table.integers(field)
    if indices and max(indices) >= tensors:
        raise OutsideError
    return indices
