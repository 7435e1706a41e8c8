"""The explanation of one prediction: class activation maps, which say how much each place adds to a label."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device.images import images
from device.images.images import Pixels
from device.inference.prediction import Prediction


@dataclass(frozen=True)
class LabelMap:
    """How much each place of the last feature map adds to a label's logit.

    values: float32, [height, width]; their mean plus the bias is the logit. score: the label's in the prediction.
    """

    label: str
    score: float
    logit: float
    bias: float
    values: npt.NDArray[np.float32]

    @property
    def shares(self) -> npt.NDArray[np.float32]:
        """The values scaled to 0 (the lowest) to 1 (the highest); all 0 if they are equal."""
        low, high = float(self.values.min()), float(self.values.max())
        return (self.values - low) / (high - low) if high > low else np.zeros_like(self.values)


@dataclass(frozen=True)
class Explanation:
    """The prediction for one image, and why; in a notebook the overlay.

    image: as the network sees it, uint8 RGB [height, width, 3]. maps: of the best label, then of the requested label,
    if that is another one.
    """

    prediction: Prediction
    image: Pixels
    maps: tuple[LabelMap, ...]

    @property
    def label(self) -> str:
        return self.prediction.label

    def overlay(self) -> Pixels:
        """The image, and beside it the image under each map, uint8 RGB [height, width, 3]."""
        from device.explain import overlay  # late, because reading the numbers needs no drawing

        return overlay.drawn(self)

    def png(self) -> bytes:
        """The overlay as a PNG file."""
        return images.encode_png(self.overlay())

    def _repr_png_(self) -> bytes:
        return self.png()
