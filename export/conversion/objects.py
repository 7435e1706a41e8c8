"""Converts a .tflite to mutable objects of its schema and back, with LiteRT's flatbuffer_utils."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.errors import UserError
from device.model import card

OPERATOR_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


def read(model: bytes) -> Any:
    """The file as a schema.ModelT."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(model))


def of_file(path: Path) -> Any:
    """The network in a file. UserError for damage that no interpreter looks for, such as in its metadata's tables."""
    try:
        return read(card.network_bytes(path))
    except (struct.error, TypeError, ValueError, IndexError):  # flatbuffers checks nothing
        raise UserError(
            f"{path}: the .tflite file is damaged (its tables can't be read), expected a whole one; copy or export it"
            " again"
        ) from None


def text(name: Any) -> str:
    """A tensor's name as str; flatbuffer_utils reads names as bytes."""
    return name if isinstance(name, str) else bytes(name or b"").decode("utf-8", "replace")


def kind(tree: Any, operator: Any) -> int:
    """The operator's number in schema.BuiltinOperator."""
    code = tree.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def operator_name(tree: Any, operator: Any) -> str:
    """'CONV_2D', or 'CUSTOM' with the name that the file gives it."""
    number = kind(tree, operator)
    if number == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM {text(tree.operatorCodes[operator.opcodeIndex].customCode)}"
    return str(OPERATOR_NAMES.get(number, number))


def code(tree: Any, number: int, version: int = 1) -> int:
    """The place of an operator in the file's table of operators, which it is added to if missing."""
    for place, there in enumerate(tree.operatorCodes):
        if max(int(there.builtinCode), int(there.deprecatedBuiltinCode)) == number:
            return place
    return _entry(tree, number, version)


def _entry(tree: Any, number: int, version: int) -> int:
    made = schema.OperatorCodeT()
    made.builtinCode = made.deprecatedBuiltinCode = number
    made.version = version
    tree.operatorCodes.append(made)
    return len(tree.operatorCodes) - 1


def packed(tree: Any) -> bytes:
    """The file that the objects describe."""
    for buffer in tree.buffers:
        # The schema packs anything but an array byte by byte: twelve megabytes took six seconds, eight times an export.
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def put(tree: Any, tensor: Any, numbers: npt.NDArray[Any]) -> None:
    """Replaces a constant's numbers, in a buffer of its own if it shares one."""
    users = sum(other.buffer == tensor.buffer for graph in tree.subgraphs for other in graph.tensors)
    if users > 1:
        tree.buffers.append(schema.BufferT())
        tensor.buffer = len(tree.buffers) - 1
    tree.buffers[tensor.buffer].data = np.frombuffer(np.ascontiguousarray(numbers).tobytes(), np.uint8)


def buffer(tree: Any, data: bytes) -> int:
    """Adds a buffer and returns its index."""
    new = schema.BufferT()
    new.data = np.frombuffer(data, np.uint8) if data else None
    tree.buffers.append(new)
    return len(tree.buffers) - 1


def added(graph: Any, tensor: Any) -> int:
    """Adds a tensor and returns its index."""
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def constant(tree: Any, graph: Any, name: str, numbers: npt.NDArray[Any]) -> int:
    """Adds a constant tensor of these numbers, float32 or int32, and returns its index."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape = name, list(numbers.shape)
    tensor.type = schema.TensorType.INT32 if numbers.dtype == np.int32 else schema.TensorType.FLOAT32
    tensor.buffer = buffer(tree, np.ascontiguousarray(numbers).tobytes())
    return added(graph, tensor)


def operator(
    tree: Any, kind: int, inputs: list[int], output: int, options: Any, union: int, place: int | None = None
) -> Any:
    """A new operator. union: the type of its options. place: in the file's table of operators (`code`); None: an entry
    of its own, of version 1.
    """
    made = schema.OperatorT()
    made.opcodeIndex = _entry(tree, kind, 1) if place is None else place
    made.inputs, made.outputs = inputs, [output]
    made.builtinOptionsType, made.builtinOptions = union, options
    return made


def sweep(tree: Any) -> None:
    """Drops the tensors that no operator reads or makes any more: the quantizer would ask the interpreter for them."""
    graph = tree.subgraphs[0]
    lists = [(graph, "inputs"), (graph, "outputs")]
    lists += [(one, name) for one in graph.operators for name in ("inputs", "outputs", "intermediates")]
    maps = [one for signature in tree.signatureDefs or [] for one in (*signature.inputs, *signature.outputs)]
    used = {index for owner, name in lists for index in integers(getattr(owner, name)) if index >= 0}
    kept = sorted(used | {int(one.tensorIndex) for one in maps})
    places = {old: new for new, old in enumerate(kept)} | {-1: -1}
    graph.tensors = [graph.tensors[index] for index in kept]
    for owner, name in lists:
        setattr(owner, name, [places[index] for index in integers(getattr(owner, name))])
    for one in maps:
        one.tensorIndex = places[int(one.tensorIndex)]


def integers(vector: Any) -> list[int]:
    """The numbers of a shape or of a list of tensors; [] if the file omits it."""
    return [] if vector is None else [int(number) for number in vector]
