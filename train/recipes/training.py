"""Of a recipe: how the weights are found."""

from dataclasses import dataclass
from typing import Literal

from train.recipes import fields
from train.recipes.fields import BELOW_ONE, POSITIVE, SHARE, FieldLimits, at_least, setting

Strategy = Literal["all", "partial", "head"]
Figure = Literal["accuracy", "loss", "last"]
Loss = Literal["categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"]
Optimizer = Literal["adam", "adamw", "sgd", "muon"]
Schedule = Literal["constant", "warmup_cosine"]


@dataclass(frozen=True)
class Training:
    """UserError for values that can't work, alone or together."""

    strategy: Strategy = setting("backbone: what is trained; partial: all but the first `freeze` layers", "all")
    freeze: int = setting(
        "backbone: the first layers, which stay as they are, with partial and in fine-tuning", 0, at_least(0)
    )
    fine_tune_epochs: int = setting(
        "head: epochs that follow with the backbone unfrozen from layer `freeze` on", 0, at_least(0)
    )
    fine_tune_learning_rate: float = setting("the learning rate of these", 1e-5, POSITIVE)
    epochs: int = setting("times every training image is seen", 10, at_least(1))
    steps_per_epoch: int = setting("batches an epoch; 0: as many as show every training image once", 0, at_least(0))
    batch_size: int = setting("images a step", 128, at_least(1))
    keep_best_by: Figure = setting(
        "the kept epoch has the highest validation accuracy, the lowest loss, or is the last", "accuracy"
    )
    patience: int = setting("stop after so many epochs without a better one; 0: never", 0, at_least(0))
    loss: Loss = setting("what is made small; binary_crossentropy is for one sigmoid", "categorical_crossentropy")
    optimizer: Optimizer = setting("sgd with Nesterov momentum 0.9; muon: train/optimizers/muon.py", "adam")
    learning_rate: float = setting("with warmup_cosine: the peak", 1e-3, POSITIVE)
    schedule: Schedule = setting("of the learning rate over the steps", "constant")
    warmup: float = setting("warmup_cosine: share of the steps before the peak", 1 / 7, SHARE)
    weight_decay: float = setting("not adam: a step shrinks the weights by learning rate times this", 0.0, at_least(0))
    ema_momentum: float = setting(
        "the model is a moving average of its weights with this momentum; 0: it is not", 0.0, BELOW_ONE
    )
    label_smoothing: float = setting("0..1, not with sparse_categorical_crossentropy", 0.0, BELOW_ONE)
    teacher: str = setting(
        "a run folder or .keras file: its predictions are learned in place of the labels (distillation)", ""
    )
    teacher_temperature: float = setting(
        "above 1 its predictions are softer: powers of 1 / temperature, summing to one",
        1.0,
        FieldLimits(0.1, 100, "0.1 to 100"),
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
        """What is learned: labels, softened ones, or a teacher's predictions."""
        if self.label_smoothing:
            self._require("label_smoothing", not self.is_sparse, f"0 with {self.loss}")
        if self.teacher:
            soft = self.loss == "categorical_crossentropy" and self.strategy != "head"
            self._require("teacher", soft, f"none with loss {self.loss} and strategy {self.strategy}")
            self._require("label_smoothing", not self.label_smoothing, "0 with a teacher")
        else:
            self._require("teacher_temperature", self.teacher_temperature == 1.0, "1 without a teacher")

    def _check_phases(self) -> None:
        """What is trained of a backbone."""
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
