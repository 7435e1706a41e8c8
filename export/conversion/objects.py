"""A .tflite as objects that can be changed, and back: the schema's own, through LiteRT's flatbuffer_utils."""

from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils


def read(model: bytes) -> Any:
    """The file as a schema.ModelT."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(model))


def kind(tree: Any, operator: Any) -> int:
    """Which operator it is: a number of schema.BuiltinOperator."""
    code = tree.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def packed(tree: Any) -> bytes:
    """The file that the objects describe."""
    for buffer in tree.buffers:
        # The schema packs anything but an array byte by byte: twelve megabytes took six seconds, eight times an export.
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
