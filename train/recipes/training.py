"""The part of a recipe that describes the training."""

from dataclasses import dataclass
from typing import Literal

from device.declared import Limits, option
from train.recipes import fields
from train.recipes.fields import BELOW_ONE, POSITIVE, SHARE

Strategy = Literal["all", "partial", "head"]
Figure = Literal["accuracy", "loss", "last"]
Loss = Literal["categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"]
Optimizer = Literal["adam", "adamw", "sgd", "muon"]
Schedule = Literal["constant", "warmup_cosine"]


@dataclass(frozen=True)
class Training:
    """How to train; UserError for values that are invalid, alone or together."""

    strategy: Strategy = option("all", "backbone: what is trained; partial: all but the first `freeze` layers")
    freeze: int = option(
        0, "backbone: the first layers, which stay as they are, with partial and in fine-tuning", limits=Limits(0)
    )
    fine_tune_epochs: int = option(
        0, "head: further epochs with the backbone unfrozen from layer `freeze` on", limits=Limits(0)
    )
    fine_tune_learning_rate: float = option(1e-5, "the learning rate of those epochs", limits=POSITIVE)
    epochs: int = option(10, "passes over the training images", limits=Limits(1))
    steps_per_epoch: int = option(0, "batches per epoch; 0: enough for every training image once", limits=Limits(0))
    batch_size: int = option(128, "images per step", limits=Limits(1))
    keep_best_by: Figure = option(
        "accuracy", "the kept epoch has the highest validation accuracy, the lowest loss, or is the last"
    )
    patience: int = option(0, "stop after so many epochs without a better one; 0: never", limits=Limits(0))
    loss: Loss = option("categorical_crossentropy", "what training minimizes; binary_crossentropy is for one sigmoid")
    optimizer: Optimizer = option("adam", "sgd with Nesterov momentum 0.9; muon: train/optimizers/muon.py")
    learning_rate: float = option(1e-3, "with warmup_cosine: the peak", limits=POSITIVE)
    schedule: Schedule = option("constant", "of the learning rate over the steps")
    warmup: float = option(1 / 7, "warmup_cosine: share of the steps before the peak", limits=SHARE)
    weight_decay: float = option(
        0.0, "not with adam: a step shrinks the weights by learning rate times this", limits=Limits(0)
    )
    ema_momentum: float = option(
        0.0,
        "keep a moving average of the weights with this momentum, over a tenth of the steps at most; 0: no average",
        limits=BELOW_ONE,
    )
    label_smoothing: float = option(0.0, "0..1, not with sparse_categorical_crossentropy", limits=BELOW_ONE)
    teacher: str = option("", "a run folder or .keras file: learn its predictions instead of the labels (distillation)")
    teacher_temperature: float = option(
        1.0,
        "above 1 its predictions are softer: powers of 1 / temperature, normalized",
        limits=Limits(0.1, 100, words="0.1 to 100"),
    )

    def __post_init__(self) -> None:
        fields.check(self)
        self._check_targets()
        self._check_phases()
        if self.patience:
            reason = "0 with keep_best_by last: no epoch is better than the next"
            self._require("patience", self.keep_best_by != "last", reason)
        if self.weight_decay:
            self._require("weight_decay", self.optimizer != "adam", f"0 with {self.optimizer}")

    def _check_targets(self) -> None:
        """Checks what is learned: labels, smoothed labels, or a teacher's predictions."""
        if self.label_smoothing:
            self._require("label_smoothing", not self.is_sparse, f"0 with {self.loss}")
        if self.teacher:
            soft = self.loss == "categorical_crossentropy" and self.strategy != "head"
            self._require("teacher", soft, f"none with loss {self.loss} and strategy {self.strategy}")
            self._require("label_smoothing", not self.label_smoothing, "0 with a teacher")
        else:
            self._require("teacher_temperature", self.teacher_temperature == 1.0, "1 without a teacher")

    def _check_phases(self) -> None:
        """Checks which parts of a backbone are trained."""
        allowed = {"freeze": ("partial", "head"), "fine_tune_epochs": ("head",)}
        for name, strategies in allowed.items():
            if getattr(self, name):
                self._require(name, self.strategy in strategies, f"0 with strategy {self.strategy}")
        if self.freeze and self.trains_head:
            reason = "0 with a head alone: --fine-tune EPOCHS is what it is for"
            self._require("freeze", self.fine_tune_epochs > 0, reason)

    def _require(self, name: str, good: bool, expected: str) -> None:
        fields.require(self, name, good, expected)

    @property
    def is_sparse(self) -> bool:
        """Whether the targets are label numbers, which can't be softened or mixed."""
        return self.loss == "sparse_categorical_crossentropy"

    @property
    def trains_head(self) -> bool:
        return self.strategy == "head"
