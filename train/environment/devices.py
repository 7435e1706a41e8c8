"""The devices for training: one device, all GPUs of this machine, or several machines.

Several GPUs use TensorFlow's MirroredStrategy. Several machines use Keras' distribution on JAX: one process per
machine, each with an equal shard of every batch (https://keras.io/api/distribution). The weights are the same on all.
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

# More would wait for each other: between calls of OpenCV only one thread at a time runs Python.
MOST_LOADERS = 8


@dataclass(frozen=True)
class Cluster:
    """This process' number among all, and the address of process 0, where they connect."""

    coordinator: str = ""
    processes: int = 1
    process_id: int = 0

    def shard(self, batch: npt.NDArray[T]) -> npt.NDArray[T]:
        """This process' shard, as large as the others'; up to processes - 1 rows at the end are dropped.

        Shards are contiguous, in the order of processes, so that Keras restores the order of the batch.
        """
        size = len(batch) // self.processes
        return batch[self.process_id * size : (self.process_id + 1) * size]

    def gathered(self, mine: npt.NDArray[T], most: int) -> npt.NDArray[T]:
        """The rows of every process, in the order of processes; all must call it together.

        most: the largest number of rows of any process; all but the last ones have that many.
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
    """The number of devices that share every batch, over all processes, and the scope for building a network.

    loaders: threads that make batches; one if the CPU trains, which has none to spare.
    """

    count: int = 1
    scope: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext
    loaders: int = 1

    def check(self, batch: int, images: dict[str, int]) -> None:
        """UserError if they can't share batches equally, or have less than one image each."""
        if batch % self.count:
            near = max(1, round(batch / self.count)) * self.count
            raise UserError(
                f"batch_size is {batch}, expected a multiple of {self.count} devices; give --set batch_size={near}"
            )
        for what, number in images.items():
            if number < self.count:
                raise UserError(
                    f"{number} {what} images for {self.count} devices, expected at least one for each; add images"
                )


def initialize(cluster: Cluster) -> None:
    """Connects to the other processes; from here on all of them take every step together."""
    if cluster.processes > 1:
        connect(cluster)
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def connect(cluster: Cluster) -> None:
    """Connects to the other processes, only for `Cluster.gathered`; each has its own network."""
    if cluster.processes == 1:
        return
    _keep_stdout()
    try:
        keras.distribution.initialize(
            job_addresses=cluster.coordinator, num_processes=cluster.processes, process_id=cluster.process_id
        )
    except Exception as error:  # JAX's own: a time-out, an address that isn't there, a number taken twice
        raise UserError(
            f"the processes did not connect to {cluster.coordinator} ({text.one_line(error)}); start all of them within"
            " minutes, with one --coordinator, an address of the machine that has --process-id 0"
        ) from None


def _keep_stdout() -> None:
    """Points file descriptor 1 where 2 goes, since Gloo, which JAX uses, prints to it; keeps sys.stdout."""
    if sys.stdout is None:  # closed by the shell: >&-
        return
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(ours, "w", encoding=sys.stdout.encoding, errors="backslashreplace")


def shut_down(cluster: Cluster) -> None:
    """Ends the distribution: each process works for itself from here on."""
    if cluster.processes > 1:
        keras.distribution.set_distribution(None)


def find(kind: str, cluster: Cluster) -> Devices:
    """All devices of that kind on this machine, and on the others of a cluster.

    Several on one machine use a MirroredStrategy (https://www.tensorflow.org/api_docs/python/tf/distribute).
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
    """Makes training deterministic: the same weights from the same seed on the same machine."""
    keras.utils.set_random_seed(seed)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
