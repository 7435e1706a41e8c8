"""A Keras model's own description, as .keras and .h5 files hold it: what in it Keras 3 doesn't take, and custom layers.

Three formats: Keras 3's, in a .keras file; Keras 2's, in an .h5 file; and that of an .h5 file which Keras 3 wrote, in
the manner of Keras 2's. https://keras.io/guides/serialization_and_saving
"""

from collections.abc import Collection, Iterator
from typing import Any

# What Keras 2 wrote of a layer without a meaning for it, and Keras 3 refuses; `groups` means something beside 1.
WITHOUT_MEANING = {
    "DepthwiseConv2D": ("groups",),
    "Conv2DTranspose": ("groups",),
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
}
# Classes that Keras 2 had and Keras 3 hasn't: operators of TensorFlow as layers, and layers that were dropped.
OF_KERAS_2 = frozenset(
    {
        *("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty"),
        *("RandomHeight", "RandomWidth", "LocallyConnected1D", "LocallyConnected2D", "ThresholdedReLU"),
        "SyncBatchNormalization",
    }
)
# Described as layers are, and none.
MODELS = frozenset({"Functional", "Model", "Sequential", "Policy", "DTypePolicy"})


def translated(config: Any) -> Any:
    """Keras 2's description as Keras 3 reads those: without what has no meaning, without modules, which Keras 2 names
    from 2.12 on and which Keras 3 has elsewhere, and with a model's only input or output as no list of one.
    """
    if isinstance(config, list):
        return [translated(part) for part in config]
    if not isinstance(config, dict):
        return config
    of_class, inner = config.get("class_name"), config.get("config")
    if isinstance(of_class, str) and isinstance(inner, dict):
        dropped = WITHOUT_MEANING.get(of_class, ()) if inner.get("groups", 1) == 1 else ()
        inner = {key: part for key, part in inner.items() if key not in dropped}
        inner |= {key: _alone(inner[key]) for key in ("input_layers", "output_layers") if key in inner}
        config = {key: part for key, part in config.items() if key not in ("module", "registered_name")}
        config["config"] = inner
    return {key: translated(part) for key, part in config.items()}


def _alone(ends: Any) -> Any:
    """[["input_1", 0, 0]]: with a list of one Keras 3 hands lists on between nested models, and fails at the next."""
    return ends[0] if len(ends) == 1 and isinstance(ends[0], list) else ends


def custom(config: Any, known: Collection[str]) -> tuple[str, ...]:
    """The layers and functions whose code is not Keras' own, as they are called. known: Keras' layers.

    A Lambda counts: its code lies in the file, and a stranger's code is not run.
    """
    ours = {*known, *MODELS, *OF_KERAS_2}
    found = [name for name, part in _described(config) if name == "Lambda" or _is_custom(name, part, ours)]
    return tuple(dict.fromkeys(found))


def needs_keras_2(config: Any, known: Collection[str]) -> bool:
    """Whether the model has a layer that only Keras 2 has."""
    return any(name in OF_KERAS_2 and name not in known for name, _ in _described(config))


def _is_custom(name: str, part: dict[str, Any], ours: Collection[str]) -> bool:
    """Whether a class isn't Keras' own. Keras 3 records its module; an .h5 file has only its name."""
    if "registered_name" not in part:
        return name not in ours
    return part["registered_name"] is not None and not str(part.get("module")).startswith(("keras", "tf_keras"))


def _described(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """What every layer, function and (in Keras 3's format) other object is called, with its description, at any depth.

    A layer's has its name in it, except for a model's that is a class of its own. What it was trained with doesn't
    matter.
    """
    if isinstance(config, dict):
        config = {key: part for key, part in config.items() if key != "compile_config"}
        name, inner = config.get("class_name"), config.get("config")
        if name == "__lambda__":
            yield "Lambda", config
        elif name == "function" and isinstance(inner, str):
            yield inner, config
        elif isinstance(name, str) and isinstance(inner, dict) and ("name" in inner or "registered_name" in config):
            yield name, config
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from _described(part)
