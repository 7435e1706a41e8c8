"""From an image to what a network is fed: fitted, resized, and as numbers. There is no other way.

    preprocessor = Preprocessor(card.input, tensor)
    preprocessor(image)                      # [1, height, width, 3]
    stream = preprocessor.stream()
    stream(frame, "BGR")                     # the same bytes, in memory that is kept from frame to frame

How an image is decoded, fitted and resized: device/images/images.py; how pixels become numbers:
device/inference/scaling.py.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from device.images import images
from device.images.images import Pixels, Scratch
from device.inference import scaling
from device.inference.model_spec import Tensor
from device.model.card import InputSpec
from device.model.channels import Color as Color

Fed = npt.NDArray[Any]


class Preprocessor:
    """For one network's input.

    spec: what the card says of it; tensor: what the network says of it. size: (height, width).
    """

    def __init__(self, spec: InputSpec, tensor: Tensor) -> None:
        self.spec, self.input = spec, tensor
        self.size = (spec.height, spec.width)
        self._scaling = scaling.of(spec, tensor)

    def __call__(self, image: Pixels) -> Fed:
        """[1, height, width, 3] of the input's type, for an RGB image of any size."""
        return self.tensor(self.resize(image))

    def resize(self, image: Pixels) -> Pixels:
        """The image at the network's size, by the card's fit."""
        return images.prepare(image, self.size, self.spec.fit)

    def tensor(self, image: Pixels) -> Fed:
        """[1, height, width, 3] of the input's type, for an image of the network's size."""
        if self._scaling is None:
            codes = image if self.input.dtype == np.uint8 else (image ^ 0x80).view(np.int8)
            return _as_taken(codes[None], self.spec.color)
        tensor = np.empty((1, *image.shape), self.input.dtype)
        self._scaling.write(image, tensor[0])
        return _as_taken(tensor, self.spec.color)

    def stream(self) -> "Stream":
        """For a stream of frames in one thread."""
        return Stream(self.spec, self.input)


class Stream:
    """A Preprocessor with what a stream of frames can spare: memory that is kept, and channels that are put in order
    when the image is small. Belongs to one thread.
    """

    def __init__(self, spec: InputSpec, tensor: Tensor) -> None:
        self.size, self.fit = (spec.height, spec.width), spec.fit
        self._color = spec.color
        self._scaling = scaling.of(spec, tensor)  # of its own: it keeps memory
        self._scratch = Scratch()
        self._dtype = tensor.dtype
        self._small = np.empty((*self.size, 3), np.uint8)

    def __call__(self, image: Pixels, color: Color = "RGB") -> Fed:
        """[1, height, width, 3] of the input's type: the caller's own, the next frame leaves it alone."""
        small = images.prepare(image, self.size, self.fit, self._scratch)
        tensor = np.empty((1, *self.size, 3), self._dtype)
        if tensor.dtype == np.uint8 and self._scaling is None:
            _in_order(small, color, tensor[0])
        elif self._scaling is None:
            _in_order(small, color, self._small)
            np.bitwise_xor(self._small, 0x80, out=tensor[0].view(np.uint8))
        else:
            _in_order(small, color, self._small)
            self._scaling.write(self._small, tensor[0])
        return _as_taken(tensor, self._color)


def _as_taken(tensor: Fed, color: Color) -> Fed:
    """Red, green, blue as the network has them; only third-party networks take another order."""
    return tensor if color == "RGB" else np.ascontiguousarray(tensor[..., ::-1])


def _in_order(image: Pixels, color: Color, into: npt.NDArray[Any]) -> None:
    """Red, green, blue, in `into`."""
    if color == "BGR":
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=into)
    else:
        np.copyto(into, image)
