"""Files of ImageNet weights as Keras looks for them, without the internet: of the right shapes, with random numbers."""

import warnings
from pathlib import Path
from typing import Any


def write(name: str, keras_home: Path) -> Path:
    """The weights file of a backbone, in the format of those that Keras downloads."""
    import h5py
    import keras
    from keras.src.legacy.saving import legacy_h5_format

    from train.backbones import backbones

    keras.utils.set_random_seed(1)
    model: Any = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(None, None, 3))
    path = keras_home / "models" / backbones.get(name).weights
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation")  # numpy 2, of Keras' own saving
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path
