"""A variant that isn't its float network is found, however sure the network is; one that is, is left alone."""

from collections.abc import Iterator

import numpy as np
import pytest

from device.model.variants import NAMES
from export.checks import fidelity
from export.conversion import quantize
from export.conversion.quantize import Tensor
from tests import foreign
from tests.export import planting

CALIBRATION = foreign.images(60, seed=4).astype(np.float32)
PIXELS = (0.0, 255.0)
MADE = NAMES[1:]  # but for the source


def tensors(factor: float = 1.0) -> Iterator[Tensor]:
    return ((image * np.float32(factor))[None] for image in CALIBRATION)


def networks() -> dict[str, bytes]:
    """The shapes network as it is, surer, and hardly sure of anything: its last layer's numbers times a factor."""

    def louder(factor: float) -> bytes:
        def change(model: planting.Model) -> None:
            for place in (1, 2):
                tensor = model.constant("last", place)
                model.put(tensor, model.numbers(tensor) * np.float32(factor))

        return planting.planted(foreign.bare(), change)

    return {"sure": louder(5), "as it is": foreign.bare(), "unsure": louder(0.05)}


NETWORKS = networks()


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], bytes]:
    return {
        (name, variant): quantize.make(variant, float32, tensors(), *PIXELS)
        for name, float32 in NETWORKS.items()
        for variant in MADE
    }


def faults(name: str, variant: bytes) -> list[str]:
    return fidelity.faults(NETWORKS[name], variant, PIXELS, fidelity.taken(NETWORKS[name], tensors()))


@pytest.mark.parametrize("variant", MADE)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_sound_file_is_left_alone(made: dict[tuple[str, str], bytes], name: str, variant: str) -> None:
    assert faults(name, made[name, variant]) == []


@pytest.mark.parametrize("fault", planting.FAULTS)
@pytest.mark.parametrize("variant", MADE)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_planted_fault_is_found(made: dict[tuple[str, str], bytes], name: str, variant: str, fault: str) -> None:
    (said,) = faults(name, planting.planted(made[name, variant], planting.FAULTS[fault]))
    assert "the weights of fashion_mnist_1/" in said and " rounding steps " in said


@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_ranges_of_int8_are_found(made: dict[tuple[str, str], bytes], name: str) -> None:
    (said,) = faults(name, quantize.make("int8", NETWORKS[name], tensors(), 0.0, 1.0))
    assert "its input takes 0 to 1, and is fed 0 to 255" in said
    dark = quantize.make("int8", NETWORKS[name], tensors(0.1), *PIXELS)
    assert any(said.startswith("the range of ") and "more operators" in said for said in faults(name, dark))
    (said,) = faults(name, planting.planted(made[name, "int8"], planting.zero_point_shifted("middle")))
    assert said.startswith("the range of ") and " holds 7" in said  # three quarters of it


def test_one_swap_among_many_labels_is_found() -> None:
    """Over all weights together it is nothing: 2 of 2048 filters."""
    float32 = foreign.large()
    file = quantize.make("dynamic", float32, tensors(), *PIXELS)
    assert fidelity.faults(float32, file, PIXELS, {}) == []

    def change(model: planting.Model) -> None:
        weights = model.constant("middle", 1)
        numbers = model.numbers(weights).copy()
        numbers[[0, 1]] = numbers[[1, 0]]
        model.put(weights, numbers)

    (said,) = fidelity.faults(float32, planting.planted(file, change), PIXELS, {})
    assert "rounding steps" in said


def test_a_filter_of_next_to_nothing_is_no_fault() -> None:
    """Its bias alone answers, and is more than int32 holds at so small a step: MobileNetV2 has nine of them."""

    def change(model: planting.Model) -> None:
        weights, bias = model.constant("first", 1), model.constant("first", 2)
        numbers, offsets = model.numbers(weights).copy(), model.numbers(bias).copy()
        numbers[0], offsets[0] = 1e-13, 2.5
        model.put(weights, numbers)
        model.put(bias, offsets)

    float32 = planting.planted(foreign.bare(), change)
    file = quantize.make("int8", float32, tensors(), *PIXELS)
    bias = planting.Model(file).constant("first", 2)
    assert abs(int(planting.Model(file).numbers(bias)[0])) >= 2**31 - 1
    assert fidelity.faults(float32, file, PIXELS, fidelity.taken(float32, tensors())) == []


def test_weights_that_are_no_numbers_are_found() -> None:
    float32 = foreign.with_one_loud_channel(1e8)  # more than half precision holds
    (said,) = fidelity.faults(float32, quantize.make("float16", float32, tensors(), *PIXELS), PIXELS, {})
    assert "inf rounding steps" in said or "nan rounding steps" in said


def test_other_operators_are_not_compared() -> None:
    assert fidelity.faults(foreign.bare(), foreign.unsigned(), PIXELS, {}) == []
    end = planting.Model(foreign.bare())
    end.graph.operators.pop()
    assert fidelity.faults(foreign.bare(), end.bytes(), PIXELS, {}) == []


def test_a_dead_layer_is_no_fault() -> None:
    """The quantizer's ranges are 1e-9 wide at least: far wider than what this one takes on."""

    def change(model: planting.Model) -> None:
        for place in (1, 2):
            tensor = model.constant("last", place)
            model.put(tensor, model.numbers(tensor) * np.float32(1e-14))

    float32 = planting.planted(foreign.bare(), change)
    taken = fidelity.taken(float32, tensors())
    file = quantize.make("int8", float32, tensors(), *PIXELS)
    assert fidelity.faults(float32, file, PIXELS, taken) == []
    shifted = planting.planted(file, planting.zero_point_shifted("middle"))
    assert any(" holds 7" in said for said in fidelity.faults(float32, shifted, PIXELS, taken))
