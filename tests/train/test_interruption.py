"""Ctrl-C while Keras trains: never lost, obeyed between two batches, at once the second time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from train.fitting.interruption import Interruption

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """What a shell starts behind an & has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "it is as it was"
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def interruption() -> "Interruption":
    from train.fitting.interruption import Interruption  # brings Keras

    return Interruption()


class Dropped:
    """Ctrl-C comes in the one place where Python can't raise it."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


class Steps:
    """Presses Ctrl-C so often in the second batch; counts what came to its end."""

    def __init__(self, times: int) -> None:
        self.times, self.begun, self.ended = times, 0, 0

    def begin(self, batch: int, logs: object) -> None:
        self.begun += 1
        if self.begun == 2:
            Dropped()
            for _ in range(self.times - 1):
                signal.raise_signal(signal.SIGINT)

    def end(self, batch: int, logs: object) -> None:
        self.ended += 1


@pytest.mark.parametrize(("times", "ended"), [(1, 2), (2, 1)])
def test_it_is_obeyed(times: int, ended: int, interruption: "Interruption") -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    steps = Steps(times)
    told = keras.callbacks.LambdaCallback(on_train_batch_begin=steps.begin, on_train_batch_end=steps.end)
    with pytest.raises(KeyboardInterrupt), interruption:
        model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=1, verbose=0, callbacks=[told, interruption])
    assert (steps.begun, steps.ended) == (2, ended)


def test_in_the_very_last_moment(interruption: "Interruption") -> None:
    with pytest.raises(KeyboardInterrupt), interruption:
        signal.raise_signal(signal.SIGINT)


def test_where_it_is_ignored_it_stays_so() -> None:
    from train.fitting.interruption import Interruption

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_process_ends_without_waiting_for_threads() -> None:
    """One that would go on for a minute, as a loader may."""
    code = """
import threading, time
from device import command
def main():
    threading.Thread(target=time.sleep, args=(600,)).start()
    print("before")
    raise KeyboardInterrupt
command.run(main, leaves_threads=True)
"""
    words = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (130, "before\n", "interrupted\n")
