"""Many pictures through one model file: all cores busy, memory flat, answers in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from device.classifier import Classifier

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Classifier, Item], Result], items: Iterable[Item], make: Callable[[], Classifier], workers: int
) -> Iterator[Result]:
    """work(classifier, item) for every item, in `workers` threads that each have a Classifier of their own.

    At most four items a worker are under way, so a folder of any size takes no more memory than a small one. An
    exception in `work` comes up where its result would have.
    """
    own = threading.local()

    def one(item: Item) -> Result:
        if not hasattr(own, "classifier"):
            own.classifier = make()
        return work(own.classifier, item)

    with ThreadPoolExecutor(workers, thread_name_prefix="classify") as pool:
        under_way: deque[Future[Result]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(one, item))
                if len(under_way) >= 4 * workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
