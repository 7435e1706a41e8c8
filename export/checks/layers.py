"""Which layers of a calibrated file quantization hurts: its tensors beside the float network's on some images, ranked.

LiteRT Quantizer's own validation runs the two files side by side; here its figures are pooled over the images, and each
layer gets the name that it has in Keras.
"""

import json
import re
import zipfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer import model_validator
from litert_quantizer.utils import validation_utils

from device.evaluation.exports import LayerError
from device.model import model_kinds
from device.model.variants import BY_NAME
from export.checks.compare import decibels
from export.checks.fidelity import Graph
from export.conversion import objects, quantize

# Whose weights give a layer its name, where the converter joined several in one operator.
WEIGHTED = ("convolution", "Conv2D", "depthwise", "MatMul")
# Of the chart: more are no longer read.
MOST_BARS, NAME_LENGTH = 40, 40
METRIC = validation_utils.ValidationErrorMetric

Tensor = npt.NDArray[np.float32]


def errors(
    float32: bytes, quantized: bytes, inputs: Iterable[Tensor], keras_names: Collection[str] = ()
) -> tuple[LayerError, ...]:
    """Each operator that computes real numbers, the noisiest first.

    Both files are bare. inputs: what the float network is fed. keras_names: the model's layers, where they are known.
    """
    graph = Graph(float32)
    outputs = [objects.text(graph.graph.tensors[operator.outputs[0]].name) for operator in graph.operators]
    is_numbered = are_numbered(outputs, keras_names)
    measured = _measured(float32, quantized, inputs)
    found: list[LayerError] = []
    for name, operator in zip(outputs, graph.operators, strict=True):
        tensor = graph.graph.tensors[operator.outputs[0]]
        if name not in measured or tensor.type != schema.TensorType.FLOAT32:
            continue
        noise, power = measured[name][METRIC.MSE.value], measured[name][METRIC.SNR.value]
        # What has no name is the activation of the layer before: a softmax that gives the scores.
        layer = layer_name(name, keras_names, is_numbered) or (found[-1].layer if found else name)
        found.append(LayerError(layer, objects.operator_name(graph.tree, operator), noise, decibels(power, noise)))
    return tuple(sorted(found, key=lambda row: row.signal))


def noise_shares(float32: bytes, quantized: bytes, inputs: Iterable[Tensor]) -> dict[str, float]:
    """Of each tensor that both files have, by name: the mean squared error to the mean square of float32's numbers."""
    return {
        name: values[METRIC.MSE.value] / values[METRIC.SNR.value] if values[METRIC.SNR.value] else 0.0
        for name, values in _measured(float32, quantized, inputs).items()
    }


def _measured(float32: bytes, quantized: bytes, inputs: Iterable[Tensor]) -> dict[str, dict[str, float]]:
    """Of each tensor that both files have, by its name: means over the images of squared error and squared signal.

    The quantizer's own SNR is a ratio an image, whose mean the quietest image decides; so its place has the power.
    """
    reference, target = quantize.signed(float32), quantize.signed(quantized)
    key, name = quantize.signature(reference)
    with quantize.quiet():
        found = model_validator.compare_model(
            reference,
            target,
            {key: [{name: tensor} for tensor in inputs]},
            error_metrics=[METRIC.MSE, METRIC.SNR],
            compare_fns=[validation_utils.mean_squared_difference, _power],
            num_threads=2,
        )
    results: dict[str, dict[str, float]] = found.get_all_tensor_results()
    return results


def _power(_: Any, signal: Any) -> float:
    return float(np.square(np.asarray(signal, np.float64)).mean())


def layer_name(tensor: str, keras_names: Collection[str] = (), is_numbered: bool = True) -> str | None:
    """'model_1/conv2d_1_2/convolution' of a joined name is 'conv2d_1' where Keras has such a layer, else 'conv2d_1_2'.

    is_numbered: see `are_numbered`. None for a tensor that no layer's name is in.
    """
    parts = tensor.split(";")
    part = next((one for one in parts if one.rpartition("/")[2].startswith(WEIGHTED)), parts[0])
    scopes = part.split("/")[:-1]
    for scope in reversed(scopes):
        for name in (_without_number(scope), scope) if is_numbered else (scope,):
            if name in keras_names:
                return name
    return scopes[-1] if scopes else None


def are_numbered(tensors: Iterable[str], keras_names: Collection[str]) -> bool:
    """Whether the converter has numbered each layer once more: it does so with Keras 3's, not with tf-keras'."""
    scopes = {scope for tensor in tensors for part in tensor.split(";") for scope in part.split("/")[:-1]}
    return any(scope not in keras_names and _without_number(scope) in keras_names for scope in scopes)


def _without_number(scope: str) -> str:
    return re.sub(r"_\d+$", "", scope)


def keras_names(model: Path) -> frozenset[str]:
    """The names of all layers in a .keras or .h5 file, also of nested models'; none of another kind of model."""
    kind = model_kinds.of_file(model) if model.is_file() else None
    if kind == model_kinds.KERAS:
        with zipfile.ZipFile(model) as archive:
            return frozenset(_names(json.loads(archive.read("config.json"))))
    if kind != model_kinds.KERAS_H5:
        return frozenset()
    import h5py  # here: the least of what is exported is such a file

    with h5py.File(model) as file:
        return frozenset(_names(json.loads(file.attrs["model_config"])))


def _names(config: Any) -> Iterable[str]:
    if isinstance(config, dict):
        own = config.get("config")
        if isinstance(own, dict) and isinstance(own.get("name"), str):
            yield own["name"]
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, list):
        for value in config:
            yield from _names(value)


def draw(variant: str, errors: Sequence[LayerError], path: Path) -> None:
    """A bar a layer of the variant, the noisiest on top: its signal to noise in dB."""
    from matplotlib.figure import Figure  # here: who needs no image needs no matplotlib

    from device.images import figures

    shown = errors[:MOST_BARS]
    names = [row.layer[-NAME_LENGTH:].replace("$", r"\$") for row in shown]
    figure = Figure(figsize=(8, 1.1 + 0.22 * len(shown)), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(range(len(shown)), [row.signal for row in shown], color=BY_NAME[variant].color)
    axis.bar_label(bars, [f"{row.signal:.1f} dB" for row in shown], padding=3, fontsize=8)
    axis.set_yticks(range(len(shown)), [f"{name}  {row.operator}" for name, row in zip(names, shown, strict=True)])
    axis.tick_params("y", labelsize=8)
    what = f"signal to quantization noise (dB); short bars are what {variant} hurts"
    axis.set(xlabel=what, ylim=(len(shown) - 0.4, -0.6))
    axis.margins(x=0.12)
    more = f", the noisiest {len(shown)} of {len(errors)} layers" if len(errors) > len(shown) else ""
    axis.set_title(f"{variant} beside float32, layer by layer{more}", fontsize=10)
    figures.write(figure, path)
