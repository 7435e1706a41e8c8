"""The search for a file that loses no more than is allowed, at the least latency: what costs none first.

A file is inside when the upper end of its drop's 95 % interval is. Among files that cost no latency the better one is
that whose scores differ less from float32's: every image's scores change, but few predictions, so with few images the
drop is chance.

Where so few images are left that no file could be surely inside, one that isn't surely outside has to do: operators in
float cost latency, and wouldn't make anything surer.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from device.evaluation.exports import RescueStep
from device.evaluation.paired import Paired
from device.inference.timing import Latency
from export.checks import layers
from export.rescue.build import PLAIN, Builder, Means
from export.rescue.judge import Judge, Judged

# What costs no latency, in the order it is tried.
FREE = (
    Means(equalized=True),
    Means(saturated=True),
    Means(biases=True),
    Means(activations="mse"),
    Means(activations="percentile"),
    Means(weights="octav"),
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
    judged: Judged
    latency: Latency | None

    @property
    def paired(self) -> Paired:
        return self.judged.paired

    @property
    def error(self) -> float:
        return self.judged.mean_error

    @property
    def worst_drop(self) -> float:
        """What it certainly doesn't lose more than."""
        return self.paired.interval[1]


@dataclass(frozen=True)
class Found:
    """All that was tried, in order, and the chosen one."""

    tried: tuple[Tried, ...]
    chosen: Tried

    @property
    def steps(self) -> tuple[RescueStep, ...]:
        return tuple(_step(one, one is self.chosen, _is_on_front(one, self.tried)) for one in self.tried)


def search(
    builder: Builder, judge: Judge, max_drop: float, progress: Callable[[Tried], None] = lambda tried: None
) -> Found:
    """max_drop: a share, 0.005 for half a point.

    Stops at the first file that is surely inside, or changes nothing. Without one that loses least is chosen.
    """
    return _Search(builder, judge, max_drop, progress).run()


class _Search:
    def __init__(self, builder: Builder, judge: Judge, max_drop: float, progress: Callable[[Tried], None]) -> None:
        self.builder, self.judge, self.max_drop, self.progress = builder, judge, max_drop, progress
        self.tried: list[Tried] = []

    def run(self) -> Found:
        plain = self._try(PLAIN)
        best = plain if self._is_enough(plain) else self._free(plain)
        if not self._will_do(best):
            # Without one that will do, latency is no longer what matters.
            best = self._floating(best) or min(self.tried, key=lambda one: one.worst_drop)
        return Found(tuple(self.tried), best)

    def _try(self, means: Means) -> Tried:
        """Tried before, where other means make the same file."""
        made = self.builder.build(means)
        if same := next((one for one in self.tried if one.made == made), None):
            return same
        # The first that runs: the plain file, but for a network so far out that its int8 file can't be loaded.
        first = next((one.made for one in self.tried if one.latency), made)
        one = Tried(means, made, self.judge.judged(made), self.judge.latency(made, first))
        self.tried.append(one)
        self.progress(one)
        return one

    def _is_enough(self, one: Tried) -> bool:
        """Surely inside, or not one image is right in one file alone: with so few images nothing can be surer."""
        return one.worst_drop <= self.max_drop or one.paired.lost + one.paired.won == 0

    def _will_do(self, one: Tried) -> bool:
        """Enough, or not surely outside, where these images could show no file surely inside."""
        can_tell = Paired(one.paired.n, 0, 0).interval[1] <= self.max_drop
        return self._is_enough(one) or (not can_tell and one.paired.interval[0] <= self.max_drop)

    def _free(self, plain: Tried) -> Tried:
        """Each alone; then the best of them with the others, one after the other, as far as each helps."""
        alone = []
        for means in FREE:
            if means.more_images and not self.builder.has_more_images:
                continue
            alone.append(self._try(means))
            if self._is_enough(alone[-1]):
                return alone[-1]
        best, *others = sorted([plain, *alone], key=lambda one: one.error)
        # Also those that didn't help alone: a finer range shows where the biases are right.
        for other in others:
            means = _joined(best.means, other.means)
            if means != best.means:
                best = min(best, self._try(means), key=lambda one: one.error)
            if self._is_enough(best):
                break
        return best

    def _floating(self, best: Tried) -> Tried | None:
        """Neighboring operators in float, more and more of them; of as many the fastest file that will do.

        With int8 weights where that will do too, and takes no longer: depthwise ones aren't XNNPACK's.
        """
        for share in SHARES:
            tried = [self._try(replace(best.means, floating=names)) for names in self._windows(best, share)]
            inside = [one for one in tried if self._will_do(one)]
            if not inside:
                continue
            one = min(inside, key=lambda one: (_rounded_ratio(one), one.worst_drop))
            smaller = self._try(replace(one.means, dynamic=True))
            is_better = self._will_do(smaller) and _rounded_ratio(smaller) <= _rounded_ratio(one)
            return smaller if is_better else one
        return None

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
        saturated=one.saturated or other.saturated,
        activations=one.activations or other.activations,
        weights=one.weights or other.weights,
        biases=one.biases or other.biases,
    )


def _is_on_front(one: Tried, tried: Sequence[Tried]) -> bool:
    """Whether no other file is better and as fast, or faster and as good; what differs by less than half a percent of
    the time is chance.
    """
    mine = _rounded_ratio(one), one.worst_drop
    others = [(_rounded_ratio(other), other.worst_drop) for other in tried]
    return one.latency is not None and not any(
        ratio <= mine[0] and drop <= mine[1] and (ratio, drop) != mine for ratio, drop in others
    )


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
        mean_error=one.error if math.isfinite(one.error) else None,
    )
