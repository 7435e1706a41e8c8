"""The model spec: what a network takes and what its scores mean, as a `Card`.

It comes from the file's own card, or for a third-party file from the user's overrides and the file's metadata. Notes
say what was taken from where, so nothing is guessed silently.
"""

import math
from dataclasses import dataclass
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np

from device.errors import UserError
from device.labels import labels as label_lists
from device.model import card as cards
from device.model import channels, flatbuffer, shapes
from device.model.card import Card, Confidence, Fit, InputSpec, OutputKind, OutputSpec
from device.model.channels import Channels, Color


@dataclass(frozen=True)
class Overrides:
    """What the user says about a file without a card; None for what the file says itself.

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
# The range of --mean and --std, far beyond any network's scaling.
SMALLEST, LARGEST = 1e-9, 1e9
CONVERT_IT = "convert it so, or give an image classifier"
AS_TRAINED = "give what the network was trained with"


@dataclass(frozen=True)
class Tensor:
    """A network's input or output: index, shape, type and quantization (scale 0 if it has none).

    is_open: the file leaves height or width to the user (device/model/shapes.py).
    """

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int
    is_open: bool = False

    @property
    def count(self) -> int:
        """The number of elements; for an output, of scores."""
        return math.prod(self.shape)

    def real(self, quantized: int) -> float:
        """The real number of a quantized value."""
        return (quantized - self.zero_point) * self.scale


def tensors(interpreter: Any, path: Path) -> tuple[Tensor, Tensor]:
    """(input, output) of an image classifier; UserError if the network is none."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for end, details in (("input", inputs), ("output", outputs)):
        if len(details) != 1:
            names = ", ".join(f"{item['name']} {item['shape'].tolist()}" for item in details)
            raise UserError(
                f"{path}: the network has {len(details)} {end}s ({names}), expected one: an image in, a score a label"
                " out; give an image classifier, which a detector is not"
            )
    source, output = (_tensor(details[0]) for details in (inputs, outputs))
    if len(source.shape) != 4 or source.shape[0] != 1 or source.shape[3] != 3 or not source.count:
        raise UserError(f"{path}: the input is {list(source.shape)}, expected [1, height, width, 3]; {CONVERT_IT}")
    # Fully convolutional networks end in [1, 1, 1, labels], others in [labels].
    if not output.shape or not output.count or sum(side != 1 for side in output.shape) > 1:
        raise UserError(f"{path}: the output is {list(output.shape)}, expected [1, labels]; {CONVERT_IT}")
    for end, tensor in (("input", source), ("output", output)):
        if tensor.dtype not in (np.float32, np.uint8, np.int8):
            raise UserError(f"{path}: the {end} is {tensor.dtype}, expected float32, uint8 or int8; {CONVERT_IT}")
        if tensor.dtype != np.float32 and not tensor.scale:
            raise UserError(f"{path}: the {tensor.dtype} {end} has no quantization scale, expected one; {CONVERT_IT}")
    return source, output


