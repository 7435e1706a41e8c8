"""What is in a .tflite file, anyone's: operators, ends, sizes by part, multiply-accumulates, what XNNPACK takes."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device.errors import UserError
from device.inference import runtime
from device.model import card, flatbuffer
from export.conversion import objects

OPERATOR = schema.BuiltinOperator
TYPE_NAMES = {number: name for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
# Whose second input are weights.
WEIGHTED = (
    *(OPERATOR.CONV_2D, OPERATOR.DEPTHWISE_CONV_2D, OPERATOR.FULLY_CONNECTED),
    *(OPERATOR.TRANSPOSE_CONV, OPERATOR.CONV_3D),
)


@dataclass(frozen=True)
class TensorInfo:
    """An input or output. shape: -1 for a side that is left open; scale and zero_point: of a quantized one."""

    name: str
    shape: tuple[int, ...]
    type: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class OperatorInfo:
    """One operator.

    types: of what it takes and gives, and of its weights where theirs is another: 'int8', 'uint8 -> int8', 'float32,
    weights int8'. output: the first one, if any. weight_scales: how many its weights have: one, one a channel, or 0
    where they aren't quantized. macs: multiply-accumulates. is_by_xnnpack: whether XNNPACK computes it; None where that
    isn't known.
    """

    name: str
    types: str
    output: TensorInfo | None
    weight_scales: int
    macs: int
    is_by_xnnpack: bool | None


@dataclass(frozen=True)
class Operators:
    """All operators of one kind and of the same types.

    scales: the least and the greatest of their outputs; None where those aren't quantized. macs: their
    multiply-accumulates; by_xnnpack: how many of them XNNPACK computes.
    """

    name: str
    types: str
    count: int
    scales: tuple[float, float] | None
    macs: int
    by_xnnpack: int | None


@dataclass(frozen=True)
class FilePart:
    """weights TYPE, graph (what else the FlatBuffer has), metadata, or archive (at the end); their sum is the file."""

    name: str
    file_bytes: int


@dataclass(frozen=True)
class Contents:
    """operators: by kind, the most frequent first; graph: one by one, in the file's order. xnnpack: what told which
    operators it takes, or why that isn't known.
    """

    file_bytes: int
    description: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: tuple[Operators, ...]
    macs: int
    parameters: int
    parts: tuple[FilePart, ...]
    subgraphs: int
    xnnpack: str
    graph: tuple[OperatorInfo, ...]


def read(path: Path) -> Contents:
    """UserError for what is no whole .tflite. Operators are the first subgraph's; others are called by some of them."""
    flatbuffer.check(path)
    tree = objects.of_file(path)
    graph = tree.subgraphs[0]
    taken, known = _taken(path)
    each = tuple(
        _operator(tree, operator, None if taken is None else place in taken)
        for place, operator in enumerate(graph.operators)
    )
    return Contents(
        file_bytes=path.stat().st_size,
        description=objects.text(tree.description),
        inputs=tuple(_tensor(graph.tensors[index]) for index in graph.inputs),
        outputs=tuple(_tensor(graph.tensors[index]) for index in graph.outputs),
        operators=_by_kind(each),
        macs=sum(one.macs for one in each),
        parameters=sum(math.prod(objects.integers(tensor.shape)) for tensor in _weights(tree)),
        parts=tuple(_parts(path, tree)),
        subgraphs=len(tree.subgraphs),
        xnnpack=known,
        graph=each,
    )


def _tensor(tensor: Any) -> TensorInfo:
    shape = tuple(objects.integers(tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature))
    name, given = objects.text(tensor.name), tensor.quantization
    if not _scales(tensor):
        return TensorInfo(name, shape, _type(tensor), None, None)
    zero_points = objects.integers(given.zeroPoint) or [0]
    return TensorInfo(name, shape, _type(tensor), float(given.scale[0]), zero_points[0])


def _type(tensor: Any) -> str:
    return str(TYPE_NAMES.get(tensor.type, "?"))


def _scales(tensor: Any) -> int:
    """How many it has."""
    scales = tensor.quantization.scale if tensor.quantization is not None else None
    return 0 if scales is None else len(scales)


def _operator(tree: Any, operator: Any, is_by_xnnpack: bool | None) -> OperatorInfo:
    tensors = tree.subgraphs[0].tensors
    weights = tensors[operator.inputs[1]] if objects.kind(tree, operator) in WEIGHTED else None
    if weights is not None and not _bytes(tree, weights.buffer):  # computed
        weights = None
    return OperatorInfo(
        name=objects.operator_name(tree, operator),
        types=_types(tree, operator, weights),
        output=_tensor(tensors[operator.outputs[0]]) if len(operator.outputs) else None,
        weight_scales=0 if weights is None else _scales(weights),
        macs=_macs(tree, operator),
        is_by_xnnpack=is_by_xnnpack,
    )


