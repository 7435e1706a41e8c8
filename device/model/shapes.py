"""Networks that leave the height or width of their input open: decides the size.

A .tflite marks an open side in the input's shape signature (-1). The shape has a placeholder there, most often 1, so an
interpreter would run it on one pixel. An open batch becomes one image.
"""

from pathlib import Path
from typing import Any

from device.errors import UserError
from device.model import card as cards
from device.model import flatbuffer

OPEN = -1
Shape = tuple[int, ...]


def settle(interpreter: Any, path: Path, size: tuple[int, int] | None) -> Shape | None:
    """Sets the size of an open input, before tensors are allocated; returns the new shape, None if nothing was open.

    size: (height, width) from the user; else the card's, else TFLite Metadata's, else the file's own default if it
    isn't a placeholder. UserError if none of them is known, or the user's contradicts the network's.
    """
    settled = None
    for details in interpreter.get_input_details():
        shape, signature = _shapes(details)
        if is_image(shape) and size is not None and (fixed := _contradicted(signature, size)):
            raise UserError(
                f"{path}: --size is {_text(size)}, but the network's input is {list(signature)}: expected {fixed};"
                " leave out --size, or give that"
            )
        if OPEN not in signature:
            continue
        given = (1, *shape[1:]) if signature[0] == OPEN else shape
        if OPEN in signature[1:]:
            given = (given[0], *_image(path, shape, signature, size))
        if given != shape:
            interpreter.resize_tensor_input(details["index"], given)
            settled = given
    return settled


def has_open_output(interpreter: Any) -> bool:
    """Whether a side of an output beside its batch is open."""
    return any(OPEN in signature[1:] for _, signature in map(_shapes, interpreter.get_output_details()))


def is_open(details: dict[str, Any]) -> bool:
    """Whether the file leaves the height or width of this image open."""
    shape, signature = _shapes(details)
    return is_image(shape) and OPEN in signature[1:3]


def is_image(shape: Shape) -> bool:
    """Whether a shape has the axes of images: batch, height, width, channels."""
    return len(shape) == 4


def try_out(interpreter: Any) -> None:
    """Runs an open network on zeros, to see whether it can run at this size and what its output's shape is."""
    # Late, because doctor, which needs device.inference.runtime, reports a numpy that can't be imported.
    import numpy as np

    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    interpreter.invoke()


def origin(path: Path, size: tuple[int, int], given: tuple[int, int] | None) -> str:
    """Where the size of an open network without a card comes from, in words."""
    if given is not None:
        return "--size"
    return "its metadata" if flatbuffer.image_size(path) == size else "the shape in the file"


def _shapes(details: dict[str, Any]) -> tuple[Shape, Shape]:
    shape = tuple(int(side) for side in details["shape"])
    signature = tuple(int(side) for side in details["shape_signature"])
    # Files of older converters have no signature; in all files a side of 0 is open.
    signature = signature if len(signature) == len(shape) else shape
    return shape, tuple(side or OPEN for side in signature)


def _contradicted(signature: Shape, size: tuple[int, int]) -> str | None:
    """The network's own height and width, if the size contradicts them; '?' for an open side."""
    fixed = signature[1:3]
    if all(own in (OPEN, given) for own, given in zip(fixed, size, strict=True)):
        return None
    return "x".join("?" if side == OPEN else str(side) for side in fixed)


def _image(path: Path, shape: Shape, signature: Shape, size: tuple[int, int] | None) -> Shape:
    """(height, width, channels) for an open input."""
    if not is_image(shape) or (signature[1] in (1, 3) and OPEN in signature[2:]):
        raise UserError(
            f"{path}: the input's shape signature is {list(signature)}, expected [batch, height, width, channels];"
            " convert the model again, with an input of that order"
        )
    channels, ends = 3 if signature[3] == OPEN else shape[3], signature[1:3]
    known = size or _recorded(path)
    # A placeholder is usually 1; any other size in the file is a default.
    if known is None and min((own for own, end in zip(shape[1:3], ends, strict=True) if end == OPEN), default=2) > 1:
        known = shape[1], shape[2]
    if known is None:
        raise UserError(
            f"{path}: the network leaves its input's size open (shape signature {list(signature)}), and the file has no"
            " record of the training size; give --size HxW, such as --size 224x224"
        )
    height, width = (own if end == OPEN else end for own, end in zip(known, ends, strict=True))
    return height, width, channels


def _recorded(path: Path) -> tuple[int, int] | None:
    """(height, width) from the file's card, else from its metadata."""
    card = cards.read(path)
    return flatbuffer.image_size(path) if card is None else (card.input.height, card.input.width)


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
