"""Many items through classifiers in threads: order, memory, errors, and an end that comes early."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from device.inference import ordered
from device.inference.classifier import Classifier
from tests import drawing
from tests.conftest import model


def make() -> Classifier:
    return Classifier(model("int8"))


def test_answers_come_in_order_whatever_each_takes() -> None:
    """The first item of each pair ends only when the second has: out of order where order isn't kept."""
    ended = [threading.Event() for _ in range(10)]

    def work(classifier: Classifier, item: int) -> int:
        if item % 2 == 0:
            assert ended[item + 1].wait(30)
        ended[item].set()
        return item

    assert list(ordered.in_order(work, range(10), make, 2)) == list(range(10))


def test_all_workers_work_at_once_with_a_classifier_each() -> None:
    together = threading.Barrier(3, timeout=30)
    lock = threading.Lock()
    used: dict[str, set[int]] = {}

    def work(classifier: Classifier, item: int) -> float:
        together.wait()  # breaks unless three are here
        with lock:
            used.setdefault(threading.current_thread().name, set()).add(id(classifier))
        return float(classifier.classify(drawing.shape("square", np.random.default_rng(item))).scores[1])

    assert min(ordered.in_order(work, range(9), make, 3)) > 0.5
    assert sorted(used) == ["classify_0", "classify_1", "classify_2"]
    assert all(len(ids) == 1 for ids in used.values())
    assert len(set.union(*used.values())) == 3


def test_few_items_are_under_way_however_many_there_are() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 10_000:
            taken += 1
            yield taken

    stream = ordered.in_order(lambda classifier, item: item, items(), make, 2)
    for expected in range(1, 20):
        assert next(stream) == expected
        assert taken <= expected + 8
    stream.close()  # type: ignore[attr-defined]


def test_an_exception_comes_up_where_its_result_would_have() -> None:
    def work(classifier: Classifier, item: int) -> int:
        return 100 // (item - 3)

    stream = ordered.in_order(work, range(1000), make, 2)
    assert [next(stream) for _ in range(3)] == [-34, -50, -100]
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert not any(thread.name.startswith("classify") for thread in threading.enumerate())


def test_an_exception_while_a_classifier_is_made() -> None:
    def broken() -> Classifier:
        raise OSError("no such model any more")

    with pytest.raises(OSError, match="no such model any more"):
        list(ordered.in_order(lambda classifier, item: item, range(3), broken, 2))


def test_nothing_more_is_begun_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items are being worked on and six wait when the stream is closed: those are never begun."""
    begun: list[int] = []
    busy, go_on = threading.Semaphore(0), threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *words: Any, **options: Any) -> None:
            """By now those that wait must have been told not to begin."""
            go_on.set()
            super().shutdown(*words, **options)

    monkeypatch.setattr(ordered, "ThreadPoolExecutor", Pool)

    def work(classifier: Classifier, item: int) -> int:
        begun.append(item)
        busy.release()
        assert item == 0 or go_on.wait(30)
        return item

    stream = ordered.in_order(work, range(10_000), make, 2)
    assert next(stream) == 0
    for _ in range(3):
        assert busy.acquire(timeout=30)  # until 0, 1 and 2 are begun: both threads are working
    stream.close()  # type: ignore[attr-defined]
    assert sorted(begun) == [0, 1, 2]
    assert not any(thread.name.startswith("classify") for thread in threading.enumerate())


def test_no_items_give_no_answers() -> None:
    assert list(ordered.in_order(lambda classifier, item: item, [], make, 2)) == []
