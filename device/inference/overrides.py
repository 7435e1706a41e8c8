"""What the user says about a file without a card: its labels, its scaling, how frames are fitted."""

from dataclasses import dataclass
from numbers import Real
from os import PathLike
from typing import Any, get_args

import numpy as np

from device.errors import UserError
from device.model import channels
from device.model.card import Fit, OutputKind
from device.model.channels import Channels, Color


@dataclass(frozen=True)
class Overrides:
    """Each is None for what the file says itself.

    labels: a file with the labels in output order. mean, std: the network takes (pixel - mean) / std of pixels 0..255;
    one number, or three for red, green and blue. fit: crop, stretch or pad. output: softmax, sigmoid or logits. size:
    (height, width) for a network that leaves them open. scaling: a name for mean, std and the order of the channels
    (device/model/channels.py), or 'auto', which only export takes. UserError for an invalid value, and for mean or std
    that contradict the scaling.
    """

    labels: str | PathLike[str] | None = None
    mean: Channels | None = None
    std: Channels | None = None
    fit: str | None = None
    output: str | None = None
    size: tuple[int, int] | None = None
    scaling: str | None = None

    def __post_init__(self) -> None:
        self._set(mean=_per_channel("mean", self.mean), std=_per_channel("std", self.std), size=_size(self.size))
        for name, kinds in (("fit", get_args(Fit)), ("output", get_args(OutputKind))):
            if getattr(self, name) not in (None, *kinds):
                found = f"{name} is {getattr(self, name)!r:.60}, expected one of {', '.join(kinds)}"
                raise UserError(f"{found}; name one, or leave it out")
        if self.scaling is None:
            return
        named = channels.SCALINGS.get(self.scaling)
        if named is None and self.scaling != channels.AUTO:
            known = ", ".join(channels.SCALINGS)
            raise UserError(f"the scaling is {self.scaling!r}, expected one of {known}; name one, or give mean and std")
        mean, std = (named.mean, named.std) if named else (None, None)
        if self.mean not in (None, mean) or self.std not in (None, std):
            raise UserError(f"--scaling {self.scaling} came with another mean or std, expected one of them; drop one")
        self._set(mean=mean, std=std)  # readers of mean and std then need no names

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def color(self) -> Color:
        """The order of the network's channels."""
        named = channels.SCALINGS.get(self.scaling or "")
        return named.color if named else "RGB"

    def given(self) -> list[str]:
        """The given ones, as options of the command line."""
        implied = ("mean", "std") if self.scaling else ()
        return [f"--{name}" for name, value in vars(self).items() if value is not None and name not in implied]


def _per_channel(name: str, value: Any) -> Channels | None:
    """A number, or three of any sequence, as Channels. UserError for anything else."""
    if value is None:
        return None
    parts = tuple(value) if isinstance(value, (list, tuple, np.ndarray)) else (value,)
    if len(parts) not in (1, 3) or not all(isinstance(one, Real) and not isinstance(one, bool) for one in parts):
        raise UserError(f"{name} is {value!r:.60}, expected a number, or three; give them for pixels 0..255")
    numbers = [float(one) for one in parts]
    return channels.of(*numbers) if len(numbers) == 3 else numbers[0]


def _size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(one, int) and one > 0 for one in value):
        return value[0], value[1]
    raise UserError(f"size is {value!r:.60}, expected (height, width) in pixels; give both, such as (224, 224)")


NO_OVERRIDES = Overrides()
