"""Secrets: from a file that an option names, else from an environment variable; never from the command line."""

import os
from dataclasses import dataclass
from pathlib import Path

from device import files
from device.errors import UserError


@dataclass(frozen=True)
class Secret:
    """what: names it in errors. option: names the file. variable: of the environment. most: characters of the file.

    Errors never repeat the text: terminals are logged.
    """

    what: str
    option: str
    variable: str
    most: int

    def read(self, file: Path | None) -> str | None:
        """The file's text, else the variable's; None if neither is given. UserError for an unreadable file."""
        if file is None:
            return os.environ.get(self.variable)
        try:
            return files.read_start(file, self.most)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            where = f"{self.origin(file)}: can't read {self.what} ({reason})"
            raise UserError(f"{where}; expected a text file with nothing else in it") from None

    def origin(self, file: Path | None) -> str:
        """The option or variable that gave it, for errors."""
        return self.variable if file is None else f"{self.option} {file}"
