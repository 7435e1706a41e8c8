"""export.json: written as it always was, read whether older or of a later program; and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.errors import UserError
from device.evaluation import exports
from device.evaluation.evaluate import LabelTopOne
from device.evaluation.exports import Calibration, CalibrationRows, Export, ExportedVariant, Inputs
from device.model.card import InputSpec
from tests.conftest import Run, model
from tests.device.refusals import names, refusal

ROW = ExportedVariant("int8", 20, "test", top1=0.9, interval=(0.7, 0.97), agreement=1.0, file="x_int8.tflite")
WHOLE = Export(
    status=exports.DONE,
    inputs=Inputs("a" * 64, ("int8",), ("cat", "dog"), InputSpec(28, 28), "softmax", Calibration(7, 1, "train")),
    reference="keras",
    calibration=CalibrationRows(7, 1, "train", (3, 1, 2)),
    variants=(ROW, ExportedVariant("dynamic", 20, "test", failures=("its scores are not finite numbers",))),
)
# As the first version wrote it: without by_label, per_class, worst_label, signal …
OLD: dict[str, Any] = {
    "schema": 1,
    "status": "done",
    "inputs": {
        **{"model_sha256": "a" * 64, "variants": ["int8"], "labels": ["cat", "dog"]},
        "input": {"height": 28, "width": 28, "color": "RGB", "fit": "crop", "resize": "area", "mean": 0.0, "std": 1.0},
        **{"calibration": {"n": 7, "seed": 1, "split": "train"}, "calibration_sha256": "b" * 64, "golden": "data"},
        "test_images": 20,
    },
    "reference": "keras",
    "calibration": {"n": 7, "seed": 1, "split": "train", "rows": [3, 1, 2]},
    "variants": [
        {
            **{"variant": "int8", "n": 20, "split": "test", "top1": 0.9, "interval": [0.7, 0.97], "agreement": 1.0},
            **{"largest_error": 0.1, "mean_error": 0.01, "drop": 0.0, "drop_interval": [-0.1, 0.1]},
            **{"network_bytes": 5, "failures": [], "file": "x_int8.tflite", "sha256": "c" * 64, "file_bytes": 9},
            "archive_bytes": 4,
        }
    ],
}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    label = LabelTopOne("cat", 0.8, 10, (0.5, 0.94))
    whole = replace(WHOLE, variants=(replace(ROW, worst_label=label, per_class=(label,)), *WHOLE.variants[1:]))
    exports.write(tmp_path, whole)
    assert exports.read(tmp_path) == whole
    document = json.loads((tmp_path / "export.json").read_bytes())
    assert tuple(document) == ("schema", "status", "inputs", "reference", "calibration", "variants")
    assert tuple(document["variants"][1]) == (
        *("variant", "n", "split", "top1", "interval", "agreement", "largest_error", "mean_error", "signal", "drop"),
        *("drop_interval", "balanced", "worst_label", "per_class", "by_label", "network_bytes", "failures", "file"),
        *("sha256", "file_bytes", "archive_bytes"),
    )
    assert document["variants"][0]["worst_label"] == {"label": "cat", "top1": 0.8, "n": 10, "interval": [0.5, 0.94]}
    assert document["variants"][1]["per_class"] is None


def test_one_from_before_and_one_from_later(tmp_path: Path) -> None:
    """What wasn't measured then is not known; what isn't known yet is passed over."""
    later = {**OLD, "signed": True, "variants": [{**OLD["variants"][0], "watermark": "x"}]}
    for document in (OLD, later):
        (tmp_path / "export.json").write_text(json.dumps(document))
        found = exports.read(tmp_path)
        (row,) = found.variants
        assert (row.file, row.archive_bytes, row.signal, row.by_label) == ("x_int8.tflite", 4, None, None)
        assert (found.inputs.output, found.calibration.rows) == (None, (3, 1, 2))


BROKEN: dict[str, tuple[Any, str]] = {
    "text": ("words", "this is not JSON; expected the export.json that python -m export writes; export again with"),
    "list": ([], "it is [], expected an object; expected the export.json"),
    "later": ({**OLD, "schema": 2}, "it has schema 2, this version reads 1; expected the export.json"),
    "none": ({**OLD, "variants": [{"variant": "int8"}]}, "variants[0] lacks the field 'n'; expected"),
    "size": ({**OLD, "variants": [{**OLD["variants"][0], "file": 5}]}, "variants[0].file is 5, expected str; expected"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused(name: str, tmp_path: Path) -> None:
    document, said = BROKEN[name]
    (tmp_path / "export.json").write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(UserError) as refused:
        exports.read(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path}/export.json: {said}") and "\n" not in str(refused.value)
    assert exports.read_if_whole(tmp_path) is None


def test_a_command_that_reads_it_refuses_it_too(command: Run, tmp_path: Path) -> None:
    """Whatever lies beside it: those may be files of another model."""
    folder = tmp_path / "runs/x/export"
    folder.mkdir(parents=True)
    (folder / "x_int8.tflite").write_bytes(model("int8").read_bytes())
    (folder / "export.json").write_text(json.dumps({**OLD, "schema": 2}))
    for words in (("latency", "runs/x", "--seconds", "0.02"), ("accuracy", "runs/x")):
        said = refusal(command("benchmarks", *words))
        assert said.startswith("runs/x/export/export.json: it has schema 2, this version reads 1; expected")
    assert names(tmp_path / "runs/x") == ["export"]
