"""How every command ends: exit codes, one line on stderr, and a traceback for what is a bug."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Run
from tests.device import crafted
from tests.device.refusals import with_card


def run(code: str, stderr: Any = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command whose main function is `code`."""
    program = "import errno, os, sys\nfrom device import command\nfrom device.errors import UserError\n" + code
    return subprocess.run(
        [sys.executable, "-c", f"{program}\ncommand.run(main)"],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return command.GOOD", 0, ""),
        ("return command.FAILED", 1, ""),
        ("return command.INCONCLUSIVE", 3, ""),
        ("raise UserError('model: what came,\\nwhat to do')", 2, "error: model: what came, what to do\n"),
        ("raise KeyboardInterrupt", 130, "interrupted\n"),
        (
            "raise OSError(errno.EACCES, 'x', 'some/file')",
            2,
            "error: some/file: permission denied; choose another place or change its permissions\n",
        ),
        (
            "raise OSError(errno.ENOSPC, 'x')",
            2,
            "error: the output: no space is left on the device; free some, then run the command again\n",
        ),
        (
            "raise OSError(errno.EFBIG, 'x', 'some/file')",
            2,
            "error: some/file: the file would be larger than is allowed here (ulimit -f, or the file system);"
            " choose another place\n",
        ),
        (
            "raise OSError('1000 requested and 512 written')",  # numpy's tofile
            2,
            "error: the output: no space is left on the device; free some, then run the command again\n",
        ),
        (
            "error = OSError('1000 requested and 512 written'); error.filename = 'some/file'; raise error",
            2,
            "error: some/file: no space is left on the device; free some, then run the command again\n",
        ),
    ],
)
def test_exit_codes(body: str, code: int, said: str) -> None:
    done = run(f"def main():\n    {body}")
    assert (done.returncode, done.stderr) == (code, said)


def test_a_bug_keeps_its_traceback() -> None:
    for bug in ("raise ValueError('a bug')", "raise OSError(errno.EBADF, 'a bug')"):
        done = run(f"def main():\n    {bug}")
        assert done.returncode == 70, "not 1: that is a verdict"
        assert "Traceback" in done.stderr and "a bug" in done.stderr


def test_native_chatter_stays_off_the_terminal_and_notes_do_not() -> None:
    code = "def main():\n    os.write(2, b'chatter\\n')\n    command.say('a note')\n    print('answer')\n    return 0"
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "answer\n", "a note\n")
    assert run(code, FRAMELITE_NATIVE_LOG="1").stderr == "chatter\na note\n"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("print('answer')\n    return command.GOOD", 0),
        ("print('answer')\n    return command.FAILED", 1),
        ("print('answer')\n    raise UserError('x')", 2),
        ("print('answer')\n    raise ValueError('x')", 70),
    ],
)
def test_a_note_that_cannot_be_written_ends_nothing(body: str, code: int) -> None:
    """Where stderr is a file on a full disk, or a pipe that nobody reads any more."""
    program = f"def main():\n    for _ in range(200):\n        command.say('a note' * 20)\n    {body}"
    reading, writing = os.pipe()
    os.close(reading)
    with Path("/dev/full").open("w") as full, os.fdopen(writing, "w") as broken:
        for stderr in (full, broken):
            done = run(program, stderr)
            assert (done.returncode, done.stdout) == (code, "answer\n")


def test_the_commands_that_there_are(command: Run) -> None:
    done = command("device", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("classify", "info"):
        assert f"\n    {word} " in done.stdout
    done = command("device")
    assert done.returncode == 2
    assert "error: the following arguments are required: COMMAND" in done.stderr.splitlines()[-1]


def test_a_terminal_that_lacks_a_sign_gets_an_escape(command: Run, tmp_path: Path) -> None:
    card = crafted.card(("café", "thé"), (4, 6))
    with_card(tmp_path / "net.tflite", crafted.constant([0.5, 0.5]), card)
    done = command("device", "info", "net.tflite", PYTHONIOENCODING="ascii:strict")
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf\\xe9, th\\xe9" in done.stdout
