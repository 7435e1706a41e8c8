"""`--jsonl`: a line of JSON for every answer, into a file or on stdout."""

import json
import sys
from pathlib import Path

from device.errors import UserError
from device.live.readings import Reading, Status


class JsonLines:
    """Adds to the file at `target`; "-": stdout. Every line is whole when another program reads it."""

    def __init__(self, target: str) -> None:
        if target == "-":
            self._file = sys.stdout
            return
        try:
            self._file = Path(target).open("a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        except OSError as error:
            raise UserError(f"--jsonl {target}: can't be written ({error.strerror}); choose another place") from None

    def show(self, reading: Reading) -> None:
        self._file.write(json.dumps(reading.to_json(), ensure_ascii=False) + "\n")
        self._file.flush()

    def status(self, status: Status) -> None:
        """Answers alone are lines."""

    def close(self) -> None:
        if self._file is not sys.stdout:
            self._file.close()
