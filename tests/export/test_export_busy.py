"""A folder in which another process works isn't exported to."""

from pathlib import Path

from device import locks
from tests import drawing, foreign
from tests.conftest import Run


def test_a_folder_at_work_is_refused(command: Run, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(foreign.bare())
    (tmp_path / "names.txt").write_text(foreign.LABELS)
    shapes = drawing.write_folder(tmp_path / "shapes", {"train": 30, "test": 15})
    words = ("export", "model.tflite", "--labels", "names.txt", "--calibration", shapes, "--mean", 0, "--std", 1)
    with locks.held(tmp_path / "run", "a training"):
        done = command(*words, "--run", tmp_path / "run")
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"error: {tmp_path}/run: ") and "a training, process " in line
    assert not (tmp_path / "run").exists()
