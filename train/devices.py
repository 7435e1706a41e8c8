"""Where a network is trained: on one device, on all GPUs of this machine, or on several machines.

Several GPUs are TensorFlow's MirroredStrategy. Several machines are Keras' own engine on JAX: one process a machine,
each with an equal part of every batch (https://keras.io/api/distribution). Either way the weights are the same on all.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from device import command, text
from device.errors import UserError


@dataclass(frozen=True)
class Cluster:
    """Which of how many processes this one is, and where they meet (the address of process 0)."""

    coordinator: str = ""
    processes: int = 1
    process_id: int = 0

    def part(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """This process' rows, as many as each of the others has: up to processes - 1 at the end are nobody's."""
        return rows[: len(rows) // self.processes * self.processes][self.process_id :: self.processes]


ALONE = Cluster()


def join(cluster: Cluster) -> None:
    """Waits for the other processes; from here on every step is taken by all of them together."""
    if cluster.processes == 1:
        return
    try:
        keras.distribution.initialize(
            job_addresses=cluster.coordinator, num_processes=cluster.processes, process_id=cluster.process_id
        )
    except Exception as error:  # JAX's own: a time-out, an address that isn't there, a number taken twice
        raise UserError(f"the processes did not meet at {cluster.coordinator}: {text.one_line(error)}") from None
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def leave(cluster: Cluster) -> None:
    """What follows is done by each process for itself."""
    if cluster.processes > 1:
        keras.distribution.set_distribution(None)


def scope(kind: str = "GPU") -> Any:
    """The context in which a network is built: for several devices of that kind a MirroredStrategy's, else none.

    https://www.tensorflow.org/api_docs/python/tf/distribute/MirroredStrategy
    """
    if keras.config.backend() != "tensorflow":
        return contextlib.nullcontext()
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        return contextlib.nullcontext()
    command.say(f"training on {len(devices)} devices: {', '.join(devices)}")
    return tf.distribute.MirroredStrategy(devices).scope()


def same_numbers(seed: int) -> None:
    """The same weights from the same seed on the same machine."""
    keras.utils.set_random_seed(seed)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
