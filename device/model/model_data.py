"""A model's data, from its card: the labels and images that it takes, and what it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

from device.model.card import Card, Fit


@dataclass(frozen=True)
class ModelData:
    """labels: of the outputs, in order. size: (height, width) of the input, in pixels. fit: see InputSpec.

    name, fingerprint: of the data that the model was trained on; earlier: the fingerprints of what networks before it
    were trained on, where that was other data. None or empty where unknown, as for third-party files.
    """

    labels: tuple[str, ...]
    size: tuple[int, int]
    fit: Fit = "crop"
    name: str | None = None
    fingerprint: str | None = None
    earlier: tuple[str, ...] = ()


def of(card: Card) -> ModelData:
    """A card without labels knows none."""
    name, fingerprint, earlier = map((card.provenance or {}).get, ("data", "data_fingerprint", "earlier_data"))
    return ModelData(
        card.labels or (),
        (card.input.height, card.input.width),
        card.input.fit,
        name if isinstance(name, str) else None,
        fingerprint if isinstance(fingerprint, str) else None,
        tuple(earlier.split(", ")) if isinstance(earlier, str) else (),
    )


def provenance(name: str, fingerprint: str, earlier: Sequence[str]) -> dict[str, str | None]:
    """What `of` finds in a card's provenance."""
    return {"data": name, "data_fingerprint": fingerprint, "earlier_data": ", ".join(earlier) or None}
