"""How a command refuses what it is given: said once here, asked of every bad input."""

import subprocess
from pathlib import Path

from device.model import card as cards
from tests.device import crafted


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that refused its input, after the marks of a refusal were checked."""
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    return last.removeprefix("error: ")


def says(message: str, *facts: object) -> None:
    """The facts stand in it: paths, numbers, options, names; whatever the words around them."""
    missing = [fact for fact in facts if str(fact) not in message]
    assert not missing, (missing, message)


def names(folder: Path) -> list[str]:
    """All that lies in a folder: nothing half-written may."""
    return sorted(path.name for path in folder.iterdir())


def with_card(path: Path, network: bytes, card: cards.Card) -> Path:
    """A model file of a crafted network and a card, written without asking whether they fit."""
    return crafted.write(path, cards.append_archive(network, card, {}))
