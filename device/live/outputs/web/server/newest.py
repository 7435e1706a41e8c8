"""What was said last, handed from the live loop's thread to the web server's: one reading, never a queue of them."""

import asyncio
from collections import deque
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

from device.live.interfaces.readings import Reading, Status
from device.model.card import Card

CHANGES = 100


@dataclass(frozen=True)
class Change:
    """Another label than before: the reading's number, its time in seconds since 1970, and the score then."""

    number: int
    time: float
    label: str
    score: float

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "time": round(self.time, 3),
            "label": self.label,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True)
class Moment:
    """All that is known at one time.

    revision: grows with everything that is new. answered: when the reading came, in seconds of time.monotonic().
    """

    revision: int
    card: Card
    status: Status | None = None
    reading: Reading | None = None
    answered: float | None = None
    changes: tuple[Change, ...] = ()


class Newest:
    """Keeps the newest moment. Any thread writes without waiting; the server's loop looks, or waits for news.

    Who is slow finds the newest again when it looks next, and has missed what was between. Only label changes are
    kept, the last hundred.
    """

    def __init__(self, card: Card) -> None:
        self._lock = Lock()
        self._card = card
        self._revision = 0
        self._status: Status | None = None
        self._reading: Reading | None = None
        self._answered: float | None = None
        self._changes: deque[Change] = deque(maxlen=CHANGES)
        self._waiting: set[asyncio.Future[None]] = set()

    def show(self, reading: Reading) -> None:
        with self._lock:
            self._reading, self._answered = reading, monotonic()
            if reading.changed or not self._changes:
                self._changes.append(Change(reading.number, reading.time, reading.label, reading.score))
            self._announce()

    def status(self, status: Status) -> None:
        with self._lock:
            self._status = status
            self._announce()

    def show_card(self, card: Card) -> None:
        """Of the model that answers from now on."""
        with self._lock:
            self._card = card
            self._announce()

    def moment(self) -> Moment:
        with self._lock:
            return Moment(self._revision, self._card, self._status, self._reading, self._answered, tuple(self._changes))

    async def after(self, revision: int, timeout_s: float) -> Moment:
        """The first moment newer than `revision`; the same one again when nothing came in time."""
        woken = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._revision == revision:
                self._waiting.add(woken)
            else:
                woken.set_result(None)
        try:
            async with asyncio.timeout(timeout_s):
                await woken
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.discard(woken)
        return self.moment()

    def _announce(self) -> None:
        """Wakes who waits, with one call into their loop; the lock is held."""
        self._revision += 1
        if self._waiting:
            waiting, self._waiting = self._waiting, set()
            loop = next(iter(waiting)).get_loop()
            loop.call_soon_threadsafe(_wake, waiting)


def _wake(waiting: set[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
