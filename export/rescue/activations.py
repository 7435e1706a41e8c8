"""Statistics of a float network over some images: every tensor's range, and every channel's range and mean."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.utils import tfl_interpreter_utils

from export.conversion import objects

Tensor = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """low, high, mean: of each channel (the last axis) over all images and places; rank: how many axes there are."""

    low: Reals
    high: Reals
    mean: Reals
    rank: int

    @property
    def range(self) -> tuple[float, float]:
        return float(self.low.min()), float(self.high.max())

    @property
    def largest(self) -> Reals:
        """The greatest absolute number of each channel."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


def spreads(float32: bytes, inputs: Iterable[Tensor]) -> dict[str, Spread]:
    """The statistics of the input and of every computed float tensor, by name."""
    found: dict[str, list[Reals]] = {}
    ranks: dict[str, int] = {}
    count = 0
    for numbers in computed(float32, inputs):
        count += 1
        for name, tensor in numbers.items():
            rows = tensor.reshape(-1, tensor.shape[-1] if tensor.ndim else 1)
            ranks[name] = tensor.ndim
            seen = [rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64), rows.mean(axis=0)]
            if name not in found:
                found[name] = seen
                continue
            low, high, total = found[name]
            found[name] = [np.minimum(low, seen[0]), np.maximum(high, seen[1]), total + seen[2]]
    return {name: Spread(low, high, total / count, ranks[name]) for name, (low, high, total) in found.items()}


def computed(float32: bytes, inputs: Iterable[Tensor]) -> Iterator[Mapping[str, Tensor]]:
    """Yields, for each input, the numbers of the input and of every operator's outputs, by tensor name."""
    graph = objects.read(float32).subgraphs[0]
    places = {int(graph.inputs[0]), *(int(index) for operator in graph.operators for index in operator.outputs)}
    names = {
        place: objects.text(graph.tensors[place].name)
        for place in sorted(places)
        if graph.tensors[place].type == schema.TensorType.FLOAT32
    }
    interpreter = kept(float32)
    entry = interpreter.get_input_details()[0]["index"]
    for tensor in inputs:
        interpreter.set_tensor(entry, tensor)
        interpreter.invoke()
        yield {name: interpreter.get_tensor(place) for place, name in names.items()}


def kept(model: bytes) -> Any:
    """An interpreter that keeps all its tensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this is for debugging
        return tfl_interpreter_utils.create_tfl_interpreter(model, num_threads=2)


def of_range(whole: tuple[float, float], rank: int) -> dict[str, Any]:
    """A range in the quantizer's form."""
    return {key: np.full((1,) * rank, value, np.float32) for key, value in zip(("min", "max"), whole, strict=True)}
