"""A network whose input is left open, made one of a fixed size: every client then runs it rightly, also one that
never asks for the shape signature. The quantizer and the card need a size in any case.
"""

from typing import Any

from litert_quantizer.utils import tfl_interpreter_utils

from device.model import shapes
from export.conversion import objects


def fix(model: bytes, size: tuple[int, int]) -> bytes:
    """The bare model with the shapes that its tensors have for one image of (height, width).

    The same bytes where no more than the batch is open.
    """
    tree = objects.read(model)
    graph = tree.subgraphs[0]
    source = graph.tensors[graph.inputs[0]]
    sides = objects.integers(source.shape if source.shapeSignature is None else source.shapeSignature)
    if min(sides[1:]) > 0:
        return model
    known = _shapes(model, (1, *size, 3))
    for index, tensor in enumerate(graph.tensors):
        if tensor.shapeSignature is not None or 0 in objects.integers(tensor.shape):
            tensor.shape, tensor.shapeSignature = known[index], None
    return objects.packed(tree)


def _shapes(model: bytes, image: tuple[int, ...]) -> dict[int, list[int]]:
    """Every tensor's shape after one inference of an image of that size.

    Without delegates: what they take over they keep to themselves, and the file's own tensors stay as they were.
    """
    interpreter: Any = tfl_interpreter_utils.create_tfl_interpreter(model, allocate_tensors=False, use_xnnpack=False)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], image)
    interpreter.allocate_tensors()
    shapes.try_out(interpreter)
    return {details["index"]: details["shape"].tolist() for details in interpreter.get_tensor_details()}
