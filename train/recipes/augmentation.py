"""The part of a recipe that changes training images each time they are used (train/data/augment.py)."""

from dataclasses import dataclass

from device.declared import Limits, option
from train.recipes import fields
from train.recipes.fields import BELOW_ONE, SHARE


@dataclass(frozen=True)
class Augmentation:
    """Augmentation of training images; UserError for invalid values."""

    rotation_range: float = option(
        0.0,
        "augmentation, as in Keras' ImageDataGenerator: degrees to either side",
        limits=Limits(0, 180, words="degrees from 0 to 180"),
    )
    width_shift_range: float = option(0.0, "share of the width, to either side", limits=BELOW_ONE)
    height_shift_range: float = option(0.0, "share of the height, up or down", limits=BELOW_ONE)
    shear_range: float = option(0.0, "degrees, to either side", limits=Limits(0, 80, words="degrees from 0 to 80"))
    zoom_range: tuple[float, float] = option(
        (1.0, 1.0),
        "factors of the visible scene, low and high, for each axis by itself; 0.2: 0.8 to 1.2",
        limits=Limits(0.1, 10, words="factors from 0.1 to 10"),
    )
    horizontal_flip: bool = option(False, "mirror half of the training images")
    brightness_range: tuple[float, float] = option(
        (1.0, 1.0), "factors, low and high", limits=Limits(0, 10, words="factors from 0 to 10")
    )
    contrast_range: tuple[float, float] = option(
        (1.0, 1.0), "factors around the middle gray, low and high", limits=Limits(0, 10, words="factors from 0 to 10")
    )
    camera_noise: float = option(
        0.0, "share of the images with blur and JPEG artifacts, as from a webcam", limits=SHARE
    )
    blur: float = option(
        0.0,
        "of those: up to this many pixels (Gaussian, standard deviation)",
        limits=Limits(0, 20, words="pixels from 0 to 20"),
    )
    jpeg_quality: int = option(
        100,
        "of those: saved as JPEG, quality from this to 95; 100: not at all",
        limits=Limits(1, 100, words="1 to 100"),
    )
    random_erasing: float = option(0.0, "share of the images with a rectangle painted over", limits=SHARE)
    mixup: float = option(
        0.0, "share of the batches whose images are mixed with one another; not with a sparse loss", limits=SHARE
    )

    def __post_init__(self) -> None:
        fields.check(self)


NONE = Augmentation()
