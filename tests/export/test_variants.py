"""A variant that isn't sound is not kept: networks that the quantizer, or a runtime, really breaks."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import foreign
from tests.conftest import Run
from tests.exported import VARIANTS, Exported


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
    assert dynamic["agreement"] < 0.6
    agrees, loses = 100 * dynamic["agreement"], 100 * dynamic["drop"]
    figures = f"it agrees on {agrees:.2f} % of 30 pictures, 90 % are needed; it loses {loses:.2f} points of accuracy"
    assert figures in said["dynamic"]
    if factor == 1e8:
        assert "its scores are not finite numbers" in said["float16"]
        assert "int8: not kept: litert" in said["int8"]
        assert "can't load the model" in said["int8"]
    assert done.stderr.splitlines()[-1] == f"{len(failed)} of 4 variants were not kept; see above why"
    assert "Traceback" not in done.stderr
    # What the folder held before of the failed ones is gone too; the others are there with their card.
    kept = {path.name for path in (run / "export").glob("*.tflite")}
    assert kept == {f"shape_model_{variant}.tflite" for variant in set(VARIANTS) - failed}
    for row in read(run)["variants"]:
        assert bool(row["failures"]) == (row["file"] is None) == (row["variant"] in failed)
    assert [row.split()[0] for row in done.stdout.splitlines()[2:6]] == list(VARIANTS)
