"""`--on-label`: what a command finds, and the rules of the command line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from device.errors import UserError
from device.live.live import secret_variables
from device.live.outputs.on_label import OF_SYSTEMD, OnLabel, Rule, check_labels, parse
from tests.conftest import ROOT
from tests.device.commanding import Log, Read, finish, runners
from tests.device.feeding import wait_for

# What a command finds.


def test_what_a_command_finds() -> None:
    """In a process of its own, whose stdout is meant for others: nothing on stdin, a session of its own, no secrets."""
    program = """
import os, sys, shlex, threading
from device.live.live import secret_variables
from device.live.outputs.on_label import OF_SYSTEMD, OnLabel, parse
from tests.device.feeding import Feed, wait_for
inner = "import os, sys; print(sys.argv[1:], repr(sys.stdin.read()), os.getsid(0) == os.getpid(), sorted(os.environ))"
os.environ.update(dict.fromkeys(OF_SYSTEMD | secret_variables(), "x"), KEPT="x")
words = [sys.executable, "-c", inner, "a b", "$HOME", "*", "|", ";"]
output = OnLabel([parse("cat:0", shlex.join(words))], secret_variables())
output.show(Feed((90, 160)).next("cat"))
wait_for(lambda: not any(thread.name == "on-label" for thread in threading.enumerate()))
output.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input="not for it", cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")
    (line,) = (line for line in done.stderr.splitlines() if "a b" in line)
    assert line.startswith("['a b', '$HOME', '*', '|', ';'] '' True [")
    assert "'KEPT'" in line and "'FRAMELITE_LABEL'" in line and "'PATH'" in line
    assert not any(repr(name) in line for name in OF_SYSTEMD | secret_variables())
    assert secret_variables() == {"FRAMELITE_MQTT_PASSWORD", "FRAMELITE_TOKEN", "FRAMELITE_SOURCE"}


@pytest.mark.parametrize(
    ("script", "end"),
    [("exit 3", "with exit code 3"), ("kill -KILL $$", "by SIGKILL"), ("kill -40 $$", "by signal 40")],
)
def test_a_command_that_fails(script: str, end: str, read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    output = OnLabel([Rule("cat", 0, ("sh", "-c", script))])
    output.show(read("cat", 0))
    finish(output)
    assert capsys.readouterr().err == f"note: --on-label cat:0: sh ended {end}\n"


def test_a_command_that_has_gone(read: Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "bell"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    output = OnLabel([Rule("cat", 0, (str(script),))])
    script.unlink()
    output.show(read("cat", 0))
    finish(output)
    assert capsys.readouterr().err == f"note: --on-label cat:0: {script} can't be started (No such file or directory)\n"


def test_no_zombie_is_left(log: Log, read: Read) -> None:
    output = OnLabel([log.rule("cat", 0, "$$")])
    output.show(read("cat", 0))
    wait_for(lambda: log.lines and not runners())
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.lines[0]), 0)
    output.close()


# The command line's words.


def test_rules_of_the_command_line() -> None:
    assert parse("cat:2", "sh -c 'echo \"a b\"' c\\ d") == Rule("cat", 2.0, ("sh", "-c", 'echo "a b"', "c d"))
    assert parse("cat:2", "true").limit_s == 60 and parse("cat:2", "true", 5.0).limit_s == 5
    assert parse("a: b:c:0.5", "true") == Rule("a: b:c", 0.5, ("true",))
    assert parse("cat:0", "/bin/sh").seconds == 0
    assert str(parse("née:2.50", "true")) == "--on-label née:2.5"


@pytest.mark.parametrize(
    ("label_seconds", "command", "words"),
    [
        ("cat", "true", "--on-label cat: expected LABEL:SECONDS, such as cat:2.5"),
        ("cat:", "true", "--on-label cat:: expected LABEL:SECONDS"),
        (":2", "true", "--on-label :2: expected LABEL:SECONDS"),
        ("", "true", "expected LABEL:SECONDS"),
        ("cat:soon", "true", "--on-label cat:soon: expected"),
        ("cat:nan", "true", "--on-label cat:nan: expected"),
        ("cat:inf", "true", "--on-label cat:inf: expected"),
        ("cat:-1", "true", "--on-label cat:-1: expected"),
        ("cat:2", "", "--on-label cat:2: no command"),
        ("cat:2", " ", "--on-label cat:2: no command"),
        ("cat:2", "echo 'a", '--on-label cat:2: "echo \'a": no closing quotation; close the'),
        ("cat:2", "no-such-command x", "--on-label cat:2: there is no command 'no-such-command'"),
        ("cat:2", "/etc/passwd", "--on-label cat:2: there is no command '/etc/passwd'"),
    ],
)
def test_rules_that_cannot_work(label_seconds: str, command: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        parse(label_seconds, command)


def test_labels_that_the_model_has_not() -> None:
    rules = [parse("cat:1", "true"), parse("unknown:1", "true")]
    check_labels(rules, ("dog", "cat"))
    with pytest.raises(UserError, match=r"no label 'cat'; expected unknown or one of: dog, bird$"):
        check_labels(rules, ("dog", "bird"))
    with pytest.raises(UserError, match=r"0, 1, 2, 3, 4, 5, 6, 7, 8, 9 …$"):
        check_labels(rules, tuple(map(str, range(1000))))
