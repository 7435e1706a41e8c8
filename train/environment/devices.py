"""Where a network is trained: on one device, on all GPUs of this machine, or on several machines.

Several GPUs are TensorFlow's MirroredStrategy. Several machines are Keras' own engine on JAX: one process a machine,
each with an equal part of every batch (https://keras.io/api/distribution). Either way the weights are the same on all.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import keras
import numpy as np
import numpy.typing as npt

from device import command, text
from device.errors import UserError
from device.host.system import usable_cores

T = TypeVar("T", bound=np.generic)

# Beyond it they wait for one another: between OpenCV's calls one thread at a time runs Python.
MOST_LOADERS = 8


@dataclass(frozen=True)
class Cluster:
    """Which of how many processes this one is, and where they meet (the address of process 0)."""

    coordinator: str = ""
    processes: int = 1
    process_id: int = 0

    def part(self, batch: npt.NDArray[T]) -> npt.NDArray[T]:
        """This process' part, as large as each of the others': up to processes - 1 at the end are nobody's.

        Of neighbors, in the order of processes: so Keras puts the whole together as it was.
        """
        size = len(batch) // self.processes
        return batch[self.process_id * size : (self.process_id + 1) * size]

    def gathered(self, mine: npt.NDArray[T], most: int) -> npt.NDArray[T]:
        """The rows of every process, in the order of processes; to be asked by all of them together.

        most: the largest number of rows that any of them brings; all but the last ones bring so many.
        """
        if self.processes == 1:
            return mine
        from jax.experimental import multihost_utils

        padded = np.concatenate([mine, np.zeros((most - len(mine), *mine.shape[1:]), mine.dtype)])
        counts = multihost_utils.process_allgather(np.array([len(mine)]))
        whole = np.asarray(multihost_utils.process_allgather(padded))
        return np.concatenate([rows[:count] for rows, count in zip(whole, counts.ravel(), strict=True)])


ALONE = Cluster()


@dataclass(frozen=True)
class Devices:
    """How many share every batch, over all processes; and the context in which a network for them is built.

    loaders: threads that make batches. One where the processor trains, which has nothing to spare.
    """

    count: int = 1
    scope: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    loaders: int = 1

    def check(self, batch: int, images: dict[str, int]) -> None:
        """UserError where they can't: each must get as many of a batch as the others, and at least one."""
        if batch % self.count:
            near = max(1, round(batch / self.count)) * self.count
            raise UserError(
                f"batch_size is {batch}, but {self.count} devices share it; expected such as --set batch_size={near}"
            )
        for what, number in images.items():
            if number < self.count:
                raise UserError(f"{number} {what} images for {self.count} devices, expected one or more for each")


def join(cluster: Cluster) -> None:
    """Waits for the other processes; from here on every step is taken by all of them together."""
    if cluster.processes > 1:
        meet(cluster)
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def meet(cluster: Cluster) -> None:
    """Waits for the other processes, for `Cluster.gathered`; each has networks of its own."""
    if cluster.processes == 1:
        return
    _keep_stdout()
    try:
        keras.distribution.initialize(
            job_addresses=cluster.coordinator, num_processes=cluster.processes, process_id=cluster.process_id
        )
    except Exception as error:  # JAX's own: a time-out, an address that isn't there, a number taken twice
        raise UserError(f"the processes did not meet at {cluster.coordinator}: {text.one_line(error)}") from None


def _keep_stdout() -> None:
    """File descriptor 1 goes where 2 does: Gloo, which carries JAX's messages, prints to it. Ours stays where it is."""
    if sys.stdout is None:  # closed by the shell: >&-
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(ours, "w", encoding=sys.stdout.encoding, errors="backslashreplace")


def leave(cluster: Cluster) -> None:
    """What follows is done by each process for itself."""
    if cluster.processes > 1:
        keras.distribution.set_distribution(None)


def find(kind: str, cluster: Cluster) -> Devices:
    """All of that kind on this machine, and on the others of a cluster.

    Several on one machine are a MirroredStrategy's (https://www.tensorflow.org/api_docs/python/tf/distribute).
    """
    names = keras.distribution.list_devices()
    on_processor = all(name.startswith("cpu") for name in names)
    loaders = 1 if on_processor else max(1, min(MOST_LOADERS, usable_cores() - 1))
    if cluster.processes > 1:
        return Devices(len(names), loaders=loaders)
    if keras.config.backend() != "tensorflow":
        return Devices(loaders=loaders)
    import tensorflow as tf

    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(names) < 2:
        return Devices(loaders=loaders)
    command.say(f"training on {len(names)} devices: {', '.join(names)}")
    return Devices(len(names), tf.distribute.MirroredStrategy(names).scope, loaders)


def set_seeds(seed: int) -> None:
    """The same weights from the same seed on the same machine."""
    keras.utils.set_random_seed(seed)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
