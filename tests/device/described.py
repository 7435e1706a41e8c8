"""TFLite Metadata as other people's tools write it: with several files beside one output."""

from collections.abc import Iterable
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.model import flatbuffer
from export.card import metadata
from export.card.metadata import Byte

AXIS_LABELS, SCORE_CALIBRATION = 2, 4  # AssociatedFileType


def with_label_files(model: bytes, files: Iterable[tuple[str, str]], others: Iterable[str] = ()) -> bytes:
    """The model, whose first output has lists of labels, (name, locale), and files of another kind before them."""
    beside: list[dict[int, Any]] = [{0: name, 2: Byte(SCORE_CALIBRATION)} for name in others]
    beside += [{0: name, 2: Byte(AXIS_LABELS), **({3: locale} if locale else {})} for name, locale in files]
    builder = flatbuffers.Builder(256)
    root = metadata.encode(builder, {0: "described", 3: [{2: [{0: "image"}], 3: [{0: "scores", 6: beside}]}]})
    builder.Finish(root, flatbuffer.IDENTIFIER)
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    entry, content = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer, content.data = flatbuffer.NAME, len(tree.buffers), bytes(builder.Output())
    tree.buffers.append(content)
    tree.metadata = [entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
