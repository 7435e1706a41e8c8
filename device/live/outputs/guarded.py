"""One failure is one failure: an output that raises, or whose thread dies, ends neither the loop nor other outputs."""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from device import addresses, command
from device.live.interfaces.output import Output
from device.live.interfaces.readings import Reading, Status
from device.live.interfaces.worker import ThreadEndedError, reason

if TYPE_CHECKING:
    from device.model.card import Card

# An output that failed is left alone for so long, and so is a thread that was begun anew.
RETRY_S = 60.0


class Guarded(Output):
    """An output whose failures are its own: said once, its readings dropped, tried again each minute.

    name: the option's, as it is told in the status and on stderr. failures: so far, dead threads among them.
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

    def tick(self) -> None:
        """A thread that died is begun anew, at once, and then at most once a minute."""
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
                self._say(f"it could not be closed well ({reason(error)})")

    def _is_resting(self) -> bool:
        return self.is_failing and monotonic() < self._retry_at

    def _attempt(self, call: Callable[..., None], *given: Any) -> bool:
        """Whether it went well."""
        try:
            call(*given)
        except ThreadEndedError as ended:
            self._revive(ended)
            return False
        except Exception as error:
            if self.output.ends_with_reader and isinstance(error, BrokenPipeError):
                raise
            self._fail(f"{reason(error)}; it is left out, and tried again each minute")
            return False
        return True

    def _revive(self, ended: ThreadEndedError) -> None:
        now = monotonic()
        if now - self._begun_at < RETRY_S:
            self.is_failing, self._retry_at = True, self._begun_at + RETRY_S
            return
        if now - self._begun_at > 60 * RETRY_S:  # the same is news after an hour
            self._said = None
        self._begun_at = now
        self._fail(f"{ended}; begun anew")
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
        self._say(f"it works again; {self._dropped} answers were dropped")
        self.is_failing, self._dropped, self._said = False, 0, None

    def _say(self, what: str) -> None:
        command.say(addresses.without_secrets(f"note: {self.name}: {what}"))
