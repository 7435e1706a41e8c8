"""Bias correction: subtracts from a layer's bias how much rounding its weights shifts its mean output.

M. Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction, 2019,
https://arxiv.org/abs/1906.04721, section 4.2; with the inputs' means as they are on calibration images.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from export.checks.fidelity import Constant, Graph
from export.conversion import objects
from export.rescue.activations import Reals, Spread

OPERATOR, TYPE = schema.BuiltinOperator, schema.TensorType
LIMITS = np.iinfo(np.int32)


def corrected(float32: bytes, int8: bytes, spreads: Mapping[str, Spread]) -> bytes:
    """The int8 file with int32 biases that compensate for the error of its weights. spreads: float32's statistics."""
    source, made = Graph(float32), Graph(int8)
    for ours, theirs in zip(made.operators, source.operators, strict=True):
        if source.kind(theirs) not in SHIFTS or len(ours.inputs) < 3 or ours.inputs[2] < 0:
            continue
        weights, exact = made.constants(ours)[1], source.constants(theirs)[1]
        bias = made.graph.tensors[ours.inputs[2]]
        seen = spreads.get(objects.text(source.graph.tensors[theirs.inputs[0]].name))
        in_groups = seen and exact and exact.numbers.shape[-1] % len(seen.mean)
        if weights and exact and seen and bias.type == TYPE.INT32 and not in_groups:
            shift = SHIFTS[source.kind(theirs)](weights, exact, seen.mean)
            _subtract(made.tree, bias, shift)
    return objects.packed(made.tree)


def _full(weights: Constant, exact: Constant, mean: Reals) -> Reals:
    """The bias shift of a convolution [out, height, width, in], or a dense layer [out, in] on a flattened image."""
    error = (weights.numbers - exact.numbers).reshape(len(exact.numbers), -1, exact.numbers.shape[-1])
    shift: Reals = error.sum(axis=1) @ np.resize(mean, error.shape[-1])
    return shift


def _depthwise(weights: Constant, exact: Constant, mean: Reals) -> Reals:
    """[1, height, width, in * multiplier]"""
    error = (weights.numbers - exact.numbers).sum(axis=(0, 1, 2))
    return np.asarray(error * np.repeat(mean, len(error) // len(mean)))


SHIFTS = {OPERATOR.CONV_2D: _full, OPERATOR.FULLY_CONNECTED: _full, OPERATOR.DEPTHWISE_CONV_2D: _depthwise}


def _subtract(tree: Any, bias: Any, shift: Reals) -> None:
    scale = np.asarray(bias.quantization.scale, np.float64)
    before = np.frombuffer(bytes(tree.buffers[bias.buffer].data), np.int32)
    after = np.clip(np.round(before - shift / scale), LIMITS.min, LIMITS.max).astype(np.int32)
    objects.put(tree, bias, after)
