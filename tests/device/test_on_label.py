"""`--on-label`: real commands, run by results whose times the test says."""

import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.live.outputs import on_label
from device.live.outputs.on_label import OnLabel, Rule
from tests.device.commanding import Log, Read, finish, runners
from tests.device.feeding import LOST, STREAMING, functions, interrupt, wait_for

# When a command runs.


def test_it_runs_once_when_the_label_has_held(log: Log, read: Read) -> None:
    output = OnLabel([log.rule("cat", 2, "$FRAMELITE_LABEL $FRAMELITE_SCORE $FRAMELITE_HELD_S")])
    for captured in (100.0, 101.0, 101.99):
        output.show(read("cat", captured))
    assert not runners()
    result = read("cat", 102.25)
    for _ in range(3):
        output.show(result)
    finish(output)
    assert log.lines == [f"cat {result.score:.4f} 2.250"]


def test_it_runs_again_when_the_label_came_back_and_held_again(log: Log, read: Read) -> None:
    output = OnLabel([log.rule("cat", 2)])
    for label, captured in (("cat", 0), ("cat", 2), ("dog", 3), ("cat", 4), ("cat", 5), ("dog", 5.5), ("cat", 6)):
        output.show(read(label, captured))
        wait_for(lambda: not runners())
    assert log.lines == ["cat"]
    output.show(read("cat", 8))
    finish(output)
    assert log.lines == ["cat", "cat"]


def test_in_a_video_its_own_time_counts(log: Log, read: Read) -> None:
    """It may be answered ten times as fast as it was taken."""
    output = OnLabel([log.rule("cat", 2, "$FRAMELITE_HELD_S")])
    for number in range(30):
        result = read("cat", 100 + number / 1000)
        output.show(replace(result, frame=replace(result.frame, position=number / 10)))
    finish(output)
    assert log.lines == ["2.000"]


def test_several_rules_each_at_its_time(log: Log, read: Read) -> None:
    rules = [
        log.rule("cat", 2, "two"),
        log.rule("cat", 0, "zero"),
        log.rule("dog", 0, "dog"),
        log.rule("cat", 1, "one"),
    ]
    output = OnLabel(rules)
    expected: list[str] = []
    for captured, word in ((0.0, "zero"), (1.0, "one"), (2.0, "two")):
        output.show(read("cat", captured))
        wait_for(lambda: not runners())
        expected.append(word)
        assert log.lines == expected
    output.close()


def test_time_without_frames_does_not_count(log: Log, read: Read) -> None:
    output = OnLabel([log.rule("cat", 2)])
    output.show(read("cat", 0))
    output.status(LOST)
    output.status(STREAMING)
    output.show(read("cat", 10))
    output.show(read("cat", 11.9))
    assert not runners()
    output.status(STREAMING)  # another model, say: the label holds on
    output.show(read("cat", 12))
    finish(output)
    assert log.lines == ["cat"]


def test_a_command_that_still_runs_is_not_started_again(
    log: Log, read: Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "gate")
    output = OnLabel([Rule("cat", 0, ("sh", "-c", f"echo began >> {log.path}; read line < {tmp_path / 'gate'}"))])
    for captured in range(3):
        output.show(read("cat", 2 * captured))
        output.show(read("dog", 2 * captured + 1))
    wait_for(lambda: log.lines == ["began"])
    assert capsys.readouterr().err == "note: --on-label cat:0: sh is still running; not started a second time\n"
    (tmp_path / "gate").write_text("open\n")
    wait_for(lambda: not runners())
    output.show(read("cat", 10))
    wait_for(lambda: log.lines == ["began", "began"])
    output.close()


# The end.


