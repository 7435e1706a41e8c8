"""A .tflite that was read and packed again is the file that LiteRT's own packing makes, only sooner."""

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from export.conversion import objects
from tests import foreign
from tests.conftest import model


def test_the_same_bytes_as_litert_s_own_packing() -> None:
    for content in (foreign.bare(), model("int8").read_bytes()):
        added = schema.BufferT()
        added.data = b"\x00\x01metadata"
        packed = []
        for pack in (objects.packed, lambda tree: bytes(flatbuffer_utils.convert_object_to_bytearray(tree))):
            tree = objects.read(content)
            tree.buffers.append(added)
            packed.append(pack(tree))
        assert packed[0] == packed[1]
