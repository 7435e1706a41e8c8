"""`benchmarks board` when it can't be: one line, exit code 2, nothing half written here, nothing left running there."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.boards import connection
from benchmarks.boards.connection import SshAddress
from device.errors import UserError
from tests import servers
from tests.benchmarks import ssh_server
from tests.benchmarks.ssh_server import QUICK, Board, ready_python
from tests.conftest import Run, model
from tests.device.refusals import names, refusal, says

pytestmark = pytest.mark.programs


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with Board(tmp_path / "board") as started:
        yield started


def asked(command: Run, *words: object) -> "subprocess.CompletedProcess[str]":
    return command("benchmarks", "board", "127.0.0.1", model("int8"), *words, "--json", "out.json", "--", *QUICK)


def test_a_board_whose_key_nobody_knows(command: Run, board: Board, tmp_path: Path) -> None:
    board.trust(False)
    done = asked(command, *ready_python(board))
    says(refusal(done), "127.0.0.1: ", "ssh")
    assert "Host key verification failed." in done.stderr  # ssh's own words
    assert names(tmp_path) == ["board"] and names(board.home) == []


def test_a_key_that_the_board_does_not_take(command: Run, board: Board) -> None:
    done = asked(command, *board.words("other_key"))
    says(refusal(done), "127.0.0.1: ", "ssh")
    assert "Permission denied" in done.stderr and names(board.home) == []


def test_a_board_that_is_not_there(command: Run, board: Board) -> None:
    words = board.words()
    board.__exit__(None, None, None)
    done = asked(command, *words)
    says(refusal(done), "127.0.0.1: ", "ssh")
    assert "Connection refused" in done.stderr


@pytest.mark.parametrize("folder", ["~", "/nowhere"])
def test_no_such_python(folder: str, command: Run, board: Board) -> None:
    python = f"{folder}/it's $(touch ~/pwned)/python"
    done = asked(command, *board.words(), "--python", python)
    said = f"127.0.0.1: can't run {python} there; install it, or give another with --python"
    assert refusal(done) == said and names(board.home) == []


def test_a_python_that_is_too_old(command: Run, board: Board) -> None:
    """Written by hand: no older Python is here. A shell's start-up file that prints is passed over."""
    old = board.home / "python"
    old.write_text("#!/bin/sh\necho Welcome\necho framelite-board 3.9.2\n")
    old.chmod(0o755)
    done = asked(command, *board.words(), "--python", "~/python")
    said = "127.0.0.1: its ~/python is Python 3.9.2, expected 3.11 or later; give a later one with --python"
    assert refusal(done) == said


def test_a_board_that_another_measurement_has(command: Run, board: Board) -> None:
    board.bench.mkdir(parents=True)
    with (board.bench / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = asked(command, *ready_python(board))
    says(refusal(done), "127.0.0.1: ", "another ")


def test_a_folder_that_cannot_be_written(command: Run, board: Board) -> None:
    (board.home / ".cache").write_text("a file")
    done = asked(command, *ready_python(board))
    said = f"127.0.0.1: {board.bench}: a part of the path is a file, a directory was expected"
    assert refusal(done) == said


def test_a_board_with_no_room(command: Run, tmp_path: Path) -> None:
    """Its home is a disk of 200 kB, seen by this sshd alone."""
    wrapper = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"')
    if subprocess.run([*wrapper, str(tmp_path), "true"], capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk")
    with Board(tmp_path / "board", (*wrapper, str(tmp_path / "board/home"))) as board:
        done = asked(command, *ready_python(board))
    assert "no space" in refusal(done)
    assert names(tmp_path) == ["board"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["other.tflite", "--seconds", "0.1"], "`benchmarks latency`"),
        (["--json", "x.json"], "`benchmarks latency`"),
        (["--second", "never"], "argument --seconds: invalid float value: 'never'"),
    ],
)
def test_options_are_read_before_anything_is_sent(words: list[str], said: str, command: Run) -> None:
    done = command("benchmarks", "board", "127.0.0.1", model("int8"), "--port", 1, "--", *words)
    assert done.returncode == 2 and said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=touch pwned", "a b", "a;b", "a$(b)", "a`b`", "a|b", "", "a\nb", "a'b"]
)
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(UserError, match="board's address"):
        SshAddress(host)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("pi@raspberrypi.local", "raspberrypi.local"),
        ("ssh://pi@board:2222", "board_2222"),
        ("pi@fe80::1%eth0", "fe80__1_eth0"),
        ("..", "board"),
    ],
)
def test_a_board_gives_its_file_a_name(host: str, name: str) -> None:
    assert SshAddress(host).name == name
    assert [SshAddress(host, port).file for port in (None, 2222)] == [f"{name}.json", f"{name}_2222.json"]