def _tensor(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    shape = tuple(int(side) for side in details["shape"])
    is_open = shapes.is_open(details)
    return Tensor(details["index"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point), is_open)


def resolve(path: Path, source: Tensor, output: Tensor, overrides: Overrides = NO_OVERRIDES) -> tuple[Card, list[str]]:
    """(card, notes): the file's own, checked against its tensors, or one made from overrides; notes say from where."""
    card = cards.read(path)
    if card is None:
        return _from_overrides(path, source, output, overrides)
    if overrides.given():
        given = " ".join(overrides.given())
        raise UserError(f"{path}: {given} came with a file that has a card, expected the card alone; leave out {given}")
    _check_fit(path, card, source, output)
    return card, []


def _check_fit(path: Path, card: Card, source: Tensor, output: Tensor) -> None:
    height, width = source.shape[1:3]
    if (card.input.height, card.input.width) != (height, width):
        raise UserError(
            f"{path}: the card says {card.input.height}x{card.input.width} pixels, expected {height}x{width}, which the"
            " network takes; export the model again"
        )
    _check_count(path, "the card", card.labels, card.output.kind, output, "export the model again")


def _check_count(path: Path, origin: str, labels: tuple[str, ...] | None, kind: str, output: Tensor, todo: str) -> None:
    if labels is None:
        return
    outputs = output.count
    expected = 2 if kind == "sigmoid" and outputs == 1 else outputs
    if len(labels) != expected:
        raise UserError(
            f"{path}: {origin} has {len(labels)} labels, the network has {outputs} outputs, expected {expected}; {todo}"
        )


def _from_overrides(path: Path, source: Tensor, output: Tensor, overrides: Overrides) -> tuple[Card, list[str]]:
    notes: list[str] = []
    if overrides.labels is not None:
        listed: label_lists.LabelList | None = label_lists.read(Path(overrides.labels))
        origin = str(overrides.labels)
    else:
        listed = label_lists.in_archive(path)
        if listed is None:
            _refuse_lost_archive(path)
        origin = "the file's own label list"
    labels = listed.labels if listed else None
    notes += listed.notes if listed else ()
    kind = overrides.output or ("sigmoid" if output.count == 1 else "softmax")
    if overrides.output is None:
        notes.append(f"{path}: no card; outputs taken as {kind} (--output says otherwise)")
        if not flatbuffer.gives_probabilities(path):
            notes.append(f"{path}: its last operator is not softmax, so its scores may be logits (--output logits)")
    _check_count(path, origin, labels, kind, output, "give a list of that many with --labels FILE")
    mean, std, note = _scaling(path, source, overrides)
    notes.append(f"{path}: {note}")
    height, width = source.shape[1:3]
    if source.is_open:
        by = shapes.origin(path, (height, width), overrides.size)
        notes.append(f"{path}: the network leaves its input's size open; taken as {height}x{width}, by {by}")
    spec = InputSpec(height, width, overrides.color, overrides.fit or "crop", "area", mean, std)  # type: ignore[arg-type]
    return Card(path.stem, None, None, labels, spec, OutputSpec(kind), Confidence(), None, (), None, None), notes  # type: ignore[arg-type]


def _refuse_lost_archive(path: Path) -> None:
    """A truncated copy lacks the archive at its end first; the network before it may be whole."""
    if (files := flatbuffer.label_files(path)) and not cards.read_archive(path):
        raise UserError(
            f"{path}: its metadata names {files[0].name!r}, expected in an archive at the file's end, which is missing:"
            " the file is truncated, or a tool dropped the archive; copy or export it again, or give --labels FILE"
        )


def _scaling(path: Path, source: Tensor, overrides: Overrides) -> tuple[Channels, Channels, str]:
    """(mean, std, a note on their origin): the network takes (pixel - mean) / std."""
    if overrides.scaling == channels.AUTO:
        raise UserError(
            f"{path}: --scaling auto is for export, which tries the usual ones on labeled images, expected one of"
            f" {', '.join(channels.SCALINGS)}; name one, or give --mean and --std"
        )
    if overrides.mean is not None or overrides.std is not None:
        mean = 0.0 if overrides.mean is None else overrides.mean
        std = 1.0 if overrides.std is None else overrides.std
        _check_scaling(mean, std)
        named = f"--scaling {overrides.scaling}, {overrides.color}: " if overrides.scaling else ""
        return mean, std, f"pixels scaled by {named}--mean {channels.text(mean)} --std {channels.text(std)}"
    recorded = flatbuffer.normalization(path)
    if source.dtype != np.float32:
        return _scaling_of_quantized(path, source, recorded)
    if recorded is not None:
        mean, std = recorded
        said = f"mean {channels.text(mean)}, std {channels.text(std)}"
        _refuse_unit_pixels(f"{path}: its metadata has {said}", mean, std)
        return mean, std, f"pixels scaled by its metadata: {said}"
    raise UserError(
        f"{path}: nothing says how the float input is scaled, expected metadata or an option; give --mean and --std, or"
        f" --scaling with one of {', '.join(channels.SCALINGS)} (export finds it by labeled images: --scaling auto)"
    )


def _check_scaling(mean: Channels, std: Channels) -> None:
    """The network computes in 32 bits, where 1e-50 is 0 and 1e50 is infinite."""
    if not all(SMALLEST <= abs(one) <= LARGEST for one in channels.each(std)):
        raise UserError(f"--std is {channels.text(std)}, expected other than 0 and within ±{LARGEST:g}; {AS_TRAINED}")
    if not all(abs(one) <= LARGEST for one in channels.each(mean)):
        raise UserError(f"--mean is {channels.text(mean)}, expected a number within ±{LARGEST:g}; {AS_TRAINED}")
    _refuse_unit_pixels(f"--mean {channels.text(mean)} --std {channels.text(std)}", mean, std)


def _refuse_unit_pixels(origin: str, mean: Channels, std: Channels) -> None:
    """PyTorch's numbers are for pixels 0..1; with pixels 0..255 the network's input would reach a thousand."""
    means, stds = channels.each(mean), channels.each(std)
    if max(map(abs, (*means, *stds))) <= 1 and max(map(abs, stds)) < 1 and (isinstance(std, tuple) or any(means)):
        whole = [channels.text(channels.of(*(255 * one for one in each))) for each in (means, stds)]
        raise UserError(
            f"{origin}: these are for pixels 0..1, expected them for 0..255; give --mean {whole[0]} --std {whole[1]}"
        )


def _scaling_of_quantized(
    path: Path, source: Tensor, recorded: tuple[Channels, Channels] | None
) -> tuple[Channels, Channels, str]:
    """A quantized input that spans 0..1, -1..1 or 0..255 to within two steps takes pixels as they are.

    Another one is scaled by its metadata, if the scaled pixels span the same range.
    """
    limits = np.iinfo(source.dtype)
    span = source.real(int(limits.min)), source.real(int(limits.max))
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
        if max(abs(span[0] - low), abs(span[1] - high)) <= 2 * source.scale:
            std = 255.0 / (high - low)
            note = f"the {source.dtype} input spans {low:g}..{high:g}, so it takes pixels as they are"
            return (0.0 - low) * std, std, note
    if recorded is not None and _spans(recorded, span, source.scale):
        mean, deviation = map(channels.text, recorded)
        return *recorded, f"pixels scaled by its metadata, which fits its range: mean {mean}, std {deviation}"
    raise UserError(
        f"{path}: the {source.dtype} input spans {span[0]:.4g}..{span[1]:.4g}, expected 0..1, -1..1 or 0..255; give"
        " --mean and --std"
    )


def _spans(scaling: tuple[Channels, Channels], span: tuple[float, float], step: float) -> bool:
    """Whether the scaled pixels of all channels end where the span does, to within two steps."""
    pairs = list(zip(*map(channels.each, scaling), strict=True))
    ends = [(pixel - mean) / std for mean, std in pairs for pixel in (0, 255)]
    return bool(max(abs(min(ends) - span[0]), abs(max(ends) - span[1])) <= 2 * step)
