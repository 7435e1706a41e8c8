"""A frame's way to the network's input: cropped, resized, its channels put in order, as numbers. device's one picture
path (device/pictures.py), with what a stream of frames can spare: memory that is kept, and channels that are put in
order when the picture is small. The bytes are those that `classify` makes of the same picture.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from device import pictures, scaling
from device.classifier import Classifier
from device.live.frames import Frame
from device.pictures import Scratch

Tensor = npt.NDArray[Any]


class FramePath:
    """Turns frames into input tensors for one Classifier. Belongs to one thread."""

    def __init__(self, classifier: Classifier) -> None:
        self.size, self.fit = classifier.size, classifier.card.input.fit
        self._scaling = scaling.of(classifier.card.input, classifier.input)  # of its own: it keeps memory
        self._scratch = Scratch()
        self._dtype = classifier.input.dtype
        self._small = np.empty((*self.size, 3), np.uint8)

    def tensor(self, frame: Frame) -> Tensor:
        """[1, height, width, 3] of the input's type."""
        picture = pictures.prepare(frame.picture, self.size, self.fit, self._scratch)
        tensor = np.empty((1, *self.size, 3), self._dtype)
        if tensor.dtype == np.uint8 and self._scaling is None:
            self._in_order(picture, frame, tensor[0])
        elif self._scaling is None:
            self._in_order(picture, frame, self._small)
            np.bitwise_xor(self._small, 0x80, out=tensor[0].view(np.uint8))
        else:
            self._in_order(picture, frame, self._small)
            self._scaling.write(self._small, tensor[0])
        return tensor

    @staticmethod
    def _in_order(picture: pictures.Picture, frame: Frame, into: npt.NDArray[Any]) -> None:
        """Red, green, blue, in `into`."""
        if frame.colour == "BGR":
            cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=into)
        else:
            np.copyto(into, picture)
