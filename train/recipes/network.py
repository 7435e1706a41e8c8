"""Of a recipe: what the network looks like."""

from dataclasses import dataclass
from typing import Literal

from train.backbones import backbones
from train.recipes import fields
from train.recipes.fields import BELOW_ONE, FieldLimits, setting

Architecture = Literal["residual", "resnet8", "backbone", "tiny", "cifar10_tutorial", "cats_vs_dogs_tutorial"]


@dataclass(frozen=True)
class Network:
    """UserError for values that can't work."""

    architecture: Architecture = setting(
        "which (train/networks/networks.py); backbone: one with ImageNet weights (train/networks/transfer.py)",
        name="network",
    )
    filters: tuple[int, ...] = setting(
        "residual: of the stem and of each stage, which halves the resolution",
        (32, 64, 128),
        FieldLimits(1, 4096, "numbers of filters from 1 to 4096"),
    )
    blocks: tuple[int, ...] = setting(
        "residual: residual blocks in each stage", (1, 0), FieldLimits(0, 100, "numbers of blocks from 0 to 100")
    )
    stem_stride: int = setting("residual: 2 halves the resolution in the stem already", 1, FieldLimits(1, 4, "1 to 4"))
    grayscale: bool = setting("the network begins with a fixed luminance layer", False)
    flip_average: bool = setting("the saved network gives the mean of what the image and its mirror image get", False)
    dropout: float = setting("before the last layer", 0.0, BELOW_ONE)
    backbone: str = setting("backbone: which (python -m train backbones), or auto", "MobileNetV2")
    head_units: tuple[int, ...] = setting(
        "backbone: units of dense layers before the last; a head with none is fitted",
        (),
        FieldLimits(1, 65536, "units from 1 to 65536"),
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
        """Whether the backbone is yet to be chosen, by the data."""
        return self.has_backbone and self.backbone == backbones.AUTO

    @property
    def ends_in_sigmoid(self) -> bool:
        """Whether two classes share one output."""
        return self.architecture == "cats_vs_dogs_tutorial"
