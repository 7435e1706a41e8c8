"""The means of a rescue, each against an oracle of its own, and files that are made by several."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from export.checks.fidelity import Graph
from export.conversion import objects, quantize
from export.rescue import activations, biases, clipping, equalize
from export.rescue.build import PLAIN, Means
from tests import foreign
from tests.export.rescuing import builder, inputs, rescaled, with_an_add, with_hard_swish, with_relu6
from tests.export.test_quantize import answers, opened, tflite_runtime_scores


def error(int8: bytes, float32: bytes) -> float:
    """The mean difference of a score."""
    shown = inputs(60, 3)
    return float(np.abs(answers(int8, list(shown)) - answers(float32, list(shown))).mean())


def test_nothing_chosen_is_the_plain_file() -> None:
    assert builder(foreign.bare()).build(PLAIN) == quantize.make("int8", foreign.bare(), inputs(40, 1), 0, 255)


def test_more_images_are_used() -> None:
    more = builder(foreign.bare(), images=60, plain=20)
    assert more.build(PLAIN) == quantize.make("int8", foreign.bare(), inputs(20, 1), 0, 255)
    assert more.build(Means(more_images=True)) == quantize.make("int8", foreign.bare(), inputs(60, 1), 0, 255)


# Cross-layer equalization.


@pytest.mark.parametrize("make", [foreign.bare, with_an_add, foreign.large])
def test_scaled_channels_change_nothing_in_float_and_all_in_int8(make: Any) -> None:
    before = make()
    scaled = rescaled(before)
    shown = inputs(20, 3)
    np.testing.assert_allclose(answers(scaled, shown), answers(before, shown), atol=1e-4)
    plain, damaged = (builder(one).build(PLAIN) for one in (before, scaled))
    mended = builder(scaled).build(Means(equalized=True))
    assert error(damaged, before) > 10 * error(plain, before)
    assert error(mended, before) < 2 * error(plain, before) + 0.001


def test_equalizing_keeps_the_function() -> None:
    scaled = rescaled(with_an_add())
    equal = equalize.equalized(scaled, activations.spreads(scaled, inputs(20, 1)))
    shown = inputs(20, 3)
    np.testing.assert_allclose(answers(equal, shown), answers(scaled, shown), atol=1e-4)
    assert len(equal) == pytest.approx(len(scaled), rel=0.01)


def test_a_way_around_is_scaled_as_one() -> None:
    """The tensors before, in and behind the addition have the same channels."""
    network = equalize.ScalableNetwork(with_an_add())
    sizes = sorted(len(group.tensors) for group in network.groups())
    assert sizes == [1, 4], "the first layer's; both summands, their sum, and the sum laid out flat"


def weights(float32: bytes) -> dict[str, npt.NDArray[np.float64]]:
    """Of each convolution and dense layer, by the name of what it makes."""
    graph = Graph(float32)
    found = {graph.name(one): graph.constants(one)[1:2] for one in graph.operators}
    return {name: one.numbers for name, ones in found.items() for one in ones if one and one.numbers.ndim > 1}


def test_below_six_quiet_channels_are_scaled_up_and_others_stay() -> None:
    cut = with_relu6(foreign.with_one_loud_channel(0.0001))
    spreads = activations.spreads(cut, inputs(40, 1))
    equal = equalize.equalized(cut, spreads)
    shown = inputs(20, 3)
    np.testing.assert_allclose(answers(equal, shown), answers(cut, shown), atol=1e-4)
    before, after = activations.spreads(cut, shown), activations.spreads(equal, shown)
    first = next(iter(weights(cut)))
    name = next(name for name in before if name.startswith(first))
    ratios = after[name].largest / np.maximum(before[name].largest, 1e-9)
    assert ratios[0] > 100, "the quiet one"
    assert (ratios > 0.999).all() and after[name].largest.max() <= 6
    np.testing.assert_allclose(ratios[spreads[name].largest > 4], 1, rtol=1e-4)
    assert error(builder(equal).build(PLAIN), cut) < 0.5 * error(builder(cut).build(PLAIN), cut)


def test_channels_that_others_rely_on_are_not_scaled() -> None:
    scaled = rescaled(foreign.bare())
    spreads = activations.spreads(scaled, inputs(4, 1))
    before = weights(scaled)
    kept, free = (weights(equalize.equalized(scaled, spreads, some)) for some in (tuple(spreads), ()))
    assert all(np.array_equal(kept[name], before[name]) for name in before)
    assert not any(np.array_equal(free[name], before[name]) for name in before)


# Bias correction.


def logits(int8: bytes) -> npt.NDArray[np.float32]:
    """The mean of what the last layer gives, before the softmax."""
    tree = objects.read(int8)
    graph = tree.subgraphs[0]
    names = [objects.operator_name(tree, one) for one in graph.operators]
    dense = names.index("FULLY_CONNECTED")
    graph.outputs, graph.operators = [graph.operators[dense].outputs[0]], graph.operators[: dense + 1]
    tree.signatureDefs = []
    return answers(objects.packed(tree), list(foreign.images(40, seed=1)[:, None])).mean(axis=0)


def test_a_shift_by_the_weights_is_taken_off_the_biases() -> None:
    """The last layer's weights one, two and three codes too low: each logit falls by so many times its inputs' sum."""
    float32 = foreign.bare()
    plain = builder(float32).build(PLAIN)
    tree = objects.read(plain)
    graph = tree.subgraphs[0]
    (dense,) = (one for one in graph.operators if objects.operator_name(tree, one) == "FULLY_CONNECTED")
    weights = graph.tensors[dense.inputs[1]]
    codes = np.frombuffer(bytes(tree.buffers[weights.buffer].data), np.int8).reshape(weights.shape).astype(int)
    objects.put(tree, weights, np.clip(codes - [[1], [2], [3]], -127, 127).astype(np.int8))
    shifted = objects.packed(tree)
    mended = biases.corrected(float32, shifted, activations.spreads(float32, inputs(40, 1)))
    before, after = (np.abs(logits(one) - logits(plain)).max() for one in (shifted, mended))
    assert after < 0.1 * before


def test_sound_weights_are_hardly_corrected() -> None:
    float32 = foreign.bare()
    plain = builder(float32).build(PLAIN)
    both = builder(float32).build(Means(biases=True))
    assert both != plain
    assert error(both, float32) < 1.5 * error(plain, float32)


# Clipped ranges.


def seen(numbers: npt.NDArray[np.float64]) -> clipping.Histogram:
    counts, _ = np.histogram(numbers, clipping.BINS)
    return clipping.Histogram(float(numbers.min()), float(numbers.max()), counts)


def rounding_error(numbers: npt.NDArray[np.float64], low: float, high: float) -> float:
    step = (high - low) / 255
    zero = np.round(-low / step)
    codes = np.clip(np.round(numbers / step) + zero, 0, 255)
    return float(np.square((codes - zero) * step - numbers).mean())


def test_the_clipped_range_has_a_smaller_error() -> None:
    """Normal numbers with a few that are far out; held against every symmetric range, by rounding the numbers."""
    random = np.random.default_rng(1)
    numbers = np.concatenate([random.normal(0, 1, 100_000), random.normal(0, 8, 50)])
    low, high = clipping.by_error(seen(numbers))
    whole = rounding_error(numbers, numbers.min(), numbers.max())
    best = min(rounding_error(numbers, -end, end) for end in np.linspace(1, 30, 100))
    assert rounding_error(numbers, low, high) < min(1.02 * best, 0.9 * whole)


def test_zero_stays_in_the_range() -> None:
    numbers = np.random.default_rng(1).uniform(3, 5, 1000)
    for clip in (clipping.by_error, clipping.by_percentile):
        low, high = clip(seen(numbers))
        assert low == 0 and high == pytest.approx(5, abs=0.1)


def test_a_percentile_is_numpy_s() -> None:
    numbers = np.random.default_rng(1).normal(0, 1, 200_000)
    found = clipping.by_percentile(seen(numbers), outside=0.01)
    assert found == pytest.approx(tuple(np.quantile(numbers, (0.01, 0.99))), abs=0.01)


def test_what_a_hard_swish_makes_zero_of_needs_no_codes() -> None:
    float32 = with_hard_swish()
    spreads = activations.spreads(float32, inputs(40, 1))
    whole = {name: spread.range for name, spread in spreads.items()}
    found = clipping.saturated(whole, float32)
    before = {name for name in whole if name.startswith("before_")}
    assert any(whole[name][0] < -6 for name in before)
    for name, (low, high) in whole.items():
        assert found[name] == ((max(low, -3.0), max(high, -3.0)) if name in before else (low, high))


def test_a_tensor_that_others_read_too_keeps_its_range() -> None:
    tree = objects.read(with_hard_swish())
    graph = tree.subgraphs[0]
    graph.outputs = [*graph.outputs, graph.operators[0].outputs[0]]
    name = objects.text(graph.tensors[graph.operators[0].outputs[0]].name)
    assert clipping.saturated({name: (-20.0, 10.0)}, objects.packed(tree)) == {name: (-20.0, 10.0)}


@pytest.mark.parametrize("means", [Means(activations="mse"), Means(activations="percentile"), Means(weights="octav")])
def test_each_changes_the_file_and_keeps_it_sound(means: Means) -> None:
    made = builder(foreign.bare())
    assert made.build(means) != made.build(PLAIN)
    assert error(made.build(means), foreign.bare()) < 3 * error(made.build(PLAIN), foreign.bare())


# Operators in float.


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("part", [slice(0, 2), slice(-2, None), slice(None)])
def test_the_ends_stay_uint8_whatever_is_in_float(part: slice, dynamic: bool) -> None:
    made = builder(foreign.bare())
    mixed = made.build(Means(floating=made.operators[part], dynamic=dynamic))
    interpreter = opened(mixed)
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (source["dtype"], source["quantization"]) == (np.uint8, (1.0, 0))
    assert (answer["dtype"], answer["quantization"]) == (np.uint8, (1 / 256, 0))
    assert error(mixed, foreign.bare()) < error(made.build(PLAIN), foreign.bare()) + 0.01


def test_all_in_float_is_the_float_network() -> None:
    made = builder(foreign.bare())
    assert error(made.build(Means(floating=made.operators)), foreign.bare()) < 1 / 512


def test_tflite_runtime_answers_alike(tmp_path: Path) -> None:
    made = builder(rescaled(foreign.bare()))
    names = made.operators
    files = {
        "equalized": Means(equalized=True, activations="mse", biases=True),
        "first": Means(equalized=True, floating=names[:2]),
        "last": Means(equalized=True, floating=names[-2:], dynamic=True),
        "all": Means(floating=names),
    }
    shown = foreign.images(40, seed=3)
    models = {name: made.build(means) for name, means in files.items()}
    scores = tflite_runtime_scores(models, shown, tmp_path)
    for (name, content), rows in zip(models.items(), scores, strict=True):
        ours, theirs = answers(content, inputs(40, 3)), np.array(rows) / 256
        assert np.abs(ours - theirs).max() < 0.1, name
        assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() > 0.94, name
