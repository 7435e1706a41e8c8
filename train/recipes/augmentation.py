"""Of a recipe: how training images are changed each time they are seen (train/data/augment.py)."""

from dataclasses import dataclass

from train.recipes import fields
from train.recipes.fields import BELOW_ONE, SHARE, FieldLimits, setting


@dataclass(frozen=True)
class Augmentation:
    """UserError for values that can't work."""

    rotation_range: float = setting(
        "augmentation, as in Keras' ImageDataGenerator: degrees to either side",
        0.0,
        FieldLimits(0, 180, "degrees from 0 to 180"),
    )
    width_shift_range: float = setting("share of the width, to either side", 0.0, BELOW_ONE)
    height_shift_range: float = setting("share of the height, up or down", 0.0, BELOW_ONE)
    shear_range: float = setting("degrees, to either side", 0.0, FieldLimits(0, 80, "degrees from 0 to 80"))
    zoom_range: tuple[float, float] = setting(
        "factors of the visible scene, low and high, for each axis by itself; 0.2: 0.8 to 1.2",
        (1.0, 1.0),
        FieldLimits(0.1, 10, "factors from 0.1 to 10"),
    )
    horizontal_flip: bool = setting("half of the training images are mirrored", False)
    brightness_range: tuple[float, float] = setting(
        "factors, low and high", (1.0, 1.0), FieldLimits(0, 10, "factors from 0 to 10")
    )
    contrast_range: tuple[float, float] = setting(
        "factors around the middle gray, low and high", (1.0, 1.0), FieldLimits(0, 10, "factors from 0 to 10")
    )
    camera_noise: float = setting("share of the images that get blur and JPEG, as from a webcam", 0.0, SHARE)
    blur: float = setting(
        "of those: up to this many pixels (Gaussian, standard deviation)",
        0.0,
        FieldLimits(0, 20, "pixels from 0 to 20"),
    )
    jpeg_quality: int = setting(
        "of those: saved as JPEG, quality from this to 95; 100: not at all", 100, FieldLimits(1, 100, "1 to 100")
    )
    random_erasing: float = setting("share of the images with a rectangle painted over", 0.0, SHARE)
    mixup: float = setting(
        "share of the batches whose images are mixed with one another; not with a sparse loss", 0.0, SHARE
    )

    def __post_init__(self) -> None:
        fields.check(self)


NONE = Augmentation()
