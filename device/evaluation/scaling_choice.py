"""Which of the usual pixel scalings labeled images spoke for: what export.json keeps of `--scaling auto`."""

from dataclasses import dataclass

from device.evaluation.evaluate import TopOne


@dataclass(frozen=True)
class ScalingTrial(TopOne):
    """The accuracy of a network that was fed so; scaling: its name (device/model/channels.py)."""

    scaling: str


@dataclass(frozen=True)
class ScalingChoice:
    """trials: all that were tried, the best first. gain: accuracy that the best has over the runner-up, a share, with
    its paired 95 % interval. split: where the n images come from.
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
        """Whether chance doesn't explain that it is better than every other."""
        return self.gain_interval[0] > 0
