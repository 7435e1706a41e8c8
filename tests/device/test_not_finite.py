"""A network whose scores are no numbers gives no answer: the first label would look like one."""

from pathlib import Path

import numpy as np
import pytest

from tests import drawing
from tests.conftest import Run
from tests.device import crafted
from tests.device.crafted import End
from tests.device.picture_files import encoded

HINTS = ("--labels", "labels.txt", "--mean", "0", "--std", "1")


@pytest.fixture(params=[float("nan"), float("inf")])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    crafted.write(tmp_path / "broken.tflite", crafted.constant([request.param, 0.5, 0.5], End((1, 16, 16, 3))))
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in drawing.LABELS))
    drawing.write_folder(tmp_path / "shapes", {None: 12})
    (tmp_path / "one.png").write_bytes(encoded(np.zeros((16, 16, 3), np.uint8), "PNG"))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("device", "classify", "broken.tflite", "one.png", *HINTS),
        ("device", "classify", "broken.tflite", "shapes", *HINTS, "--json", "-"),
        ("device", "live", "broken.tflite", "--source", "test", "--headless", "--threads", "1", "--jsonl", "-", *HINTS),
        ("benchmarks", "accuracy", "broken.tflite", "--data", "./shapes", *HINTS),
    ],
    ids=lambda words: f"{words[0]} {words[1]}",
)
def test_every_command_refuses_it(words: tuple[str, ...], place: Path, command: Run) -> None:
    done = command(*words)
    assert done.returncode == 2, done.stderr
    assert "broken.tflite: its scores are not finite numbers (1 of 3)" in done.stderr.splitlines()[-1]
    assert done.stdout == "" and "Traceback" not in done.stderr
