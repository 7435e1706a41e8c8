"""`--jsonl` beside others who rename, remove or close its file."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from device.errors import UserError
from device.live import json_lines
from device.live.json_lines import JsonLines
from tests.conftest import ROOT, model
from tests.device.feeding import Feed


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LOOK_S", 0.0)


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


def test_stdout_that_is_closed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(UserError, match="stdout is closed"):
        JsonLines("-")
