"""Files that the command line names and that have no end: as much is read as there may be, and refused in one line."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from device.errors import UserError
from device.labels import labels
from tests.conftest import ROOT
from tests.device.classifying import INT8

# A device without an end; who reads all of it ends at this bound, or never.
ENDLESS, MEMORY = "/dev/zero", 2**32
TEST = ("--source", "test", "--frames", "1")


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source-file", ENDLESS), f"--source-file {ENDLESS}: "),
        (
            (*TEST, "--serve", "127.0.0.1:0", "--token-file", ENDLESS),
            f"--token-file {ENDLESS}: ",
        ),
        (
            (*TEST, "--mqtt", "127.0.0.1:1", "--mqtt-user", "a", "--mqtt-password-file", ENDLESS),
            "--mqtt: ",
        ),
        ((*TEST, "--mqtt", "127.0.0.1:1", "--mqtt-ca", ENDLESS), f"--mqtt-ca {ENDLESS}: "),
    ],
)
def test_a_file_without_an_end(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "device", "live", str(INT8), *words, "--threads", "1", "--headless"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}") and done.stderr.count("\n") == 1


def test_labels_without_an_end() -> None:
    with pytest.raises(UserError, match=f"{ENDLESS}: .*1000000 bytes"):
        labels.read(Path(ENDLESS))


def test_a_model_without_an_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "device", "live", ENDLESS, *TEST, "--headless"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {ENDLESS}: ") and done.stderr.count("\n") == 1
