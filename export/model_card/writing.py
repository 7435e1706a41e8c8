"""python -m export card RUN: writes MODEL_CARD.md again, with what was measured since the export."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from device import command
from device.errors import UserError
from export.model_card import page


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=command.program("export", "card"),
        description="Writes MODEL_CARD.md of an export again, from the records that lie there: no file is made anew.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run folder with export/ in it")
    run = parser.parse_args(words).run
    try:
        page.write(run / "export")
        if not (run / "export" / page.NAME).exists():
            raise UserError(f"{run}: no file of its export was kept, so there is no page to write; export it again")
        command.say(f"{run / 'export' / page.NAME}: up to date")
    except FileNotFoundError:
        raise UserError(f"{run}: there is no export in it, expected {run / 'export'}; export it first") from None
    return command.GOOD
