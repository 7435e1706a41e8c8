"""What README and docs say is so: paths, commands, options, make targets, tables; and how large code may grow."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from device import declared
from device.live import outputs, sources
from experiments import tables
from tests.conftest import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CODE = re.compile(r"```\n(.*?)```|`([^`\n]+)`", re.DOTALL)
PACKAGES = ("framelite", "device", "train", "export", "benchmarks", "experiments")
# Files of at most 300 lines and functions of at most 60: what grows past that wants to be two things.
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 60


def code(document: Path) -> list[str]:
    """Every line of code blocks and every piece of inline code; tables are generated and checked on their own."""
    text = tables.PLACE.sub("", document.read_text(encoding="utf-8"))
    return [line.strip() for block, inline in CODE.findall(text) for line in (block or inline).splitlines()]


def all_code() -> list[str]:
    return [line for document in DOCUMENTS for line in code(document)]


@cache
def help_of(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, f"{words} --help: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_exist(document: Path) -> None:
    folders = "device|train|export|benchmarks|experiments|tests|docs|requirements|[.]github|[.]ci"
    for line in code(document):
        for path in re.findall(rf"(?<![\w/{{}},])(?:{folders})/[\w./-]*\w", line):
            assert (ROOT / path).exists(), f"{document.name}: {line!r} names {path}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word for line in all_code() if line.startswith("make ") for word in re.findall(r"^make ((?:[a-z-]+ ?)+)", line)
    }
    words = {word for group in named for word in group.split()}
    assert words, "no make target named anywhere: the pattern above is broken"
    assert words <= targets, f"not in the Makefile: {words - targets}"


def test_makefile_lists_every_target_as_phony() -> None:
    """The targets have the names of folders: one that isn't phony would be 'up to date' for ever."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    assert set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) <= phony


def commands() -> list[str]:
    return sorted(
        {
            line
            for line in all_code()
            if re.match(r"(\S*python3? )?(-m )(framelite|device|train|export|benchmarks) ", line)
        }
    )


def test_commands_are_found() -> None:
    assert len(commands()) > 8


@pytest.mark.parametrize("line", commands())
def test_commands_and_options_exist(line: str) -> None:
    words = line.split("-m ", 1)[1].split()
    subcommands = re.findall(r"^    (\w+) ", help_of(words[0]), re.MULTILINE)
    if words[:2] == ["train", "RECIPE"]:  # any of them
        words[1] = "cifar10"
    if words[0] == "export":
        subcommands = ["inspect", "card"]
    shown = help_of(words[0], words[1]) if words[1] in subcommands else help_of(words[0])
    for option in re.findall(r"--[a-z-]+", line):
        assert re.search(rf"{option}\b", shown), f"{line!r}: {option} is not an option"


def test_every_option_of_a_source_or_an_output_is_documented() -> None:
    text = (ROOT / "docs/device.md").read_text(encoding="utf-8")
    spelled = {declared.spelled(name) for kind in (*sources.KINDS, *outputs.KINDS) for name in declared.options(kind)}
    assert len(spelled) > 15 and {option for option in spelled if not re.search(rf"{option}\b", text)} == set()


def test_tables_are_generated() -> None:
    for document in tables.DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert tables.rendered(text) == text, f"{document.name}: stale tables; write them with: make tables"


def test_every_table_is_shown() -> None:
    shown = {name for document in tables.DOCUMENTS for _, name, _ in tables.PLACE.findall(document.read_text())}
    assert shown == set(tables.TABLES)


def test_changelog_has_the_sections_it_promises() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    assert set(re.findall(r"^### (\w+)", text, re.MULTILINE)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }


@pytest.mark.parametrize("path", sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")), ids=str)
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"
