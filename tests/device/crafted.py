"""Networks written by hand, for what no training makes: odd ends, known scores, an input that comes out as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.card import Accuracy, Card, Confidence, Golden, Input, Output

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float64": schema.TensorType.FLOAT64,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
}
# A card with every field filled.
FULL = Card(
    name="boots",
    recipe="fashion_mnist",
    variant="int8",
    labels=("boot", "läufer", "ankle boot"),
    input=Input(28, 30, "RGB", "pad", "area", 127.5, 64.0),
    output=Output("logits"),
    confidence=Confidence(1.5, 0.4),
    accuracy=Accuracy(0.924, 10_000, (0.9186, 0.929), 0.9251, "test"),
    golden=(Golden("golden_1.png", "a" * 64, "b" * 64, "c" * 64, (0.25, 0.75, 0.0), 0.09375),),
    golden_source="drawn",
    provenance={"run": "boots", "seed": 1, "versions": {"numpy": "2.4.6"}, "git_commit": None},
)


@dataclass(frozen=True)
class End:
    """An input or output: its shape, type, and quantization (scale 0 for none)."""

    shape: tuple[int, ...] = (1, 4, 6, 3)
    dtype: str = "float32"
    scale: float = 0.0
    zero_point: int = 0


def constant(scores: Sequence[float], *inputs: End, output: End | None = None) -> bytes:
    """Looks at no picture: the output is always `scores` (codes, where the output is quantized)."""
    end = output or End((1, len(scores)))
    tree, graph = _empty()
    graph.inputs = [_add(graph, f"input_{i}", one, 0) for i, one in enumerate(inputs or (End(),), 1)]
    tree.buffers.append(_buffer(np.asarray(scores, end.dtype).tobytes()))
    graph.outputs = [_add(graph, "scores", end, 1)]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def echo(dtype: str = "float32", scale: float = 0.0, zero_point: int = 0, operator: str | None = None) -> bytes:
    """Takes one pixel and answers with what it was fed: scores for red, green and blue. operator: a custom one."""
    tree, graph = _empty()
    if operator:
        code = tree.operatorCodes[0]
        code.customCode = operator
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    tree.buffers.append(_buffer(np.array([1, 3], np.int32).tobytes()))
    graph.inputs = [_add(graph, "pixel", End((1, 1, 1, 3), dtype, scale, zero_point), 0)]
    shape = _add(graph, "shape", End((2,), "float32"), 1)
    graph.tensors[shape].type = schema.TensorType.INT32
    graph.outputs = [_add(graph, "scores", End((1, 3), dtype, scale, zero_point), 0)]
    reshape = schema.OperatorT()
    reshape.opcodeIndex = 0
    reshape.inputs, reshape.outputs = [graph.inputs[0], shape], list(graph.outputs)
    graph.operators = [reshape]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def card(labels: tuple[str, ...] | None, size: tuple[int, int], **changes: Any) -> Card:
    """A card for a crafted network that takes 0..255, with fields changed."""
    plain = Card("crafted", None, "float32", labels, Input(*size), Output(), Confidence(), None, (), None, None)
    return replace(plain, **changes)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _empty() -> tuple[schema.ModelT, schema.SubGraphT]:
    tree, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    tree.version, tree.buffers, tree.operatorCodes, tree.subgraphs = 3, [schema.BufferT()], [code], [graph]
    graph.tensors, graph.operators, graph.name = [], [], "main"
    return tree, graph


def _buffer(data: bytes) -> schema.BufferT:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    return buffer


def _add(graph: schema.SubGraphT, name: str, end: End, buffer: int) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(end.shape), TYPES[end.dtype], buffer
    if end.scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [end.scale], [end.zero_point]
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
