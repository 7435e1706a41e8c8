"""Files that appear whole or not at all."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from device import files
from tests.conftest import ROOT
from tests.device.refusals import names


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/out.json"
    with files.replacing(path) as temporary:
        temporary.write_text("content")
        assert temporary.suffix == path.suffix and temporary.parent == path.parent
        assert temporary.name.startswith(".") and not path.exists()
    assert path.read_text() == "content"
    assert names(path.parent) == ["out.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_removes_what_was_begun_and_keeps_what_was_there(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    for before in (None, "older"):
        if before:
            path.write_text(before)
        with pytest.raises(error), files.replacing(path) as temporary:
            temporary.write_text("half")
            raise error
        assert names(tmp_path) == (["out.json"] if before else [])
        assert not before or path.read_text() == before


def test_a_block_that_writes_nothing_is_an_error_and_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("older")
    with pytest.raises(FileNotFoundError), files.replacing(tmp_path / "out.json"):
        pass
    assert (tmp_path / "out.json").read_text() == "older"


def test_a_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as raised, files.replacing(tmp_path) as temporary:
        temporary.write_text("never")
    assert raised.value.filename == str(tmp_path)
    assert names(tmp_path) == []


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with pytest.raises(OSError) as raised, files.replacing(path) as temporary:
        raise OSError(errno.ENOSPC, "no space", str(temporary))
    assert raised.value.filename == str(path)
    with pytest.raises(OSError) as raised, files.replacing(path) as temporary:
        raise OSError(errno.ENOENT, "something else", "other.json")
    assert raised.value.filename == "other.json"


def test_a_long_name_is_no_longer_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / f"{'n' * 250}.json"
    files.write_json(path, {})
    assert names(tmp_path) == [path.name]


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    files.write_json(pipe, {"a": 1})
    assert json.loads(reader.communicate(timeout=30)[0]) == {"a": 1}
    assert pipe.is_fifo() and names(tmp_path) == ["pipe"]


def test_json_is_plain_utf8_without_nan(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    files.write_json(path, {"label": "Knöchelschuh", "name": os.fsdecode(b"\xff.png")})
    assert "Knöchelschuh" in path.read_text(encoding="utf-8")
    assert os.fsencode(json.loads(path.read_bytes())["name"]) == b"\xff.png"
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, {"score": float("nan")})
    assert "Knöchelschuh" in path.read_text(encoding="utf-8")


def test_json_is_delivered_to_a_file_or_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.deliver_json({"a": [1, 2]}, "-")
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2]}
    files.deliver_json({"a": [1, 2]}, str(tmp_path / "out.json"))
    assert capsys.readouterr().out == ""
    assert json.loads((tmp_path / "out.json").read_bytes()) == {"a": [1, 2]}


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with files.replacing(path) as one, files.replacing(path) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    assert path.read_text() == "one"


def test_a_killed_writer_leaves_the_older_file_and_one_that_can_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("older")
    code = """
import os, sys
from pathlib import Path
from device import files
with files.replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code, path], cwd=ROOT).returncode == -9
    assert path.read_text() == "older"
    others = {tmp_path / name for name in (".hidden", ".run.lock", ".out.json", ".0a1b2c3d", "out.0a1b2c3d.json")}
    for other in others:
        other.write_text("not ours")
    (unfinished,) = {*tmp_path.iterdir()} - others - {path}
    assert unfinished.read_text() == "half"
    files.remove_unfinished(tmp_path)
    assert {*tmp_path.iterdir()} == {*others, path}
