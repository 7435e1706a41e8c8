"""The command `report`: result documents and exports in, one HTML file out."""

import logging
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import documents, exported
from device import files
from device.errors import UserError


def write(paths: Sequence[Path], into: Path) -> None:
    """paths: result documents, or run folders. UserError for what is no such thing, and where there is no matplotlib.

    Nothing is written then, and an older `into` stays.
    """
    machines, runs = documents.read(paths), exported.read(paths)
    try:
        # Where there is no home folder it says at length that its fonts are not kept.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        from benchmarks.report import page
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise UserError('the report needs matplotlib; install it with: pip install ".[report]"') from None
    # A lone half of a letter, from a path, has no bytes in UTF-8.
    files.write_bytes(into, page.render(machines, runs).encode(errors="backslashreplace"))


def default_place(paths: Sequence[Path]) -> Path:
    """In the run folder, where the report is of one alone; else here."""
    (first, *others) = paths
    return (first if first.is_dir() and not others else Path()) / "report.html"
