"""The model spec: what a network takes and what its scores mean, as a `Card`.

It comes from the file's own card, or for a third-party file from the user's overrides and the file's metadata. Notes
say what was taken from where, so nothing is guessed silently.
"""

from pathlib import Path

import numpy as np

from device.errors import UserError
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.inference.tensors import Tensor
from device.labels import labels as label_lists
from device.model import card as cards
from device.model import channels, flatbuffer, shapes
from device.model.card import Card, Confidence, InputSpec, OutputSpec
from device.model.channels import Channels

# The range of --mean and --std, far beyond any network's scaling.
SMALLEST, LARGEST = 1e-9, 1e9
AS_TRAINED = "give what the network was trained with"


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
            " the file is truncated, or it was made for a compiler (--hand-over) or a tool dropped the archive; copy or"
            " export it again, or give --labels FILE"
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