def _types(tree: Any, operator: Any, weights: Any | None) -> str:
    tensors = tree.subgraphs[0].tensors
    inputs = [tensors[index] for index in operator.inputs if index >= 0]
    # A constant may come first, such as an axis; weights in half precision are nothing but constants.
    entries = [tensor for tensor in inputs if not _bytes(tree, tensor.buffer)] or inputs
    ends = [_type(tensor) for tensor in (*entries[:1], *(tensors[index] for index in operator.outputs[:1]))]
    said = " -> ".join(dict.fromkeys(ends))
    others = "" if weights is None or _type(weights) in ends else f", weights {_type(weights)}"
    return f"{said}{others}".lower()


def _by_kind(each: Sequence[OperatorInfo]) -> tuple[Operators, ...]:
    """The most frequent first; of equally many the one that comes first."""
    groups: dict[tuple[str, str], list[OperatorInfo]] = {}
    for one in each:
        groups.setdefault((one.name, one.types), []).append(one)
    found = []
    for (name, types), group in groups.items():
        scales = [one.output.scale for one in group if one.output and one.output.scale is not None]
        span = (min(scales), max(scales)) if scales else None
        taken = [one.is_by_xnnpack for one in group]
        by_xnnpack = None if None in taken else taken.count(True)
        found.append(Operators(name, types, len(group), span, sum(one.macs for one in group), by_xnnpack))
    return tuple(sorted(found, key=lambda one: -one.count))


def _macs(tree: Any, operator: Any) -> int:
    """Of one inference; of shapes that are left open, as the file has them."""
    tensors, kind = tree.subgraphs[0].tensors, objects.kind(tree, operator)
    shapes = [[] if index < 0 else objects.integers(tensors[index].shape) for index in operator.inputs]
    made = math.prod(objects.integers(tensors[operator.outputs[0]].shape)) if len(operator.outputs) else 0
    if kind in (OPERATOR.CONV_2D, OPERATOR.FULLY_CONNECTED, OPERATOR.CONV_3D):
        # Kernels of CONV_3D are [depth, height, width, in, out].
        return made * math.prod(shapes[1][:-1] if kind == OPERATOR.CONV_3D else shapes[1][1:])
    if kind == OPERATOR.DEPTHWISE_CONV_2D:
        return made * math.prod(shapes[1][1:3])
    if kind == OPERATOR.TRANSPOSE_CONV:  # each number that comes in goes to a kernel's places of every channel
        return math.prod(shapes[2]) * math.prod(shapes[1][:3])
    if kind == OPERATOR.BATCH_MATMUL:
        transposed = bool(operator.builtinOptions and operator.builtinOptions.adjX)
        return made * shapes[0][-2 if transposed else -1]
    return 0


def _weights(tree: Any) -> Iterator[Any]:
    """The tensors whose values lie in the file; of those that share them, one."""
    seen: set[int] = set()
    for graph in tree.subgraphs:
        for tensor in graph.tensors:
            if tensor.buffer not in seen and _bytes(tree, tensor.buffer):
                seen.add(tensor.buffer)
                yield tensor


def _bytes(tree: Any, buffer: int) -> int:
    data = tree.buffers[buffer].data
    return 0 if data is None else len(data)


def _parts(path: Path, tree: Any) -> Iterator[FilePart]:
    by_type = Counter[str]()
    for tensor in _weights(tree):
        by_type[_type(tensor)] += _bytes(tree, tensor.buffer)
    metadata = sum(_bytes(tree, entry.buffer) for entry in tree.metadata or [])
    archive = card.archive_bytes(path)
    yield from (FilePart(f"weights {name}", count) for name, count in by_type.most_common())
    yield FilePart("graph", path.stat().st_size - sum(by_type.values()) - metadata - archive)
    yield FilePart("metadata", metadata)
    yield FilePart("archive", archive)


def _taken(path: Path) -> tuple[frozenset[int] | None, str]:
    """The places of the operators that XNNPACK computes, and how that is known."""
    litert = runtime.find("litert")
    try:
        details = litert.open(path, 1)._get_ops_details()
    except UserError as error:
        return None, f"not known: {str(error).removeprefix(f'{path}: ')}"
    makers = {output: one for one in details if one["op_name"] != "DELEGATE" for output in map(int, one["outputs"])}
    taken: set[int] = set()
    for delegate in details:
        if delegate["op_name"] == "DELEGATE":
            taken |= _inside(delegate, makers)
    return frozenset(taken), f"as {litert.name} {litert.version} with its own XNNPACK shares them out here"


def _inside(delegate: Any, makers: dict[int, Any]) -> set[int]:
    """The operators between what a delegate takes and what it gives."""
    entries = set(map(int, np.atleast_1d(delegate["inputs"])))
    waiting = list(map(int, delegate["outputs"]))
    found: set[int] = set()
    while waiting:
        tensor = waiting.pop()
        maker = makers.get(tensor)
        if tensor in entries or maker is None or maker["index"] in found:
            continue
        found.add(maker["index"])
        waiting += map(int, maker["inputs"])
    return found
