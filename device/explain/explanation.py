"""What speaks for a label, place by place: the class activation maps of one image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device.images import images
from device.images.images import Pixels
from device.inference.prediction import Prediction


@dataclass(frozen=True)
class LabelMap:
    """How much each place of the last feature map gives to a label's logit.

    values: [height, width], their mean and the bias are the logit. score: the prediction's.
    """

    label: str
    score: float
    logit: float
    bias: float
    values: npt.NDArray[np.float32]

    @property
    def shares(self) -> npt.NDArray[np.float32]:
        """The values from 0, their lowest, to 1, their highest; 0 where all are equal."""
        low, high = float(self.values.min()), float(self.values.max())
        return (self.values - low) / (high - low) if high > low else np.zeros_like(self.values)


@dataclass(frozen=True)
class Explanation:
    """The prediction for one image and why. image: as the network sees it, RGB; maps: the best label's, then that of
    the label that was asked about, where it is another one.
    """

    prediction: Prediction
    image: Pixels
    maps: tuple[LabelMap, ...]

    @property
    def label(self) -> str:
        return self.prediction.label

    def overlay(self) -> Pixels:
        """RGB: the image, and beside it each map over it."""
        from device.explain import overlay  # here: who reads numbers draws nothing

        return overlay.drawn(self)

    def png(self) -> bytes:
        """The overlay as a PNG file."""
        return images.encode_png(self.overlay())

    def _repr_png_(self) -> bytes:
        return self.png()
