"""`device live` in a process of its own, as a test sees it: its answers as they come, signals, its end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from tests.conftest import ROOT
from tests.device.feeding import wait_for
from tests.warm import LIGHT

# Against a test that would never end; no test is about this time.
LIMIT_S = 60.0


def _started(command: list[str], folder: Path, env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal: what a shell starts behind an & is begun with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


class Live:
    """A live classifier in a process of its own. Its answers and what it says are read all the time, so it never waits
    for its test."""

    def __init__(self, folder: Path, *words: object, forked: bool = True, **environment: str) -> None:
        """forked: begun as tests/warm.py does; its command line (ps) is then another's."""
        command = ["device", "live", *map(str, words), "--headless", "--jsonl", "-"]
        env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self.process = (
            LIGHT.start(command, folder, env) if forked and LIGHT.suits(env) else _started(command, folder, env)
        )
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._said: list[str] = []
        self._readers = [threading.Thread(target=read) for read in (self._read_answers, self._read_said)]
        for reader in self._readers:
            reader.start()
        self._timer = threading.Timer(2 * LIMIT_S, self.process.kill)
        self._timer.start()

    def _read_answers(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._answers.put(line)

    def _read_said(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self._said.append(line)

    def next(self) -> dict[str, Any]:
        """The oldest answer that was not taken yet; raises queue.Empty when none comes."""
        answer: dict[str, Any] = json.loads(self._answers.get(timeout=LIMIT_S))
        return answer

    def next_after(self, moment: float) -> dict[str, Any]:
        """The first answer to a frame of after this time.time()."""
        while (answer := self.next())["time"] <= moment:
            continue
        return answer

    def wait_for(self, words: str) -> str:
        """The first line on stderr that has these words."""
        wait_for(lambda: words in "".join(self._said) or self.process.poll() is not None, LIMIT_S)
        found = [line for line in self._said if words in line]
        assert found, f"{words!r} was not said: {self._said}"
        return found[0]

    def end(self, number: signal.Signals) -> tuple[int, str, float]:
        """(exit code, stderr, seconds until it had ended) after a signal."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(LIMIT_S)
        took = time.monotonic() - began
        self.kill()
        return code, "".join(self._said), took

    def port(self) -> int:
        """Of the page, once it is said."""
        return urlsplit(self.wait_for("page: ").split()[1]).port or 0

    def status(self) -> dict[str, int]:
        """Resident bytes and threads, as Linux has them."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        return {"bytes": int(fields["VmRSS"].split()[0]) * 1024, "threads": int(fields["Threads"])}

    def kill(self) -> None:
        self._timer.cancel()
        self.process.kill()
        self.process.wait(LIMIT_S)
        for reader in self._readers:
            reader.join(LIMIT_S)
