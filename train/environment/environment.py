"""Sets what TensorFlow and Keras read on import, without importing them."""

import contextlib
import logging
import os
import sys

from device.errors import UserError
from device.places import NoPlaceError
from train.environment.keras_home import keras_home

BACKENDS = ("tensorflow", "jax")


def prepare(backend: str = "tensorflow") -> None:
    """Sets the environment; UserError if Keras is already loaded with another backend."""
    if "keras" in sys.modules:
        check_engine(backend)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = backend
    with contextlib.suppress(NoPlaceError):  # Keras uses another folder if the home folder isn't writable
        os.environ["KERAS_HOME"] = str(keras_home())
    # Without a home folder it warns at length about its font cache.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def check_engine(backend: str) -> None:
    """UserError if Keras is loaded with another backend."""
    import keras

    if (engine := keras.config.backend()) != backend:
        raise UserError(
            f"Keras is loaded with the backend {engine}, expected {backend}; set KERAS_BACKEND={backend} before"
            " importing Keras, in a fresh process"
        )
