"""Threads of outputs, and what ended them."""

from collections.abc import Callable
from threading import Thread

from device import text


class ThreadEndedError(Exception):
    """An output's thread has died; `failure` is what ended it, None where that isn't known."""

    def __init__(self, failure: BaseException | None) -> None:
        super().__init__(f"its thread ended ({'no reason is known' if failure is None else reason(failure)})")


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

    def check(self) -> None:
        """Raises ThreadEndedError where it has ended."""
        if not self.is_alive():
            raise ThreadEndedError(self.failure)


def reason(error: BaseException) -> str:
    """What failed, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"{type(error).__name__}: {text.one_line(error)}" if str(error) else type(error).__name__
