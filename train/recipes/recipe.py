"""A recipe: everything that determines the result of a training run, as one frozen record of records.

Every field has a flat name and can be set from the command line (train/recipes/settings.py): `--set epochs=20`.
run.json records all fields; two runs with the same fields and data are the same run.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from device.errors import UserError
from train.recipes.augmentation import NONE, Augmentation
from train.recipes.data import Data
from train.recipes.fields import require
from train.recipes.network import Network
from train.recipes.training import Training

Kind = Literal["network", "classical"]


@dataclass(frozen=True)
class DataRecipe:
    """The recipe of any run, with a network or without. kind: as in run.json."""

    kind: ClassVar[Kind]

    name: str
    description: str
    data: Data

    @property
    def seed(self) -> int:
        return self.data.seed

    @property
    def teacher(self) -> str:
        """The model that the network learns from; empty: none."""
        return ""

    @property
    def can_cross_validate(self) -> bool:
        """Whether cross-validation can replace a test, because training a few more times takes seconds."""
        return False


@dataclass(frozen=True)
class Recipe(DataRecipe):
    """The recipe of a network; UserError for values that are invalid together."""

    kind: ClassVar[Kind] = "network"

    network: Network
    training: Training = Training()
    augmentation: Augmentation = NONE

    def __post_init__(self) -> None:
        network, training = self.network, self.training
        if self.augmentation.mixup:
            require(self.augmentation, "mixup", not training.is_sparse, f"0 with {training.loss}")
        if network.flip_average:  # export turns one sigmoid into two outputs, and expects it as the last layer
            good = not training.trains_head and training.loss != "binary_crossentropy"
            reason = f"false with {network.architecture}, strategy {training.strategy}, {training.loss}"
            require(network, "flip_average", good, reason)
        if training.optimizer == "muon":  # it changes the length of every kernel, which breaks a trained backbone
            require(training, "optimizer", not network.has_backbone, "another with a backbone")
        if not network.has_backbone:
            require(training, "strategy", training.strategy == "all", f"all with {network.architecture}")
        fits = network.ends_in_sigmoid == (training.loss == "binary_crossentropy")
        require(training, "loss", fits, f"binary_crossentropy for a single sigmoid; network is {network.architecture}")

    def require_shareable(self) -> None:
        """UserError if several processes can't train it together (train/environment/devices.py)."""
        if self.training.trains_head and (self.network.chooses_backbone or not self.can_cross_validate):
            raise UserError(
                "--processes: several processes can only share computing a backbone's features; expected --backbone"
                " NAME, no hidden layers and no --fine-tune, or another --strategy"
            )
        if self.training.teacher:
            raise UserError("--processes: a teacher runs on one machine; expected one process, or no teacher")

    @property
    def teacher(self) -> str:
        return self.training.teacher

    @property
    def fits_head(self) -> bool:
        """Whether the head is fitted in one go (train/networks/head.py), not trained by epochs."""
        return self.training.trains_head and not self.network.head_units

    @property
    def learns_labels(self) -> bool:
        """Whether the network learns the labels. With mixup or a teacher, the training figure that Keras calls accuracy
        compares with the most likely label of the target, which is mixed or may be wrong, so it is no accuracy.
        """
        return not (self.augmentation.mixup or self.training.teacher)

    @property
    def can_cross_validate(self) -> bool:
        """Whether only a head is trained, so that five more take seconds."""
        return self.fits_head and not self.training.fine_tune_epochs

    @property
    def all_epochs(self) -> int:
        """The epochs of all phases."""
        training = self.training
        return training.fine_tune_epochs if self.fits_head else training.epochs + training.fine_tune_epochs
