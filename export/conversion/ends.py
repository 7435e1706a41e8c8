"""uint8 at both ends of a quantized network: pixels in, scores out, as stock clients take them.

Done in the FlatBuffer's object form: LiteRT's own modify_model_interface destroys files whose weights lie outside the
FlatBuffer.
"""

import copy
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from device.errors import UserError
from export.conversion import objects

QUANTIZE, DEQUANTIZE = schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE

# The least and the greatest number of a tensor.
Range = tuple[float, float]


def uint8(model: bytes, fed: Range, scores: Range | None = None) -> bytes:
    """A float-ended network with uint8 ends instead. fed: what the network takes for pixels 0 and 255.

    The QUANTIZE behind the input then turns uint8 into int8, and the DEQUANTIZE before the output becomes a QUANTIZE to
    uint8. scores: the output's range, of a network whose first or last operators may be left in float; there a
    conversion is added.
    """
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    first = [op for op in graph.operators if graph.inputs[0] in list(op.inputs)]
    last = [op for op in graph.operators if graph.outputs[0] in list(op.outputs)]
    is_plain = [objects.kind(tree, op) for op in (*first, *last)] == [QUANTIZE, DEQUANTIZE]
    if not is_plain and scores is None:
        names = dict.fromkeys(objects.operator_name(tree, op) for op in (*first, *last) if op not in _conversions(tree))
        raise UserError(
            f"at its ends the network computes real numbers ({', '.join(names)}), expected operators that LiteRT"
            " Quantizer has in int8, so that the ends can be made uint8; --rescue --max-drop POINTS makes a file that"
            " leaves them in float32, --variants float32,float16,dynamic the others"
        )
    if [objects.kind(tree, op) for op in first] == [QUANTIZE]:
        # The same byte with its first bit turned. Of -1..1 the zero point is 127.5, which each may round its own way.
        _as_uint8(graph.tensors[graph.inputs[0]], *_beside_int8(graph.tensors[first[0].outputs[0]]))
    else:
        _take_uint8(tree)
        _as_uint8(graph.tensors[graph.inputs[0]], *_codes(fed))
    if objects.kind(tree, last[0]) == DEQUANTIZE:
        _give_inner(tree, last[0])
    else:
        assert scores is not None
        _give_uint8(tree, scores)
    return objects.packed(tree)


def in_float(model: bytes) -> tuple[str, ...]:
    """The names of the operators of a quantized network that compute in float32, each once."""
    tree = objects.read(model)
    tensors, conversions = tree.subgraphs[0].tensors, _conversions(tree)
    floating = [
        op
        for op in tree.subgraphs[0].operators
        if op not in conversions and tensors[op.outputs[0]].type == schema.TensorType.FLOAT32
    ]
    return tuple(dict.fromkeys(objects.operator_name(tree, op) for op in floating))


def _conversions(tree: Any) -> list[Any]:
    return [op for op in tree.subgraphs[0].operators if objects.kind(tree, op) in (QUANTIZE, DEQUANTIZE)]


def _give_inner(tree: Any, last: Any) -> None:
    """Quantizes the int8 scores to uint8 instead of dequantizing them."""
    graph = tree.subgraphs[0]
    _as_uint8(graph.tensors[graph.outputs[0]], *_beside_int8(graph.tensors[last.inputs[0]]))
    last.opcodeIndex = objects.code(tree, QUANTIZE)
    last.builtinOptions, last.builtinOptionsType = schema.QuantizeOptionsT(), schema.BuiltinOptions.QuantizeOptions


def _take_uint8(tree: Any) -> None:
    """Adds a DEQUANTIZE behind a new input."""
    graph = tree.subgraphs[0]
    inner, entry = int(graph.inputs[0]), _beside(tree, graph.inputs[0], "pixels_uint8")
    graph.inputs = [entry]
    graph.operators = [_conversion(tree, DEQUANTIZE, entry, inner), *graph.operators]
    for signature in tree.signatureDefs or []:
        signature.inputs[0].tensorIndex = entry


def _give_uint8(tree: Any, scores: Range) -> None:
    """Adds a QUANTIZE before a new output."""
    graph = tree.subgraphs[0]
    inner, end = int(graph.outputs[0]), _beside(tree, graph.outputs[0], "scores_uint8")
    _as_uint8(graph.tensors[end], *_codes(scores))
    graph.outputs = [end]
    graph.operators = [*graph.operators, _conversion(tree, QUANTIZE, inner, end)]
    for signature in tree.signatureDefs or []:
        signature.outputs[0].tensorIndex = end


def _beside(tree: Any, index: int, name: str) -> int:
    """A new tensor of the same shape."""
    graph = tree.subgraphs[0]
    tensor, buffer = copy.copy(graph.tensors[index]), schema.BufferT()
    tree.buffers.append(buffer)
    tensor.name, tensor.buffer = name, len(tree.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _conversion(tree: Any, kind: int, source: int, target: int) -> Any:
    if kind == QUANTIZE:
        options, union, version = schema.QuantizeOptionsT(), schema.BuiltinOptions.QuantizeOptions, 1
    else:  # version 2: of int8
        options, union, version = schema.DequantizeOptionsT(), schema.BuiltinOptions.DequantizeOptions, 2
    return objects.operator(tree, kind, [source], target, options, union, objects.code(tree, kind, version))


def _codes(held: Range) -> tuple[float, int]:
    """(scale, zero point) of the range's ends as 0 and 255."""
    low, high = held
    return (high - low) / 255, round(-low * 255 / (high - low))


def _beside_int8(tensor: Any) -> tuple[float, int]:
    """(scale, zero point) by which uint8 codes stand for the same numbers as the tensor's int8 codes, 128 below."""
    return float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0]) + 128


def _as_uint8(tensor: Any, scale: float, zero_point: int) -> None:
    tensor.type = schema.TensorType.UINT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [scale]
    tensor.quantization.zeroPoint = [zero_point]
