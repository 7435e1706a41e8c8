"""A thread that is inside a library when a command ends."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

STUCK = """
import time
import cv2, numpy as np
from device import command
from device.live.interfaces.frames import Source
from device.live.reader import Reader
image = cv2.imencode(".jpg", np.random.default_rng(1).integers(0, 256, (2048, 2048, 3), np.uint8))[1]
class Stuck(Source):
    name, is_live, newest_only = "stuck", True, True
    def read(self):
        while True:
            cv2.imdecode(image, 1)
def main():
    with Reader(Stuck(), lambda frame: frame):
        time.sleep(0.2)
    print("well")
    return command.GOOD
command.run(main)
"""


@pytest.mark.long
def test_a_read_that_does_not_return_spoils_no_exit_code() -> None:
    """OpenCV ends the process by SIGABRT where the interpreter's end finds it at work, two times of three."""
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, cwd=ROOT)
        assert (done.returncode, done.stdout) == (0, "well\n")
