"""`device doctor` on a model: which operators XNNPACK runs, why int8 is slow, how long an inference takes."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.doctor import examined
from device.doctor.examined import Plan
from device.doctor.findings import Finding
from device.errors import UserError
from device.inference import runtime
from device.model.variants import DEFAULT
from tests.conftest import model, shared
from tests.device import crafted
from tests.device.altering import altered
from tests.limits import limits

pytestmark = pytest.mark.programs


@pytest.mark.parametrize("variant", DEFAULT)
def test_convolutions_reach_xnnpack_with_litert(variant: str) -> None:
    plan = examined.read_plan(runtime.find("litert").open(model(variant), 1))
    assert plan is not None and plan.parts == 2 and plan.heavy == ()
    assert {"SHAPE", "STRIDED_SLICE", "PACK"} <= set(plan.left)


def test_without_xnnpack_every_operator_is_left() -> None:
    """LiteRT itself, told to use no delegate: all of the file's operators, each once."""
    found = runtime.find("litert")
    import ai_edge_litert.interpreter as litert

    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = found.interpreter(model_path=str(model("int8")), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    plan = examined.read_plan(interpreter)
    names = [operator["op_name"] for operator in interpreter._get_ops_details()]
    assert plan == Plan(0, tuple(names)) and plan.heavy == ("CONV_2D",) * 3 + ("FULLY_CONNECTED",)


def test_a_network_that_xnnpack_takes_whole() -> None:
    plan = examined.read_plan(runtime.find("litert").open(shared("models/pretrainedResnet.tflite"), 1))
    assert plan is not None and plan.heavy == () and plan.parts == 1


def test_a_runtime_that_does_not_list_its_operators() -> None:
    """One that is older or newer than those that were tried: an object without the list."""
    assert examined.read_plan(object()) is None
    finding = examined.operators(None, "litert")
    assert (finding.level, finding.found) == ("note", "unknown which run on XNNPACK: litert doesn't list them")


@pytest.mark.parametrize(
    ("heavy", "name", "dot_product", "why", "advice"),
    [
        (("CONV_2D",), "tflite-runtime", True, "tflite-runtime does not run int8 operators on XNNPACK", "use LiteRT"),
        (("CONV_2D", "CONV_2D"), "litert", False, "XNNPACK does not run CONV_2D x2", "export it again"),
        ((), "litert", False, "no dot product", "use the float16 file"),
        ((), "litert", True, "the reason is unknown", "benchmarks latency"),
        (None, "litert", True, "the reason is unknown", "benchmarks latency"),
    ],
)
def test_why_int8_is_slower(heavy: Any, name: str, dot_product: bool, why: str, advice: str) -> None:
    plan = None if heavy is None else Plan(1, heavy)
    said = examined.why_slower(plan, name, dot_product)
    assert why in said[0] and advice in said[1]


def test_slower_than_float32_is_a_problem() -> None:
    faster = examined.against_float32(0.3, "why", "do")
    assert faster == Finding("ok", "to float32", "0.30 of the float32 file's latency")
    slower = examined.against_float32(1.5, "why", "do")
    assert slower == Finding("problem", "to float32", "1.50 of the float32 file's latency: why", "do")


def test_the_float32_file_beside(tmp_path: Path) -> None:
    """Of the same run, by its card; not of another model that has the name."""
    int8 = tmp_path / "shapes_int8.tflite"
    shutil.copyfile(model("int8"), int8)
    assert examined.float32_beside(int8) is None
    beside = tmp_path / "shapes_float32.tflite"
    shutil.copyfile(model("float32"), beside)
    assert examined.float32_beside(int8) == beside
    assert examined.float32_beside(beside) is None
    renamed = tmp_path / "other.tflite"
    shutil.copyfile(model("int8"), renamed)
    assert examined.float32_beside(renamed) is None

    altered(beside, "float32", lambda card: replace(card, provenance={**(card.provenance or {}), "run": "another"}))
    assert examined.float32_beside(int8) is None
    altered(beside, "float32", lambda card: replace(card, name="another"))
    assert examined.float32_beside(int8) is None
    crafted.write(beside, crafted.constant([0.1, 0.9]))
    assert examined.float32_beside(int8) is None


def test_latency_of_every_type_of_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, examined, SECONDS=0.05)
    found = runtime.find("litert")
    paths = [model("float32"), model("int8"), crafted.write(tmp_path / "int8.tflite", crafted.echo("int8", 1.0))]
    took = examined.median_ms([found.open(path, 1) for path in paths])
    assert len(took) == 3 and all(0 < ms < 1000 for ms in took)


def test_a_third_party_model_without_hints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither labels nor scaling are needed to say how it runs."""
    limits(monkeypatch, examined, SECONDS=0.05)
    path = crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5, 0.3]))
    found = examined.findings(path)
    assert [finding.subject for finding in found] == ["model", "operators", "latency"]
    assert found[0].found.startswith("net, unknown variant, ")
    assert found[0].found.endswith(", 4x6 RGB float32, 3 outputs")
    with pytest.raises(UserError, match="the network has 2 inputs"):
        examined.findings(crafted.write(path, crafted.constant([0.2, 0.8], crafted.End(), crafted.End())))
