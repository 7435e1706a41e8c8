"""What is in a .tflite file, anyone's: operators, ends, sizes by part, multiply-accumulates, what XNNPACK takes."""

import math
from collections import Counter
from collections.abc import Iterator
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


@dataclass(frozen=True)
class Operators:
    """All operators of one kind. macs: their multiply-accumulates; by_xnnpack: how many of them XNNPACK computes."""

    name: str
    count: int
    macs: int
    by_xnnpack: int | None


@dataclass(frozen=True)
class End:
    """An input or output. shape: -1 for a side that is left open; scale and zero_point: of a quantized one."""

    name: str
    shape: tuple[int, ...]
    type: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class FilePart:
    """weights TYPE, graph (what else the FlatBuffer has), metadata, or archive (at the end); their sum is the file."""

    name: str
    file_bytes: int


@dataclass(frozen=True)
class Contents:
    """xnnpack: what told which operators it takes, or why that isn't known."""

    file_bytes: int
    description: str
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    operators: tuple[Operators, ...]
    macs: int
    parameters: int
    parts: tuple[FilePart, ...]
    subgraphs: int
    xnnpack: str


def read(path: Path) -> Contents:
    """UserError for what is no whole .tflite. Operators are the first subgraph's; others are called by some of them."""
    flatbuffer.check(path)
    tree = objects.read(card.network_bytes(path))
    graph = tree.subgraphs[0]
    names = [objects.operator_name(tree, operator) for operator in graph.operators]
    taken, known = _taken(path)
    macs = [_macs(tree, operator) for operator in graph.operators]
    counts, multiplied, accelerated = Counter(names), Counter[str](), Counter[str]()
    for place, name in enumerate(names):
        multiplied[name] += macs[place]
        accelerated[name] += taken is not None and place in taken
    return Contents(
        file_bytes=path.stat().st_size,
        description=objects.text(tree.description),
        inputs=tuple(_end(graph.tensors[index]) for index in graph.inputs),
        outputs=tuple(_end(graph.tensors[index]) for index in graph.outputs),
        operators=tuple(
            Operators(name, count, multiplied[name], None if taken is None else accelerated[name])
            for name, count in counts.most_common()
        ),
        macs=sum(macs),
        parameters=sum(math.prod(objects.integers(tensor.shape)) for tensor in _weights(tree)),
        parts=tuple(_parts(path, tree)),
        subgraphs=len(tree.subgraphs),
        xnnpack=known,
    )


def _end(tensor: Any) -> End:
    shape = tuple(objects.integers(tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature))
    scales = tensor.quantization.scale if tensor.quantization is not None else None
    scale, zero_point = None, None
    if scales is not None and len(scales):
        scale, zero_point = float(scales[0]), int(tensor.quantization.zeroPoint[0])
    return End(objects.text(tensor.name), shape, TYPE_NAMES.get(tensor.type, "?"), scale, zero_point)


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
        by_type[TYPE_NAMES.get(tensor.type, "?")] += _bytes(tree, tensor.buffer)
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
