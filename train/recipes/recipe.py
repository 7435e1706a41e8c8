"""A recipe: everything that decides what a training run makes, as one frozen record of records.

Every field has a flat name and can be set from the command line (train/recipes/settings.py): `--set epochs=20`.
run.json keeps all of them; two runs with the same fields and the same data are the same run.
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
    """What every run is made by, of a network or not. kind: as run.json has it."""

    kind: ClassVar[Kind]

    name: str
    description: str
    data: Data

    @property
    def seed(self) -> int:
        return self.data.seed

    @property
    def teacher(self) -> str:
        """The model that is learned from; empty: none."""
        return ""

    @property
    def can_cross_validate(self) -> bool:
        """Whether a test can be done without, because training a few times more costs seconds."""
        return False


@dataclass(frozen=True)
class Recipe(DataRecipe):
    """Of a network. UserError for values that can't work together."""

    kind: ClassVar[Kind] = "network"

    network: Network
    training: Training = Training()
    augmentation: Augmentation = NONE

    def __post_init__(self) -> None:
        network, training = self.network, self.training
        if self.augmentation.mixup:
            require(self.augmentation, "mixup", not training.is_sparse, f"0 with {training.loss}")
        if network.flip_average:  # one sigmoid becomes two outputs at export, which takes it to be the last layer
            good = not training.trains_head and training.loss != "binary_crossentropy"
            reason = f"false with {network.architecture}, strategy {training.strategy}, {training.loss}"
            require(network, "flip_average", good, reason)
        if training.optimizer == "muon":  # it gives every kernel another length, which a trained backbone doesn't bear
            require(training, "optimizer", not network.has_backbone, "another with a backbone")
        if not network.has_backbone:
            require(training, "strategy", training.strategy == "all", f"all with {network.architecture}")
        fits = network.ends_in_sigmoid == (training.loss == "binary_crossentropy")
        require(training, "loss", fits, f"binary_crossentropy for a single sigmoid; network is {network.architecture}")

    def require_shareable(self) -> None:
        """UserError where several processes can't train it together (train/environment/devices.py)."""
        if self.training.trains_head and (self.network.chooses_backbone or not self.can_cross_validate):
            raise UserError(
                "--processes: of a head several share the backbone's features alone; expected --backbone NAME, no"
                " hidden layers and no --fine-tune, or another --strategy"
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
        """Whether what is learned are the labels. With mixup or a teacher the training figure that Keras calls accuracy
        is how often the likeliest label is that of the target, which is mixed, or may be wrong: no accuracy.
        """
        return not (self.augmentation.mixup or self.training.teacher)

    @property
    def can_cross_validate(self) -> bool:
        """Whether a head is all that is trained, so that five more of them cost seconds."""
        return self.fits_head and not self.training.fine_tune_epochs

    @property
    def all_epochs(self) -> int:
        """Of every phase."""
        training = self.training
        return training.fine_tune_epochs if self.fits_head else training.epochs + training.fine_tune_epochs
