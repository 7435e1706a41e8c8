"""Where a network is trained: on one device, or on all GPUs of this machine."""

from typing import Any

import keras

from device import command


def strategy(kind: str = "GPU") -> Any:
    """A tf.distribute strategy: MirroredStrategy over several devices of that kind, else the default for one.

    Each device gets an equal part of every batch; the gradients are summed, so the weights are the same on all.
    https://www.tensorflow.org/api_docs/python/tf/distribute/MirroredStrategy
    """
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        return tf.distribute.get_strategy()
    command.say(f"training on {len(devices)} devices: {', '.join(devices)}")
    return tf.distribute.MirroredStrategy(devices)


def same_numbers(seed: int) -> None:
    """The same weights from the same seed on the same machine."""
    keras.utils.set_random_seed(seed)
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
