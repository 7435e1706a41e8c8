"""HARD_SWISH in int8 as three operators that XNNPACK computes: LiteRT 2.3.0 leaves it to slow kernels of its own.

    x * relu6(x + 3) / 6   =   MUL(x, gate), gate = MUL(shifted, 1/6), shifted = ADD(x, 3) with RELU6

`shifted` has the range 0..6 and `gate` 0..1, so that both have the same codes, and what is beyond -3 or 3 is exact.
(A. Howard et al., Searching for MobileNetV3, 2019, https://arxiv.org/abs/1905.02244, section 5.2.)
"""

import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects

KIND = schema.BuiltinOperator
# What is appended to the name of the HARD_SWISH's output.
SHIFTED, GATE = "/shifted", "/gate"
LOWEST, HIGHEST = -128, 127


def split(model: bytes) -> bytes:
    """The network with three operators in the place of each HARD_SWISH in int8; those in float stay."""
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    found = [op for op in graph.operators if _is_int8_hard_swish(tree, op)]
    if not found:
        return model
    three, sixth = (_constant(tree, found[0], name, number) for name, number in (("three", 3.0), ("sixth", 1 / 6)))
    operators: list[Any] = []
    for op in graph.operators:
        if op not in found:
            operators.append(op)
            continue
        x, y = int(op.inputs[0]), int(op.outputs[0])
        name = objects.text(graph.tensors[y].name)
        shifted, gate = (_between(tree, y, name + end, top) for end, top in ((SHIFTED, 6.0), (GATE, 1.0)))
        add = _operator(tree, KIND.ADD, [x, three], shifted)
        add.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        operators += [add, _operator(tree, KIND.MUL, [shifted, sixth], gate), _operator(tree, KIND.MUL, [x, gate], y)]
    graph.operators = operators
    return objects.packed(tree)


def join(tree: Any) -> None:
    """Undoes `split` in objects that are read to be compared with the float network."""
    graph = tree.subgraphs[0]
    names = [objects.text(tensor.name) for tensor in graph.tensors]
    inside: set[str] = set()
    for op in graph.operators:
        name = names[op.outputs[0]]
        if objects.kind(tree, op) == KIND.MUL and names[op.inputs[1]] == name + GATE:
            inside |= {name + SHIFTED, name + GATE}
            op.opcodeIndex, op.inputs = objects.code(tree, KIND.HARD_SWISH), [op.inputs[0]]
            op.builtinOptions, op.builtinOptionsType = None, schema.BuiltinOptions.NONE
    graph.operators = [op for op in graph.operators if names[op.outputs[0]] not in inside]


def _is_int8_hard_swish(tree: Any, op: Any) -> bool:
    is_int8 = bool(tree.subgraphs[0].tensors[op.inputs[0]].type == schema.TensorType.INT8)
    return is_int8 and objects.kind(tree, op) == KIND.HARD_SWISH


def _constant(tree: Any, like: Any, name: str, number: float) -> int:
    """A number as the highest int8 code, shaped [1]."""
    index = _quantized(tree, int(like.outputs[0]), f"hard_swish/{name}", number / HIGHEST, 0)
    tensor = tree.subgraphs[0].tensors[index]
    tensor.shape, tensor.shapeSignature = [1], None
    objects.put(tree, tensor, np.array([HIGHEST], np.int8))
    return index


def _between(tree: Any, like: int, name: str, top: float) -> int:
    """A tensor of the range 0 to top, shaped like another one."""
    return _quantized(tree, like, name, top / (HIGHEST - LOWEST), LOWEST)


def _quantized(tree: Any, like: int, name: str, scale: float, zero_point: int) -> int:
    graph = tree.subgraphs[0]
    tensor = copy.copy(graph.tensors[like])
    tensor.name, tensor.buffer = name, objects.buffer(tree, b"")
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]
    return objects.added(graph, tensor)


def _operator(tree: Any, kind: int, inputs: list[int], output: int) -> Any:
    if kind == KIND.ADD:
        options, union = schema.AddOptionsT(), schema.BuiltinOptions.AddOptions
    else:
        options, union = schema.MulOptionsT(), schema.BuiltinOptions.MulOptions
    return objects.operator(tree, kind, inputs, output, options, union, objects.code(tree, kind, 2))  # 2: of int8
