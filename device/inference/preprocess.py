"""From an image to a network's input tensor: fit, resize, scale. The only way into a network.

    preprocessor = Preprocessor(card.input, tensor)
    preprocessor(image)                      # [1, height, width, 3]
    stream = preprocessor.stream()
    stream(frame, "BGR")                     # the same bytes, with memory that is reused from frame to frame

Decoding, fit and resize: device/images/images.py. How pixels become the network's numbers: device/inference/scaling.py.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from device.images import images
from device.images.images import Pixels, Scratch
from device.inference import scaling
from device.inference.tensors import Tensor
from device.model.card import InputSpec
from device.model.channels import Color as Color

Fed = npt.NDArray[Any]


class Preprocessor:
    """Preprocesses images for one network.

    spec: the input as the card describes it; tensor: as the network does. size: (height, width) in pixels.
    """

    def __init__(self, spec: InputSpec, tensor: Tensor) -> None:
        self.spec, self.input = spec, tensor
        self.size = (spec.height, spec.width)
        self._scaling = scaling.of(spec, tensor)

    def __call__(self, image: Pixels) -> Fed:
        """The input tensor, [1, height, width, 3] of the network's type, for an RGB image of any size."""
        return self.tensor(self.resize(image))

    def resize(self, image: Pixels) -> Pixels:
        """The image at the network's size, with the card's fit."""
        return images.preprocess(image, self.size, self.spec.fit)

    def tensor(self, image: Pixels) -> Fed:
        """The input tensor for an RGB image of the network's size."""
        if self._scaling is None:
            quantized = image if self.input.dtype == np.uint8 else (image ^ 0x80).view(np.int8)
            return _in_network_order(quantized[None], self.spec.color)
        tensor = np.empty((1, *image.shape), self.input.dtype)
        self._scaling.write(image, tensor[0])
        return _in_network_order(tensor, self.spec.color)

    def stream(self) -> "Stream":
        """A faster form for a stream of frames in one thread."""
        return Stream(self.spec, self.input)


class Stream:
    """A Preprocessor for a stream of frames: reuses memory, and reorders channels when the image is already small.

    Belongs to one thread.
    """

    def __init__(self, spec: InputSpec, tensor: Tensor) -> None:
        self.size, self.fit = (spec.height, spec.width), spec.fit
        self._color = spec.color
        self._scaling = scaling.of(spec, tensor)  # its own, because it reuses memory
        self._scratch = Scratch()
        self._dtype = tensor.dtype
        self._small = np.empty((*self.size, 3), np.uint8)

    def __call__(self, image: Pixels, color: Color = "RGB") -> Fed:
        """The input tensor, [1, height, width, 3], in memory of its own. color: the order of the frame's channels."""
        small = images.preprocess(image, self.size, self.fit, self._scratch)
        tensor = np.empty((1, *self.size, 3), self._dtype)
        if tensor.dtype == np.uint8 and self._scaling is None:
            _copy_as_rgb(small, color, tensor[0])
        elif self._scaling is None:
            _copy_as_rgb(small, color, self._small)
            np.bitwise_xor(self._small, 0x80, out=tensor[0].view(np.uint8))
        else:
            _copy_as_rgb(small, color, self._small)
            self._scaling.write(self._small, tensor[0])
        return _in_network_order(tensor, self._color)


def _in_network_order(tensor: Fed, color: Color) -> Fed:
    """An RGB tensor in the network's order of channels; only third-party networks take BGR."""
    return tensor if color == "RGB" else np.ascontiguousarray(tensor[..., ::-1])


def _copy_as_rgb(image: Pixels, color: Color, into: npt.NDArray[Any]) -> None:
    if color == "BGR":
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=into)
    else:
        np.copyto(into, image)
