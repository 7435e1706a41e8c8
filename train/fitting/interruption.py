"""Ctrl-C while Keras trains: takes effect between two batches."""

import signal
import threading
from types import FrameType, TracebackType

import keras


class Interruption(keras.callbacks.Callback):  # type: ignore[misc]
    """The first Ctrl-C waits for the end of the current batch, a second one doesn't.

    Python raises KeyboardInterrupt wherever the main thread is. Inside a call that TensorFlow's C++ made, or in a
    __del__, it is printed as ignored and lost, and the training goes on (seen once in 60 tries).
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_asked = False
        self._before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> "Interruption":
        # Not if the shell ignores Ctrl-C (nohup, &), nor in a thread, which gets no signals.
        if callable(self._before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, self._before)
        if kind is None:
            self._obey()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._is_asked = True
        signal.signal(signal.SIGINT, self._before)

    def _obey(self) -> None:
        if self._is_asked:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._obey()

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._obey()
