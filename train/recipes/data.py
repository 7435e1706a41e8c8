"""The part of a recipe that names the images, how they are resized, and which are held out."""

from dataclasses import MISSING, dataclass

from device.declared import Limits, option
from device.model.card import Fit
from train.recipes import fields
from train.recipes.fields import BELOW_ONE, BETWEEN


@dataclass(frozen=True)
class Data:
    """The data of a recipe; UserError for invalid values."""

    source: str = option(MISSING, "a data set by name, or a folder of class folders", name="data")
    images_per_class: int = option(
        1000,
        "images of each class to train on, for the data set cats_vs_dogs; all (0): every one",
        limits=Limits(0, 12500, words="a number from 1 to 12500, or all"),
    )
    image_size: tuple[int, int] = option(
        (32, 32), "(height, width) the network takes", limits=Limits(1, 1024, words="HxW with sides of 1 to 1024")
    )
    fit: Fit = option("crop", "how an image is resized")
    test_split: float = option(
        0.2,
        "share kept for the test where a folder has no test/ (by seed); 0: a fifth, or cross-validation",
        limits=BELOW_ONE,
    )
    validation_split: float = option(
        0.1, "share of the training images held out; best epoch and every choice come from it", limits=BETWEEN
    )
    seed: int = option(
        1,
        "of the split, the weights, the order and the augmentation",
        limits=Limits(0, 2**32 - 1, words="0 to 4294967295"),
    )

    def __post_init__(self) -> None:
        fields.check(self)
        fields.require(self, "source", bool(self.source.strip()), "a data set by name, or a folder of class folders")

    @property
    def name(self) -> str:
        """The name of the data in the image cache."""
        from train.datasets import pet_images  # here, so that a wrong option fails before OpenCV is imported

        return pet_images.data_name(self.images_per_class) if self.source == pet_images.NAME else self.source
