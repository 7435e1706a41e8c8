"""Finds damage in a .tflite file before an interpreter loads it: positions, indices, names, sizes.

An interpreter trusts these, and wrong ones end the process or make Python's own decoder fail. The check takes about a
millisecond; the interpreter itself reports what only it can know (whether operators fit their tensors).
"""

import math
from dataclasses import dataclass

from device.model.tables import (
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

# More than any image network's tensor has; an interpreter would allocate the memory anyway.
MAX_ELEMENTS = 1 << 28
# The lowest and highest value of each quantized type (TensorType); lookup tables are indexed by a zero point.
CODES = {3: (0, 255), 9: (-128, 127), 7: (-(1 << 15), (1 << 15) - 1)}
# Operators (BuiltinOperator) with inputs that may be absent (-1): a bias, from the third input on, or any input of
# recurrent and custom ones. An interpreter reads the absent inputs of all others.
WITH_BIAS = frozenset({3, 4, 9, 67, 132, 141})
ANY_ABSENT = frozenset({16, 27, 32, 35, 44, 46, 52})
FIRST_STABLEHLO = 147
# The least number of inputs of image networks' operators, if more than one.
LEAST_INPUTS = {0: 2, 3: 2, 4: 2, 9: 2, 18: 2, 23: 2, 34: 2, 36: 2, 39: 2, 40: 2, 41: 2, 42: 2, 45: 4, 54: 2, 65: 3}
LEAST_INPUTS |= {67: 3, 74: 2, 97: 2, 126: 2}
# Options (BuiltinOptions) that belong to one to three operators; misread for another, they could be anything.
OWNERS = {1: (3,), 2: (4,), 5: (1, 12, 17), 8: (9,), 9: (25,), 17: (22,), 32: (45,), 55: (77,), 59: (83,)}
DEQUANTIZE = 6


@dataclass(frozen=True)
class CheckedTensor:
    """A tensor for checking operators. is_constant: its values are in the file."""

    shape: tuple[int, ...]
    is_constant: bool


class DamagedError(Exception):
    """The text says what is wrong, and follows 'damaged'."""


def walk(model: Table, file_bytes: int) -> tuple[str, ...]:
    """Visits everything that an interpreter relies on when it loads the file; returns the names of custom operators.

    Raises OutsideError or struct.error for a position or an index out of range, DamagedError for an impossible value.
    """
    codes, custom = [], []
    for code in model.tables(OPERATOR_CODES):
        codes.append(max(code.number(0, "<B"), code.number(3, "<I")))  # the first is of files before 2020
        if name := code.bytes(1):
            custom.append(_text(name, "an operator's name"))
    filled = _buffers(model, file_bytes)
    graphs = 0
    for graph in model.tables(SUBGRAPHS):
        graphs += 1
        tensors = [_tensor(tensor, index, filled) for index, tensor in enumerate(graph.tables(TENSORS))]
        _indices(graph, INPUTS, len(tensors))
        _indices(graph, OUTPUTS, len(tensors))
        for operator in graph.tables(OPERATORS):
            _operator(operator, codes, tensors)
    if not codes or not filled or not graphs:
        raise OutsideError
    return tuple(custom)


def _buffers(model: Table, file_bytes: int) -> list[bool]:
    """Whether each buffer has values; checks that they are inside the file."""
    filled = []
    for buffer in model.tables(BUFFERS):
        _, count = buffer.vector(0, 1)
        # From 256 KB on, weights may be after the FlatBuffer: fields 1 and 2 are offset and size in the file.
        place, behind = buffer.number(1, "<Q"), buffer.number(2, "<Q")
        if place + behind > file_bytes:
            raise OutsideError
        filled.append(bool(count or behind))
    return filled


def _tensor(tensor: Table, index: int, filled: list[bool]) -> CheckedTensor:
    shape, buffer = tensor.integers(0), tensor.number(2, "<I")
    if shape and (min(shape) < 0 or math.prod(shape) > MAX_ELEMENTS):
        raise DamagedError(f"tensor {index} has the shape {list(shape)}")
    _text(tensor.bytes(3), f"the name of tensor {index}")
    if buffer >= len(filled):
        raise OutsideError
    if (quantization := tensor.table(4)) is not None:
        _quantization(quantization, index, tensor.number(1, "<B"), filled[buffer])
    return CheckedTensor(shape, filled[buffer])


def _quantization(quantization: Table, index: int, kind: int, is_constant: bool) -> None:
    scales, zero_points = quantization.floats(2), quantization.integers(3, 8)
    limits = CODES.get(kind)
    if limits is None:
        return
    # All-zero weights may have a scale of zero; computed values are divided by their scale.
    if scales and not (min(scales) >= 0 and math.isfinite(sum(scales)) and (is_constant or max(scales) > 0)):
        raise DamagedError(f"a scale of tensor {index} is {min(scales):g}")
    if zero_points and not limits[0] <= min(zero_points) <= max(zero_points) <= limits[1]:
        raise DamagedError(f"the zero point of tensor {index} is outside its type's {limits[0]}..{limits[1]}")


def _operator(operator: Table, codes: list[int], tensors: list[CheckedTensor]) -> None:
    place = operator.number(0, "<I")
    if place >= len(codes):
        raise OutsideError
    code, inputs, outputs = codes[place], _indices(operator, 1, len(tensors)), _indices(operator, 2, len(tensors))
    if min(outputs, default=0) < 0:
        raise DamagedError("an operator has no place for its output")
    lacks = len(inputs) < LEAST_INPUTS.get(code, 0)
    if min(inputs, default=0) < 0 and code not in ANY_ABSENT and code < FIRST_STABLEHLO:
        lacks |= min(inputs[:2] if code in WITH_BIAS else inputs) < 0
    if lacks:
        raise DamagedError(f"an operator (number {code}) lacks an input")
    if code not in OWNERS.get(operator.number(3, "<B"), (code,)):
        raise DamagedError(f"an operator (number {code}) has another's options")
    if code == DEQUANTIZE and inputs and outputs and tensors[inputs[0]].is_constant:
        source, result = tensors[inputs[0]].shape, tensors[outputs[0]].shape
        if source != result:
            raise DamagedError(f"constants of the shape {list(source)} are to be read as {list(result)}")


def _text(name: bytes, what: str) -> str:
    """Names must be UTF-8: an interpreter decodes them when asked for its inputs, and would fail."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise DamagedError(f"{what} is no UTF-8") from None


def _indices(table: Table, field: int, tensors: int) -> tuple[int, ...]:
    indices = table.integers(field)
    if indices and max(indices) >= tensors:
        raise OutsideError
    return indices
