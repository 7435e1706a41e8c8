"""The reader's thread: newest or every frame, lost and opened again, frozen images, an end without a thread left."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from device.live import reader
from device.live.interfaces import frames
from device.live.interfaces.frames import Frame, SourceLostError
from device.live.reader import Reader
from tests.device.feeding import wait_for
from tests.device.scripted import LIMIT_S, Play, Script, number_of, numbers, taken, then_lost, unplugged
from tests.limits import limits


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, reader, FIRST_PAUSE_S=0.01, LONGEST_PAUSE_S=0.05)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    wait_for(lambda: "frames" not in {thread.name for thread in threading.enumerate()})


def ended(running: Reader[int]) -> bool:
    return running.state.has_ended


def test_a_source_that_may_wait_is_back_once_it_is_open() -> None:
    """A folder on a disk that was unplugged: no file need arrive for it to be well again."""
    is_over = threading.Event()

    def silent() -> Iterator[int]:
        is_over.wait(LIMIT_S)
        yield from ()

    source = Script(then_lost(0, 1), unplugged, silent)
    source.may_wait, source.cancel = True, is_over.set  # type: ignore[method-assign]
    with Reader(source, number_of) as running:
        wait_for(lambda: running.state.lost == 1)
        wait_for(lambda: running.state.is_streaming and not running.state.message)
        assert (source.opened, running.take(0), running.take(0)) == (3, 0, None)
    assert source.closed == 3


def test_every_frame_waits_where_every_frame_counts() -> None:
    source = Script(numbers(0, 200), is_live=False, newest_only=False)
    with Reader(source, number_of) as running:
        time.sleep(0.05)
        found = []
        while (number := running.take(LIMIT_S)) is not None:
            found.append(number)
        assert running.state.has_ended and running.state.error is None and running.state.dropped == 0
    assert found == list(range(200))


def test_the_newest_is_taken_and_the_others_are_counted() -> None:
    """All 100 have come before the first is asked for."""
    with Reader(Script(numbers(0, 100)), number_of) as running:
        deadline = time.monotonic() + LIMIT_S
        while not running.state.has_ended and time.monotonic() < deadline:
            time.sleep(0.01)
        assert running.take(0) == 99
        assert running.state.dropped == 99
        assert running.take(0) is None


def test_a_lost_source_is_opened_again_and_again() -> None:
    source = Script(then_lost(0, 3), unplugged, unplugged, then_lost(10, 12), numbers(20, 22))
    messages = []

    def until(running: Reader[int]) -> bool:
        messages.append(running.state.message)
        return ended(running)

    found = taken(source, until)
    assert found[-1] == 21 and set(found) <= {0, 1, 2, 10, 11, 20, 21}
    assert source.opened == 5
    assert {"", "the cable is out", "unplugged"} >= set(messages)


def test_what_is_live_is_opened_anew_for_an_input_of_another_size() -> None:
    """And is neither lost nor waited for; a film would begin again, so it goes on."""
    for is_live, last in ((True, 20), (False, 4)):
        go_on = threading.Event()

        def first(go_on: threading.Event = go_on) -> Iterator[int]:
            yield 1
            yield 2
            go_on.wait(LIMIT_S)
            yield 3
            yield 4

        source = Script(first, numbers(20, 21), is_live=is_live, newest_only=is_live)
        with Reader(source, number_of) as running:
            while running.take(LIMIT_S) != 2:
                continue
            running.fit((96, 96))
            go_on.set()
            found = [number for _ in range(20) if (number := running.take(0.05)) is not None]
            assert (found[-1], running.state.lost, running.state.error) == (last, 0, None)
        assert source.target == ((96, 96) if is_live else None)
        assert source.opened == 1 + is_live


def test_losses_are_counted_once_each() -> None:
    source = Script(then_lost(0, 3), unplugged, unplugged, then_lost(10, 12), numbers(20, 22))
    with Reader(source, number_of) as running:
        deadline = time.monotonic() + LIMIT_S
        while not running.state.has_ended and time.monotonic() < deadline:
            time.sleep(0.01)
        assert running.state.lost == 2


def test_pauses_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, reader, FIRST_PAUSE_S=0.02, LONGEST_PAUSE_S=0.08)
    opened: list[float] = []

    class Timed(Script):
        def open(self) -> None:
            opened.append(time.monotonic())
            super().open()

    taken(Timed(*[unplugged] * 6, numbers(0, 1)), ended)
    waits = np.diff(opened)
    assert all(wait >= least for wait, least in zip(waits, (0.02, 0.04, 0.08, 0.08, 0.08, 0.08), strict=True))


def unchanged(seconds: float, stamps: Iterator[float] | None = None) -> Callable[[], Iterator[Play]]:
    """The same image for so long."""

    def play() -> Iterator[Play]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.005)
            yield 7 if stamps is None else (7, next(stamps))

    return play


def seen(source: Script) -> tuple[list[int], list[str], int]:
    """(what was answered, what was said on the way, how often the source was lost), until the end."""
    states = []

    def until(running: Reader[int]) -> bool:
        states.append(running.state)
        return ended(running)

    found = taken(source, until)
    return found, [state.message for state in states], states[-1].lost


@pytest.mark.long
@pytest.mark.parametrize("stamps", [None, itertools.count(1.0)])
def test_a_covered_lens_is_a_stream(stamps: Iterator[float] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is the same to the byte, and newly received or newly stamped: each is answered."""
    limits(monkeypatch, reader, STALL_S=0.1)
    source = Script(unchanged(0.6, stamps))
    found, _, lost = seen(source)
    assert found.count(7) > 5
    assert (lost, source.opened) == (0, 1)


