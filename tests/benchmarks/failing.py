"""A network that counts how often it was invoked, and fails when it has answered so often."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tests.device import crafted

SIZE = (4, 6)
LABELS = 3


def network(answers: int) -> bytes:
    """Looks at no image. A recurrent layer adds 1 to its state each time, and a table of `answers` + 1 entries is
    read at that place: GATHER refuses a place behind its end, so it loads, and fails half way.
    """
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(crafted.constant([0.5] * LABELS)))
    graph = tree.subgraphs[0]

    def tensor(name: str, shape: tuple[int, ...], data: np.ndarray[Any, Any] | None = None, whole: bool = False) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.buffer = name, list(shape), 0
        made.type = schema.TensorType.INT32 if whole else schema.TensorType.FLOAT32
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, np.float32).tobytes(), np.uint8)
            tree.buffers.append(buffer)
            made.buffer = len(tree.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    state = tensor("state", (1, LABELS))
    graph.tensors[state].isVariable = True
    nothing = tensor("nothing", (1, 1), np.zeros((1, 1)))
    ignored = tensor("ignored", (LABELS, 1), np.zeros((LABELS, 1)))
    itself = tensor("itself", (LABELS, LABELS), np.eye(LABELS))
    one = tensor("one", (LABELS,), np.ones(LABELS))
    table = tensor("table", (answers + 1,), np.full(answers + 1, 0.5))
    count, place = tensor("count", (1, LABELS)), tensor("place", (1, LABELS), whole=True)
    scores = tensor("answer", (1, LABELS))
    codes = schema.BuiltinOperator
    tree.operatorCodes, graph.operators = [], []
    for code, options, inputs, output in (
        (
            codes.RNN,
            (schema.BuiltinOptions.RNNOptions, schema.RNNOptionsT()),
            [nothing, ignored, itself, one, state],
            count,
        ),
        (codes.CAST, None, [count], place),
        (codes.GATHER, (schema.BuiltinOptions.GatherOptions, schema.GatherOptionsT()), [table, place], scores),
    ):
        named = schema.OperatorCodeT()
        named.builtinCode = named.deprecatedBuiltinCode = code
        named.version = 1
        tree.operatorCodes.append(named)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(graph.operators), inputs, [output]
        if options is not None:
            operator.builtinOptionsType, operator.builtinOptions = options
        graph.operators.append(operator)
    graph.outputs = [scores]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
