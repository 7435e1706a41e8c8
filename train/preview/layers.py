"""A network layer by layer: output shape, parameters and cost, and the feature maps of one image.

Runs the network once, eagerly and in inference mode, and records every layer call. So the layers of a nested backbone
are included, shapes are those for this image size, and a layer that is used twice costs twice.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from device import text
from device.images.images import Pixels
from train.networks import networks
from train.recipes.recipe import Recipe

# Each output value of a position is a sum over the kernel, so a position takes as many multiply-accumulates as weights.
KERNELS: dict[type, tuple[str, ...]] = {
    layers.Conv2D: ("kernel",),
    layers.DepthwiseConv2D: ("kernel",),
    layers.SeparableConv2D: ("depthwise_kernel", "pointwise_kernel"),
    layers.Dense: ("kernel",),
}
SHOWN = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
)
CHANNELS = 16


@dataclass(frozen=True)
class Row:
    """One call of a layer. output_shape: without the batch; parameters: 0 for a second call."""

    layer: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_accumulates: int


@dataclass(frozen=True)
class FeatureMap:
    """A layer's output for the image: [height, width, at most 16 channels], or [channels] after global pooling."""

    row: Row
    values: npt.NDArray[np.float32]

    @property
    def caption(self) -> str:
        shown, there = self.values.shape[-1], self.row.output_shape[-1]
        shape = "x".join(map(str, self.row.output_shape))
        which = f", its first {shown} channels" if shown < there else ""
        return f"{self.row.layer} ({self.row.kind}): {shape}{which}"


def fresh(recipe: Recipe, labels: int) -> keras.Model:
    """The recipe's network before training, as it would be saved."""
    keras.utils.set_random_seed(recipe.seed)
    return networks.as_saved(networks.build(recipe, labels), recipe)


def inspect(model: keras.Model, image: Pixels) -> tuple[list[Row], list[FeatureMap]]:
    """All layers in call order, and the feature maps of convolutions and poolings.

    image: [height, width, 3], pixels 0..255. Multiply-accumulates are counted for one image and for Conv2D,
    DepthwiseConv2D, SeparableConv2D and Dense, as the MobileNets paper counts them (https://arxiv.org/abs/1704.04861):
    without biases, normalizations and activations. A nested model's layers are named BACKBONE/LAYER.
    """
    pixels = keras.ops.convert_to_tensor(image[None], model.inputs[0].dtype)
    rows: list[Row] = []
    maps: list[FeatureMap] = []
    counted: set[int] = set()

    def watch(operation: Any, name: str, output: Any) -> None:
        row = _row(operation, name, output, counted)
        rows.append(row)
        if isinstance(operation, SHOWN):
            maps.append(FeatureMap(row, _values(output)))

    for given in _graph(model).operations:
        if isinstance(given, layers.InputLayer):
            watch(given, given.name, pixels)
    _run(model, [pixels], "", watch)
    return rows, maps


def _values(output: Any) -> npt.NDArray[np.float32]:
    """The shown part of [1, height, width, channels] or [1, channels]."""
    values = np.asarray(output, np.float32)
    return values.ravel() if values.size == values.shape[-1] else values[0, ..., :CHANNELS]


def _graph(model: keras.Model) -> Any:
    """The model with the graph of layers; a Sequential has an inner one."""
    return getattr(model, "_functional", None) or model


def _run(model: keras.Model, inputs: list[Any], prefix: str, watch: Callable[[Any, str, Any], None]) -> Any:
    """Calls a functional or sequential model's layers in order, and `watch` after each; recursive for nested models."""

    def watched(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if hasattr(_graph(operation), "_run_through_graph"):
                return _run(operation, list(arguments), f"{prefix}{operation.name}/", watch)
            output = operation(*arguments, **more)
            watch(operation, prefix + operation.name, output)
            return output

        return call

    outputs = _graph(model)._run_through_graph(inputs, operation_fn=watched)
    return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs


def _row(operation: Any, name: str, output: Any, counted: set[int]) -> Row:
    first = id(operation) not in counted
    counted.add(id(operation))
    shape = tuple(int(side) for side in keras.tree.flatten(output)[0].shape[1:])
    # An operation that is no layer, such as x + y, has no weights.
    parameters = operation.count_params() if first and isinstance(operation, keras.Layer) else 0
    return Row(name, type(operation).__name__, shape, int(parameters), multiply_accumulates(operation, shape))


def multiply_accumulates(operation: Any, output_shape: tuple[int, ...]) -> int:
    """The cost of one call with this `output_shape` (without the batch, channels last); 0 for kinds that aren't
    counted."""
    for kind, names in KERNELS.items():
        if isinstance(operation, kind):
            weights: int = sum(math.prod(getattr(operation, name).shape) for name in names)
            return math.prod(output_shape[:-1]) * weights
    return 0


def lines(rows: list[Row]) -> list[str]:
    """The table as text, with a line of totals."""
    cells = [
        (
            row.layer,
            row.kind,
            "x".join(map(str, row.output_shape)),
            f"{row.parameters:,}",
            f"{row.multiply_accumulates:,}",
        )
        for row in rows
    ]
    total = _total(rows)
    last = ("total", "", "", f"{total['parameters']:,}", f"{total['multiply_accumulates']:,}")
    return text.table(("layer", "kind", "output", "parameters", "multiply-accumulates"), [*cells, last])


def document(rows: list[Row], recipe: str, trained: Path | None) -> dict[str, Any]:
    """The table as JSON: counts for one image, shapes without the batch."""
    return {
        "schema": 1,
        "recipe": recipe,
        "model": str(trained) if trained else None,
        "results": [{**asdict(row), "output_shape": list(row.output_shape)} for row in rows],
        "total": _total(rows),
    }


def _total(rows: list[Row]) -> dict[str, int]:
    return {
        "parameters": sum(row.parameters for row in rows),
        "multiply_accumulates": sum(row.multiply_accumulates for row in rows),
    }
