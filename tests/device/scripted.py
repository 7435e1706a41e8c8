"""A camera by hand, since none is here: what it plays, and what a reader takes of it."""

import time
from collections.abc import Callable, Iterator

import numpy as np

from device.images.images import Size
from device.live.interfaces.frames import Frame, Source, SourceLostError
from device.live.reader import Reader

LIMIT_S = 20.0
Play = int | tuple[int, float]


def image(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((4, 4, 3), number % 256, np.uint8)


class Script(Source):
    """A camera by hand, since none is here: each opening plays the next of `plays`, which raise, or yield images: a
    number, or one and the driver's time."""

    name = "script"

    def __init__(self, *plays: Callable[[], Iterator[Play]], is_live: bool = True, newest_only: bool = True) -> None:
        self.plays, self.is_live, self.newest_only = iter(plays), is_live, newest_only
        self.opened = self.closed = 0
        self.now: Iterator[Play] = iter(())
        self.target: Size | None = None

    def fit(self, target: Size) -> None:
        self.target = target

    def open(self) -> None:
        self.opened += 1
        self.now = next(self.plays, unplugged)()

    def close(self) -> None:
        self.closed += 1

    def read(self) -> Frame | None:
        play = next(self.now, None)
        number, driver_ms = play if isinstance(play, tuple) else (play, None)
        return None if number is None else Frame(image(number), driver_ms=driver_ms)


def unplugged() -> Iterator[int]:
    raise SourceLostError("unplugged")
    yield 0


def numbers(first: int, last: int) -> Callable[[], Iterator[int]]:
    return lambda: iter(range(first, last))


def then_lost(first: int, last: int) -> Callable[[], Iterator[int]]:
    def play() -> Iterator[int]:
        yield from range(first, last)
        raise SourceLostError("the cable is out")

    return play


def number_of(frame: Frame) -> int:
    return int(frame.image[0, 0, 0])


def taken(source: Script, until: Callable[[Reader[int]], bool]) -> list[int]:
    found = []
    with Reader(source, number_of) as running:
        deadline = time.monotonic() + LIMIT_S
        while not until(running):
            assert time.monotonic() < deadline
            number = running.take(0.05)
            if number is not None:
                found.append(number)
        if (last := running.take(0)) is not None:  # it came just before the end did
            found.append(last)
    return found
