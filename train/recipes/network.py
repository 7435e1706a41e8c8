"""The part of a recipe that describes the network."""

from dataclasses import MISSING, dataclass
from typing import Literal

from device.declared import Limits, option
from train.backbones import backbones
from train.recipes import fields
from train.recipes.fields import BELOW_ONE

Architecture = Literal["residual", "resnet8", "backbone", "tiny", "cifar10_tutorial", "cats_vs_dogs_tutorial"]


@dataclass(frozen=True)
class Network:
    """The network of a recipe; UserError for invalid values."""

    architecture: Architecture = option(
        MISSING,
        "one of train/networks/networks.py; backbone: one with ImageNet weights (train/networks/transfer.py)",
        name="network",
    )
    filters: tuple[int, ...] = option(
        (32, 64, 128),
        "residual: filters of the stem and of each stage, which halves the resolution",
        limits=Limits(1, 4096, words="numbers of filters from 1 to 4096"),
    )
    blocks: tuple[int, ...] = option(
        (1, 0),
        "residual: residual blocks in each stage",
        limits=Limits(0, 100, words="numbers of blocks from 0 to 100"),
    )
    stem_stride: int = option(1, "residual: 2 halves the resolution in the stem", limits=Limits(1, 4, words="1 to 4"))
    grayscale: bool = option(False, "start the network with a fixed luminance layer")
    flip_average: bool = option(False, "the saved network averages the scores of the image and its mirror image")
    dropout: float = option(0.0, "dropout before the last layer", limits=BELOW_ONE)
    backbone: str = option("MobileNetV2", "backbone: its name (python -m train backbones), or auto")
    head_units: tuple[int, ...] = option(
        (),
        "backbone: units of dense layers before the last; a head without them is fitted",
        limits=Limits(1, 65536, words="units from 1 to 65536"),
    )

    def __post_init__(self) -> None:
        fields.check(self)
        stages = len(self.filters) - 1
        fields.require(self, "blocks", len(self.blocks) == stages, "one number for each stage after the stem")
        if self.has_backbone and not self.chooses_backbone:
            backbones.get(self.backbone)

    @property
    def has_backbone(self) -> bool:
        return self.architecture == "backbone"

    @property
    def chooses_backbone(self) -> bool:
        """Whether training chooses the backbone, by the data."""
        return self.has_backbone and self.backbone == backbones.AUTO

    @property
    def ends_in_sigmoid(self) -> bool:
        """Whether two classes share one output."""
        return self.architecture == "cats_vs_dogs_tutorial"
