"""What a card says of the model's data."""

from typing import Any

import pytest

from device.model import model_data
from device.model.model_data import ModelData
from tests.device import crafted

LABELS = ("red", "green")


@pytest.mark.parametrize("earlier", [(), ("bb",), ("bb", "cc")])
def test_a_card_says_what_was_recorded(earlier: tuple[str, ...]) -> None:
    recorded = {"run": "boots", **model_data.provenance("shoes", "aa", earlier)}
    found = model_data.of(crafted.card(LABELS, (8, 6), provenance=recorded))
    assert found == ModelData(LABELS, (8, 6), "crop", "shoes", "aa", earlier)


@pytest.mark.parametrize("provenance", [None, {}, {"data": 1, "data_fingerprint": ["aa"], "earlier_data": 2.5}])
def test_another_s_card_says_nothing(provenance: dict[str, Any] | None) -> None:
    assert model_data.of(crafted.card(LABELS, (8, 6), provenance=provenance)) == ModelData(LABELS, (8, 6))
