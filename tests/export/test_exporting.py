"""`export` from Python: the same files and checks as the command's, as a table of models."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from device import Classifier, Overrides, UserError
from device.evaluation import exports
from device.evaluation.evaluate import LabelTopOne
from device.evaluation.exports import ExportedVariant
from device.model.variants import DEFAULT
from export import ExportedModels, export
from tests import drawing
from tests.exported import Exported


@dataclass(frozen=True)
class Run:
    """As train's: with the path of its folder."""

    path: Path


def again(exported: Exported, folder: Path, **changed: object) -> ExportedModels:
    overrides = Overrides(exported.labels, 0.0, 1.0)
    settings = {"run": folder, "overrides": overrides, "calibration": exported.images, **changed}
    return export(exported.model, **settings)  # type: ignore[arg-type]


@pytest.fixture
def copied(exported: Exported, tmp_path: Path) -> Path:
    return shutil.copytree(exported.run, tmp_path / "run")


def test_what_the_command_made_is_up_to_date(exported: Exported, copied: Path) -> None:
    models = again(exported, copied)
    assert not models.is_new and models.folder == copied / "export"
    assert list(models) == list(DEFAULT) and len(models) == len(DEFAULT) and not models.refused
    for row in exports.read(copied / "export").variants:
        model = models[row.variant]
        assert model.path == copied / "export" / str(row.file)
        assert (model.size, model.accuracy, model.interval) == (model.path.stat().st_size, row.top1, row.interval)
        assert row.cost is not None and row.cost.latency is not None
        assert model.latency == row.cost.latency.milliseconds > 0
    assert Classifier(models["int8"].path).card.labels == drawing.LABELS
    assert models.lines() == exported.stdout.splitlines() == str(models).splitlines()


def test_a_part_is_made_anew(exported: Exported, tmp_path: Path) -> None:
    models = again(exported, tmp_path / "other", variants=("int8", "int8"))
    assert models.is_new and list(models) == ["int8"]
    assert (
        models["int8"].path.read_bytes()[:1000] == (exported.run / "export/shape_model_int8.tflite").read_bytes()[:1000]
    )
    assert "float16" not in models and models.get("float16") is None
    with pytest.raises(KeyError, match=r"float16: .* int8"):
        models["float16"]


def test_latency_is_of_the_very_file(exported: Exported, copied: Path) -> None:
    """As `benchmarks latency` writes it; the first number of threads counts."""
    digest = {row.variant: row.sha256 for row in exports.read(copied / "export").variants}
    rows = [
        {"file": "a", "sha256": digest["int8"], "threads": 1, "p50_ms": 1.25},
        {"file": "a", "sha256": digest["int8"], "threads": 2, "p50_ms": 0.75},
        {"file": "b", "sha256": digest["dynamic"], "p50_ms": None, "error": "the model failed while running"},
        {"file": "c", "sha256": "0" * 64, "p50_ms": 9.5},
    ]
    (copied / "benchmark.json").write_text(json.dumps({"schema": 2, "machine": {}, "results": rows}))
    models = again(exported, copied)
    own = {row.variant: row.cost.latency for row in exports.read(copied / "export").variants if row.cost}
    assert models["int8"].latency == 1.25
    assert models["dynamic"].latency == own["dynamic"].milliseconds  # type: ignore[union-attr]
    # The table mixes no measurements of different times: one file was not measured, so none counts.
    assert "<td>1.25</td>" not in models._repr_html_()
    rows = [{"file": name, "sha256": digest[name], "p50_ms": 1.25 * (place + 1)} for place, name in enumerate(DEFAULT)]
    (copied / "benchmark.json").write_text(json.dumps({"schema": 2, "machine": {}, "results": rows}))
    page = again(exported, copied)._repr_html_()
    assert "<td>1.25</td><td>1.00</td>" in page and "<td>5.00</td><td>4.00</td>" in page
    (copied / "benchmark.json").write_text(json.dumps({"schema": 1, "results": rows}))
    assert again(exported, copied)["int8"].latency == own["int8"].milliseconds  # type: ignore[union-attr]


def of(exported: Exported, *rows: ExportedVariant) -> ExportedModels:
    """The models of an export.json whose variants are these."""
    record = replace(exports.read(exported.run / "export"), variants=rows)
    return ExportedModels(exported.run / "export", record, is_new=True)


def test_a_refused_variant_says_why(exported: Exported) -> None:
    kept = exports.read(exported.run / "export").variants[0]
    models = of(exported, kept, ExportedVariant("int8", 30, "test", failures=("its weights", "its ranges")))
    assert list(models) == ["float32"] and models.refused == {"int8": ("its weights", "its ranges")}
    with pytest.raises(KeyError, match=r"int8: its weights; its ranges; .* float32"):
        models["int8"]


def test_the_notebook_s_table_is_whole_and_escaped(exported: Exported) -> None:
    worst, common = LabelTopOne("<script>", 0.5, 2, (0.1, 0.9)), LabelTopOne("b", 1.0, 20, (0.8, 1.0))
    rows = again(exported, exported.run).record.variants
    uneven = [replace(row, balanced=0.75, worst_label=worst, per_class=(worst, common)) for row in rows]
    page = of(exported, *uneven)._repr_html_()
    assert page.count("<tr>") == 2 * (1 + len(DEFAULT))
    assert "<script>" not in page and page.count("&lt;script&gt;") == len(DEFAULT)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"variants": ()}, "variant"),
        ({"variants": ("int8", "int4")}, "unknown variant 'int4'"),
        ({"variants": "int4"}, "unknown variant 'int4'"),
        ({"calibration_samples": 0}, "0 calibration samples"),
        ({"seed": -1}, "the seed is -1"),
        ({"calibration": None}, "needs --calibration"),
        ({"calibration": "nowhere"}, "nowhere: "),
    ],
)
def test_what_cannot_be_done_is_refused(
    exported: Exported, tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        again(exported, tmp_path / "run", **changed)
    assert not (tmp_path / "run").exists()


def test_a_run_is_taken_by_its_path(tmp_path: Path) -> None:
    for given in (Run(tmp_path / "none"), tmp_path / "none", str(tmp_path / "none")):
        with pytest.raises(UserError, match="none: "):
            export(given)
