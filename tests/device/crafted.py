"""Networks written by hand, for what no training makes: odd ends, known scores, an input that comes out as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.model.card import Accuracy, Card, Confidence, Golden, InputSpec, OutputSpec

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
    input=InputSpec(28, 30, "RGB", "pad", "area", 127.5, 64.0),
    output=OutputSpec("logits"),
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
    """Looks at no image: the output is always `scores` (codes, where the output is quantized)."""
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


def summing(shape: Sequence[int], signature: Sequence[int] | None, kept: bool = False) -> bytes:
    """The sums of red, green and blue over the whole image, so that its size shows in the scores.

    signature: -1 for what is left open; None: the file has none. kept: as [1, 1, 1, 3].
    """
    tree, graph = _empty()
    code, operator, options = tree.operatorCodes[0], schema.OperatorT(), schema.ReducerOptionsT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SUM
    tree.buffers.append(_buffer(np.array([1, 2], np.int32).tobytes()))
    graph.inputs = [_add(graph, "image", End(tuple(shape)), 0)]
    if signature is not None:
        graph.tensors[0].shapeSignature = list(signature)
    axes = _add(graph, "axes", End((2,), "float32"), 1)
    graph.tensors[axes].type = schema.TensorType.INT32
    graph.outputs = [_add(graph, "scores", End((1, 1, 1, 3) if kept else (1, 3)), 0)]
    options.keepDims = kept
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [graph.inputs[0], axes], list(graph.outputs)
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.ReducerOptions, options
    graph.operators = [operator]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def changed(network: bytes, change: Callable[[Any], object]) -> bytes:
    """A network whose first graph was changed."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(network))
    change(tree.subgraphs[0])
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def with_image_size(network: bytes, height: int, width: int) -> bytes:
    """TFLite Metadata that says nothing but the size of images (ImageProperties.default_size), as other tools do."""
    builder = flatbuffers.Builder(256)
    builder.StartObject(2)
    builder.PrependUint32Slot(0, width, 0)
    builder.PrependUint32Slot(1, height, 0)
    size = builder.EndObject()
    image = _table(builder, {1: size})
    content = _table(builder, {1: image}, kind=2)
    tensor = _table(builder, {3: content})
    graph = _table(builder, {2: _vector(builder, tensor)})
    builder.Finish(_table(builder, {3: _vector(builder, graph)}), b"M001")
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(network))
    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(tree.buffers)
    tree.buffers.append(_buffer(bytes(builder.Output())))
    tree.metadata = [entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def _table(builder: flatbuffers.Builder, fields: dict[int, int], kind: int = 0) -> int:
    """A table of tables; kind: of the union in its first two fields."""
    builder.StartObject(max(fields) + 1)
    for field, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    if kind:
        builder.PrependUint8Slot(0, kind, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, item: int) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(item)
    return int(builder.EndVector())


def card(labels: tuple[str, ...] | None, size: tuple[int, int], **changes: Any) -> Card:
    """A card for a crafted network that takes 0..255, with fields changed."""
    plain = Card("crafted", None, "float32", labels, InputSpec(*size), OutputSpec(), Confidence(), None, (), None, None)
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
