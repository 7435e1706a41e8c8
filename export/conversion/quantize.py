"""One quantizer: every variant is made from the float32 .tflite by LiteRT Quantizer (https://github.com/google-ai-edge).

float32   as it is
float16   weights in half precision, computed in float32: half the size, float's speed
dynamic   int8 weights (a scale a channel, dense layers a scale), activations quantized as they come: no calibration
int8      int8 weights (a scale a channel) and activations, uint8 at both ends: calibrated

What else is known of each: device/model/variants.py.
"""

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer import algorithm_manager, calibrator, qtyping, quantizer, recipe
from litert_quantizer.utils import qsv_utils, tfl_interpreter_utils

from device.errors import UserError
from export.conversion import objects

EVERYTHING = ".*"
NAMES = algorithm_manager.AlgorithmName
OPERATIONS = qtyping.TFLOperationName

Tensor = npt.NDArray[np.float32]
# The least and the greatest number of a tensor.
Range = tuple[float, float]


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
    with _quiet():
        return _quantized(variant, float32, calibration, low, high, known)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer prints sizes and bars and warns of its own debugging switch; export has its own table."""
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
    engine = quantizer.Quantizer(float32)
    if variant == "int8":
        return _int8(engine, float32, calibration, low, high, known)
    WEIGHTS[variant](engine)
    return bytes(engine.quantize(enable_progress_bar=False).quantized_model)


def _float16(engine: Any) -> None:
    engine.add_weight_only_config(EVERYTHING, OPERATIONS.ALL_SUPPORTED, num_bits=16, algorithm_key=NAMES.FLOAT_CASTING)


def _dynamic(engine: Any) -> None:
    engine.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    # With a scale a channel in dense layers, tflite-runtime 2.14 answers by chance, and doesn't say so.
    one_scale = qtyping.QuantGranularity.TENSORWISE
    engine.add_dynamic_config(EVERYTHING, OPERATIONS.FULLY_CONNECTED, num_bits=8, granularity=one_scale)


# What is asked of the quantizer for the variants that need no calibration.
WEIGHTS = {"float16": _float16, "dynamic": _dynamic}


def _int8(
    engine: Any, float32: bytes, calibration: Iterable[Tensor], low: float, high: float, known: Mapping[str, Range]
) -> bytes:
    engine.load_quantization_recipe(recipe.static_wi8_ai8())
    for end in (OPERATIONS.INPUT, OPERATIONS.OUTPUT):
        engine.update_quantization_recipe(EVERYTHING, end, algorithm_key=NAMES.NO_QUANTIZE)
    ranges = _ranges(engine, float32, calibration, (low, high), known)
    return uint8_ends(bytes(engine.quantize(ranges, enable_progress_bar=False).quantized_model), low, high)


def _ranges(
    engine: Any, float32: bytes, calibration: Iterable[Tensor], fed: Range, known: Mapping[str, Range]
) -> dict[str, Any]:
    """Each tensor's true minimum and maximum over the calibration images; what is known is its whole range.

    Not Quantizer.calibrate: that takes a moving average, which forgets the extremes and costs accuracy.
    """
    signed = _signed(float32)
    counter = calibrator.Calibrator(signed, num_threads=2, qsv_update_func=qsv_utils.min_max_update)
    interpreter = tfl_interpreter_utils.create_tfl_interpreter(signed)
    key, signature = next(iter(interpreter.get_signature_list().items()))
    # A list: the calibrator goes through the images twice, first to count them.
    inputs = [{signature["inputs"][0]: tensor} for tensor in calibration]
    counter.calibrate({key: inputs}, engine._recipe_manager)
    ranges: dict[str, Any] = counter.get_model_qsvs()
    for name, whole in {**known, interpreter.get_input_details()[0]["name"]: fed}.items():
        for key, value in zip(("min", "max"), whole, strict=True):
            ranges[name][key] = np.full_like(ranges[name][key], value)
    return ranges


def _signed(model: bytes) -> bytes:
    """With a signature, which the calibrator feeds the network by; older converters wrote none."""
    tree = objects.read(model)
    if tree.signatureDefs:
        return model
    graph, signature = tree.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey = tfl_interpreter_utils.DEFAULT_SIGNATURE_KEY
    signature.inputs, signature.outputs = _named("input", graph.inputs), _named("output", graph.outputs)
    tree.signatureDefs = [signature]
    return objects.packed(tree)


def _named(name: str, tensors: Iterable[int]) -> list[Any]:
    maps = []
    for place, index in enumerate(tensors):
        one = schema.TensorMapT()
        one.name, one.tensorIndex = f"{name}_{place}", index
        maps.append(one)
    return maps


def uint8_ends(model: bytes, low: float, high: float) -> bytes:
    """A float-ended int8 network with uint8 ends instead: pixel codes in, codes of probabilities out.

    The QUANTIZE behind the input then turns uint8 into int8, and the DEQUANTIZE before the output becomes a QUANTIZE
    to uint8. Done in the FlatBuffer's object form: LiteRT's own modify_model_interface destroys files whose weights
    lie outside the FlatBuffer.
    """
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    first = [op for op in graph.operators if graph.inputs[0] in list(op.inputs)]
    last = [op for op in graph.operators if graph.outputs[0] in list(op.outputs)]
    kinds = [objects.kind(tree, op) for op in (*first, *last)]
    if kinds != [schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE]:
        raise UserError(
            "the network's first or last operator can't be quantized to int8, so its ends can't be made uint8;"
            " export the other variants with --variants float32,float16,dynamic"
        )
    inner = graph.tensors[last[0].inputs[0]].quantization
    scale, zero_point = float(inner.scale[0]), int(inner.zeroPoint[0])
    _as_uint8(graph.tensors[graph.inputs[0]], (high - low) / 255, round(-low * 255 / (high - low)))
    _as_uint8(graph.tensors[graph.outputs[0]], scale, zero_point + 128)
    last[0].opcodeIndex = first[0].opcodeIndex
    last[0].builtinOptions = schema.QuantizeOptionsT()
    last[0].builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
    return objects.packed(tree)


def _as_uint8(tensor: Any, scale: float, zero_point: int) -> None:
    tensor.type = schema.TensorType.UINT8
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [scale]
    tensor.quantization.zeroPoint = [zero_point]
