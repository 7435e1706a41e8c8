"""The quantizer: ranges by true minimum and maximum, uint8 ends, sizes, and answers close to float's."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils

from device.errors import UserError
from device.model.variants import DEFAULT, NAMES
from export.conversion import ends, objects, quantize
from export.rescue import build
from tests import foreign
from tests.conftest import ROOT, environment
from tests.export import rescuing

# Weights of the shapes network: three convolutions and a dense layer.
WEIGHTS = 8 * 27 + 16 * 72 + 16 * 144 + 3 * 256


def tensors(images: npt.NDArray[np.uint8], mean: float = 0, std: float = 1) -> list[npt.NDArray[np.float32]]:
    return [((image.astype(np.float32) - mean) / std)[None] for image in images]


def made(variant: str, images: npt.NDArray[np.uint8] | None = None) -> bytes:
    chosen = foreign.images(60, seed=1) if images is None else images
    return quantize.make(variant, foreign.bare(), tensors(chosen), 0, 255)


PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # with XNNPACK, inner tensors can't be read


def opened(content: bytes, keep: bool = False) -> Any:
    options = {"experimental_preserve_all_tensors": True, "experimental_op_resolver_type": PLAIN} if keep else {}
    interpreter = Interpreter(model_content=content, **options)
    interpreter.allocate_tensors()
    return interpreter


def answers(content: bytes, inputs: list[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    interpreter = opened(content)
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = answer["quantization"]
    rows = []
    for tensor in inputs:
        interpreter.set_tensor(source["index"], tensor.astype(source["dtype"]))
        interpreter.invoke()
        raw = interpreter.get_tensor(answer["index"])[0].astype(np.float32)
        rows.append((raw - zero_point) * scale if scale else raw)
    return np.array(rows, np.float32)


def tflite_runtime_scores(models: dict[str, bytes], images: npt.NDArray[np.uint8], folder: Path) -> list[Any]:
    """What each file gives for each image under tflite-runtime, as the file has it."""
    for name, content in models.items():
        (folder / name).write_bytes(content)
    np.save(folder / "images.npy", images)
    done = subprocess.run(
        [environment("tflite-runtime"), ROOT / "tests/peers/tflite_runtime_scores.py"]
        + [folder / name for name in ("images.npy", "scores.json", *models)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    scores: list[Any] = json.loads((folder / "scores.json").read_text())
    return scores


@pytest.fixture(scope="module")
def int8() -> bytes:
    return made("int8")


def test_both_ends_of_int8_are_pixels_and_probabilities(int8: bytes) -> None:
    interpreter = opened(int8)
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (source["dtype"], source["quantization"]) == (np.uint8, (1.0, 0))
    assert (answer["dtype"], answer["quantization"]) == (np.uint8, (1 / 256, 0))


def test_weights_of_int8_have_a_scale_a_channel(int8: bytes) -> None:
    details = opened(int8).get_tensor_details()
    kernels = [d for d in details if d["dtype"] == np.int8 and tuple(d["shape"])[1:3] == (3, 3)]
    assert sorted(len(d["quantization_parameters"]["scales"]) for d in kernels) == [8, 16, 16]
    for kernel in kernels:
        scales = kernel["quantization_parameters"]["scales"]
        assert len(set(scales.tolist())) == len(scales)
        assert kernel["quantization_parameters"]["quantized_dimension"] == 0
        assert set(kernel["quantization_parameters"]["zero_points"]) == {0}


def test_dense_layers_of_dynamic_have_one_scale() -> None:
    """tflite-runtime 2.14 reads no more, and answers by chance where there are more."""
    # As the file has them: LiteRT's interpreter shows one scale as many.
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(made("dynamic"))).subgraphs[0]
    scales = {tuple(t.shape): len(t.quantization.scale) for t in graph.tensors if t.type == schema.TensorType.INT8}
    assert scales == {(8, 3, 3, 3): 8, (16, 3, 3, 8): 16, (16, 3, 3, 16): 16, (3, 256): 1}


@pytest.mark.parametrize("large", [False, True])
def test_tflite_runtime_answers_alike(large: bool, tmp_path: Path) -> None:
    """Every default variant, and weights that lie behind the FlatBuffer, under the only runtime of 32-bit boards."""
    network, images = foreign.large() if large else foreign.bare(), foreign.images(60, seed=3)
    calibration = tensors(foreign.images(20, seed=1))
    models = {variant: quantize.make(variant, network, calibration, 0, 255) for variant in DEFAULT}
    scores = tflite_runtime_scores(models, images, tmp_path)
    for (variant, content), rows in zip(models.items(), scores, strict=True):
        ours, theirs = answers(content, tensors(images)), np.array(rows) / (256 if variant == "int8" else 1)
        assert (
            np.abs(ours - theirs).max() < {"int8": 0.1, "dynamic": 0.15, "float16": 1e-4, "float32": 1e-4}[variant]
        ), variant
        assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.95, variant


def spread(content: bytes, inputs: list[npt.NDArray[Any]]) -> dict[str, float]:
    """Of each float tensor between the operators: maximum minus minimum over all inputs, zero included."""
    interpreter = opened(content, keep=True)
    (source,) = interpreter.get_input_details()
    inner = [d for d in interpreter.get_tensor_details() if d["dtype"] == np.float32 and d["shape"][0] == 1]
    low, high = dict.fromkeys((d["name"] for d in inner), 0.0), dict.fromkeys((d["name"] for d in inner), 0.0)
    for tensor in inputs:
        interpreter.set_tensor(source["index"], tensor)
        interpreter.invoke()
        for detail in inner:
            values = interpreter.get_tensor(detail["index"])
            low[detail["name"]] = min(low[detail["name"]], float(values.min()))
            high[detail["name"]] = max(high[detail["name"]], float(values.max()))
    return {name: high[name] - low[name] for name in high}


def test_ranges_are_the_true_minimum_and_maximum() -> None:
    """One bright image comes first, then a hundred dull ones: a moving average would have forgotten it."""
    dull = (foreign.images(100, seed=1) // 8 + 16).astype(np.uint8)
    bright = foreign.images(1, seed=2)
    bright[:, ::2] = 255
    inputs = tensors(np.concatenate([bright, dull]))
    expected, without = spread(foreign.bare(), inputs), spread(foreign.bare(), inputs[1:])
    int8 = quantize.make("int8", foreign.bare(), inputs, 0, 255)
    recorded = {
        d["name"]: 255 * float(d["quantization_parameters"]["scales"][0])
        for d in opened(int8).get_tensor_details()
        if d["dtype"] == np.int8 and len(d["quantization_parameters"]["scales"]) == 1
    }
    convolutions = [name for name in recorded if "Relu" in name and name in expected]
    assert len(convolutions) == 3
    for name in convolutions:
        assert recorded[name] == pytest.approx(expected[name], rel=1e-4), name
    assert max(expected[name] / without[name] for name in convolutions) > 1.5, "the bright image decides a range"


def test_a_file_without_signatures() -> None:
    calibration, images = tensors(foreign.images(20, seed=1)), tensors(foreign.images(10, seed=3))
    assert opened(foreign.bare()).get_signature_list() and not opened(foreign.unsigned()).get_signature_list()
    for variant in NAMES:
        signed, unsigned = (
            quantize.make(variant, network, calibration, 0, 255) for network in (foreign.bare(), foreign.unsigned())
        )
        np.testing.assert_array_equal(answers(unsigned, images), answers(signed, images))


def test_the_order_of_the_images_does_not_matter() -> None:
    images = foreign.images(20, seed=1)
    assert made("int8", images) == made("int8", images[::-1])


def test_the_input_s_range_is_whole_whatever_the_images_are() -> None:
    """Calibrated without a bright pixel, a bright pixel still isn't cut off: also not behind the uint8 input."""
    int8 = made("int8", foreign.images(20, seed=1) // 4)
    assert opened(int8).get_input_details()[0]["quantization"] == (1.0, 0)
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(int8)).subgraphs[0]
    (first,) = (operator for operator in graph.operators if graph.inputs[0] in list(operator.inputs))
    behind = graph.tensors[first.outputs[0]].quantization
    assert (list(behind.scale), list(behind.zeroPoint)) == ([1.0], [-128])