@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 60",
        "trap '' TERM; while :; do sleep 1; done",
        "(trap '' TERM; echo $(exec sh -c 'echo $PPID') >> LOG; while :; do sleep 1; done) & wait",
    ],
)
def test_the_end_ends_commands(script: str, log: Log, read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    """One that ends when it is told to, one that doesn't, and one whose child doesn't."""
    started = f"echo $$ >> {log.path}; {script.replace('LOG', str(log.path))}"
    output = OnLabel([Rule("cat", 0, ("sh", "-c", started))])
    output.show(read("cat", 0))
    wait_for(lambda: len(log.lines) == 1 + ("LOG" in script))
    output.close()
    wait_for(lambda: not runners())  # and not 60 s
    wait_for(lambda: not any(is_running(int(process)) for process in log.lines))
    assert capsys.readouterr().err == ""


def is_running(process: int) -> bool:
    """Not so a zombie: a grandchild's is reaped by who runs the machine, sometimes late."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_end_while_a_command_is_being_started(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a disk that has to spin up first: the process comes when all were told to end."""
    begun, ended = threading.Event(), threading.Event()

    class Slow(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            begun.set()
            assert ended.wait(10)
            super().__init__(*words, **options)

    monkeypatch.setattr(subprocess, "Popen", Slow)
    output = OnLabel([Rule("cat", 0, ("sleep", "60"))])
    output.show(read("cat", 0))
    assert begun.wait(10)
    output.close()
    ended.set()
    wait_for(lambda: not runners())


def test_ctrl_c_is_not_the_commands(log: Log, read: Read) -> None:
    """A terminal sends it to every process of its session's group."""
    output = OnLabel([Rule("cat", 0, ("sh", "-c", f"echo $$ >> {log.path}; exec sleep 60"))])
    output.show(read("cat", 0))
    wait_for(lambda: log.lines)
    process = int(log.lines[0])
    assert os.getpgid(process) == process != os.getpgid(0)
    output.close()


# A command that takes too long.


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 60",
        "trap '' TERM; while :; do sleep 1; done",
        "(trap '' TERM; echo $(exec sh -c 'echo $PPID') >> LOG; while :; do sleep 1; done) & wait",
    ],
)
def test_a_command_that_hangs_is_ended_and_runs_again(
    script: str, log: Log, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it started; it is said once, and the rule stays active."""
    started = f"echo $$ >> {log.path}; {script.replace('LOG', str(log.path))}"
    output = OnLabel([Rule("cat", 0, ("sh", "-c", started), limit_s=0.2)])
    each = 1 + ("LOG" in script)
    for turn in (1, 2):
        output.show(read("cat", 2 * turn))
        wait_for(lambda: not runners())
        assert len(log.lines) == each * turn
        wait_for(lambda: not any(is_running(int(process)) for process in log.lines))
        output.show(read("dog", 2 * turn + 1))
    expected = "note: --on-label cat:0: sh ran for more than 0.2 s and was ended; --on-label-limit allows more\n"
    assert capsys.readouterr().err == expected
    output.close()


def test_what_keeps_happening_is_said_again_after_an_hour(
    read: Read, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of the test's own: nobody waits for an hour."""
    clock = [1e6]
    monkeypatch.setattr(on_label, "monotonic", lambda: clock[0])
    output = OnLabel([Rule("cat", 0, ("sleep", "60"))])
    said = []
    for passed in (0, 1, 2, 3601, 3602, 7200, 7203):
        clock[0] = 1e6 + passed
        output.show(read("cat", 2 * passed))
        output.show(read("dog", 2 * passed + 1))
        said.append(capsys.readouterr().err.count("is still running; not started a second time"))
    assert said == [0, 1, 0, 1, 0, 0, 1]
    output.close()


# Its thread dies.


def test_a_thread_that_dies_ends_its_command_and_not_its_rule(
    log: Log, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    output = OnLabel([Rule("cat", 0, ("sh", "-c", f"echo $$ >> {log.path}; exec sleep 60"))])
    output.show(read("cat", 0))
    wait_for(lambda: log.lines)
    (thread,) = runners()
    # The command may write while the thread still starts it, when nobody knows yet that it is there.
    wait_for(lambda: "_wait" in functions(thread))
    interrupt(thread)
    wait_for(lambda: not thread.is_alive() and not is_running(int(log.lines[0])))
    said = "note: --on-label cat:0: sh was ended: its thread failed (SystemExit); the rule stays active\n"
    assert capsys.readouterr().err == said
    output.show(read("dog", 1))
    output.show(read("cat", 2))
    wait_for(lambda: len(log.lines) == 2)
    output.close()


def test_a_command_that_no_process_can_be_given(log: Log, read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    """A label with a zero in it, which a card or a list may not have: no variable can hold it."""
    output = OnLabel([Rule("c\0t", 0, ("true",)), log.rule("cat", 0)])
    output.show(read("c\0t", 0))
    wait_for(lambda: not runners())
    output.show(read("cat", 1))
    finish(output)
    assert log.lines == ["cat"]
    reason = "its thread failed (ValueError: embedded null byte); the rule stays active"
    assert capsys.readouterr().err == f"note: --on-label c\\u0000t:0: true was ended: {reason}\n"
