"""The recipes: everything that decides what a training run makes, as one frozen record a recipe.

Every field can be set from the command line: `--set epochs=20 --set size=64x64`. run.json keeps all of them; two runs
with the same fields and the same data are the same run.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_type_hints

from device.card import Fit
from device.errors import UserError

NETWORKS = ("small_residual", "tiny", "tutorial")
LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy")
OPTIMIZERS = ("adam", "adamw")
SCHEDULES = ("constant", "one_cycle")


@dataclass(frozen=True)
class Recipe:
    """One recipe. Building one with values that can't work raises UserError."""

    name: str
    description: str
    data: str  # a data set by name, or a folder of class folders
    network: str  # small_residual, tiny or tutorial (train/networks.py)
    size: tuple[int, int] = (32, 32)  # (height, width) the network takes
    fit: Fit = "crop"  # how a picture is made to fit: crop, stretch or pad
    grey: bool = False  # the network begins with a fixed luminance layer
    test: float = 0.2  # share kept for the test where a folder has no test/ (by seed)
    validation: float = 0.1  # share of the training pictures held out; best epoch and every choice come from it
    epochs: int = 10  # times every training picture is seen
    batch: int = 128  # pictures a step
    loss: str = "categorical_crossentropy"  # or sparse_categorical_crossentropy, on label numbers
    optimizer: str = "adam"  # adam or adamw
    learning_rate: float = 1e-3  # with one_cycle: the peak
    schedule: str = "constant"  # of the learning rate: constant or one_cycle
    weight_decay: float = 0.0  # adamw only
    label_smoothing: float = 0.0  # 0..1, categorical_crossentropy only
    dropout: float = 0.0  # before the last layer
    horizontal_flip: bool = False  # half of the training pictures are mirrored
    seed: int = 1  # of the split, the weights, the order and the augmentation

    def __post_init__(self) -> None:
        self._require("data", bool(self.data.strip()), "a data set by name, or a folder of class folders")
        known = (("network", NETWORKS), ("loss", LOSSES), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES))
        for field, values in (*known, ("fit", ("crop", "stretch", "pad"))):
            self._require(field, getattr(self, field) in values, f"one of {', '.join(values)}")
        for field, least in (("epochs", 1), ("batch", 1), ("seed", 0)):
            self._require(field, getattr(self, field) >= least, f"at least {least}")
        self._require("size", all(1 <= side <= 1024 for side in self.size), "HxW with sides of 1 to 1024")
        for field in ("test", "validation"):
            self._require(field, 0 < getattr(self, field) < 1, "a share between 0 and 1")
        for field in ("label_smoothing", "dropout"):
            self._require(field, 0 <= getattr(self, field) < 1, "at least 0 and less than 1")
        self._require("learning_rate", 0 < self.learning_rate < math.inf, "a number above 0")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "at least 0")
        if self.label_smoothing:
            self._require("label_smoothing", self.loss == "categorical_crossentropy", f"0 with {self.loss}")
        if self.weight_decay:
            self._require("weight_decay", self.optimizer == "adamw", f"0 with {self.optimizer}")

    def _require(self, field: str, good: bool, expected: str) -> None:
        if not good:
            raise UserError(f"recipe {self.name}: {field} is {text(getattr(self, field))}, expected {expected}")

    def to_json(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="fashion_mnist",
            description="a small residual network for 28x28 pictures of clothes; the default",
            data="fashion_mnist",
            network="small_residual",
            size=(28, 28),
            grey=True,
            validation=1 / 12,  # 5,000 of 60,000
            epochs=5,  # seven give half a point more, but not within three minutes on two busy cores
            batch=64,
            optimizer="adamw",
            learning_rate=3e-3,
            schedule="one_cycle",
            weight_decay=0.05,
            dropout=0.05,
            horizontal_flip=True,
        ),
        Recipe(
            name="cifar10_tutorial",
            description="the course chapter's CIFAR-10 network, not altered; it overfits, and shows it",
            data="cifar10",
            network="tutorial",
            validation=0.3,
            epochs=10,
            batch=32,
            loss="sparse_categorical_crossentropy",
        ),
    )
}


def get(name: str) -> Recipe:
    if name not in RECIPES:
        raise UserError(f"unknown recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def change(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with FIELD=VALUE settings applied; UserError for an unknown field or a value of the wrong kind."""
    hints = get_type_hints(Recipe)
    settable = [field.name for field in fields(Recipe) if field.name not in ("name", "description")]
    changes: dict[str, Any] = {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals or field not in settable:
            raise UserError(f"--set {setting}: expected FIELD=VALUE with FIELD one of {', '.join(settable)}")
        changes[field] = _parse(value, hints[field], setting)
    return replace(recipe, **changes)


def _parse(value: str, kind: Any, setting: str) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
        if kind is int or kind is float:
            return kind(value)
        if kind == tuple[int, int]:
            return parse_size(value)
        return value
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "HxW, such as 28x28")
        raise UserError(f"--set {setting}: expected {expected}") from None


def parse_size(value: str) -> tuple[int, int]:
    """Reads "HxW" or "N" (a square) -> (height, width); ValueError for anything else."""
    height, x, width = value.partition("x")
    return int(height), int(width if x else height)


def text(value: Any) -> str:
    """A field's value as --set takes it."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