def with_a_sine_first() -> bytes:
    """The shapes network on the sines of its pixels."""
    tree = objects.read(foreign.bare())
    graph = tree.subgraphs[0]
    (entry,) = map(int, graph.inputs)
    pixels = copy.copy(graph.tensors[entry])
    pixels.name, pixels.buffer = "pixels", objects.buffer(tree, b"")
    graph.inputs = [objects.added(graph, pixels)]
    kind, none = schema.BuiltinOperator.SIN, schema.BuiltinOptions.NONE
    graph.operators = [objects.operator(tree, kind, [*graph.inputs], entry, None, none), *graph.operators]
    tree.signatureDefs = []
    return objects.packed(tree)


LARGEST_ERROR = {"float32": 1e-6, "float16": 2e-3, "dynamic": 0.05, "int8": 0.1}


@pytest.mark.parametrize("variant", NAMES)
def test_scores_are_close_to_float(variant: str) -> None:
    inputs = tensors(foreign.images(60, seed=3))
    expected = answers(foreign.bare(), list(inputs))
    scores = answers(made(variant), list(inputs))
    assert variant in LARGEST_ERROR, f"{variant} is new; say in LARGEST_ERROR how far its scores may be off here"
    assert np.abs(scores - expected).max() < LARGEST_ERROR[variant]
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95
    assert len(set(expected.argmax(axis=1))) == 3


