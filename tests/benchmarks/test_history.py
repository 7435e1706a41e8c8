"""A row a gate: what is in it, and files that are no history."""

import csv
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gate import history
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from tests.benchmarks.gated import drop, outcome, verdict
from tests.benchmarks.gating import LARGE, LONG, ONE_ROUND, SMALL, Gate
from tests.conftest import Run
from tests.device.refusals import names, refusal

RATIO = Interval(1.02, 1.04, 1.0612345678)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def gate(**changes: Any) -> Any:
    return outcome("no regression", verdict("no regression", ratio=RATIO, rounds=12), **changes)


def test_a_row_for_each_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "kept/gates.csv"
    assert history.add(path, gate()) and history.add(path, gate(accuracy=drop("no regression"), threads=2))
    assert path.read_text().splitlines()[0] == ",".join(history.COLUMNS)
    first, second = rows(path)
    assert first.pop("time").endswith("+00:00") and second["accuracy"] == "0.900000" and second["threads"] == "2"
    assert first == {
        "commit": "",  # no repository
        "base": "main:a.tflite",
        "candidate": "b.tflite",
        "threads": "1",
        "answer": "no regression",
        "ratio": "1.040000",
        "ratio_low": "1.020000",
        "ratio_high": "1.061235",
        "rounds": "12",
        "accuracy": "",
    }
    assert names(tmp_path / "kept") == ["gates.csv"]


def test_names_that_need_quotes(tmp_path: Path) -> None:
    path = tmp_path / "gates.csv"
    for name in ('a,"b".tflite', "über\nb.tflite"):
        history.add(path, gate(candidate=name))
    assert [row["candidate"] for row in rows(path)] == ['a,"b".tflite', "über\nb.tflite"]
    history.add(path, gate(candidate="\udcff.tflite"))
    assert rows(path)[2]["candidate"] == "\\udcff.tflite"


def test_a_gate_without_a_ratio_leaves_no_gap(tmp_path: Path) -> None:
    """A number that isn't there can't be read as one."""
    path = tmp_path / "gates.csv"
    untold = verdict("can't tell", ratio=None, floor=None, rounds=1)
    assert not history.add(path, outcome("can't tell", untold))
    assert not history.add(path, gate(interrupted=True))
    assert names(tmp_path) == []


def test_what_an_editor_leaves(tmp_path: Path) -> None:
    """Without the last line's end, and with Windows' ends of lines."""
    path = tmp_path / "gates.csv"
    history.add(path, gate())
    path.write_bytes(path.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    history.check(path)
    history.add(path, gate())
    assert [row["ratio"] for row in rows(path)] == ["1.040000"] * 2


@pytest.mark.parametrize("there", [b"time,commit,ratio\n1,2,3\n", b"", b"\x89PNG\r\n\x1a\n"])
def test_another_file_is_left_alone(there: bytes, tmp_path: Path) -> None:
    path = tmp_path / "gates.csv"
    path.write_bytes(there)
    for refused in (lambda: history.check(path), lambda: history.add(path, gate())):
        with pytest.raises(UserError, match=r"gates\.csv: its first line is .*, expected time,commit,.*--history ano"):
            refused()
    assert path.read_bytes() == there and names(tmp_path) == ["gates.csv"]


# By the command line.


@pytest.mark.programs
def test_gates_of_a_day(gate: Gate, tmp_path: Path) -> None:
    words = ("--max-slowdown", "100", "--history", "gates.csv")
    assert gate(SMALL, LARGE, *LONG, *words) == 1 and gate(SMALL, SMALL, *LONG, *words) == 0
    slow, same = rows(tmp_path / "gates.csv")
    assert (slow["answer"], same["answer"]) == ("regression", "no regression")
    assert float(slow["ratio"]) > 2 > float(same["ratio"]) and float(same["ratio_low"]) <= float(same["ratio"])
    assert len(slow["commit"]) in (0, 40)


@pytest.mark.programs
def test_too_short_for_a_row(command: Run, tmp_path: Path) -> None:
    done = command("benchmarks", "gate", SMALL, SMALL, *ONE_ROUND, "--history", "gates.csv")
    assert done.returncode == 3
    assert done.stderr == "note: there is no complete ratio, so gates.csv gets no row\n"
    assert names(tmp_path) == []


@pytest.mark.programs
def test_refused_before_anything_is_measured(command: Run, tmp_path: Path) -> None:
    """It would take an hour."""
    (tmp_path / "other.csv").write_text("time,value\n")
    for path, said in (("other.csv", "other.csv: its first line is 'time,value'"), (".", ".: this is a directory")):
        done = command("benchmarks", "gate", SMALL, SMALL, "--seconds", "3600", "--history", path)
        assert refusal(done).startswith(said) and done.stdout == ""
    done = command("benchmarks", "gate", SMALL, SMALL, "--seconds", "3600", "--history", "/dev/null")
    assert "not a regular file" in refusal(done)
    assert names(tmp_path) == ["other.csv"] and (tmp_path / "other.csv").read_text() == "time,value\n"
