"""Threads of outputs, and the errors that ended them."""

from collections.abc import Callable
from threading import Thread

from device import text


class ThreadEndedError(Exception):
    """An output's thread has died. failure: the error that ended it; None if unknown."""

    def __init__(self, failure: BaseException | None) -> None:
        super().__init__(f"its thread ended ({'for an unknown reason' if failure is None else reason(failure)})")


class Worker(Thread):
    """A daemon that keeps the error that ended it, so that the loop prints one line instead of a traceback."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as failure:  # SystemExit too: uvicorn uses it
            self.failure = failure

    def check(self) -> None:
        """Raises ThreadEndedError if it has ended."""
        if not self.is_alive():
            raise ThreadEndedError(self.failure)


def reason(error: BaseException) -> str:
    """The error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {text.one_line(error)}" if str(error) else type(error).__name__
