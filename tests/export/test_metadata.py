"""TFLite Metadata, read back by others' code: device's own reader by position, and MediaPipe's schema classes."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert.tools import flatbuffer_utils

from device.model import card as cards
from device.model import flatbuffer
from device.model.card import Card, InputSpec
from device.model.variants import DEFAULT
from export.card import metadata
from tests import foreign
from tests.conftest import ROOT, environment, model


def card(**changes: Any) -> Card:
    """The shapes model's card, changed."""
    found = cards.read(model("float32"))
    assert found is not None
    return replace(found, **changes)


def read_by_mediapipe(*paths: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [environment("mediapipe"), ROOT / "tests/peers/read_metadata.py", *paths],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def expected(name: str, mean: float, std: float) -> dict[str, Any]:
    image = {
        "name": "image",
        "description": "RGB pixels",
        "content": {"contentPropertiesType": 2, "contentProperties": {"colorSpace": 1}},  # ImageProperties, RGB
        "processUnits": [{"optionsType": 1, "options": {"mean": [mean], "std": [std]}}],  # NormalizationOptions
    }
    labels = {"name": "labels.txt", "description": "a label a line, in output order", "type": 2}  # TENSOR_AXIS_LABELS
    scores = {"name": "scores", "description": "softmax, one a label", "associatedFiles": [labels]}
    return {
        "entries": 1,
        "identifier": "M001",
        "name": name,
        "subgraphMetadata": [{"inputTensorMetadata": [image], "outputTensorMetadata": [scores]}],
        "minParserVersion": "1.0.0",
    }


def test_mediapipe_s_schema_reads_every_variant() -> None:
    for document in read_by_mediapipe(*map(model, DEFAULT)):
        assert document.pop("bytes") < 1000
        assert document == expected("fashion_mnist", 0.0, 1.0)


def test_names_and_numbers_of_other_cards(tmp_path: Path) -> None:
    """Another scaling, a name beyond ASCII; and embedding twice leaves one entry."""
    other = card(name="모델 é", input=InputSpec(16, 16, mean=127.5, std=63.75))
    path = tmp_path / "model.tflite"
    path.write_bytes(metadata.embed(metadata.embed(foreign.bare(), card()), other))
    (document,) = read_by_mediapipe(path)
    document.pop("bytes")
    assert document == expected("모델 é", 127.5, 63.75)


@pytest.mark.parametrize("variant", DEFAULT)
def test_device_reads_what_export_wrote(variant: str) -> None:
    assert flatbuffer.normalization(model(variant)) == (0.0, 1.0)


def test_device_reads_another_scaling(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(foreign.bare())
    assert flatbuffer.normalization(path) is None
    path.write_bytes(metadata.embed(foreign.bare(), card(input=InputSpec(16, 16, mean=127.5, std=63.75))))
    assert flatbuffer.normalization(path) == (127.5, 63.75)


def test_the_network_stays_as_it_was() -> None:
    """Only a buffer and an entry come to it; other tools' entries stay."""
    before = flatbuffer_utils.read_model_from_bytearray(bytearray(foreign.bare()))
    entry = flatbuffer_utils.read_model_from_bytearray(bytearray(model("float32").read_bytes())).metadata[0]
    entry.buffer = 0
    before.metadata = [entry]
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(before))
    after = flatbuffer_utils.read_model_from_bytearray(bytearray(metadata.embed(content, card())))
    assert [kept.name for kept in after.metadata] == [entry.name, b"TFLITE_METADATA"]
    assert len(after.buffers) == len(before.buffers) + 1
    for old, new in zip(before.buffers, after.buffers[:-1], strict=True):
        assert bytes(old.data if old.data is not None else b"") == bytes(new.data if new.data is not None else b"")


def test_labels_stand_in_the_archive_a_line_each() -> None:
    archive = cards.read_archive(model("int8"))
    assert archive["labels.txt"] == b"circle\nsquare\ntriangle\n"
    assert json.loads(archive["card.json"])["labels"] == ["circle", "square", "triangle"]
