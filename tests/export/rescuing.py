"""The shapes network made over, for the tests of a rescue: a way around, other activations, channels out of scale."""

import copy
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device.model.card import Card, Confidence, InputSpec, OutputSpec
from export.card import cards
from export.conversion import objects
from export.rescue import activations, equalize
from export.rescue.build import Builder
from tests import drawing, foreign

SPEC = InputSpec(*foreign.SIZE)


def inputs(count: int, seed: int) -> list[activations.Tensor]:
    return [image.astype(np.float32)[None] for image in foreign.images(count, seed)]


def builder(float32: bytes, images: int = 40, plain: int = 40, kept: tuple[str, ...] = ()) -> Builder:
    return Builder(float32, foreign.images(images, seed=1), plain, SPEC, OutputSpec(), {}, kept)


def written(path: Path, content: bytes) -> Path:
    """A bare file with its card, as export writes one, without golden images."""
    card = Card("shapes", None, "int8", drawing.LABELS, SPEC, OutputSpec(), Confidence(), None, (), None, {})
    path.write_bytes(cards.assembled(content, card, {}))
    return path


def with_an_add() -> bytes:
    """The shapes network with a way around its last convolution, as residual networks have it."""
    tree = objects.read(foreign.bare())
    graph = tree.subgraphs[0]
    around, made = int(graph.operators[2].inputs[0]), int(graph.operators[2].outputs[0])
    total, code, operator = schema.TensorT(), schema.OperatorCodeT(), schema.OperatorT()
    total.shape, total.type, total.name = [1, 4, 4, 16], schema.TensorType.FLOAT32, "block/Add"
    tree.buffers.append(schema.BufferT())
    total.buffer = len(tree.buffers) - 1
    graph.tensors.append(total)
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    tree.operatorCodes.append(code)
    operator.opcodeIndex, operator.inputs = len(tree.operatorCodes) - 1, [around, made]
    operator.outputs = [len(graph.tensors) - 1]
    operator.builtinOptions, operator.builtinOptionsType = schema.AddOptionsT(), schema.BuiltinOptions.AddOptions
    for reader in graph.operators[3:]:
        reader.inputs = [operator.outputs[0] if index == made else index for index in reader.inputs]
    graph.operators = [*graph.operators[:3], operator, *graph.operators[3:]]
    return objects.packed(tree)


def rescaled(float32: bytes, factor: float = 100.0) -> bytes:
    """The same function, every channel that can be scaled so by a random factor."""
    network, random = equalize.ScalableNetwork(float32), np.random.default_rng(1)
    for group in network.groups():
        network.scale(group, np.exp(random.uniform(-np.log(factor), np.log(factor), network.width(group))))
    return objects.packed(network.tree)


def with_relu6(float32: bytes) -> bytes:
    tree = objects.read(float32)
    for operator in tree.subgraphs[0].operators:
        if objects.operator_name(tree, operator) == "CONV_2D":
            operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU6
    return objects.packed(tree)


# How much, so that what they make goes far below -3.
LOUDER = np.float32(4)


def with_hard_swish() -> bytes:
    """The shapes network with louder convolutions, and a hard-swish in the place of each ReLU."""
    tree = objects.read(foreign.bare())
    graph = tree.subgraphs[0]
    operators = []
    for operator in graph.operators:
        operators.append(operator)
        if objects.operator_name(tree, operator) == "CONV_2D":
            for tensor in (graph.tensors[index] for index in operator.inputs[1:]):
                numbers = np.frombuffer(bytes(tree.buffers[tensor.buffer].data), np.float32)
                objects.put(tree, tensor, LOUDER * numbers)
            operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
            made, before = int(operator.outputs[0]), copy.copy(graph.tensors[operator.outputs[0]])
            before.name = f"before_{len(operators)}"
            operator.outputs = [objects.added(graph, before)]
            kind, none = schema.BuiltinOperator.HARD_SWISH, schema.BuiltinOptions.NONE
            operators.append(objects.operator(tree, kind, [operator.outputs[0]], made, None, none))
    graph.operators = operators
    return objects.packed(tree)
