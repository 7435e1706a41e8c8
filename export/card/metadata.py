"""TFLite Metadata: what stock clients such as MediaPipe's ImageClassifier read of a file.

Written with `flatbuffers` from the public schema (metadata_schema.fbs in google-ai-edge/mediapipe), since the packaged
writers no longer install. It says: an RGB image, normalized by mean and standard deviation; labels in labels.txt.
"""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from device.model.card import LABELS, Card
from device.model.channels import Channels
from device.model.flatbuffer import IDENTIFIER, IMAGE_PROPERTIES, NAME, NORMALIZATION_OPTIONS
from export.conversion import objects

# The lowest parser version that knows every field used here.
MIN_PARSER_VERSION = "1.0.0"

# Enumerations and unions of the schema.
RGB = 1  # ColorSpaceType
TENSOR_AXIS_LABELS = 2  # AssociatedFileType


class Byte(int):
    """An unsigned byte in a table, as against a nested table or a string."""


def metadata(card: Card) -> bytes:
    """The metadata of a card's model, as a finished FlatBuffer. Tables are {field number: value}."""
    image: dict[int, Any] = {0: Byte(IMAGE_PROPERTIES), 1: {0: Byte(RGB)}}
    scaling = {0: _numbers(card.input.mean), 1: _numbers(card.input.std)}
    normalization: dict[int, Any] = {0: Byte(NORMALIZATION_OPTIONS), 1: scaling}
    labels: dict[int, Any] = {0: LABELS, 1: "a label a line, in output order", 2: Byte(TENSOR_AXIS_LABELS)}
    source: dict[int, Any] = {0: "image", 1: "RGB pixels", 3: image, 4: [normalization]}
    answer: dict[int, Any] = {0: "scores", 1: f"{card.output.kind}, one a label", 6: [labels]}
    graph: dict[int, Any] = {2: [source], 3: [answer]}
    builder = flatbuffers.Builder(1024)
    root = encode(builder, {0: card.name, 3: [graph], 7: MIN_PARSER_VERSION})
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def _numbers(value: Channels) -> list[float]:
    """A list of one number for all channels, or one each."""
    return list(value) if isinstance(value, tuple) else [value]


def encode(builder: flatbuffers.Builder, table: dict[int, Any]) -> int:
    """Writes a table, its children first, as FlatBuffers are built; returns its position."""
    children = {field: _child(builder, value) for field, value in table.items() if not isinstance(value, Byte)}
    builder.StartObject(max(table) + 1)
    for field, value in table.items():
        if isinstance(value, Byte):
            builder.PrependUint8Slot(field, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(field, children[field], 0)
    return int(builder.EndObject())


def _child(builder: flatbuffers.Builder, value: Any) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, dict):
        return encode(builder, value)
    numbers = all(isinstance(item, float) for item in value)
    items = value if numbers else [encode(builder, item) for item in value]
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        if numbers:
            builder.PrependFloat32(item)
        else:
            builder.PrependUOffsetTRelative(item)
    return int(builder.EndVector())


def embed(model: bytes, card: Card) -> bytes:
    """The bare model with the card's metadata inside, in place of any it had."""
    tree = objects.read(model)
    entry = schema.MetadataT()
    entry.name = NAME
    entry.buffer = len(tree.buffers)
    content = schema.BufferT()
    content.data = metadata(card)
    tree.buffers.append(content)
    tree.metadata = [old for old in tree.metadata or [] if objects.text(old.name) != NAME] + [entry]
    return objects.packed(tree)
