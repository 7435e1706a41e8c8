"""Gates with short rounds: what several tests of them begin with."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gate import baseline
from device.model import card as cards
from tests.conftest import model
from tests.device.refusals import with_card

SMALL, LARGE = (baseline.REFERENCE.with_name(f"{name}.tflite") for name in ("small", "large"))
# One round: too few for the latency to be told.
ONE_ROUND = ("--seconds", "0.01")
# As long as it takes: a gate ends when it is certain.
LONG = ("--seconds", "250")
Gate = Callable[..., int]


def document(path: Path) -> dict[str, Any]:
    gate: dict[str, Any] = json.loads(path.read_text())["gate"]
    return gate


def spoiled(variant: str, folder: Path) -> Path:
    """The model with its labels in another order: it is right about nothing."""
    card = cards.read(model(variant))
    assert card is not None and card.labels is not None
    labels = (*card.labels[1:], card.labels[0])
    return with_card(folder / "spoiled.tflite", cards.network_bytes(model(variant)), replace(card, labels=labels))
