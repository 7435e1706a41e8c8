"""Secrets that options name: a file that holds one, else an environment variable; never the command line itself."""

import os
from dataclasses import dataclass
from pathlib import Path

from device import files
from device.errors import UserError


@dataclass(frozen=True)
class Secret:
    """what: how errors call it. option: names the file. variable: of the environment. most: characters of the file.

    What came is never repeated: terminals are logged.
    """

    what: str
    option: str
    variable: str
    most: int

    def read(self, file: Path | None) -> str | None:
        """The file's text, else the variable's; None where neither is given. UserError for a file that has none."""
        if file is None:
            return os.environ.get(self.variable)
        try:
            return files.read_start(file, self.most)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
            where = f"{self.origin(file)}: {self.what} can't be read ({reason})"
            raise UserError(f"{where}; expected a text file with it alone") from None

    def origin(self, file: Path | None) -> str:
        """Where it came from, for errors."""
        return self.variable if file is None else f"{self.option} {file}"