# In the middle.


def ctrl_c(process: "subprocess.Popen[str]", board: Board) -> None:
    os.killpg(process.pid, signal.SIGINT)


def kill(process: "subprocess.Popen[str]", board: Board) -> None:
    process.kill()


def lose(process: "subprocess.Popen[str]", board: Board) -> None:
    board.lose()


@pytest.mark.parametrize(("end", "code"), [(ctrl_c, 130), (kill, -signal.SIGKILL), (lose, 2)])
def test_an_end_in_the_middle(
    end: Callable[["subprocess.Popen[str]", Board], None], code: int, board: Board, tmp_path: Path
) -> None:
    (tmp_path / "runs/shapes/export").mkdir(parents=True)
    shutil.copyfile(model("int8"), tmp_path / "runs/shapes/export/shapes_int8.tflite")
    process = ssh_server.start(board, tmp_path, "runs/shapes", *ready_python(board), "--", "--seconds", 1000)
    try:
        wait_for(lambda: measuring(board) != [], process)
        end(process, board)
        said = process.communicate(timeout=servers.PATIENCE_S)[1]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code and "Traceback" not in said, said
    if code == 130:
        assert said.splitlines()[-1] == "interrupted"
    if code == 2:
        says(said.splitlines()[-1], "error: 127.0.0.1: ", "255")
    wait_for(lambda: not board.processes())
    assert names(tmp_path / "runs/shapes") == ["export"] and names(tmp_path) == ["board", "runs"]


def test_ctrl_c_keeps_what_was_measured(board: Board, tmp_path: Path) -> None:
    """The board is told so, and what it has by then comes back; a run folder keeps none but a whole result."""
    (tmp_path / "runs/shapes/export").mkdir(parents=True)
    shutil.copyfile(model("int8"), tmp_path / "runs/shapes/export/shapes_int8.tflite")
    words = ("runs/shapes", *ready_python(board), "--json", "out.json", "--", "--seconds", 1000, "--sustained", 0.1)
    process = ssh_server.start(board, tmp_path, *words)
    try:
        wait_for(lambda: measuring(board) != [], process)
        alone = measuring(board)
        wait_for(lambda: set(measuring(board)) - set(alone) != set(), process)
        ctrl_c(process, board)
        table, said = process.communicate(timeout=servers.PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130 and said.splitlines()[-1] == "interrupted" and "Traceback" not in said
    document = json.loads((tmp_path / "out.json").read_text())
    (row,) = document["results"]
    assert document["interrupted"] and row["error"] is None and row["sustained"]["frames_per_second"] > 0
    assert "shapes_int8" in table
    wait_for(lambda: not board.processes())
    assert names(tmp_path / "runs/shapes") == ["export"]


def test_nothing_outlives_its_command(board: Board, capfd: pytest.CaptureFixture[str]) -> None:
    """Not even what has a session of its own, out of reach of Ctrl-C."""
    with connection.connect(board.address()) as connected:
        ran = connected.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo started"])
        assert ran == connection.Ran(0, "started\n")
        # Killed by now; it is gone when the system comes round to it.
        wait_for(lambda: "sleep" not in map(ssh_server.program_of, board.processes()))
    assert capfd.readouterr().err == ""


def measuring(board: Board) -> list[int]:
    """The processes there that have loaded the model and time it."""
    found = []
    for pid in board.processes():
        with suppress(OSError):  # ended meanwhile
            loaded, words = (Path(f"/proc/{pid}/{name}").read_text() for name in ("maps", "cmdline"))
            if "shapes_int8.tflite" in loaded and "benchmarks.timing.worker" in words:
                found.append(pid)
    return found


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str] | None" = None) -> None:
    deadline = time.monotonic() + 3 * servers.PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline and (process is None or process.poll() is None)
        time.sleep(0.02)
