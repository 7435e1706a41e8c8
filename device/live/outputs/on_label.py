"""`--on-label LABEL:SECONDS COMMAND`: runs a command when a label has held that long; a light, a sound, a log.

COMMAND is one argument, split into words as a shell would (quotes, backslashes) and run without a shell: no variables,
no pipes, no injection. The command gets FRAMELITE_LABEL, FRAMELITE_SCORE and FRAMELITE_HELD_S in its environment and an
empty stdin; its output goes to this program's stderr, because stdout belongs to --jsonl.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite, nan
from threading import Thread
from time import monotonic

from device import command, text
from device.declared import Limits, option
from device.errors import UserError
from device.live.interfaces.holding import Holding
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.results import FrameResult, Status
from device.live.interfaces.worker import reason

# At the end: the time from SIGTERM to SIGKILL, and the wait after that.
TERMINATED_S, KILLED_S = 0.3, 0.1
# Variables for this process only, besides its options' secrets: systemd's credentials and notifications.
OF_SYSTEMD = frozenset({"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
# The default of --on-label-limit.
LIMIT_S = 60.0
# A recurring message is repeated after so long.
AGAIN_S = 3600.0
# Errors name so many labels.
NAMED_LABELS = 10


@dataclass(frozen=True)
class OnLabelOptions(OutputOptions):
    on_label: tuple[list[str], ...] = option(
        (),
        "when LABEL has held so long; COMMAND is one argument, run without a shell; repeatable",
        metavar=("LABEL:SECONDS", "COMMAND"),
        words=2,
    )
    on_label_limit: float | None = option(
        None,
        f"end a COMMAND that runs longer, with its children (default {LIMIT_S:g})",
        limits=Limits(0, 3600, above=True),
        metavar="SECONDS",
    )

    name, title, switch = "on-label", "commands", "on_label"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rules()

    def rules(self) -> "tuple[Rule, ...]":
        """UserError for invalid rules."""
        limit_s = LIMIT_S if self.on_label_limit is None else self.on_label_limit
        return tuple(parse(held, words, limit_s) for held, words in self.on_label)

    def check_labels(self, labels: Sequence[str]) -> None:
        check_labels(self.rules(), labels)

    def open(self, around: Surroundings) -> Output | None:
        return OnLabel(self.rules(), around.private) if self.on_label else None


@dataclass(frozen=True)
class Rule:
    """When `label` has held for `seconds`, run the words of `command`, for at most `limit_s` seconds.

    UserError for an invalid rule.
    """

    label: str
    seconds: float
    command: tuple[str, ...]
    limit_s: float = LIMIT_S

    def __post_init__(self) -> None:
        if not self.label or not isfinite(self.seconds) or self.seconds < 0:
            raise UserError(f"{self}: expected LABEL:SECONDS, such as cat:2.5, with at least 0 seconds")
        if not self.command:
            raise UserError(f"{self}: no command; expected one argument, such as 'aplay bell.wav'")
        if shutil.which(self.command[0]) is None:
            raise UserError(f"{self}: there is no command {self.command[0]!r}; expected an executable program")

    def __str__(self) -> str:
        return f"--on-label {self.label}:{self.seconds:g}"


def parse(label_seconds: str, command_line: str, limit_s: float = LIMIT_S) -> Rule:
    """A rule from the command line; the last colon separates, so labels may contain colons. UserError if invalid."""
    label, _, seconds = label_seconds.rpartition(":")
    try:
        words = tuple(shlex.split(command_line))
    except ValueError as error:
        raise UserError(
            f"--on-label {label_seconds}: {command_line!r}: {str(error).lower()}; close the quotation"
        ) from None
    try:
        number = float(seconds)
    except ValueError:
        number = nan
    if not label or not isfinite(number):
        raise UserError(f"--on-label {label_seconds}: expected LABEL:SECONDS, such as cat:2.5")
    return Rule(label, number, words, limit_s)


def check_labels(rules: Iterable[Rule], labels: Sequence[str]) -> None:
    """UserError for a rule whose label the model doesn't have; every model may give 'unknown'."""
    from device.model.confidence import UNKNOWN

    for rule in rules:
        if rule.label not in {*labels, UNKNOWN}:
            known = text.some(labels, NAMED_LABELS)
            raise UserError(f"{rule}: the model has no label {rule.label!r}; expected {UNKNOWN} or one of: {known}")


