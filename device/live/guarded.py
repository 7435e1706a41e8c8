"""One failure is one failure: an output that raises, or whose thread dies, ends neither the loop nor other outputs."""

from collections.abc import Callable
from math import inf
from threading import Thread
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from device import addresses, command, text
from device.live.readings import Output, Reading, Status

# An output that failed is left alone for so long, and so is a thread that was begun anew.
RETRY_S = 60.0


class Worker(Thread):
    """A daemon that keeps what ended it: that is said in one line, by the loop, and not as a traceback."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as failure:  # SystemExit too, by which uvicorn ends
            self.failure = failure


@runtime_checkable
class Threaded(Protocol):
    """An output with a thread of its own, which ends only when the output is closed."""

    @property
    def thread(self) -> Worker: ...

    def begin(self) -> None:
        """Another thread in the place of one that died, with all that is known."""


class Guarded:
    """An output whose failures are its own: said once, its readings dropped, tried again each minute.

    name: the option's, as it is told in the status and on stderr. failures: so far, dead threads among them.
    ends_with_reader: it writes where a reader may go (`| head`), and that ends the program as it does for every
    command. look: what the output itself has to do at every turn of the loop.
    """

    def __init__(
        self, name: str, output: Output, ends_with_reader: bool = False, look: Callable[[], None] | None = None
    ) -> None:
        self.name, self.output = name, output
        self.failures = 0
        self.is_failing = False
        self._ends_with_reader, self._look = ends_with_reader, look
        self._threaded = output if isinstance(output, Threaded) else None
        self._begun_at = -inf
        self._retry_at = -inf
        self._dropped = 0
        self._missed: Status | None = None
        self._said: str | None = None

    def show(self, reading: Reading) -> None:
        if self._is_resting():
            self._dropped += 1
            return
        if self._missed is not None:
            missed, self._missed = self._missed, None
            self._attempt(self.output.status, missed)
        if self._attempt(self.output.show, reading) and self.is_failing:
            self._recover()

    def status(self, status: Status) -> None:
        """Where it fails, the newest one is told when it is tried again."""
        if self.is_failing or not self._attempt(self.output.status, status):
            self._missed = status

    def look(self) -> None:
        """At every turn of the loop: a thread that died is begun anew, at once, and then at most once a minute."""
        if self._threaded is not None and not self._threaded.thread.is_alive():
            self._revive(self._threaded)
        elif self._look is not None and not self.is_failing:
            self._attempt(self._look)

    def close(self) -> None:
        try:
            self.output.close()
        except Exception as error:
            if not self.is_failing:
                self._say(f"it could not be closed well ({reason(error)})")

    def _is_resting(self) -> bool:
        return self.is_failing and monotonic() < self._retry_at

    def _attempt(self, call: Callable[..., None], *given: Any) -> bool:
        """Whether it went well."""
        try:
            call(*given)
        except Exception as error:
            if self._ends_with_reader and isinstance(error, BrokenPipeError):
                raise
            self._fail(f"{reason(error)}; it is left out, and tried again each minute")
            return False
        return True

    def _revive(self, threaded: Threaded) -> None:
        now = monotonic()
        if now - self._begun_at < RETRY_S:
            self.is_failing, self._retry_at = True, self._begun_at + RETRY_S
            return
        if now - self._begun_at > 60 * RETRY_S:  # the same is news after an hour
            self._said = None
        failure = threaded.thread.failure
        self._begun_at = now
        self._fail(f"its thread ended ({'no reason is known' if failure is None else reason(failure)}); begun anew")
        if self._attempt(threaded.begin):
            self.is_failing = False

    def _fail(self, what: str) -> None:
        self.failures += 1
        self.is_failing = True
        self._retry_at = monotonic() + RETRY_S
        if what != self._said:
            self._said = what
            self._say(what)

    def _recover(self) -> None:
        self._say(f"it works again; {self._dropped} answers were dropped")
        self.is_failing, self._dropped, self._said = False, 0, None

    def _say(self, what: str) -> None:
        command.say(addresses.without_secrets(f"note: {self.name}: {what}"))


def reason(error: BaseException) -> str:
    """What failed, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {text.one_line(error)}" if str(error) else type(error).__name__
