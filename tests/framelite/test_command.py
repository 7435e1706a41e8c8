"""The command `framelite`: it hands over to the packages' own, with their arguments, output and exit codes."""

import json
from pathlib import Path

import pytest

from framelite.__main__ import COMMANDS
from tests import drawing
from tests.conftest import Run, model


def test_help_lists_every_command(command: Run) -> None:
    done = command("framelite", "--help")
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ") and line.split()]
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)
    assert command("framelite", "--version").stdout.startswith("framelite ")


@pytest.mark.parametrize("words", [(), ("nothing",), ("--nothing",), ("classif",)])
def test_what_is_no_command_is_refused(command: Run, words: tuple[str, ...]) -> None:
    done = command("framelite", *words)
    assert (done.returncode, done.stdout) == (2, "") and "usage: framelite " in done.stderr


@pytest.mark.parametrize("words", [*((name,) for name in COMMANDS), ("train", "list"), ("benchmark", "latency")])
def test_usage_is_as_it_was_typed(command: Run, words: tuple[str, ...]) -> None:
    done = command("framelite", *words, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: framelite {' '.join(words)} "), done.stderr


def test_the_help_of_export_names_its_other_commands(command: Run) -> None:
    done = command("framelite", "export", "--help")
    assert all(f"framelite export {name} " in done.stdout for name in ("inspect", "card"))


def test_the_same_output_as_the_package_s_own(command: Run) -> None:
    ours = command("framelite", "info", model("int8"), "--json", "-")
    own = command("device", "info", model("int8"), "--json", "-")
    assert (ours.returncode, ours.stdout, ours.stderr) == (own.returncode, own.stdout, own.stderr)
    assert json.loads(ours.stdout)["labels"] == list(drawing.LABELS)


def test_the_same_exit_codes(command: Run, tmp_path: Path) -> None:
    """0, and 2 for the user's mistake, of each package."""
    for words in (("export", "nowhere"), ("train", "nowhere"), ("benchmark", "accuracy", "nowhere"), ("info", "none")):
        done = command("framelite", *words)
        assert done.returncode == 2 and done.stderr.startswith("error: "), words
    drawing.write_folder(tmp_path / "shapes", {None: 9})
    one = next((tmp_path / "shapes").rglob("*.png"))
    assert command("framelite", "classify", model("int8"), one).returncode == 0
