"""Files of one name come from many tools: the export of another model is kept. And what calibrated it is said."""

import json
from pathlib import Path

import pytest

from tests import foreign
from tests.conftest import Run
from tests.export.test_export_refusals import WORDS, lay_out

FLOAT = (*WORDS, "--variants", "float32")


def test_the_export_of_another_model_is_kept(command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    assert command(*FLOAT).returncode == 0
    folder = tmp_path / "runs/model/export"
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    (tmp_path / "model.tflite").write_bytes(foreign.with_one_loud_channel(1.5))
    done = command(*FLOAT)
    assert done.returncode == 0, done.stderr
    kept = folder.with_name("export.1")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == first
    assert "export.1" in done.stderr
    assert json.loads((folder / "export.json").read_bytes())["status"] == "done"
    # The same model again with other settings is no other model.
    stale = folder / "model_int8_rescued.tflite"
    stale.write_bytes(b"of an earlier export")
    done = command(*FLOAT, "--seed", "2", "--again")
    assert done.returncode == 0 and stale.exists()
    assert any(line.startswith("note: ") and stale.name in line for line in done.stderr.splitlines())
    assert not folder.with_name("export.2").exists()


def test_an_export_of_anyone_s_model_is_no_run(command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    assert command(*FLOAT).returncode == 0
    done = command("export", "runs/model", "--rescue", "--max-drop", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: runs/model: ") and "--calibration" in done.stderr


def test_few_calibration_images_are_said(command: Run, tmp_path: Path) -> None:
    lay_out(tmp_path)
    done = command(*FLOAT, "--calibration-samples", "60")
    assert done.returncode == 0
    assert "12 calibration images, 60 were asked for" in done.stderr
    assert "--test" not in done.stdout  # shapes/ has a test/ of its own
    alone = command(*(word.replace("shapes", "shapes/train") for word in FLOAT), "--run", "other")
    assert "these 12 calibrated it" in alone.stdout


@pytest.mark.parametrize("value", ["yesterday", "1e99"])
def test_a_source_date_epoch_that_is_none(command: Run, tmp_path: Path, value: str) -> None:
    lay_out(tmp_path)
    done = command(*FLOAT, SOURCE_DATE_EPOCH=value)
    assert done.returncode == 2 and f"SOURCE_DATE_EPOCH is {value!r}" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "runs/model/export").exists()
