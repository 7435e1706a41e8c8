"""Networks that tests put together operator by operator: arithmetic on pixels, pads, a convolution."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from export.conversion import objects
from tests import foreign

KIND = schema.BuiltinOperator
ARITHMETIC = {
    KIND.MUL: (schema.MulOptionsT, schema.BuiltinOptions.MulOptions),
    KIND.ADD: (schema.AddOptionsT, schema.BuiltinOptions.AddOptions),
    KIND.SUB: (schema.SubOptionsT, schema.BuiltinOptions.SubOptions),
    KIND.DIV: (schema.DivOptionsT, schema.BuiltinOptions.DivOptions),
}
Array = npt.NDArray[Any]


class Drawn:
    """A network that is put together operator by operator."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.tree = objects.read(foreign.bare())
        graph = self.graph = self.tree.subgraphs[0]
        self.tree.signatureDefs, self.tree.operatorCodes = [], []
        graph.tensors, graph.operators = [], []
        self.last = self.tensor("image", (1, *size, 3))
        graph.inputs, graph.outputs = [self.last], [self.last]

    def tensor(self, name: str, shape: Sequence[int]) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), schema.TensorType.FLOAT32
        tensor.buffer = objects.buffer(self.tree, b"")
        return objects.added(self.graph, tensor)

    def add(self, kind: int, constants: list[int], shape: Sequence[int], options: Any, union: int) -> None:
        made = self.tensor(f"made_{len(self.graph.operators)}", shape)
        inputs = [self.last, *constants]
        self.graph.operators.append(objects.operator(self.tree, kind, inputs, made, options, union))
        self.last = made
        self.graph.outputs = [made]

    def shape(self) -> list[int]:
        return list(self.graph.tensors[self.last].shape)

    def arithmetic(self, kind: int, number: Array | list[Array]) -> None:
        make, union = ARITHMETIC[kind]
        is_second = isinstance(number, list)
        constant = self.constant(np.asarray(number[0] if isinstance(number, list) else number, np.float32))
        self.add(kind, [constant], self.shape(), make(), union)
        if is_second:
            self.graph.operators[-1].inputs.reverse()

    def constant(self, numbers: Array) -> int:
        name = f"constant_{len(self.graph.tensors)}"
        return objects.constant(self.tree, self.graph, name, np.asarray(numbers))

    def pad(self, amounts: Sequence[Sequence[int]]) -> None:
        numbers = np.array(amounts, np.int32)
        shape = [side + int(more) for side, more in zip(self.shape(), numbers.sum(axis=1), strict=True)]
        self.add(KIND.PAD, [self.constant(numbers)], shape, schema.PadOptionsT(), schema.BuiltinOptions.PadOptions)

    def convolution(
        self, weights: Array, bias: Array, padding: str, stride: int = 1, is_depthwise: bool = False
    ) -> None:
        options: Any = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
        options.padding = getattr(schema.Padding, padding)
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = 1
        if is_depthwise:
            options.depthMultiplier = weights.shape[-1] // 3
        rows, columns = weights.shape[1:3]
        _, height, width, _ = self.shape()
        if padding == "VALID":
            height, width = height - rows + 1, width - columns + 1
        outputs = weights.shape[-1] if is_depthwise else len(weights)
        kind = KIND.DEPTHWISE_CONV_2D if is_depthwise else KIND.CONV_2D
        unions = schema.BuiltinOptions
        union = unions.DepthwiseConv2DOptions if is_depthwise else unions.Conv2DOptions
        constants = [self.constant(np.asarray(each, np.float32)) for each in (weights, bias)]
        self.add(kind, constants, [1, -(-height // stride), -(-width // stride), outputs], options, union)

    def bytes(self) -> bytes:
        return objects.packed(self.tree)
