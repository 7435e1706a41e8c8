"""A .tflite as objects that can be changed, and back: the schema's own, through LiteRT's flatbuffer_utils."""

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

OPERATOR_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def read(model: bytes) -> Any:
    """The file as a schema.ModelT."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(model))


def text(name: Any) -> str:
    """A tensor's name: flatbuffer_utils reads bytes, the schema's own objects are given str."""
    return name if isinstance(name, str) else bytes(name or b"").decode("utf-8", "replace")


def kind(tree: Any, operator: Any) -> int:
    """Which operator it is: a number of schema.BuiltinOperator."""
    code = tree.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def operator_name(tree: Any, operator: Any) -> str:
    """'CONV_2D', or 'CUSTOM' with the name that the file gives it."""
    number = kind(tree, operator)
    if number == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM {text(tree.operatorCodes[operator.opcodeIndex].customCode)}"
    return str(OPERATOR_NAMES.get(number, number))


def packed(tree: Any) -> bytes:
    """The file that the objects describe."""
    for buffer in tree.buffers:
        # The schema packs anything but an array byte by byte: twelve megabytes took six seconds, eight times an export.
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def put(tree: Any, tensor: Any, numbers: npt.NDArray[Any]) -> None:
    """Gives a constant other numbers; in a buffer of its own where equal ones share one."""
    users = sum(other.buffer == tensor.buffer for graph in tree.subgraphs for other in graph.tensors)
    if users > 1:
        tree.buffers.append(schema.BufferT())
        tensor.buffer = len(tree.buffers) - 1
    tree.buffers[tensor.buffer].data = np.frombuffer(np.ascontiguousarray(numbers).tobytes(), np.uint8)
