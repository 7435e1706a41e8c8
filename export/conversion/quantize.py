"""One quantizer: every variant is made from the float32 .tflite by LiteRT Quantizer (https://github.com/google-ai-edge).

What they are: device/model/variants.py.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer import algorithm_manager, calibrator, qtyping, quantizer, recipe
from litert_quantizer.utils import qsv_utils, tfl_interpreter_utils

from export.conversion import ends, hard_swish, objects

EVERYTHING = ".*"
NAMES = algorithm_manager.AlgorithmName
OPERATIONS = qtyping.TFLOperationName

Tensor = npt.NDArray[np.float32]
# The least and the greatest number of a tensor.
Range = tuple[float, float]
# A uint8's steps of 1/256, as the quantizer gives them to a softmax and a sigmoid.
PROBABILITIES = (0.0, 255 / 256)


def make(
    variant: str,
    float32: bytes,
    calibration: Iterable[Tensor],
    low: float,
    high: float,
    known: Mapping[str, Range] = MappingProxyType({}),
) -> bytes:
    """One variant's bare bytes. calibration: input tensors [1, height, width, 3]; low and high: the input's range.

    known: ranges of other tensors, by name, that calibration is not asked for.
    """
    if variant == "float32":
        return float32
    with quiet():
        return _quantized(variant, float32, calibration, low, high, known)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences the quantizer, which prints sizes, progress bars and a warning about its debugging switch."""
    silence = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        warnings.simplefilter("ignore")
        yield


def _quantized(
    variant: str,
    float32: bytes,
    calibration: Iterable[Tensor],
    low: float,
    high: float,
    known: Mapping[str, Range],
) -> bytes:
    if variant == "int8":
        return hard_swish.split(int8(float32, ranges(float32, calibration, (low, high), known), (low, high)))
    engine = quantizer.Quantizer(float32)
    WEIGHTS[variant](engine)
    return bytes(engine.quantize(enable_progress_bar=False).quantized_model)


def _float16(engine: Any) -> None:
    engine.add_weight_only_config(EVERYTHING, OPERATIONS.ALL_SUPPORTED, num_bits=16, algorithm_key=NAMES.FLOAT_CASTING)


# Of int8 weights under real activations. With a scale a channel in dense layers, tflite-runtime 2.14 answers by chance,
# and doesn't say so.
GRANULARITY = {
    OPERATIONS.CONV_2D: qtyping.QuantGranularity.CHANNELWISE,
    OPERATIONS.DEPTHWISE_CONV_2D: qtyping.QuantGranularity.CHANNELWISE,
    OPERATIONS.FULLY_CONNECTED: qtyping.QuantGranularity.TENSORWISE,
}


def _dynamic(engine: Any) -> None:
    engine.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    dense = OPERATIONS.FULLY_CONNECTED
    engine.add_dynamic_config(EVERYTHING, dense, num_bits=8, granularity=GRANULARITY[dense])


# What is asked of the quantizer for the variants that need no calibration.
WEIGHTS = {"float16": _float16, "dynamic": _dynamic}


@dataclass(frozen=True)
class QuantizationRecipe:
    """How to make an int8 file in another way than the plain one.

    weights: the algorithm for those of convolutions and dense layers. floating: operators that compute real numbers,
    by their outputs' names. dynamic: of these, weighted ones keep int8 weights. scores: the output's range, for who
    takes a network whose first or last operator computes real numbers.
    """

    weights: str = NAMES.MIN_MAX_UNIFORM_QUANT
    floating: tuple[str, ...] = ()
    dynamic: bool = False
    scores: Range | None = None


PLAIN = QuantizationRecipe()
WEIGHTED = (OPERATIONS.CONV_2D, OPERATIONS.DEPTHWISE_CONV_2D, OPERATIONS.FULLY_CONNECTED)


def int8(float32: bytes, ranges: Mapping[str, Any], fed: Range, chosen: QuantizationRecipe = PLAIN) -> bytes:
    """ranges: of each tensor, as `ranges` gives them; fed: the input's."""
    engine = _static(float32)
    if chosen.weights != PLAIN.weights:
        for operation in WEIGHTED:
            engine.add_static_config(EVERYTHING, operation, 8, 8, algorithm_key=chosen.weights)
    for name in chosen.floating:
        only = f"^{re.escape(name)};?$"
        engine.update_quantization_recipe(only, OPERATIONS.ALL_SUPPORTED, algorithm_key=NAMES.NO_QUANTIZE)
        for operation in WEIGHTED if chosen.dynamic else ():
            engine.add_dynamic_config(only, operation, num_bits=8, granularity=GRANULARITY[operation])
    made = bytes(engine.quantize(ranges, enable_progress_bar=False).quantized_model)
    return ends.uint8(made, fed, chosen.scores)


def _static(float32: bytes) -> Any:
    engine = quantizer.Quantizer(float32)
    engine.load_quantization_recipe(recipe.static_wi8_ai8())
    for end in (OPERATIONS.INPUT, OPERATIONS.OUTPUT):
        engine.update_quantization_recipe(EVERYTHING, end, algorithm_key=NAMES.NO_QUANTIZE)
    return engine


def ranges(float32: bytes, calibration: Iterable[Tensor], fed: Range, known: Mapping[str, Range]) -> dict[str, Any]:
    """Each tensor's true minimum and maximum over the calibration images, or its known range.

    Not Quantizer.calibrate: that takes a moving average, which forgets the extremes and costs accuracy.
    """
    model = signed(float32)
    counter = calibrator.Calibrator(model, num_threads=2, qsv_update_func=qsv_utils.min_max_update)
    key, name = signature(model)
    # A list: the calibrator goes through the images twice, first to count them.
    inputs = [{name: tensor} for tensor in calibration]
    counter.calibrate({key: inputs}, _static(float32)._recipe_manager)
    found: dict[str, Any] = counter.get_model_qsvs()
    graph = objects.read(model).subgraphs[0]
    whole = {**known, objects.text(graph.tensors[graph.inputs[0]].name): fed}
    # Not all are counted: the quantizer needs no range where the next operator computes real numbers.
    for name in whole.keys() & found.keys():
        for key, value in zip(("min", "max"), whole[name], strict=True):
            found[name][key] = np.full_like(found[name][key], value)
    return found


def signed(model: bytes) -> bytes:
    """The network with a signature, which the calibrator needs and older converters didn't write."""
    tree = objects.read(model)
    if tree.signatureDefs:
        return model
    graph, signature = tree.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey = tfl_interpreter_utils.DEFAULT_SIGNATURE_KEY
    signature.inputs, signature.outputs = _named("input", graph.inputs), _named("output", graph.outputs)
    tree.signatureDefs = [signature]
    return objects.packed(tree)


def signature(model: bytes) -> tuple[str, str]:
    """The names of a model's first signature and of its input."""
    first = objects.read(model).signatureDefs[0]
    return objects.text(first.signatureKey), objects.text(first.inputs[0].name)


def _named(name: str, tensors: Iterable[int]) -> list[Any]:
    maps = []
    for place, index in enumerate(tensors):
        one = schema.TensorMapT()
        one.name, one.tensorIndex = f"{name}_{place}", index
        maps.append(one)
    return maps
