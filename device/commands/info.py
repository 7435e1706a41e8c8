"""`device info`: what is in a model file, for people and as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device import command, files, text
from device.inference import model_spec, runtime, tensors
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.inference.tensors import Tensor
from device.model import card as cards
from device.model import channels
from device.model.card import CROSS_VALIDATION, Card, Confidence


@dataclass(frozen=True)
class ModelInfo:
    """The card of a model file, or what is known of a third-party file, and what the file itself shows.

    file_bytes: of the whole file; archive_bytes: of the archive at its end.
    """

    card: Card
    is_third_party: bool
    file_bytes: int
    archive_bytes: int
    input: Tensor
    output: Tensor

    @property
    def input_text(self) -> str:
        """Such as '28x28 RGB uint8'."""
        spec = self.card.input
        return f"{spec.height}x{spec.width} {spec.color} {self.input.dtype}"

    def to_json(self) -> dict[str, Any]:
        """The card's fields and the file's; null for what is unknown."""
        document = self.card.to_json()
        if self.is_third_party:
            document["input"]["mean"] = document["input"]["std"] = document["output"]["kind"] = None
        return {
            **document,
            "file_bytes": self.file_bytes,
            "archive_bytes": self.archive_bytes,
            "input_dtype": str(self.input.dtype),
            "output_dtype": str(self.output.dtype),
            "outputs": self.output.count,
        }


def run(path: Path, runtime_name: str | None, json: str | None, size: tuple[int, int] | None = None) -> int:
    found = describe(path, runtime_name, size)
    if json:
        files.deliver_json(found.to_json(), json)
    else:
        command.show(lines(found))
    return command.GOOD


def describe(path: Path, runtime_name: str | None = None, size: tuple[int, int] | None = None) -> ModelInfo:
    """Reads a model file; UserError if it is no image classifier.

    size: (height, width) for a network that leaves them open.
    """
    interpreter = runtime.find(runtime_name).open(path, 1, size)
    source, output = tensors.of(interpreter, path)
    is_third_party = cards.read(path) is None
    # A third-party file's scaling isn't guessed: to_json and lines show none.
    overrides = Overrides(mean=0.0, std=1.0) if is_third_party else NO_OVERRIDES
    card, _ = model_spec.resolve(path, source, output, overrides)
    return ModelInfo(card, is_third_party, path.stat().st_size, cards.archive_bytes(path), source, output)


def lines(found: ModelInfo) -> list[str]:
    """A table: what the model is, its input and output, its accuracy, and where it came from."""
    card, spec, accuracy = found.card, found.card.input, found.card.accuracy
    scaling = f"(pixel - {channels.text(spec.mean)}) / {channels.text(spec.std)}"
    unknown = "not known" if found.is_third_party else None
    rows = [
        ("name", card.name),
        ("recipe", card.recipe or "-"),
        ("variant", card.variant or "-"),
        ("input", f"{found.input_text}, {unknown or scaling}"),
        ("image", f"fit {spec.fit}, resize {spec.resize}"),
        ("output", f"{found.output.count} x {found.output.dtype}, {unknown or card.output.kind}"),
        ("labels", "-" if card.labels is None else text.some(card.labels, 12)),
        ("file", f"{text.size(found.file_bytes)}, including {text.size(found.archive_bytes)} of archive"),
        ("scores", _temperature(card.confidence)),
        ("unknown", _threshold(card.confidence)),
    ]
    if accuracy is not None:
        how = "cross-validated" if accuracy.split == CROSS_VALIDATION else f"on {accuracy.split}"
        rows.append(("accuracy", f"{text.accuracy(accuracy.top1, accuracy.interval, accuracy.n)} {how}"))
    rows += [("from", f"{key} {_said(value)}") for key, value in (card.provenance or {}).items() if value is not None]
    rows.append(("golden", f"{len(card.golden)} images ({card.golden_source or 'none'})"))
    return [f"{key:<9} {value}" for key, value in rows]


def _said(value: object) -> str:
    """An object of the card as a line."""
    return ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else str(value)


def _temperature(confidence: Confidence) -> str:
    temperature = confidence.temperature
    if temperature is None:
        return "as the network gives them (no temperature)"
    how = "less sure than" if temperature > 1 else "surer than" if temperature < 1 else "as sure as"
    return f"at temperature {temperature:g}, {how} the network's own"


def _threshold(confidence: Confidence) -> str:
    below = confidence.unknown_below
    return "never (no threshold)" if below is None else f"where the best score is below {below:g}"
