"""Loads any Keras model or SavedModel for conversion and prediction.

Imports TensorFlow, so it is for the process of conversion alone (export/conversion/convert.py). A .h5 file of Keras 2
is read by Keras 3 where that is exact, else by tf-keras, if that process was given it (export/conversion/tf_keras.py).
"""

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from device.errors import UserError
from device.model import model_kinds
from export.conversion import keras_config

KERAS_LAYERS = frozenset(dir(keras.layers))
BY_SAVED_MODEL = "save it from the program that made it as a SavedModel, model.export(DIR), and export that folder"

# What a layer of a .keras file computes in, where that is not what its weights are in.
MIXED = re.compile(rb'"mixed_b?float16"')

Batch = npt.NDArray[np.float32]


class NeedsKeras2Error(Exception):
    """Keras 3 would read the file differently from Keras 2."""


@dataclass(frozen=True)
class LoadedNetwork:
    """convert: the bytes of its float32 .tflite; convert_single: of one that takes a single image. predict: of a batch
    as it is fed, n x labels.
    """

    convert: Callable[[], bytes]
    convert_single: Callable[[], bytes]
    predict: Callable[[Batch], Batch]


def load(path: Path, scratch: Path, with_keras_2: bool) -> LoadedNetwork:
    """scratch: an empty folder. NeedsKeras2Error where it isn't at hand; UserError for what is no image classifier."""
    if path.is_dir():
        return _saved_model(path)
    if model_kinds.of_file(path) == model_kinds.KERAS_H5:
        return _h5(path, scratch, with_keras_2)
    if not zipfile.is_zipfile(path):
        raise UserError(
            f"{path}: this is no ZIP archive, or a damaged one, expected a Keras model (.keras), which is one; save it"
            " anew from the program that made it"
        )
    _refuse_custom(path, _config_in(path))
    copy = scratch / "model.keras"  # Keras goes by the ending
    if not _write_in_float32(path, copy):
        copy.symlink_to(path.resolve())
    return _network(path, keras.models.load_model(copy, compile=False), keras)


def _write_in_float32(path: Path, copy: Path) -> bool:
    """Writes a network that was trained in mixed precision as one that computes in float32, as its weights are; TFLite
    lacks operators for half precision. False for another network (https://keras.io/api/mixed_precision/policy).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config, changed = MIXED.subn(b'"float32"', archive.read("config.json"))
            if changed:
                with zipfile.ZipFile(copy, "w") as written:
                    for name in archive.namelist():
                        written.writestr(name, config if name == "config.json" else archive.read(name))
    except (OSError, KeyError, zipfile.BadZipFile):  # Keras says what is wrong with it
        return False
    return changed > 0


def _config_in(path: Path) -> Any:
    """What a .keras file says of its layers; nothing where Keras itself shall say what is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return {}


def _h5(path: Path, scratch: Path, with_keras_2: bool) -> LoadedNetwork:
    copy = scratch / "model.h5"  # which may be changed, and has the ending that Keras goes by
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        config = json.loads(_text(file.attrs["model_config"]))
        is_old = not _text(file.attrs.get("keras_version", "2")).startswith("3")
        if is_old and not with_keras_2:
            file.attrs["model_config"] = json.dumps(keras_config.translated(config))
    _refuse_custom(path, config)
    if with_keras_2:
        engine = import_module("tf_keras")
        return _network(path, engine.models.load_model(copy, compile=False), engine)
    model = _translated(copy, config) if is_old else keras.models.load_model(copy, compile=False)
    return _network(path, model, keras)


def _translated(copy: Path, config: Any) -> Any:
    """Loads a model of Keras 2 with Keras 3."""
    if keras_config.needs_keras_2(config, KERAS_LAYERS):
        raise NeedsKeras2Error
    try:
        model = keras.models.load_model(copy, compile=False)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        raise NeedsKeras2Error from error
    if not _same_roles(copy, model):
        raise NeedsKeras2Error
    return model


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _same_roles(path: Path, model: Any) -> bool:
    """Whether each of the file's arrays became what it is called: Keras goes by their order alone, and gamma, beta,
    mean and variance of a BatchNormalization have one shape.
    """
    with h5py.File(path) as file:
        group = file["model_weights"]
        of_layers = [group[_text(name)].attrs["weight_names"] for name in group.attrs["layer_names"]]
        theirs = [_text(name) for names in of_layers for name in names]
    layers = (layer.trainable_weights + layer.non_trainable_weights for layer in model.layers)
    ours = [weight.name for weights in layers for weight in weights]
    # 'conv/depthwise_kernel:0' is Keras 3's 'kernel'; a second layer's may be 'kernel_1:0'.
    roles = [re.sub(r"(_\d+)?(:\d+)?$", "", name.rsplit("/", 1)[-1]) for name in theirs]
    return len(roles) == len(ours) and all(role.endswith(name) for role, name in zip(roles, ours, strict=True))


