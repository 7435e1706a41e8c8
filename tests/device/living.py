"""`device live` in a process of its own, as a test sees it: its answers as they come, signals, its end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import ROOT

LIMIT_S = 30.0


class Live:
    """A live classifier in a process of its own, whose JSON lines are read as they come."""

    def __init__(self, folder: Path, *words: object, **environment: str) -> None:
        arguments = [sys.executable, "-m", "device", "live", *map(str, words), "--headless", "--jsonl", "-"]
        self.process = subprocess.Popen(
            arguments,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As in a terminal: what a shell starts behind an & is begun with SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.timer = threading.Timer(LIMIT_S, self.process.kill)
        self.timer.start()

    def next(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def end(self, number: signal.Signals) -> tuple[int, str, float]:
        """(exit code, stderr, seconds until it had ended) after a signal."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=LIMIT_S)
        self.timer.cancel()
        return self.process.returncode, said, time.monotonic() - began

    def port(self) -> int:
        """Of the page, once it is said."""
        assert self.process.stderr is not None
        url = next(line.split()[1] for line in self.process.stderr if line.startswith("page: "))
        return urlsplit(url).port or 0

    def status(self) -> dict[str, int]:
        """Resident bytes and threads, as Linux has them."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        return {"bytes": int(fields["VmRSS"].split()[0]) * 1024, "threads": int(fields["Threads"])}

    def kill(self) -> None:
        self.timer.cancel()
        self.process.kill()
        self.process.communicate(timeout=LIMIT_S)