def test_a_driver_that_repeats_its_last_frame_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own time, no new one came: it is answered once and opened again."""
    limits(monkeypatch, reader, STALL_S=0.2)
    limits(monkeypatch, reader, FIRST_PAUSE_S=0.5)  # time to see what is said meanwhile
    found, said, lost = seen(Script(unchanged(LIMIT_S, itertools.repeat(40.0)), numbers(20, 22)))
    assert found.count(7) == 1 and found[-1] == 21
    assert any("0.2 s: it hangs" in message for message in said) and lost == 1


def test_a_driver_whose_time_stands_still_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, reader, STALL_S=0.1)

    def play() -> Iterator[Play]:
        yield 1, 40.0
        yield 2, 40.0
        yield from unchanged(0.5, itertools.repeat(40.0))()

    found, _, lost = seen(Script(play))
    assert found.count(7) > 5 and lost == 0


@pytest.mark.long
@pytest.mark.parametrize("stamps", [None, itertools.count(1.0)])
def test_who_wants_it_has_a_still_image_opened_again(
    stamps: Iterator[float] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, reader, FIRST_PAUSE_S=0.5)
    source = Script(unchanged(LIMIT_S, stamps), numbers(20, 22))
    source.stall_if_still = 0.3
    found, said, lost = seen(source)
    assert found.count(7) > 5 and found[-1] == 21
    assert any("0.3 s" in message for message in said) and lost == 1


def test_a_file_may_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, reader, STALL_S=0.0)
    found = taken(Script(lambda: iter([5, 5, 5]), is_live=False, newest_only=False), ended)
    assert found == [5, 5, 5]


def test_what_can_not_be_opened_at_first_is_an_error() -> None:
    class Closed(Script):
        def open(self) -> None:
            raise SourceLostError("there is no camera /dev/video7")

    source = Closed(numbers(0, 1))
    with Reader(source, number_of) as running:
        assert running.take(LIMIT_S) is None
        assert running.state.has_ended and not running.state.is_opened
        assert running.state.error == "there is no camera /dev/video7"
    assert source.opened == 0, "it isn't tried again"


def test_the_end_does_not_wait_for_a_source_that_is_being_opened() -> None:
    """As a camera on the network that doesn't answer: it takes its time, and the end comes meanwhile."""
    answered = threading.Event()

    class Slow(Script):
        def open(self) -> None:
            answered.wait(LIMIT_S)
            super().open()

    source = Slow(numbers(0, 100))
    with Reader(source, number_of) as running:
        assert running.take(0.05) is None
        assert not (running.state.is_opened or running.state.has_ended)
    assert source.opened == 0
    answered.set()
    deadline = time.monotonic() + LIMIT_S
    while not running.state.has_ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert source.closed == 1 and running.take(0) is None


def test_what_nobody_foresaw_is_raised_where_frames_are_taken() -> None:
    def break_(frame: Frame) -> int:
        raise ZeroDivisionError

    source = Script(numbers(0, 3))
    with Reader(source, break_) as running, pytest.raises(ZeroDivisionError):
        running.take(LIMIT_S)
    assert source.closed == 1


def test_a_file_that_breaks_off_ends_with_the_reason() -> None:
    source = Script(then_lost(0, 3), is_live=False, newest_only=False)
    with Reader(source, number_of) as running:
        assert [running.take(LIMIT_S) for _ in range(4)] == [0, 1, 2, None]
        assert running.state.error == "the cable is out"
    assert source.opened == source.closed == 1


def test_it_ends_while_a_source_is_lost_and_while_nobody_takes() -> None:
    start = time.monotonic()
    with Reader(Script(then_lost(0, 1)), number_of):
        time.sleep(0.05)
    with Reader(Script(numbers(0, 10), is_live=False, newest_only=False), number_of):
        time.sleep(0.05)
    assert time.monotonic() - start < frames.STALL_S
