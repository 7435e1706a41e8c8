"""How many images of each class a run has in each split: printed before training, and kept in run.json."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from device.data.folders import Cache

NAMED = 12  # classes that are named one by one


@dataclass(frozen=True)
class ClassCounts:
    """parts: for train, validation and test (or only train and test), the number of images of each label."""

    labels: tuple[str, ...]
    parts: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, cache: Cache, validation: npt.NDArray[np.int64] | None = None) -> "ClassCounts":
        """validation: the rows of train.npy that are held out; None if unknown yet."""
        labels, train = cache.labels, cache.targets("train")
        targets = {"train": train, "test": cache.targets("test")}
        if validation is not None:
            targets = {"train": np.delete(train, validation), "validation": train[validation], "test": targets["test"]}
        counts = {part: np.bincount(mine, minlength=len(labels)) for part, mine in targets.items()}
        return cls(labels, {part: tuple(map(int, numbers)) for part, numbers in counts.items()})

    def line(self) -> str:
        """'3 classes (train/validation/test): cat 72/8/20, dog 72/8/20, …'; for many classes, the smallest and the
        largest."""
        head = f"{len(self.labels)} classes ({'/'.join(self.parts)}): "
        if len(self.labels) <= NAMED:
            return head + ", ".join(self._said(i) for i in range(len(self.labels)))
        totals = [sum(numbers) for numbers in zip(*self.parts.values(), strict=True)]
        return (
            f"{head}the smallest {self._said(int(np.argmin(totals)))}, the largest {self._said(int(np.argmax(totals)))}"
        )

    def _said(self, index: int) -> str:
        return f"{self.labels[index]} {'/'.join(str(numbers[index]) for numbers in self.parts.values())}"

    def to_json(self) -> dict[str, dict[str, int]]:
        """{"train": {"cat": 72, …}, …}"""
        return {part: dict(zip(self.labels, numbers, strict=True)) for part, numbers in self.parts.items()}
