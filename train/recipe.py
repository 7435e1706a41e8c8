"""A recipe: everything that decides what a training run makes, as one frozen record.

Every field can be set from the command line: `--set epochs=20 --set size=64x64`. run.json keeps all of them; two runs
with the same fields and the same data are the same run. The recipes themselves: train/recipes.py.
"""

import math
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from device.card import Fit
from device.errors import UserError
from train import backbones

CHOICES = {
    "network": ("residual", "resnet8", "backbone", "tiny", "cifar10_tutorial", "cats_vs_dogs_tutorial", "classical"),
    "strategy": ("all", "partial", "head"),
    "fit": ("crop", "stretch", "pad"),
    "best_by": ("accuracy", "loss", "last"),
    "loss": ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"),
    "optimizer": ("adam", "adamw", "sgd", "muon"),
    "schedule": ("constant", "one_cycle"),
}
# field: (the lowest value that works, the highest, what is said)
LIMITS = {
    "size": (1, 1024, "HxW with sides of 1 to 1024"),
    "filters": (1, 4096, "numbers of filters from 1 to 4096"),
    "blocks": (0, 100, "numbers of blocks from 0 to 100"),
    "stem_stride": (1, 4, "1 to 4"),
    "pictures": (0, 12500, "a number from 1 to 12500, or all"),
    "freeze": (0, math.inf, "at least 0"),
    "hidden": (1, 65536, "units from 1 to 65536"),
    "fine_tune": (0, math.inf, "at least 0"),
    "epochs": (1, math.inf, "at least 1"),
    "steps": (0, math.inf, "at least 0"),
    "batch": (1, math.inf, "at least 1"),
    "patience": (0, math.inf, "at least 0"),
    "seed": (0, 2**32 - 1, "0 to 4294967295"),  # as Keras and scikit-learn take it
    "weight_decay": (0, math.inf, "at least 0"),
    "warmup": (0, 1, "a share from 0 to 1"),
    "mixup": (0, 1, "a share from 0 to 1"),
    "degraded": (0, 1, "a share from 0 to 1"),
    "erased": (0, 1, "a share from 0 to 1"),
    "teacher_temperature": (0.1, 100, "0.1 to 100"),
    "rotation_range": (0, 180, "degrees from 0 to 180"),
    "shear_range": (0, 80, "degrees from 0 to 80"),
    "zoom_range": (0.1, 10, "factors from 0.1 to 10"),
    "brightness_range": (0, 10, "factors from 0 to 10"),
    "contrast_range": (0, 10, "factors from 0 to 10"),
    "blur": (0, 20, "pixels from 0 to 20"),
    "jpeg_quality": (1, 100, "1 to 100"),
}
# What makes an image and its mirror image the same: right for the measured data sets, wrong for an arrow or a letter.
MIRRORING = ("horizontal_flip", "mirrored")
# What is made for folders of one's own; the first is taken where no recipe is named (Makefile).
FOR_FOLDERS = ("transfer", "scratch")
BELOW_ONE = ("test", "label_smoothing", "dropout", "weight_average", "width_shift_range", "height_shift_range")


