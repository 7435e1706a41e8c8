"""Many items through one copy of a model per thread: all cores, flat memory, results in order."""

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
    """Yields work(model, item) for every item, in `workers` threads that each make a model of their own.

    At most four items per thread are in progress, so a folder of any size takes no more memory than a small one. An
    exception in `work` is raised where its result would have come.
    """
    own = threading.local()

    def one(item: Item) -> Result:
        if not hasattr(own, "model"):
            own.model = make()
        return work(own.model, item)

    with ThreadPoolExecutor(workers, thread_name_prefix="classify") as pool:
        in_progress: deque[Future[Result]] = deque()
        try:
            for item in items:
                in_progress.append(pool.submit(one, item))
                if len(in_progress) >= 4 * workers:
                    yield in_progress.popleft().result()
            while in_progress:
                yield in_progress.popleft().result()
        finally:
            for future in in_progress:
                future.cancel()
