"""Hands the newest result from the live loop's thread to the web server's: one result, never a queue."""

import asyncio
from collections import deque
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

from device.live.interfaces.results import FrameResult, Status
from device.model.card import Card

CHANGES = 100


@dataclass(frozen=True)
class Change:
    """A change of label: the result's number, its time in seconds since 1970, and its score."""

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

    revision: grows with every change. shown_at: when the result came, in seconds of time.monotonic().
    """

    revision: int
    card: Card
    status: Status | None = None
    result: FrameResult | None = None
    shown_at: float | None = None
    changes: tuple[Change, ...] = ()


class Newest:
    """Keeps the newest moment. Any thread writes without waiting; the server's loop reads, or waits for news.

    A slow reader gets the newest next time, and misses those in between. Only the last hundred changes of label are
    kept.
    """

    def __init__(self, card: Card) -> None:
        self._lock = Lock()
        self._card = card
        self._revision = 0
        self._status: Status | None = None
        self._result: FrameResult | None = None
        self._shown_at: float | None = None
        self._changes: deque[Change] = deque(maxlen=CHANGES)
        self._waiting: set[asyncio.Future[None]] = set()

    def show(self, result: FrameResult) -> None:
        with self._lock:
            self._result, self._shown_at = result, monotonic()
            if result.changed or not self._changes:
                self._changes.append(Change(result.number, result.time, result.label, result.score))
            self._announce()

    def status(self, status: Status) -> None:
        with self._lock:
            self._status = status
            self._announce()

    def show_card(self, card: Card) -> None:
        """Sets the card of the model in use."""
        with self._lock:
            self._card = card
            self._announce()

    def moment(self) -> Moment:
        with self._lock:
            return Moment(self._revision, self._card, self._status, self._result, self._shown_at, tuple(self._changes))

    async def after(self, revision: int, timeout_s: float) -> Moment:
        """The first moment newer than `revision`; the same one again after the timeout."""
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
        """Wakes waiting readers, with one call into their loop. Call with the lock."""
        self._revision += 1
        if self._waiting:
            waiting, self._waiting = self._waiting, set()
            loop = next(iter(waiting)).get_loop()
            loop.call_soon_threadsafe(_wake, waiting)


def _wake(waiting: set[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
