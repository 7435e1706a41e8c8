"""The search for a file that loses no more than is allowed, at the least latency: what costs none first.

A file is inside when the upper end of its drop's 95 % interval is. That end, not the drop, is also what one file is
better than another by: with few images the drop is chance, while the end counts each answer that changed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from device.evaluation.exports import RescueStep
from device.evaluation.paired import Paired
from device.inference.timing import Latency
from export.checks import layers
from export.rescue.build import PLAIN, Builder, Means
from export.rescue.judge import Judge

# What costs no latency, in the order it is tried.
FREE = (
    Means(equalized=True),
    Means(biases=True),
    Means(activations="mse"),
    Means(activations="percentile"),
    Means(weights="octav"),
    Means(weights="mse"),
    Means(more_images=True),
)
# Shares of all operators that are left in float.
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
# Images by which layers are ranked.
RANKED_BY = 8


@dataclass(frozen=True)
class Tried:
    """A file with what it was made by, and what it costs. latency: None where the interpreter can't load it."""

    means: Means
    made: bytes
    paired: Paired
    latency: Latency | None

    @property
    def worst_drop(self) -> float:
        """What it certainly doesn't lose more than."""
        return self.paired.interval[1]


@dataclass(frozen=True)
class Found:
    """All that was tried, in order, and the chosen one: the first inside the limit, else the one that loses least."""

    tried: tuple[Tried, ...]
    chosen: Tried

    @property
    def steps(self) -> tuple[RescueStep, ...]:
        return tuple(_step(one, one is self.chosen, _is_on_front(one, self.tried)) for one in self.tried)


def search(
    builder: Builder, judge: Judge, max_drop: float, progress: Callable[[Tried], None] = lambda tried: None
) -> Found:
    """max_drop: a share, 0.005 for half a point. Stops at the first file that is surely inside, or changes nothing."""
    return _Search(builder, judge, max_drop, progress).run()


class _Search:
    def __init__(self, builder: Builder, judge: Judge, max_drop: float, progress: Callable[[Tried], None]) -> None:
        self.builder, self.judge, self.max_drop, self.progress = builder, judge, max_drop, progress
        self.tried: list[Tried] = []

    def run(self) -> Found:
        plain = self._try(PLAIN)
        best = plain if self._is_enough(plain) else self._free(plain)
        if not self._is_enough(best):
            self._floating(best)
        # The search ends at the first that is enough; without one, latency is no longer what matters.
        last = self.tried[-1]
        chosen = last if self._is_enough(last) else min(self.tried, key=lambda one: one.worst_drop)
        return Found(tuple(self.tried), chosen)

    def _try(self, means: Means) -> Tried:
        made = self.builder.build(means)
        # The first that runs: the plain file, but for a network so far out that its int8 file can't be loaded.
        first = next((one.made for one in self.tried if one.latency), made)
        one = Tried(means, made, self.judge.paired(made), self.judge.latency(made, first))
        self.tried.append(one)
        self.progress(one)
        return one

    def _is_enough(self, one: Tried) -> bool:
        """Inside, or not one answer is another's than float32's: with so few images nothing can be surer."""
        return one.worst_drop <= self.max_drop or one.paired.lost + one.paired.won == 0

    def _free(self, plain: Tried) -> Tried:
        """Each alone; then the best of them with the others that helped, one after the other, while that helps."""
        alone = []
        for means in FREE:
            if means.more_images and not self.builder.has_more_images:
                continue
            alone.append(self._try(means))
            if self._is_enough(alone[-1]):
                return alone[-1]
        best, *others = sorted(alone, key=lambda one: one.worst_drop)
        if best.worst_drop >= plain.worst_drop:
            best = plain
        for other in others:
            means = _joined(best.means, other.means)
            if other.worst_drop < plain.worst_drop and means != best.means:
                both = self._try(means)
                best = min(best, both, key=lambda one: one.worst_drop)
            if self._is_enough(best):
                break
        return best

    def _floating(self, best: Tried) -> None:
        """Neighboring operators in float, more and more of them, those where most noise comes in."""
        for share in SHARES:
            for floating in self._windows(best, share):
                for dynamic in (True, False):
                    if self._is_enough(self._try(replace(best.means, floating=floating, dynamic=dynamic))):
                        return

    def _windows(self, best: Tried, share: float) -> list[tuple[str, ...]]:
        """Of that share of the operators: where most noise is added, the last, the first."""
        names = self.builder.operators
        count = max(1, round(share * len(names)))
        added = self._added_noise(best)
        sums = [sum(added[start : start + count]) for start in range(len(names) - count + 1)]
        starts = (sums.index(max(sums)), len(names) - count, 0)
        return [names[start : start + count] for start in dict.fromkeys(starts)]

    def _added_noise(self, best: Tried) -> list[float]:
        """Of each operator, by how much noise is a greater share of its numbers than of the operator's before it."""
        inputs = [tensor for tensor, _ in zip(self.builder.plain_inputs(), range(RANKED_BY), strict=False)]
        float32 = self.builder.float32(best.means.equalized)
        noise = layers.noise_shares(float32, best.made, inputs)
        found, before = [], 0.0
        for name in self.builder.operators:
            now = noise.get(name, before)
            found.append(max(0.0, now - before))
            before = now
        return found


def _joined(one: Means, other: Means) -> Means:
    """What either does; where both have a way, the first one's."""
    return Means(
        equalized=one.equalized or other.equalized,
        more_images=one.more_images or other.more_images,
        activations=one.activations or other.activations,
        weights=one.weights or other.weights,
        biases=one.biases or other.biases,
    )


def _is_on_front(one: Tried, tried: Sequence[Tried]) -> bool:
    """Whether no other file is both faster and better; what differs by less than half a percent is chance."""

    def is_better(other: Tried) -> bool:
        return _rounded_ratio(other) < _rounded_ratio(one) and other.worst_drop < one.worst_drop

    return one.latency is not None and not any(map(is_better, tried))


def _rounded_ratio(one: Tried) -> float:
    return round(one.latency.ratio, 2) if one.latency else math.inf


def _step(one: Tried, is_chosen: bool, is_on_front: bool) -> RescueStep:
    return RescueStep(
        means=one.means.name,
        network_bytes=len(one.made),
        latency_ms=one.latency.milliseconds if one.latency else None,
        latency_ratio=one.latency.ratio if one.latency else None,
        n=one.paired.n,
        lost=one.paired.lost,
        won=one.paired.won,
        drop=one.paired.drop,
        drop_interval=one.paired.interval,
        is_on_front=is_on_front,
        is_chosen=is_chosen,
    )
