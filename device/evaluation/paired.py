"""Two models on the same images: the accuracy that one loses, its interval, and whether chance explains it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from device.evaluation.evaluate import Z95


@dataclass(frozen=True)
class Paired:
    """Two models on n images. lost, won: images that only the first, or only the second, gets right."""

    n: int
    lost: int
    won: int

    @classmethod
    def of(cls, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> "Paired":
        """first, second: whether each model gets each image right, [n] of bool."""
        return cls(len(first), int((first & ~second).sum()), int((second & ~first).sum()))

    @property
    def drop(self) -> float:
        """The accuracy that the second loses (0.01: one percentage point); negative if it gains."""
        return (self.lost - self.won) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The drop's 95 % interval."""
        return self.bounds(Z95)

    def bounds(self, z: float) -> tuple[float, float]:
        """The drop's interval. z: quantile of the normal distribution at either end."""
        return bounds(self.n, self.lost, self.won, z)

    @property
    def p(self) -> float:
        """The probability of such a split or a more unequal one if both models are equally good.

        Two-sided, exact (Q. McNemar, Psychometrika 12, 1947: binomial with one half).
        """
        return min(1.0, 2 * self._tail(min(self.lost, self.won)))

    @property
    def p_lost(self) -> float:
        """The probability of such a loss or a greater one if both models are equally good: `p`, one-sided."""
        return self._tail(self.won)

    def _tail(self, most: int) -> float:
        """The probability of at most `most` heads when one fair coin is thrown per image that only one gets right."""
        pairs = self.lost + self.won
        ways = total = 1
        for k in range(most):
            ways = ways * (pairs - k) // (k + 1)
            total += ways
        return total / (1 << pairs)


def is_within(interval: tuple[float, float], most: float) -> bool | None:
    """Whether a drop is certainly at most `most`: False if it is certainly more, None if that can't be told."""
    low, high = interval
    return False if low > most else True if high <= most else None


def bounds(n: float, lost: float, won: float, z: float) -> tuple[float, float]:
    """A drop's interval (D. G. Bonett and R. M. Price, J. Educational and Behavioral Statistics 37, 2012).

    Wald's interval with one image added to each of the two discordant cells, so it holds with few images too. z:
    quantile of the normal distribution at either end.
    """
    fell, rose = (lost + 1) / (n + 2), (won + 1) / (n + 2)
    half = z * math.sqrt((fell + rose - (fell - rose) ** 2) / (n + 2))
    return fell - rose - half, fell - rose + half
