"""--from: loads a saved model's weights into a network with the same layers."""

from pathlib import Path

import keras

from device import text
from device.errors import UserError
from train.networks import networks
from train.run import runs


def load(model: keras.Model, path: Path, labels: tuple[str, ...]) -> str:
    """Loads the weights of a saved model into this one; returns a line that describes what was loaded.

    All layers but the last must have the same shapes. The last one starts fresh if the labels or their order differ. A
    file outside its run folder has no known labels; its last layer is loaded if the shape fits.
    """
    saved = networks.trained_part(networks.load(path))
    theirs = [layer.get_weights() for layer in saved.layers if layer.weights]
    ours = [layer for layer in model.layers if layer.weights]
    shapes = [[weight.shape for weight in weights] for weights in theirs]
    wanted = [[tuple(weight.shape) for weight in layer.weights] for layer in ours]
    if shapes[:-1] != wanted[:-1]:
        raise UserError(f"{path}: its layers differ from this recipe's network; expected a model with the same layers")
    for layer, weights in zip(ours[:-1], theirs[:-1], strict=True):
        layer.set_weights(weights)
    known = runs.labels_of(path)
    if shapes[-1] != wanted[-1]:
        return f"{path}: starts from its weights except the last layer's, which has {shapes[-1][-1][-1]} outputs"
    if known not in (None, labels):
        return (
            f"{path}: starts from its weights except the last layer's, whose labels there are {text.some(known or ())}"
        )
    ours[-1].set_weights(theirs[-1])
    if known is None:
        return (
            f"{path}: starts from its weights, including the last layer's; its labels are unknown and assumed to be"
            f" {text.some(labels)}"
        )
    return f"{path}: starts from its weights"
