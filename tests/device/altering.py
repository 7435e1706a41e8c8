"""Model files as a faulty export would leave them: another card, other scores, or another network under the card."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from device.images import images
from device.inference.classifier import Classifier
from device.model import card as cards
from device.model.card import Card, Golden
from tests.conftest import model
from tests.device import crafted

Pixels = npt.NDArray[np.uint8]
NOT_A_HASH = "0" * 64


def same(card: Card) -> Card:
    return card


def golden_images(path: Path) -> dict[str, bytes]:
    """The golden images in a file's archive, by name."""
    return {name: data for name, data in cards.read_archive(path).items() if name.startswith("golden_")}


def altered(target: Path, variant: str, change: Callable[[Card], Card] = same, network: bytes | None = None) -> Path:
    """A committed model with a changed card, or with another network under its card."""
    source = model(variant)
    card = cards.read(source)
    assert card is not None
    body = cards.network_bytes(source) if network is None else network
    return crafted.write(target, cards.append_archive(body, change(card), golden_images(source)))


def with_input(**changes: Any) -> Callable[[Card], Card]:
    """Other fields of the card's input."""
    return lambda card: replace(card, input=replace(card.input, **changes))


def with_entries(change: Callable[[Golden], Golden]) -> Callable[[Card], Card]:
    """Every golden entry changed."""
    return lambda card: replace(card, golden=tuple(map(change, card.golden)))


def recorded_of(variant: str, fed: Callable[[Pixels], Pixels]) -> Callable[[Card], Card]:
    """A card whose scores were recorded of other images than its golden ones."""
    classifier, archive = Classifier(model(variant)), golden_images(model(variant))

    def change(entry: Golden) -> Golden:
        image = np.ascontiguousarray(fed(images.decode(archive[entry.image])))
        return replace(entry, scores=tuple(map(float, classifier.classify(image).scores)))

    return with_entries(change)


def with_one_image(
    target: Path, network: bytes, image: Pixels, scores: tuple[Any, ...], tolerance: float, **changes: Any
) -> Path:
    """A crafted network with one golden image and what is said to be recorded of it; the hashes are none."""
    card = crafted.card(**changes)
    entry = Golden("golden_1.png", NOT_A_HASH, NOT_A_HASH, NOT_A_HASH, scores, tolerance)
    archive = {"golden_1.png": images.encode_png(image)}
    return crafted.write(target, cards.append_archive(network, replace(card, golden=(entry,)), archive))
