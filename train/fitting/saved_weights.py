"""Where --from begins: a saved model's weights, put into a network of the same layers."""

from pathlib import Path

import keras

from device import text
from device.errors import UserError
from train.networks import networks
from train.run import runs


def load(model: keras.Model, path: Path, labels: tuple[str, ...]) -> str:
    """Puts the weights of a saved model into this one; says what was taken.

    The layers must be of the same shapes, but for the last one. It starts anew where the labels, or their order, are
    others; where a file doesn't lie in its run folder, its labels aren't known, and it is taken if its shape fits.
    """
    saved = networks.trained_part(networks.load(path))
    theirs = [layer.get_weights() for layer in saved.layers if layer.weights]
    ours = [layer for layer in model.layers if layer.weights]
    shapes = [[weight.shape for weight in weights] for weights in theirs]
    wanted = [[tuple(weight.shape) for weight in layer.weights] for layer in ours]
    if shapes[:-1] != wanted[:-1]:
        raise UserError(f"{path}: its layers are not those of this recipe's network; expected a model of the same")
    for layer, weights in zip(ours[:-1], theirs[:-1], strict=True):
        layer.set_weights(weights)
    known = runs.labels_of(path)
    if shapes[-1] != wanted[-1]:
        return f"{path}: its weights but for the last layer, which has {shapes[-1][-1][-1]} outputs there"
    if known not in (None, labels):
        return f"{path}: its weights but for the last layer, whose labels are {text.some(known or ())} there"
    ours[-1].set_weights(theirs[-1])
    if known is None:
        return (
            f"{path}: starts from its weights, the last layer's too: its labels aren't known, {text.some(labels)} here"
        )
    return f"{path}: starts from its weights"
