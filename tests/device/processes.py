"""Commands that go on while a test does."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT


def start(folder: Path, *words: object, **options: Any) -> "subprocess.Popen[str]":
    """`python -m WORDS…` in a folder. Ctrl-C reaches it even where the tests themselves are told to ignore it."""
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )
