"""Many images through as many copies of a model as there are workers: cores busy, memory flat, answers in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Model = TypeVar("Model")
Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Model, Item], Result], items: Iterable[Item], make: Callable[[], Model], workers: int
) -> Iterator[Result]:
    """work(model, item) for every item, in `workers` threads that each have a model of their own.

    At most four items a worker are under way, so a folder of any size takes no more memory than a small one. An
    exception in `work` comes up where its result would have.
    """
    own = threading.local()

    def one(item: Item) -> Result:
        if not hasattr(own, "model"):
            own.model = make()
        return work(own.model, item)

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
