"""A variant that isn't sound is not kept: networks that the quantizer, or a runtime, really breaks."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from device.model.variants import DEFAULT, NAMES
from export.conversion import quantize
from export.options import ExportOptions
from tests import foreign
from tests.conftest import Run
from tests.export import planting
from tests.exported import Exported

pytestmark = pytest.mark.long


def test_what_is_made_unless_others_are_named() -> None:
    assert DEFAULT == ExportOptions().variants == ("float32", "float16", "dynamic", "int8")
    endings = [(one, other) for one in NAMES for other in NAMES if one.endswith(f"_{other}")]
    assert not endings, "FILE_VARIANT.tflite names two variants"


def read(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "export/export.json").read_text())
    return document


@pytest.mark.parametrize("factor", [1e3, 1e8])
def test_a_variant_that_fails_is_not_kept_and_the_reason_is_said(
    command: Run, exported: Exported, tmp_path: Path, factor: float
) -> None:
    """One channel far louder than the others: int8 loses them. Still louder: half precision overflows, and the runtime
    refuses the int8 file.
    """
    (tmp_path / "shape_model.tflite").write_bytes(foreign.with_one_loud_channel(factor))
    run = shutil.copytree(exported.run, tmp_path / "run")
    words = [tmp_path / "shape_model.tflite" if word == exported.model else word for word in exported.words(run)]
    done = command(*words)
    assert done.returncode == 1
    failed = {"dynamic", "int8"} | ({"float16"} if factor == 1e8 else set())
    said = {line.split(":")[0]: line for line in done.stderr.splitlines() if ": not kept: " in line}
    assert set(said) == failed
    (dynamic,) = (row for row in read(run)["variants"] if row["variant"] == "dynamic")
    assert dynamic["agreement"] < 0.6 and dynamic["signal"] < 3
    loses = f"it loses {100 * dynamic['drop']:.2f} points of accuracy"
    assert f"{dynamic['signal']:.1f} dB" in said["dynamic"] and loses in said["dynamic"]
    if factor == 1e8:
        assert "not finite numbers" in said["float16"]
        assert "int8: not kept: litert" in said["int8"]
        assert "load" in said["int8"]
    assert done.stderr.splitlines()[-1].startswith(f"{len(failed)} of {len(DEFAULT)} variants ")
    assert "Traceback" not in done.stderr
    # What the folder held before of the failed ones is gone too; the others are there with their card.
    kept = {path.name for path in (run / "export").glob("*.tflite")}
    assert kept == {f"shape_model_{variant}.tflite" for variant in set(DEFAULT) - failed}
    for row in read(run)["variants"]:
        assert bool(row["failures"]) == (row["file"] is None) == (row["variant"] in failed)
    assert [row.split()[0] for row in done.stdout.splitlines()[2 : 2 + len(DEFAULT)]] == list(DEFAULT)


def test_what_only_loses_accuracy_is_kept_and_said(lossy: Exported) -> None:
    (int8,) = (row for row in read(lossy.run)["variants"] if row["variant"] == "int8")
    assert int8["agreement"] < 0.87 and (lossy.run / "export" / int8["file"]).is_file()
    low, high = (100 * end for end in int8["drop_interval"])
    assert low > 0
    assert f"note: int8 loses {100 * int8['drop']:.1f} points of accuracy ({low:.1f} to {high:.1f})" in lossy.stderr
    assert "float32 loses" not in lossy.stderr
    assert any("--rescue --max-drop" in line for line in lossy.stderr.splitlines())
    worst = int8["worst_label"]
    (table,) = (part for part in lossy.stdout.split("\n\n") if "worst label" in part)
    assert f"  {100 * int8['balanced']:.2f} %  " in table
    assert f"  {worst['label']} {100 * worst['top1']:.2f} % (n {worst['n']})\n" in table
    assert {row["label"]: row["n"] for row in int8["per_class"]} == {"circle": 80, "square": 80, "triangle": 40}
    for lost in int8["by_label"]["beyond_chance"]:
        assert f"note: int8, label {lost['label']}: {lost['lost']} of {lost['n']} images lost" in lossy.stderr
    assert int8["by_label"]["beyond_chance"]


@pytest.mark.parametrize("fault", ["middle layer x0.5", "channels swapped", "last layer x2"])
def test_a_fault_that_the_scores_hardly_show_is_refused(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    """Each changes one answer of 30 or none: as many as a sound file may."""
    from export import __main__

    make = quantize.make

    def broken(variant: str, *rest: Any) -> bytes:
        made = make(variant, *rest)
        return made if variant == "float32" else planting.planted(made, planting.FAULTS[fault])

    monkeypatch.setattr(quantize, "make", broken)  # the quantizer makes no such faults when asked
    monkeypatch.setattr(sys, "argv", list(map(str, exported.words(tmp_path / "run"))))
    assert __main__.main() == 1
    rows = {row["variant"]: row for row in read(tmp_path / "run")["variants"]}
    said = capsys.readouterr().err
    for variant in ("float16", "dynamic", "int8"):
        assert rows[variant]["agreement"] > 0.9 and rows[variant]["file"] is None
        assert f"{variant}: not kept: the weights " in said and " fashion_mnist_1/" in said
    assert rows["float32"]["file"]