@dataclass(frozen=True)
class Recipe:
    """One recipe. Building one with values that can't work raises UserError."""

    name: str
    description: str
    data: str  # a data set by name, or a folder of class folders
    network: str  # residual, resnet8, tiny, a tutorial's (train/networks.py), backbone (train/transfer.py), classical
    filters: tuple[int, ...] = (32, 64, 128)  # residual: of the stem and of each stage, which halves the resolution
    blocks: tuple[int, ...] = (1, 0)  # residual: residual blocks in each stage
    stem_stride: int = 1  # residual: 2 halves the resolution in the stem already
    mirrored: bool = False  # the saved network gives the mean of the picture's and its mirror image's answers
    backbone: str = "MobileNetV2"  # backbone: which (python -m train backbones), or auto
    strategy: str = "all"  # backbone: train all, partial (all but the first `freeze` layers), or the head alone
    freeze: int = 0  # backbone: layers that stay as they are, with partial and in fine-tuning
    hidden: tuple[int, ...] = ()  # backbone: units of dense layers before the last; a head with none is fitted
    fine_tune: int = 0  # head: epochs that follow with the backbone unfrozen from layer `freeze` on
    fine_tune_rate: float = 1e-5  # the learning rate of these
    size: tuple[int, int] = (32, 32)  # (height, width) the network takes
    fit: Fit = "crop"  # how a picture is made to fit: crop, stretch or pad
    grey: bool = False  # the network begins with a fixed luminance layer
    pictures: int = 1000  # of each class to train on, where data is cats_vs_dogs by name; all (0): every one
    test: float = 0.2  # share kept for the test where a folder has no test/ (by seed); 0: a fifth, or cross-validation
    validation: float = 0.1  # share of the training pictures held out; best epoch and every choice come from it
    epochs: int = 10  # times every training picture is seen
    steps: int = 0  # batches an epoch; 0: as many as show every training picture once
    batch: int = 128  # pictures a step
    best_by: str = "accuracy"  # the kept epoch has the highest validation accuracy, the lowest loss, or is the last
    patience: int = 0  # stop after so many epochs without a better one; 0: never
    loss: str = "categorical_crossentropy"  # or sparse_categorical_crossentropy, binary_crossentropy (one sigmoid)
    optimizer: str = "adam"  # adam, adamw, sgd with Nesterov momentum 0.9, or muon (train/muon.py)
    learning_rate: float = 1e-3  # with one_cycle: the peak
    schedule: str = "constant"  # of the learning rate: constant or one_cycle
    warmup: float = 1 / 7  # one_cycle: share of the steps before the peak
    weight_decay: float = 0.0  # not adam: a step shrinks the weights by learning rate times this
    weight_average: float = 0.0  # the model is a moving average of its weights with this momentum; 0: it is not
    label_smoothing: float = 0.0  # 0..1, not with sparse_categorical_crossentropy
    dropout: float = 0.0  # before the last layer
    mixup: float = 0.0  # share of the batches whose pictures are mixed with one another; not with a sparse loss
    teacher: str = ""  # a run folder or .keras file: its answers are learned in place of the labels (distillation)
    teacher_temperature: float = 1.0  # above 1 its answers are softer: powers of 1 / temperature, summing to one
    rotation_range: float = 0.0  # augmentation, as in Keras' ImageDataGenerator: degrees to either side
    width_shift_range: float = 0.0  # share of the width, to either side
    height_shift_range: float = 0.0  # share of the height, up or down
    shear_range: float = 0.0  # degrees
    zoom_range: tuple[float, float] = (1.0, 1.0)  # factors, low and high, for each axis by itself; 0.2: 0.8 to 1.2
    horizontal_flip: bool = False  # half of the training pictures are mirrored
    brightness_range: tuple[float, float] = (1.0, 1.0)  # factors, low and high
    contrast_range: tuple[float, float] = (1.0, 1.0)  # factors, low and high
    degraded: float = 0.0  # share of the pictures that get blur and JPEG, as from a webcam
    blur: float = 0.0  # of those: up to this many pixels
    jpeg_quality: int = 100  # of those: from this quality up; 100: none
    erased: float = 0.0  # share of the pictures with a rectangle painted over
    seed: int = 1  # of the split, the weights, the order and the augmentation

    def __post_init__(self) -> None:
        self._require("data", bool(self.data.strip()), "a data set by name, or a folder of class folders")
        for field, values in CHOICES.items():
            self._require(field, getattr(self, field) in values, f"one of {', '.join(values)}")
        for field, (least, most, expected) in LIMITS.items():
            value = getattr(self, field)
            numbers = value if isinstance(value, tuple) else (value,)
            self._require(field, all(least <= number <= most and number < math.inf for number in numbers), expected)
        self._require("validation", 0 < self.validation < 1, "a share between 0 and 1")
        for field in BELOW_ONE:
            self._require(field, 0 <= getattr(self, field) < 1, "at least 0 and less than 1")
        for field in ("zoom_range", "brightness_range", "contrast_range"):
            low, high = getattr(self, field)
            self._require(field, low <= high, "the lower factor first")
        for field in ("learning_rate", "fine_tune_rate"):
            self._require(field, 0 < getattr(self, field) < math.inf, "a number above 0")
        self._require_together()

    def _require_together(self) -> None:
        """What one field asks of another."""
        self._require("blocks", len(self.blocks) == len(self.filters) - 1, "one number for each stage after the stem")
        for field in ("label_smoothing", "mixup"):
            if getattr(self, field):
                self._require(field, not self.loss.startswith("sparse"), f"0 with {self.loss}")
        if self.teacher:
            soft = self.loss == "categorical_crossentropy" and self.strategy != "head"
            self._require("teacher", soft, f"none with loss {self.loss} and strategy {self.strategy}")
            self._require("label_smoothing", not self.label_smoothing, "0 with a teacher")
        else:
            self._require("teacher_temperature", self.teacher_temperature == 1.0, "1 without a teacher")
        if self.patience:
            self._require("patience", self.best_by != "last", "0 with best_by last: no epoch is better than the next")
        if self.mirrored:  # one sigmoid becomes two outputs at export, which takes it to be the last layer
            good = self.network != "classical" and self.strategy != "head" and not self.loss.startswith("binary")
            self._require("mirrored", good, f"false with {self.network}, strategy {self.strategy}, {self.loss}")
        if self.optimizer == "muon":  # it gives every kernel another length, which a trained backbone doesn't bear
            self._require("optimizer", self.network != "backbone", "another with a backbone")
        if self.weight_decay:
            self._require("weight_decay", self.optimizer != "adam", f"0 with {self.optimizer}")
        if self.network == "backbone" and self.backbone != backbones.AUTO:
            backbones.get(self.backbone)
        self._require("strategy", self.strategy == "all" or self.network == "backbone", f"all with {self.network}")
        for field, strategies in (("freeze", ("partial", "head")), ("fine_tune", ("head",))):
            if getattr(self, field):
                self._require(field, self.strategy in strategies, f"0 with strategy {self.strategy}")
        if self.freeze and self.strategy == "head":
            self._require("freeze", self.fine_tune > 0, "0 with a head alone: --fine-tune EPOCHS is what it is for")
        one_sigmoid = self.network == "cats_vs_dogs_tutorial"
        if one_sigmoid != (self.loss == "binary_crossentropy"):
            self._require("loss", False, f"binary_crossentropy for a single sigmoid; network is {self.network}")

    def _require(self, field: str, good: bool, expected: str) -> None:
        if not good:
            raise UserError(f"recipe {self.name}: {field} is {text(field, getattr(self, field))}, expected {expected}")

    def require_shareable(self) -> None:
        """UserError where several processes can't train it together (train/devices.py)."""
        if self.strategy == "head" and (self.backbone == backbones.AUTO or not self.can_cross_validate):
            raise UserError(
                "--processes: of a head several share the backbone's features alone; expected --backbone NAME, no"
                " hidden layers and no --fine-tune, or another --strategy"
            )
        if self.teacher:
            raise UserError("--processes: a teacher answers on one machine; expected one process, or no teacher")

    @property
    def fits_head(self) -> bool:
        """Whether the head is fitted in one go (train/head.py), not trained by epochs."""
        return self.strategy == "head" and not self.hidden

    @property
    def learns_labels(self) -> bool:
        """Whether what is learned are the labels. With mixup or a teacher the training figure that Keras calls accuracy
        is how often the likeliest label is that of the target, which is mixed, or may be wrong: no accuracy.
        """
        return not (self.mixup or self.teacher)

    @property
    def can_cross_validate(self) -> bool:
        """Whether a head is all that is trained, so that five more of them cost seconds."""
        return self.fits_head and not self.fine_tune

    @property
    def all_epochs(self) -> int:
        """Of every phase."""
        return self.fine_tune if self.fits_head else self.epochs + self.fine_tune

    @property
    def data_name(self) -> str:
        """What the picture cache knows the data by."""
        from train import pet_images  # here, because a wrong option is answered before OpenCV is imported

        return pet_images.data_name(self.pictures) if self.data == pet_images.NAME else self.data

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Recipe":
        """The recipe that `to_json` wrote down."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def defaults() -> dict[str, Any]:
    """Of every field that has one, as run.json writes it."""
    values = {field.name: field.default for field in fields(Recipe) if field.default is not MISSING}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def is_folder(data: str) -> bool:
    """Whether data is a path, not the name of a data set: anything that is there, or has a slash in it."""
    return Path(data).is_dir() or "/" in data or data in (".", "..")


def change(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with FIELD=VALUE settings applied; UserError for an unknown field or a value of the wrong kind.

    A folder of one's own as `data` turns off what the recipe has of `MIRRORING`, unless a setting asks for it: whether
    left and right may be swapped was decided for the data set that the recipe was measured on. A backbone that was
    trained on images of another size brings it along.
    """
    hints = get_type_hints(Recipe)
    settable = [field.name for field in fields(Recipe) if field.name not in ("name", "description")]
    changes: dict[str, Any] = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals or field not in settable:
            raise UserError(f"--set {setting}: expected FIELD=VALUE with FIELD one of {', '.join(settable)}")
        every = field == "pictures" and value == "all"
        changes[field] = 0 if every else _parse(value, hints[field], setting)
    known = backbones.BACKBONES.get(changes.get("backbone", ""))
    if known and known.lite and recipe.network == "backbone":
        changes = {"size": (known.lite.side, known.lite.side), **changes}
    data = changes.get("data", recipe.data)
    if data != recipe.data and is_folder(data):
        changes = {**dict.fromkeys(MIRRORING, False), **changes}
    return replace(recipe, **changes)