def test_each_variant_is_as_small_as_its_weights() -> None:
    sizes = {variant: len(made(variant)) for variant in DEFAULT}
    assert sizes["float32"] == len(foreign.bare())
    # What is saved is two, and three, of each weight's four bytes; tables of scales take a little of it.
    assert sizes["float32"] - sizes["float16"] == pytest.approx(2 * WEIGHTS, rel=0.2)
    assert sizes["float32"] - sizes["dynamic"] == pytest.approx(3 * WEIGHTS, rel=0.2)
    assert sizes["int8"] < sizes["float16"]


def test_a_network_that_takes_minus_one_to_one() -> None:
    """A pixel is still its code: the scale is 2/255, and 0 lies between the two codes in the middle."""
    model, images = foreign.for_minus_one_to_one(), foreign.images(60, seed=1)
    int8 = quantize.make("int8", model, tensors(images, 127.5, 127.5), -1, 1)
    source = opened(int8).get_input_details()[0]
    assert (source["dtype"], source["quantization"][0]) == (np.uint8, pytest.approx(2 / 255))
    assert source["quantization"][1] in (127, 128)
    test = foreign.images(60, seed=3)
    expected = answers(model, list(tensors(test, 127.5, 127.5)))
    scores = answers(int8, [image[None] for image in test])
    assert np.abs(scores - expected).mean() < 0.02
    assert (scores.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95


def test_ends_that_cannot_be_made_uint8_are_refused() -> None:
    with pytest.raises(UserError, match=r"CONV_2D, SOFTMAX.*--variants float32,float16,dynamic"):
        ends.uint8(foreign.bare(), (0, 255))


def test_an_operator_at_the_input_that_int8_lacks_is_refused_and_left_in_float_by_a_rescue() -> None:
    network = with_a_sine_first()
    with pytest.raises(UserError, match=r"\(SIN\).*--rescue --max-drop POINTS"):
        quantize.make("int8", network, tensors(foreign.images(20, seed=1)), 0, 255)
    mixed = rescuing.builder(network).build(build.PLAIN)
    assert ends.in_float(mixed) == ("SIN",)
    assert opened(mixed).get_input_details()[0]["dtype"] == np.uint8
    shown = foreign.images(40, seed=3)
    expected, scores = answers(network, tensors(shown)), answers(mixed, [image[None] for image in shown])
    assert np.abs(scores - expected).max() < 0.1


def test_the_quantizer_is_quiet(int8: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    assert made("int8") == int8
    assert made("float16")
    assert capfd.readouterr().out == ""