class OnLabel(Output):
    """Runs the rules' commands. The times of captures, or the positions in a video, tell how long a label has held: a
    video may run faster than real time.

    A command runs once while a label holds, and again after the label changed, returned and held again. Nothing holds
    while the source is lost. A command that is still running is not started a second time; one that exceeds its limit
    is ended, so that it can't block its rule forever.

    private: environment variables to hide from commands, besides systemd's.
    """

    def __init__(self, rules: Sequence[Rule], private: frozenset[str] = frozenset()) -> None:
        self._runners = [Runner(rule, private | OF_SYSTEMD) for rule in rules]
        self._holding = Holding()
        self._label: str | None = None
        self._waiting: list[Runner] = []  # those of the current label that have not run yet

    def show(self, result: FrameResult) -> None:
        held_s = self._holding.seconds(result)
        if result.label != self._label:
            self._label = result.label
            self._waiting = [runner for runner in self._runners if runner.rule.label == result.label]
        due = [runner for runner in self._waiting if runner.rule.seconds <= held_s]
        if due:
            self._waiting = [runner for runner in self._waiting if runner not in due]
        for runner in due:
            runner.start(result, held_s)

    def status(self, status: Status) -> None:
        if not status.is_streaming:
            self._holding.forget()
            self._label, self._waiting = None, []

    def close(self) -> None:
        """Ends running commands and their children: SIGTERM, then SIGKILL."""
        running = [runner for runner in self._runners if runner.is_running]
        for number, patience_s in ((signal.SIGTERM, TERMINATED_S), (signal.SIGKILL, KILLED_S)):
            for runner in running:
                runner.end(number)
            deadline = monotonic() + patience_s
            for runner in running:
                runner.wait(deadline - monotonic())


class Runner:
    """The command of one rule; its own thread waits for the process to start and end."""

    def __init__(self, rule: Rule, private: frozenset[str]) -> None:
        self.rule, self._private = rule, private
        self._thread: Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = False
        self._said_at: dict[str, float] = {}

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, result: FrameResult, held_s: float) -> None:
        if self.is_running:
            self._say("is still running; not started a second time")
            return
        given = {
            "FRAMELITE_LABEL": result.label,
            "FRAMELITE_SCORE": f"{result.score:.4f}",
            "FRAMELITE_HELD_S": f"{held_s:.3f}",
        }
        self._thread = Thread(target=self._work, args=(given,), name="on-label", daemon=True)
        self._thread.start()

    def end(self, number: signal.Signals) -> None:
        """Signals the command and its children, and starts none any more."""
        self._is_ended = True
        self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        """To its process group."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # it has ended, or changed its user
                os.killpg(self._process.pid, number)

    def wait(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(max(0.0, seconds))

    def _work(self, given: dict[str, str]) -> None:
        """An unexpected error ends only this thread and the command; the rule stays active."""
        try:
            self._run(given)
        except BaseException as error:  # SystemExit too, which threading ignores
            self._signal(signal.SIGKILL)
            self._say(f"was ended: its thread failed ({reason(error)}); the rule stays active")
            if self._process is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(KILLED_S)

    def _run(self, given: dict[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in self._private}
        self._process = None
        try:
            self._process = subprocess.Popen(
                self.rule.command,
                stdin=subprocess.DEVNULL,
                stdout=_stderr(),
                stderr=_stderr(),
                env={**inherited, **given},
                start_new_session=True,
            )
        except OSError as error:
            command.say(f"note: {self.rule}: {self.rule.command[0]} can't be started ({error.strerror})")
            return
        if self._is_ended:  # while it was starting
            self.end(signal.SIGKILL)
        try:
            code = self._process.wait(self.rule.limit_s)
        except subprocess.TimeoutExpired:
            if not self._is_ended:
                self._say(f"ran for more than {self.rule.limit_s:g} s and was ended; --on-label-limit allows more")
            self._end_late(self._process)
            return
        if code and not self._is_ended:
            how = f"with exit code {code}" if code > 0 else f"by {_signal_name(-code)}"
            command.say(f"note: {self.rule}: {self.rule.command[0]} ended {how}")

    def _end_late(self, process: "subprocess.Popen[bytes]") -> None:
        """Ends the command and its children: SIGTERM, then SIGKILL. Waits for a process that can't be killed because
        the kernel waits for a device: a second one would hang there too."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TERMINATED_S)
        self._signal(signal.SIGKILL)
        process.wait()

    def _say(self, what: str) -> None:
        """Prints a message once, and once per hour while it recurs."""
        now = monotonic()
        if now - self._said_at.get(what, -AGAIN_S) >= AGAIN_S:
            self._said_at[what] = now
            command.say(f"note: {self.rule}: {self.rule.command[0]} {what}")


def _stderr() -> int:
    """The descriptor of the terminal or journal, which isn't 2 (device/command.py); DEVNULL if it is closed."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
