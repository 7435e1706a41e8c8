"""Of a recipe: which images, how they are made to fit, and which are held out."""

from dataclasses import dataclass
from pathlib import Path

from device.model.card import Fit
from train.recipes import fields
from train.recipes.fields import BELOW_ONE, BETWEEN, FieldLimits, setting


@dataclass(frozen=True)
class Data:
    """UserError for values that can't work."""

    source: str = setting("a data set by name, or a folder of class folders", name="data")
    images_per_class: int = setting(
        "of each class to train on, where data is cats_vs_dogs by name; all (0): every one",
        1000,
        FieldLimits(0, 12500, "a number from 1 to 12500, or all"),
    )
    image_size: tuple[int, int] = setting(
        "(height, width) the network takes", (32, 32), FieldLimits(1, 1024, "HxW with sides of 1 to 1024")
    )
    fit: Fit = setting("how an image is made to fit the size", "crop")
    test_split: float = setting(
        "share kept for the test where a folder has no test/ (by seed); 0: a fifth, or cross-validation", 0.2, BELOW_ONE
    )
    validation_split: float = setting(
        "share of the training images held out; best epoch and every choice come from it", 0.1, BETWEEN
    )
    seed: int = setting(  # the most that Keras and scikit-learn take
        "of the split, the weights, the order and the augmentation", 1, FieldLimits(0, 2**32 - 1, "0 to 4294967295")
    )

    def __post_init__(self) -> None:
        fields.check(self)
        fields.require(self, "source", bool(self.source.strip()), "a data set by name, or a folder of class folders")

    @property
    def name(self) -> str:
        """What the image cache knows the data by."""
        from train.datasets import pet_images  # here, because a wrong option is answered before OpenCV is imported

        return pet_images.data_name(self.images_per_class) if self.source == pet_images.NAME else self.source


def is_folder(data: str) -> bool:
    """Whether data is a path, not the name of a data set: anything that is there, or has a slash in it."""
    return Path(data).is_dir() or "/" in data or data in (".", "..")
