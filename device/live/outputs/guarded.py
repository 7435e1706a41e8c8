"""Isolates failures: an output that raises, or whose thread dies, ends neither the loop nor other outputs."""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from device import addresses, command
from device.live.interfaces.output import Output
from device.live.interfaces.results import FrameResult, Status
from device.live.interfaces.worker import ThreadEndedError, reason

if TYPE_CHECKING:
    from device.model.card import Card

# The pause after an output failed or its thread was restarted.
RETRY_S = 60.0


class Guarded(Output):
    """An output whose failures are reported once; its results are dropped and it is tried again every minute.

    name: the option's, for the status and stderr. failures: so far, including dead threads.
    """

    def __init__(self, name: str, output: Output) -> None:
        self.name, self.output = name, output
        self.failures = 0
        self.is_failing = False
        self._begun_at = -inf
        self._retry_at = -inf
        self._dropped = 0
        self._missed: Status | None = None
        self._said: str | None = None

    def show(self, result: FrameResult) -> None:
        if self._is_resting():
            self._dropped += 1
            return
        if self._missed is not None:
            missed, self._missed = self._missed, None
            self._attempt(self.output.status, missed)
        if self._attempt(self.output.show, result) and self.is_failing:
            self._recover()

    def status(self, status: Status) -> None:
        """While it fails, keeps the newest status for the next try."""
        if self.is_failing or not self._attempt(self.output.status, status):
            self._missed = status

    def tick(self) -> None:
        """Restarts a dead thread, at once and then at most once per minute."""
        if not self._is_resting():
            self._attempt(self.output.tick)

    def ready(self) -> None:
        self._attempt(self.output.ready)

    def reloading(self) -> None:
        self._attempt(self.output.reloading)

    def model_changed(self, card: "Card") -> None:
        self._attempt(self.output.model_changed, card)

    def close(self) -> None:
        try:
            self.output.close()
        except Exception as error:
            if not self.is_failing:
                self._say(f"closing it failed ({reason(error)})")

    def _is_resting(self) -> bool:
        return self.is_failing and monotonic() < self._retry_at

    def _attempt(self, call: Callable[..., None], *given: Any) -> bool:
        """Whether the call succeeded."""
        try:
            call(*given)
        except ThreadEndedError as ended:
            self._revive(ended)
            return False
        except Exception as error:
            if self.output.ends_with_reader and isinstance(error, BrokenPipeError):
                raise
            self._fail(f"{reason(error)}; skipped, and tried again every minute")
            return False
        return True

    def _revive(self, ended: ThreadEndedError) -> None:
        now = monotonic()
        if now - self._begun_at < RETRY_S:
            self.is_failing, self._retry_at = True, self._begun_at + RETRY_S
            return
        if now - self._begun_at > 60 * RETRY_S:  # repeat the message after an hour
            self._said = None
        self._begun_at = now
        self._fail(f"{ended}; restarted")
        if self._attempt(self.output.begin):
            self.is_failing = False

    def _fail(self, what: str) -> None:
        self.failures += 1
        self.is_failing = True
        self._retry_at = monotonic() + RETRY_S
        if what != self._said:
            self._said = what
            self._say(what)

    def _recover(self) -> None:
        self._say(f"it works again; {self._dropped} results were dropped")
        self.is_failing, self._dropped, self._said = False, 0, None

    def _say(self, what: str) -> None:
        command.say(addresses.without_secrets(f"note: {self.name}: {what}"))