def _refuse_custom(path: Path, config: Any) -> None:
    if names := keras_config.custom(config, KERAS_LAYERS):
        raise UserError(
            f"{path}: the code of {', '.join(names)} is not Keras' own, and no code of a model file is run; expected"
            " Keras' layers alone; where their code is, load the model (after keras.saving.register_keras_serializable;"
            " a Lambda with safe_mode=False), save it as a SavedModel, model.export(DIR), and export that folder"
        )


def _network(path: Path, model: Any, engine: ModuleType) -> LoadedNetwork:
    _require_one(path, "input", [(tensor.name, tensor) for tensor in model.inputs or ()])
    _require_one(path, "output", [(tensor.name, tensor) for tensor in model.outputs or ()])
    model = with_softmax(model, engine)
    convert = tf.lite.TFLiteConverter.from_keras_model
    return LoadedNetwork(
        lambda: convert(model).convert(), lambda: convert(_single(model, engine)).convert(), model.predict_on_batch
    )


def _single(model: Any, engine: ModuleType) -> Any:
    """With a batch of one. An open one is computed: a Flatten becomes SHAPE, STRIDED_SLICE, PACK and a RESHAPE that
    XNNPACK leaves alone, with conversions around them in int8: 4 % of a ResNet-8's time.
    """
    entry = engine.Input(model.inputs[0].shape[1:], batch_size=1)
    return engine.Model(entry, model(entry), name=model.name)


def with_softmax(model: Any, engine: ModuleType = keras) -> Any:
    """The model with one output per label: a one-sigmoid head becomes the equivalent two-output softmax.

    sigmoid(z) = softmax([-z/2, z/2])[1], so the weights become [-w/2, w/2]; no operator is added, and stock clients,
    which refuse a single output, load the file. engine: whose model it is, keras or tf_keras.
    """
    head = model.layers[-1]
    if not (isinstance(head, engine.layers.Dense) and head.units == 1 and head.activation.__name__ == "sigmoid"):
        return model
    weights = head.get_weights()
    pair = engine.layers.Dense(2, activation="softmax", use_bias=head.use_bias, name=head.name)
    changed = engine.Model(model.inputs, pair(head.input), name=model.name)
    pair.set_weights([np.concatenate([-part / 2, part / 2], axis=-1) for part in weights])
    return changed


def _saved_model(path: Path) -> LoadedNetwork:
    loaded = tf.saved_model.load(str(path))
    key = _signature(path, loaded.signatures)
    signature = loaded.signatures[key]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    _require_one(path, "input", list(inputs.items()))
    _require_one(path, "output", list(outputs.items()))
    (entry,), (scores,) = inputs, outputs

    def call(pixels: Any) -> Any:
        return signature(**{entry: pixels})[scores]

    def convert_single() -> bytes:
        spec = tf.TensorSpec((1, *inputs[entry].shape[1:]), tf.float32)
        traced = tf.function(call, input_signature=[spec]).get_concrete_function()
        return bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], loaded).convert())

    return LoadedNetwork(convert_single, convert_single, lambda batch: np.asarray(call(tf.constant(batch))))


def _signature(path: Path, signatures: Mapping[str, Any]) -> str:
    """The model's signature; of several, the one for serving."""
    names = list(signatures)
    if "serving_default" in names or len(names) == 1:
        return "serving_default" if "serving_default" in names else names[0]
    what = f"its signatures are {', '.join(names)}" if names else "it has no signature"
    raise UserError(
        f"{path}: {what}, expected serving_default, by which a network is called; save it with one: model.export(DIR),"
        " tf.saved_model.save(MODULE, DIR, signatures=MODULE.FUNCTION.get_concrete_function(…))"
    )


def _require_one(path: Path, end: str, found: Sequence[tuple[str, Any]]) -> None:
    """found: tensors or their specifications, with their names."""
    if len(found) != 1:
        each = ", ".join(f"{name} {tensor.shape}" for name, tensor in found) or "it was never built"
        raise UserError(
            f"{path}: the network has {len(found)} {end}s ({each}), expected one: an image in, a score a label out;"
            " detectors and the like are no image classifiers; give one"
        )
    name, tensor = found[0]
    if (number := getattr(tensor.dtype, "name", tensor.dtype)) != "float32":
        raise UserError(
            f"{path}: the {end} {name} is {number}, expected float32; {BY_SAVED_MODEL}, with a float32 {end}"
        )
