"""A process that does its turn whenever it is asked to, so that several can be measured in turns."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from experiments.record import ROOT


class Worker:
    """Runs a command; every line on its stdin is a turn, which it ends with a line on stdout."""

    def __init__(self, command: Sequence[str | Path], folder: Path = ROOT) -> None:
        pipe = subprocess.PIPE
        words = list(map(str, command))
        self.process = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=folder
        )

    def turn(self, asked: str = "") -> str:
        """What it says after a turn. EOFError, or BrokenPipeError, where it has ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(asked, file=self.process.stdin, flush=True)
        said = self.process.stdout.readline()
        if not said:
            raise EOFError(f"{self.process.args!r} ended with exit code {self.process.wait()}")
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
