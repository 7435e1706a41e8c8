"""The thread that reads a source: it preprocesses frames, keeps the newest, and reopens the source when it is lost.

So predictions are for current frames instead of those that a driver has buffered, and one frame is preprocessed while
the network runs on the previous one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from device import command
from device.errors import UserError
from device.images.images import Size
from device.live.interfaces.frames import STALL_S, Frame, Source, SourceLostError
from device.live.stillness import Stillness

Ready = TypeVar("Ready")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0
END_S = 0.5  # how long to wait at the end for a read that doesn't return


@dataclass(frozen=True)
class SourceState:
    """The state of the source.

    is_opened: it was opened at least once. dropped: frames that nobody took. unusable: frames that could not be
    decoded. lost: times it had to be reopened.
    """

    is_opened: bool = False
    is_streaming: bool = True
    message: str = ""
    dropped: int = 0
    unusable: int = 0
    lost: int = 0
    has_ended: bool = False
    error: str | None = None  # why it ended, unless that was the source's end


class Reader(Generic[Ready]):
    """Reads from `source` in its own thread, and hands over the result of `preprocess` for each frame.

    That thread calls `preprocess`, and opens the source, which may take long: if the first attempt fails, the reader
    ends, and `state.error` says why. It reopens a source that is lost later, forever, with pauses that grow to ten
    seconds.
    """

    def __init__(self, source: Source, preprocess: Callable[[Frame], Ready]) -> None:
        self._source, self._preprocess = source, preprocess
        self._condition = threading.Condition()
        self._stop, self._is_unfit = threading.Event(), threading.Event()
        self._slot: Ready | None = None
        self._state = SourceState()
        self._failure: Exception | None = None
        self._pause_s = FIRST_PAUSE_S  # before the next try to open a lost source; a frame resets it
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the thread, which closes the source; leaves it behind if a read doesn't return."""
        self._stop.set()
        with self._condition:
            self._condition.notify_all()
        self._source.cancel()
        self._thread.join(END_S)
        if self._thread.is_alive():
            command.left_behind(self._thread)

    @property
    def state(self) -> SourceState:
        with self._condition:
            return replace(self._state, unusable=self._source.unusable)

    def take(self, timeout_s: float) -> Ready | None:
        """The newest frame that was not taken yet; None after the timeout, or if the source has ended.

        Raises unexpected errors of the source or of `preprocess`.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._slot is not None or self._state.has_ended, timeout_s)
            if self._failure is not None:
                raise self._failure
            ready, self._slot = self._slot, None
            self._condition.notify_all()
        return ready

    def fit(self, target: Size) -> None:
        """Sets a new network size, and reopens a live source for it."""
        if self._source.is_live:
            self._source.fit(target)
            self._is_unfit.set()

    def _run(self) -> None:
        error = None
        try:
            self._read_on()
        except (SourceLostError, UserError) as reason:
            error = str(reason)
        except Exception as failure:
            self._failure = failure
        finally:
            self._source.close()
            self._change(is_streaming=False, has_ended=True, error=error)

    def _read_on(self) -> None:
        """Reads until the source ends or `stop`, and reopens it whenever it is lost."""
        self._source.open()
        self._change(is_opened=True)
        is_open = True
        while not self._stop.is_set():
            try:
                if not is_open:
                    self._is_unfit.clear()
                    self._source.open()
                    is_open = True
                    if self._source.may_wait:  # its next frame may be hours away
                        self._change(is_streaming=True, message="")
                self._stream()
                if not self._is_unfit.is_set():
                    return
                self._source.close()
                is_open = False
            except SourceLostError as error:
                if not self._source.is_live or self._stop.is_set():
                    raise
                self._source.close()
                is_open = False
                if self.state.is_streaming:  # it was there since the last loss
                    self._change(is_streaming=False, lost=self.state.lost + 1)
                self._change(message=str(error))
                self._stop.wait(self._pause_s)
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _stream(self) -> None:
        """Hands over frames until the source ends, must be reopened, or `stop`."""
        stillness = Stillness(self._source.name, STALL_S, self._source.stall_if_still)
        while not self._stop.is_set() and not self._is_unfit.is_set():
            frame = self._source.read()
            if frame is None:
                return
            if not self._source.is_live or stillness.is_new(frame):
                self._offer(self._preprocess(frame))

    def _offer(self, ready: Ready) -> None:
        with self._condition:
            if not self._source.newest_only:
                self._condition.wait_for(lambda: self._slot is None or self._stop.is_set())
            dropped = self._state.dropped + (self._slot is not None)
            self._slot, self._pause_s = ready, FIRST_PAUSE_S
            self._state = replace(self._state, is_streaming=True, message="", dropped=dropped)
            self._condition.notify_all()

    def _change(self, **changes: Any) -> None:
        with self._condition:
            self._state = replace(self._state, **changes)
            self._condition.notify_all()
