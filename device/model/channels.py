"""Numbers for all of a pixel's channels, or for red, green and blue each: a network's mean and std.

The scalings that have a name: `--scaling NAME`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Channels = float | tuple[float, float, float]
# The order in which an image, or a network's input, has its channels.
Color = Literal["RGB", "BGR"]


@dataclass(frozen=True)
class PixelScaling:
    """What a network takes: (pixel - mean) / std, pixels 0..255, its channels in the order of `color`.

    mean, std: where they differ, of red, green and blue, whatever the order is.
    """

    mean: Channels
    std: Channels
    color: Color = "RGB"


# imagenet: torchvision's, and "torch" in Keras' preprocess_input. caffe: "caffe" there; BGR, the mean is subtracted.
SCALINGS = {
    "0..255": PixelScaling(0.0, 1.0),
    "0..1": PixelScaling(0.0, 255.0),
    "-1..1": PixelScaling(127.5, 127.5),
    "imagenet": PixelScaling((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "caffe": PixelScaling((123.68, 116.779, 103.939), 1.0, "BGR"),
}
# The name for who lets labeled images decide (export/source/scaling.py).
AUTO = "auto"


def each(value: Channels) -> tuple[float, float, float]:
    """For red, green and blue."""
    return value if isinstance(value, tuple) else (value, value, value)


def of(red: float, green: float, blue: float) -> Channels:
    """One number if the three are equal, else all three."""
    return red if red == green == blue else (red, green, blue)


def parse(text: str) -> Channels:
    """`127.5`, or `123.7,116.3,103.5` for red, green and blue. ValueError for anything else."""
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) not in (1, 3):
        raise ValueError(f"{len(numbers)} numbers, expected one or three")
    return of(*numbers) if len(numbers) == 3 else numbers[0]


def text(value: Channels | Sequence[float]) -> str:
    """The text that `parse` reads."""
    return ",".join(f"{one:g}" for one in (value if isinstance(value, Sequence) else (value,)))
