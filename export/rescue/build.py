"""Makes an int8 file by chosen means; keeps the results of calibration for the next file."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from device.evaluation import exports
from device.model.card import InputSpec, OutputSpec
from export.checks.fidelity import Graph
from export.conversion import hard_swish, objects, pixels, quantize
from export.rescue import activations, biases, clipping, equalize
from export.rescue.activations import Spread, Tensor
from export.rescue.clipping import Histogram

# Calibration images whose numbers are counted for clipped ranges, which takes as long again as all else.
COUNTED = 64

Range = tuple[float, float]


@dataclass(frozen=True)
class Means:
    """The means that differ from the plain file.

    more_images: calibrated with all images, not the plain ones alone. floating: operators that compute real numbers, by
    their outputs' names; dynamic: those with weights keep int8 weights.
    """

    equalized: bool = False
    more_images: bool = False
    saturated: bool = False
    activations: Literal["percentile", "mse"] | None = None
    weights: Literal["octav"] | None = None
    biases: bool = False
    floating: tuple[str, ...] = ()
    dynamic: bool = False

    @property
    def name(self) -> str:
        """'equalized, activations mse'"""
        switches = {exports.EQUALIZED: self.equalized, "more images": self.more_images, "saturated": self.saturated}
        words = [word for word, is_on in switches.items() if is_on]
        words += [
            f"{what} {how}" for what, how in (("activations", self.activations), ("weights", self.weights)) if how
        ]
        words += ["biases"] if self.biases else []
        how = "dynamic" if self.dynamic else "float"
        words += [f"{len(self.floating)} operators {how}"] if self.floating else []
        return ", ".join(words) or exports.PLAIN

    @property
    def without_deliberate_changes(self) -> "Means":
        """The means of a file that differs from float32 by rounding alone."""
        return replace(self, saturated=False, activations=None, weights=None, biases=False)


PLAIN = Means()


class Builder:
    """Makes files of one float network.

    images: uint8, n x height x width x 3, the `plain` first ones those that the plain file is calibrated with. spec:
    what the network is fed for pixels; known: ranges of inner tensors that calibration isn't asked for; kept: tensors
    whose channels stay as they are.
    """

    def __init__(
        self,
        float32: bytes,
        images: npt.NDArray[np.uint8],
        plain: int,
        spec: InputSpec,
        output: OutputSpec,
        known: Mapping[str, Range],
        kept: Collection[str] = (),
    ) -> None:
        self._float32, self._images, self._plain = float32, images, plain
        self._spec, self._output, self._known, self._kept = spec, output, known, kept
        self.spreads = cache(self._spreads)  # of one builder
        self._histograms = cache(self._counted)

    def build(self, means: Means) -> bytes:
        """The bare file."""
        float32 = self.float32(means.equalized)
        algorithm = quantize.NAMES.OCTAV if means.weights == "octav" else quantize.PLAIN.weights
        chosen = quantize.QuantizationRecipe(algorithm, means.floating, means.dynamic, self._scores(means))
        with quantize.quiet():
            made = quantize.int8(float32, self._ranges(means), pixels.ends(self._spec), chosen)
        if means.biases:
            made = biases.corrected(float32, made, self.spreads(means.equalized, False))
        return hard_swish.split(made)

    @property
    def has_more_images(self) -> bool:
        return len(self._images) > self._plain

    def float32(self, is_equalized: bool) -> bytes:
        """The float network to quantize."""
        return self._equalized if is_equalized else self._float32

    @cached_property
    def _equalized(self) -> bytes:
        return equalize.equalized(self._float32, self.spreads(False, False), self._kept)

    @cached_property
    def operators(self) -> tuple[str, ...]:
        """The names of all operators' outputs, in the file's order."""
        graph = Graph(self._float32)
        return tuple(objects.text(graph.graph.tensors[one.outputs[0]].name) for one in graph.operators)

    def plain_inputs(self) -> Iterator[Tensor]:
        """The plain calibration images as the float network's input tensors."""
        return self._inputs(self._plain)

    def _inputs(self, count: int) -> Iterator[Tensor]:
        return pixels.tensors(self._images[:count], self._spec)

    def _spreads(self, is_equalized: bool, more_images: bool) -> dict[str, Spread]:
        count = len(self._images) if more_images else self._plain
        return activations.spreads(self.float32(is_equalized), self._inputs(count))

    def _counted(self, is_equalized: bool) -> dict[str, Histogram]:
        float32, spreads = self.float32(is_equalized), self.spreads(is_equalized, False)
        return clipping.histograms(float32, self._inputs(min(COUNTED, self._plain)), spreads)

    def _ranges(self, means: Means) -> dict[str, Any]:
        """The range of each tensor, in the quantizer's form."""
        spreads = self.spreads(means.equalized, means.more_images)
        found = {name: spread.range for name, spread in spreads.items()}
        if means.activations:
            clip = clipping.by_error if means.activations == "mse" else clipping.by_percentile
            found |= {name: clip(seen) for name, seen in self._histograms(means.equalized).items()}
        if means.saturated:
            found = clipping.saturated(found, self.float32(means.equalized))
        found |= {**self._known, self._input: pixels.ends(self._spec)}
        return {name: activations.of_range(whole, spreads[name].rank) for name, whole in found.items()}

    @cached_property
    def _input(self) -> str:
        graph = objects.read(self._float32).subgraphs[0]
        return objects.text(graph.tensors[graph.inputs[0]].name)

    def _scores(self, means: Means) -> Range:
        if self._output.kind != "logits":
            return quantize.PROBABILITIES
        return self.spreads(means.equalized, means.more_images)[self.operators[-1]].range