def _parse(value: str, kind: Any, setting: str) -> Any:
    read, expected = READERS.get(kind, (str, "text"))
    try:
        return read(value)
    except (KeyError, ValueError):
        raise UserError(f"--set {setting}: expected {expected}") from None


def parse_size(value: str) -> tuple[int, int]:
    """Reads "HxW" or "N" (a square) -> (height, width); ValueError for anything else."""
    height, x, width = value.partition("x")
    return int(height), int(width if x else height)


def _parse_numbers(value: str) -> tuple[int, ...]:
    return tuple(int(number) for number in value.split("-")) if value else ()


def _parse_range(value: str) -> tuple[float, float]:
    """Reads "LOW,HIGH", or "R" for 1-R to 1+R, as Keras' zoom_range does."""
    low, comma, high = value.partition(",")
    return (float(low), float(high)) if comma else (1 - float(low), 1 + float(low))


SEPARATORS: dict[Any, str] = {tuple[int, int]: "x", tuple[int, ...]: "-", tuple[float, float]: ","}
READERS: dict[Any, tuple[Any, str]] = {
    bool: (lambda value: {"true": True, "false": False, "1": True, "0": False}[value.lower()], "true or false"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    tuple[int, int]: (parse_size, "HxW, such as 28x28"),
    tuple[int, ...]: (_parse_numbers, "whole numbers with - between them, such as 32-64-128"),
    tuple[float, float]: (_parse_range, "LOW,HIGH such as 0.8,1.2, or one number R for 1-R to 1+R"),
}


def text(field: str, value: Any) -> str:
    """A field's value as --set takes it."""
    separator = SEPARATORS.get(get_type_hints(Recipe)[field])
    if separator is None:
        return str(value)
    return separator.join(f"{number:g}" for number in value)
