"""`export inspect`: what is in a file, counted another way; any .tflite, a broken one refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from device.errors import UserError
from device.inference.runtime import find
from device.model import card
from device.model.variants import DEFAULT
from export.conversion import objects
from export.inspect import contents
from export.source import find as sources
from export.source.request import ExportRequest
from tests import foreign
from tests.conftest import Run, model, shared


@pytest.mark.parametrize("variant", DEFAULT)
def test_the_parts_are_the_file(variant: str) -> None:
    found = contents.read(model(variant))
    assert sum(part.file_bytes for part in found.parts) == found.file_bytes == model(variant).stat().st_size
    parts = {part.name: part.file_bytes for part in found.parts}
    assert parts["archive"] == card.archive_bytes(model(variant))
    assert all(parts.values())


def test_the_work_is_what_the_shapes_say() -> None:
    """Three convolutions at 8x8, 4x4 and 4x4, and a dense layer."""
    work = [8 * 8 * 8 * 27, 4 * 4 * 16 * 72, 4 * 4 * 16 * 144, 3 * 256]
    found = {one.name: one for one in contents.read(model("int8")).operators}
    assert found["CONV_2D"].count == 3
    assert found["CONV_2D"].macs == sum(work[:3])
    assert found["FULLY_CONNECTED"].macs == work[3]
    assert contents.read(model("int8")).macs == sum(work)


def test_depthwise_and_known_figures() -> None:
    """MobileNetV2 at 224: 300 million multiply-accumulates and 3.4 million parameters (Sandler et al., 2018)."""
    found = contents.read(shared("models/mobilenet_v2_1.0_224_quant.tflite"))
    assert found.macs == pytest.approx(300e6, rel=0.01)
    assert found.parameters == pytest.approx(3.47e6, rel=0.01)
    assert {one.name: one.count for one in found.operators}["DEPTHWISE_CONV_2D"] == 17


def test_weights_by_type() -> None:
    names = {variant: {part.name for part in contents.read(model(variant)).parts} for variant in DEFAULT}
    assert "weights FLOAT32" in names["float32"] and "weights FLOAT16" not in names["float32"]
    assert "weights FLOAT16" in names["float16"]
    assert "weights INT8" in names["dynamic"] & names["int8"]


def test_the_ends_of_int8() -> None:
    found = contents.read(model("int8"))
    (source,), (answer,) = found.inputs, found.outputs
    assert (source.type, source.scale, source.zero_point) == ("UINT8", 1.0, 0)
    assert (answer.type, answer.scale, answer.zero_point) == ("UINT8", 1 / 256, 0)
    assert source.shape[1:] == (16, 16, 3)


@pytest.mark.parametrize("variant", DEFAULT)
def test_each_operator_s_type_and_scale_are_the_interpreter_s(variant: str) -> None:
    details = {one["name"]: one for one in Interpreter(str(model(variant))).get_tensor_details()}
    found = contents.read(model(variant)).graph
    for one in found:
        assert one.output is not None
        theirs = details[one.output.name]
        assert (one.output.scale or 0.0, one.output.zero_point or 0) == theirs["quantization"]
        assert one.output.type == np.dtype(theirs["dtype"]).name.upper()
    assert any(one.output and one.output.scale for one in found) == (variant == "int8")


def test_operators_are_counted_by_their_types() -> None:
    """So a file that mixes them shows it."""
    found = {variant: contents.read(model(variant)) for variant in DEFAULT}
    types = {name: {(one.name, one.types): one.count for one in each.operators} for name, each in found.items()}
    assert types["float32"]["CONV_2D", "float32"] == types["int8"]["CONV_2D", "int8"] == 3
    assert types["int8"]["QUANTIZE", "uint8 -> int8"] == types["int8"]["QUANTIZE", "int8 -> uint8"] == 1
    assert types["float16"]["DEQUANTIZE", "float16 -> float32"] > 3
    assert types["dynamic"]["FULLY_CONNECTED", "float32, weights int8"] == 1
    for each in found.values():
        assert sum(one.count for one in each.operators) == len(each.graph)
        assert sum(one.macs for one in each.graph) == each.macs
    (dense,) = (one for one in found["int8"].operators if one.name == "FULLY_CONNECTED")
    scales = [one.output.scale for one in found["int8"].graph if one.name == "FULLY_CONNECTED" and one.output]
    assert dense.scales == (scales[0], scales[0])
    filters = [one.weight_scales for one in found["int8"].graph if one.name == "CONV_2D"]
    assert filters == [8, 16, 16] and {one.weight_scales for one in found["float32"].graph} == {0}


def test_xnnpack_takes_what_the_interpreter_says() -> None:
    """The convolutions, and not what works out a shape."""
    found = {one.name: one for one in contents.read(model("float32")).operators}
    assert found["CONV_2D"].by_xnnpack == 3
    assert found["SHAPE"].by_xnnpack == 0


def test_one_operator_of_a_kind_that_xnnpack_leaves(tmp_path: Path) -> None:
    """A convolution whose dilation XNNPACK's neighbors don't share: the count is of operators, not of kinds."""
    tree = objects.read(foreign.bare())
    graph = tree.subgraphs[0]
    # A float -> bool -> float CAST pair before the softmax would be left; here one int32 ADD beside none in float.
    one, two = schema.TensorT(), schema.TensorT()
    for tensor, values in ((one, np.ones(4, np.int64)), (two, np.zeros(0, np.int64))):
        tensor.shape, tensor.type, tensor.name = [4], schema.TensorType.INT64, "counted"
        tree.buffers.append(schema.BufferT())
        tensor.buffer = len(tree.buffers) - 1
        graph.tensors.append(tensor)
        if len(values):
            objects.put(tree, tensor, values)
    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 4
    tree.operatorCodes.append(code)
    operator.opcodeIndex = len(tree.operatorCodes) - 1
    operator.inputs, operator.outputs = [len(graph.tensors) - 2] * 2, [len(graph.tensors) - 1]
    operator.builtinOptions, operator.builtinOptionsType = schema.AddOptionsT(), schema.BuiltinOptions.AddOptions
    graph.operators = [*graph.operators, operator]
    path = tmp_path / "added.tflite"
    path.write_bytes(objects.packed(tree))
    found = {one.name: one for one in contents.read(path).operators}
    assert (found["ADD"].count, found["ADD"].by_xnnpack) == (1, 0)
    assert found["CONV_2D"].by_xnnpack == 3


def test_an_operator_of_the_file_s_own(tmp_path: Path) -> None:
    tree = objects.read(foreign.bare())
    softmax = tree.subgraphs[0].operators[-1]
    code = tree.operatorCodes[softmax.opcodeIndex]
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM, schema.BuiltinOperator.CUSTOM
    code.customCode = "Fancy"
    softmax.builtinOptions, softmax.builtinOptionsType = None, schema.BuiltinOptions.NONE
    path = tmp_path / "fancy.tflite"
    path.write_bytes(objects.packed(tree))
    found = contents.read(path)
    assert "CUSTOM Fancy" in {one.name for one in found.operators}
    assert found.macs == contents.read(model("float32")).macs


def test_a_network_of_open_size(tmp_path: Path) -> None:
    """Which no interpreter can be made of without a size: all else is told."""
    tree = objects.read(foreign.bare())
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape, graph.tensors[graph.inputs[0]].shapeSignature = [1, 1, 1, 3], [-1, -1, -1, 3]
    path = tmp_path / "open.tflite"
    path.write_bytes(objects.packed(tree))
    found = contents.read(path)
    assert found.inputs[0].shape == (-1, -1, -1, 3)
    assert {one.by_xnnpack for one in found.operators} == {None}
    assert found.xnnpack.startswith("not known: ")


@pytest.mark.parametrize("kept", [0, 20, 1000, -1])
def test_a_broken_file_is_refused(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(foreign.bare()[:kept])
    with pytest.raises(UserError, match=r"broken\.tflite"):
        contents.read(path)


def test_changed_bytes_are_shown_or_refused(tmp_path: Path) -> None:
    """Of the tables at the file's beginning and at the network's end: nothing else is raised."""
    path, whole, random = tmp_path / "broken.tflite", foreign.bare(), np.random.default_rng(1)
    refused = 0
    for _ in range(100):
        content = bytearray(whole)
        for place in random.choice([*range(400), *range(len(whole) - 4000, len(whole))], 2):
            content[place] = random.integers(256)
        path.write_bytes(content)
        try:
            contents.read(path)
        except UserError:
            refused += 1
    assert 50 < refused < 100


def test_metadata_that_lies_nowhere(tmp_path: Path) -> None:
    """No interpreter looks for it, so export and inspect do."""
    tree = objects.read(foreign.bare())
    entry = schema.MetadataT()
    entry.name, entry.buffer = "lost", len(tree.buffers)
    tree.metadata = [entry]
    path = tmp_path / "lost.tflite"
    path.write_bytes(objects.packed(tree))
    find("litert").open(path, 1)
    for read in (contents.read, lambda path: sources.find(ExportRequest(path, calibration=tmp_path))):
        with pytest.raises(UserError, match=r"lost\.tflite: the \.tflite file is damaged"):
            read(path)


def test_the_command(command: Run, tmp_path: Path) -> None:
    shown = command("export", "inspect", model("int8"))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "CONV_2D" in shown.stdout and "XNNPACK" in shown.stdout
    each = command("export", "inspect", model("int8"), "--each")
    assert each.stdout.count("CONV_2D") == 3 > shown.stdout.count("CONV_2D")
    as_json = command("export", "inspect", model("int8"), "--json", "-")
    document = json.loads(as_json.stdout)
    assert document["macs"] == contents.read(model("int8")).macs
    assert command("export", "inspect", tmp_path / "none.tflite").returncode == 2
    (tmp_path / "text.tflite").write_text("no model")
    refused = command("export", "inspect", tmp_path / "text.tflite")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
