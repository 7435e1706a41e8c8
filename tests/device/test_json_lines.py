"""`--jsonl` beside others who rename, remove or close its file."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from device.live.outputs import json_lines
from device.live.outputs.json_lines import JsonLines
from tests.conftest import ROOT, Run, model
from tests.device.feeding import Feed
from tests.device.refusals import refusal
from tests.limits import limits


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, json_lines, CHECK_S=0.0)


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["number"] for line in path.read_text().splitlines()]


def show(output: JsonLines, number: int) -> None:
    time.sleep(0.001)  # a clock may be coarse
    output.show(replace(Feed().next("cat"), number=number))


def test_a_rotated_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    output = JsonLines(str(path))
    show(output, 1)
    path.rename(tmp_path / "answers.jsonl.1")
    show(output, 2)
    path.unlink()
    show(output, 3)
    output.close()
    assert numbers(tmp_path / "answers.jsonl.1") == [1]
    assert numbers(path) == [3]


def test_a_folder_that_went_away_loses_nothing_and_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    output = JsonLines(str(folder / "answers.jsonl"))
    folder.rename(tmp_path / "old")
    for number in (1, 2):
        show(output, number)
    output.close()
    assert numbers(tmp_path / "old/answers.jsonl") == [1, 2]
    assert capsys.readouterr().err.count("answers.jsonl") == 1


def test_a_pipe_is_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    output = JsonLines(str(pipe))
    for number in (1, 2):
        show(output, number)
    output.close()
    assert os.read(reader, 10_000).count(b"\n") == 2
    os.close(reader)


def lines_of(output: JsonLines, path: Path, *labels: str) -> list[int]:
    """The numbers of the results that became lines."""
    for number, label in enumerate(labels, 1):
        output.show(replace(Feed().next(label), number=number, changed=True))
    output.close()
    return numbers(path)


def test_changes_alone(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    output = JsonLines(str(path), changes=True)
    assert lines_of(output, path, "cat", "cat", "dog", "dog", "dog", "cat") == [1, 3, 6]


def test_lines_at_an_interval(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    assert lines_of(JsonLines(str(path), every_s=3600.0), path, "cat", "dog", "cat") == [1]
    assert lines_of(JsonLines(str(path), every_s=1e-9), path, "cat", "cat") == [1, 1, 2]


def test_changes_and_an_interval(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    assert lines_of(JsonLines(str(path), True, 3600.0), path, "cat", "cat", "dog", "dog") == [1, 3]
    path.unlink()
    assert lines_of(JsonLines(str(path), True, 1e-9), path, "cat", "cat", "dog") == [1, 2, 3]


def test_a_change_that_could_not_be_written_is_made_up_for(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    output = JsonLines(str(path), changes=True)
    with pytest.raises(ValueError):
        output.show(replace(Feed().next("cat"), score=float("nan")))
    assert lines_of(output, path, "cat", "cat") == [1]


@pytest.mark.programs
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--jsonl-changes",), "--jsonl-changes was given without --jsonl"),
        (("--jsonl-every", "5"), "--jsonl-every was given without --jsonl"),
        (("--jsonl", "-", "--jsonl-every", "0"), "--jsonl-every is 0, expected more than 0"),
        (("--jsonl", "-", "--jsonl-every", "nan"), "--jsonl-every is nan, expected more than 0"),
    ],
)
def test_what_asks_for_no_lines_is_refused(words: tuple[str, ...], said: str, command: Run) -> None:
    assert refusal(command("device", "live", model("int8"), "--source", "test", *words)).startswith(said)


@pytest.mark.programs
def test_live_writes_the_changes(tmp_path: Path, command: Run) -> None:
    words = ("--source", "test", "--frames", "40", "--threads", "1", "--headless", "--jsonl", "-", "--jsonl-changes")
    done = command("device", "live", model("int8"), *words)
    labels = [json.loads(line)["label"] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and 1 <= len(labels) < 40
    assert all(label != after for label, after in pairwise(labels))


def test_no_number_is_no_line(tmp_path: Path) -> None:
    output = JsonLines(str(tmp_path / "answers.jsonl"))
    with pytest.raises(ValueError):
        output.show(replace(Feed().next("cat"), score=float("nan")))
    output.close()


@pytest.mark.programs
@pytest.mark.parametrize(("words", "code"), [([], 0), (["--jsonl", "answers.jsonl"], 0), (["--jsonl", "-"], 2)])
def test_live_with_a_closed_stdout(words: list[str], code: int, tmp_path: Path) -> None:
    """As old init scripts and >&- start a program."""
    arguments = [
        sys.executable,
        "-m",
        "device",
        "live",
        model("int8"),
        "--source",
        "test",
        "--frames",
        "3",
        "--headless",
    ]
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *map(str, arguments), "--threads", "1", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
    assert ("stdout is closed" in done.stderr) == (code == 2)
    if "answers.jsonl" in words:
        assert len((tmp_path / "answers.jsonl").read_text().splitlines()) == 3
