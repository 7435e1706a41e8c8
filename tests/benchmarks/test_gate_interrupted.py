"""Ctrl-C in a gate: what was measured until then is kept, and nothing goes on."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from tests import drawing, processes
from tests.benchmarks.gating import SMALL, document
from tests.conftest import model
from tests.device.processes import start
from tests.device.refusals import names

pytestmark = pytest.mark.programs


def wait_for(condition: Callable[[], Any], process: "subprocess.Popen[str]") -> Any:
    deadline = time.monotonic() + 120
    while not (found := condition()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return found


def ended(process: "subprocess.Popen[str]") -> str:
    """What an interrupted gate said."""
    out, said = process.communicate(timeout=120)
    assert process.returncode == 130 and said.splitlines()[-1] == "interrupted" and "Traceback" not in said
    return str(out)


def test_ctrl_c_keeps_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that can't be decided; it is ended in its second round, by when the first one's process is gone."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    words = (SMALL, SMALL, "--max-slowdown", "0.001", "--seconds", "3600", "--json", "out.json", "--junit", "gate.xml")
    process = start(tmp_path, "benchmarks", "gate", *words, stdout=subprocess.PIPE)
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not file.exists():
        process.kill()
        process.communicate()
        pytest.skip("no list of children here")
    first = wait_for(lambda: file.read_text().split(), process)
    second = wait_for(lambda: set(file.read_text().split()) - set(first), process)
    process.send_signal(signal.SIGINT)
    out = ended(process)
    assert out.startswith("can't tell: ") and "  note: interrupted: this is the result so far\n" in out
    found = document(tmp_path / "out.json")
    assert (found["answer"], found["exit_code"], found["interrupted"]) == ("can't tell", 130, True)
    assert found["latency"]["rounds"] >= 1
    assert ElementTree.parse(tmp_path / "gate.xml").find("testcase/skipped") is not None
    assert names(tmp_path) == ["gate.xml", "out.json", "temporary"] and names(tmp_path / "temporary") == []
    # One that had only just been forked when the signal came ends by itself, when its stdin does.
    deadline = time.monotonic() + processes.PATIENCE_S
    while any(Path(f"/proc/{pid}").exists() for pid in (*first, *second)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in (*first, *second))


def test_ctrl_c_while_images_are_classified(tmp_path: Path) -> None:
    """They are large, so that they take a while after the note that comes before the first of them."""
    for number in range(4):
        path = tmp_path / f"shapes/{drawing.LABELS[number % 3]}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((4000, 4000, 3), 10 * number, np.uint8))
    words = (model("int8"), model("int8"), "--data", "shapes", "--json", "out.json")
    process = start(tmp_path, "benchmarks", "gate", *words, stdout=subprocess.PIPE)
    assert process.stderr is not None and "training images" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out = ended(process)
    assert "no round was measured" in out
    found = document(tmp_path / "out.json")
    assert (found["exit_code"], found["accuracy"], found["latency"]["rounds"]) == (130, None, 0)
