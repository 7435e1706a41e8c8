"""The recipe of the classical baseline (train/classical): data and no network."""

from dataclasses import dataclass
from typing import ClassVar

from train.recipes.data import Data
from train.recipes.recipe import DataRecipe, Kind


@dataclass(frozen=True)
class ClassicalRecipe(DataRecipe):
    """Features made by hand and classifiers from scikit-learn."""

    kind: ClassVar[Kind] = "classical"


COMMAND = "classical"
CLASSICAL = ClassicalRecipe(
    name="cats_vs_dogs_classical",
    description="traditional recognition, the baseline: features made by hand, classifiers from scikit-learn",
    data=Data("cats_vs_dogs", image_size=(128, 128)),
)
