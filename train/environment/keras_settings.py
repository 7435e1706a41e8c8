"""Sets everything that decides a network: neither keras.json nor the environment changes what is trained.

Keras reads both on import (keras/src/backend/config.py): number type, epsilon, order of axes, and debugging limits of
epochs and steps, which would silently end a training early.
"""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from device import command, text
from device.data.run_record import KerasSettings
from device.errors import UserError

DATA_FORMAT, FLOATX, EPSILON = "channels_last", "float32", 1e-7
LIMITS = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
# These change rounding or compilation; recorded, because the weights' last bits may depend on them.
RECORDED = (
    *("TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "TF_USE_LEGACY_KERAS", "XLA_FLAGS", "NVIDIA_TF32_OVERRIDE"),
    *("JAX_ENABLE_X64", "JAX_DEFAULT_MATMUL_PRECISION", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
    "KERAS_NNX_ENABLED",
)


def apply() -> None:
    """Sets Keras for building, loading and training networks; prints notes on the user's settings that are not used.

    Imports Keras; UserError with its message if that fails, as for invalid values in keras.json.
    """
    try:
        import keras
    except (AttributeError, ImportError, OSError, TypeError, ValueError) as error:
        raise UserError(
            f"Keras can't be loaded ({text.one_line(error)}); expected an installed Keras with a usable"
            f" {_file()} and KERAS_… environment; fix or remove what it names"
        ) from None
    _say_what_does_not_count()
    # It warns at length about retracing, which several networks in one process need.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    keras.config.set_image_data_format(DATA_FORMAT)
    keras.config.set_floatx(FLOATX)
    keras.config.set_epsilon(EPSILON)
    keras.config.set_dtype_policy(FLOATX)
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def record() -> KerasSettings:
    """Keras' settings, for run.json."""
    import keras

    return KerasSettings(
        backend=keras.config.backend(),
        image_data_format=keras.config.image_data_format(),
        floatx=keras.config.floatx(),
        epsilon=keras.config.epsilon(),
        dtype_policy=keras.config.dtype_policy().name,
        environment={name: os.environ[name] for name in RECORDED if name in os.environ},
    )


def _file() -> Path:
    """The keras.json that Keras read; it looks elsewhere without a writable home folder."""
    read = getattr(sys.modules.get("keras.src.backend.config"), "_config_path", None)
    return Path(read) if read else Path(os.environ.get("KERAS_HOME") or "~/.keras") / "keras.json"


def _say_what_does_not_count() -> None:
    import keras

    backend = keras.config.backend()
    ours = {"image_data_format": DATA_FORMAT, "floatx": FLOATX, "epsilon": EPSILON, "backend": backend}
    others = {name: value for name, value in _given().items() if name in ours and value != ours[name]}
    if others:
        given = ", ".join(f"{name} {value}" for name, value in others.items())
        used = ", ".join(str(ours[name]) for name in others)
        command.say_once(f"note: {_file()}: {given}: not used, networks use {used}")
    for name in LIMITS:
        if value := os.environ.get(name):
            command.say_once(
                f"note: {name}={value} is ignored; set the length with --set epochs=N and --set steps_per_epoch=N"
            )


def _given() -> dict[str, Any]:
    """The user's keras.json; empty if Keras can't read it either."""
    try:
        document = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
