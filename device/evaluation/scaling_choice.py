"""The pixel scaling that labeled images support (`--scaling auto`). A part of export.json."""

from dataclasses import dataclass

from device.evaluation.evaluate import TopOne


@dataclass(frozen=True)
class ScalingTrial(TopOne):
    """The accuracy with one scaling, by its name (device/model/channels.py)."""

    scaling: str


@dataclass(frozen=True)
class ScalingChoice:
    """The trials on n images of a split, the best first.

    gain: the accuracy of the best minus that of the runner-up, a share, with its paired 95 % interval.
    """

    n: int
    split: str
    trials: tuple[ScalingTrial, ...]
    runner_up: str
    gain: float
    gain_interval: tuple[float, float]

    @property
    def scaling(self) -> str:
        return self.trials[0].scaling

    @property
    def is_certain(self) -> bool:
        """Whether the best scaling is better than every other by more than chance explains."""
        return self.gain_interval[0] > 0
