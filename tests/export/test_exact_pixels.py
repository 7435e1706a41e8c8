"""What an int8 file's first own operator computes with is the frame's pixel: nothing scales it, rounds it or cuts it.

Every way on which export comes to an int8 file, by the scaling of its source.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model import card as cards
from device.model.card import InputSpec
from device.model.channels import SCALINGS
from device.model.variants import DEFAULT
from export.conversion import objects, pixels, quantize
from export.source.scaling import fed_so
from tests import foreign
from tests.conftest import model
from tests.device import crafted
from tests.exported import Exported

KIND = schema.BuiltinOperator
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
# Every value a pixel can have, in each channel.
ALL_VALUES = np.stack([np.roll(np.arange(256, dtype=np.uint8), 85 * i).reshape(16, 16) for i in range(3)], axis=-1)


@dataclass(frozen=True)
class Int8:
    """A file, the float network that it was made of, and what that takes."""

    content: bytes
    float32: bytes
    spec: InputSpec


def made(network: bytes, scaling: str) -> Int8:
    """As export makes it of a network that takes pixels so."""
    spec = fed_so(InputSpec(*foreign.SIZE), SCALINGS[scaling])
    float32, fed = pixels.taken(network, spec), pixels.fed(spec)
    tensors = pixels.tensors(foreign.images(12, seed=1), fed)
    content = quantize.make("int8", float32, tensors, *pixels.ends(fed), pixels.ranges(float32, spec))
    return Int8(content, float32, fed)


@pytest.fixture(scope="module")
def files() -> dict[str, Int8]:
    sources = {
        "0..255": (foreign.bare(), "0..255"),
        "0..1": (foreign.for_zero_to_one(), "0..1"),
        "-1..1": (foreign.for_minus_one_to_one(), "-1..1"),
        "-1..1 inside": (foreign.with_rescaling(), "0..255"),
        "imagenet": (foreign.for_each_channel(), "imagenet"),
        "caffe": (foreign.for_caffe(), "caffe"),
    }
    return {name: made(*source) for name, source in sources.items()}


CASES = ("0..255", "0..1", "-1..1", "-1..1 inside", "imagenet", "caffe")


@pytest.mark.parametrize("case", CASES)
def test_the_pixel_arrives_as_it_is(files: dict[str, Int8], case: str, tmp_path: Path) -> None:
    file = files[case]
    path = crafted.write(tmp_path / "net.tflite", file.content)
    overrides = Overrides(mean=file.spec.mean, std=file.spec.std)
    fed = Classifier(path, overrides, labels=False).preprocessor.tensor(ALL_VALUES)
    assert fed.dtype == np.uint8 and np.array_equal(fed[0], ALL_VALUES)
    interpreter = Interpreter(str(path), experimental_preserve_all_tensors=True, experimental_op_resolver_type=PLAIN)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], fed)
    interpreter.invoke()
    graph = objects.read(file.content).subgraphs[0]
    first = interpreter.get_tensor(int(graph.operators[0].outputs[0]))
    assert first.dtype == np.int8
    assert np.array_equal(first[0].astype(int) + 128, ALL_VALUES)


@pytest.mark.parametrize("case", CASES)
def test_a_code_stands_for_the_number_that_float_is_fed(files: dict[str, Int8], case: str) -> None:
    """To the bit where the pixel 0 is a whole number of steps; -1..1 has its zero between two codes."""
    file = files[case]
    graph = objects.read(file.content).subgraphs[0]
    entry = graph.tensors[graph.inputs[0]].quantization
    scale, zero_point = np.float64(entry.scale[0]), int(entry.zeroPoint[0])
    numbers = (np.arange(256) - file.spec.mean) / file.spec.std
    away = np.abs((np.arange(256) - zero_point) * scale - numbers).max() / scale
    assert away <= (0.5001 if case == "-1..1" else 0.0001)


@pytest.mark.parametrize("case", CASES)
def test_nothing_that_float_has_not_is_done_to_pixels(files: dict[str, Int8], case: str) -> None:
    """But for one QUANTIZE, whose bytes are above."""
    theirs, ours = (objects.read(content) for content in (files[case].float32, files[case].content))
    kinds = [[objects.kind(tree, one) for one in tree.subgraphs[0].operators] for tree in (theirs, ours)]
    first = kinds[0].index(KIND.CONV_2D) + 1
    assert kinds[1][: first + 1] == [KIND.QUANTIZE, *kinds[0][:first]]


@pytest.mark.parametrize("variant", DEFAULT)
def test_what_was_exported(exported: Exported, variant: str) -> None:
    for path in (exported.run / f"export/shape_model_{variant}.tflite", model(variant)):
        classifier = Classifier(path)
        assert np.array_equal(classifier.preprocessor.tensor(ALL_VALUES)[0], ALL_VALUES)
        assert (classifier.card.input.mean, classifier.card.input.std, classifier.card.input.color) == (0, 1, "RGB")
        if variant == "int8":
            assert (classifier.input.scale, classifier.input.zero_point) == (1, 0)
            tree = objects.read(cards.network_bytes(path))
            assert objects.kind(tree, tree.subgraphs[0].operators[0]) == KIND.QUANTIZE
