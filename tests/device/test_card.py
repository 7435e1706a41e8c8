"""The card: its fields, what is refused, and how the error names it. How it lies in a file: test_archive.py."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.model import card as cards
from device.model.card import CardError
from tests.conftest import Run
from tests.device import crafted
from tests.device.crafted import FULL
from tests.device.image_files import encoded
from tests.device.refusals import refusal, says


def document(**changes: Any) -> dict[str, Any]:
    """The full card as JSON gives it back, with fields of its first level changed."""
    return {**json.loads(json.dumps(FULL.to_json())), **changes}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The full card with one field, such as `input.std`, set to a value."""
    whole = document()
    *parents, last = path.split(".")
    place = whole
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    place[last] = value
    return whole


def fields(place: Any, path: str = "") -> list[str]:
    """Every field of a card's JSON that a dataclass names: `name`, `input`, `input.height`, …"""
    if isinstance(place, list):
        return [name for i, item in enumerate(place) for name in fields(item, f"{path}{i}.")]
    if not isinstance(place, dict) or path in ("provenance.", "golden.0.scores."):
        return []
    return [name for key, value in place.items() for name in (f"{path}{key}", *fields(value, f"{path}{key}."))]


FIELDS = [name for name in fields(document()) if name != "schema"]


def test_a_card_survives_json() -> None:
    assert cards.parse(json.loads(json.dumps(FULL.to_json()))) == FULL


def test_mean_and_std_may_differ_by_channel_and_labels_may_repeat() -> None:
    spec = replace(FULL.input, mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4))
    card = replace(FULL, input=spec, labels=("crane", "tench", "crane"))
    there = json.loads(json.dumps(card.to_json()))
    assert there["input"]["mean"] == [123.7, 116.3, 103.5]
    assert cards.parse(there) == card


def test_what_is_not_known_is_null() -> None:
    bare = replace(
        FULL, recipe=None, variant=None, labels=None, accuracy=None, golden=(), golden_source=None, provenance=None
    )
    there = json.loads(json.dumps(bare.to_json()))
    assert set(there) == set(document())  # every field stays, null where it isn't known
    assert cards.parse(there) == bare


def test_the_fields_are_those_of_the_design() -> None:
    assert set(FIELDS) >= {"input.color", "output.kind", "confidence.unknown_below", "golden.0.tolerance"}
    assert list(document()) == [
        *("schema", "name", "recipe", "variant", "labels", "input", "output", "confidence"),
        *("accuracy", "golden", "golden_source", "provenance"),
    ]


def without(path: str) -> dict[str, Any]:
    whole = document()
    *parents, last = path.split(".")
    place = whole
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    del place[last]
    return whole


@pytest.mark.parametrize("path", FIELDS)
def test_a_missing_field_is_named(path: str) -> None:
    with pytest.raises(CardError, match=f"lacks the field '{path.split('.')[-1]}'"):
        cards.parse(without(path))


@pytest.mark.parametrize("place", ["", "input.", "output.", "confidence.", "accuracy.", "golden.0."])
def test_a_field_of_a_later_version_is_ignored(place: str) -> None:
    assert cards.parse(changed(f"{place}surprise", {"new": [1]})) == FULL


@pytest.mark.parametrize("path", [path for path in FIELDS if path != "golden.0.scores"])
@pytest.mark.parametrize("wrong", [True, {"a": 1}, [[]]])
def test_a_wrong_type_is_named(path: str, wrong: Any) -> None:
    if (path, wrong) == ("provenance", {"a": 1}):
        return  # the one field that is an object of anything
    with pytest.raises(CardError) as raised:
        cards.parse(changed(path, wrong))
    # An object is let into a nested record, which then lacks its own fields: its place is named all the same.
    assert f"card.{path}".replace(".0.", "[0].") in str(raised.value)


@pytest.mark.parametrize(
    ("path", "wrong", "facts"),
    [
        ("name", 5, ("card.name is 5,", "str")),
        ("input.height", 28.0, ("card.input.height is 28.0,", "int")),
        ("input.height", 0, ("input is 0x30,", "1x1")),
        ("input.width", -3, ("input is 28x-3,", "1x1")),
        ("input.color", "GBR", ("card.input.color is 'GBR',", "RGB, BGR")),
        ("input.fit", "zoom", ("card.input.fit is 'zoom',", "crop, stretch, pad")),
        ("input.resize", "linear", ("card.input.resize is 'linear',", "area")),
        ("input.std", 0, ("input.std is 0,", "number")),
        ("input.std", "1", ("card.input.std is '1',", "float")),
        ("input.mean", float("nan"), ("card.input.mean is nan,", "finite number")),
        ("input.mean", float("inf"), ("card.input.mean is inf,", "finite number")),
        ("input.mean", 10**400, ("finite",)),
        ("output.kind", "words", ("card.output.kind is 'words',", "softmax, sigmoid, logits")),
        ("accuracy.interval", [0.1], ("card.accuracy.interval is [0.1],", "list")),
        ("accuracy.interval", [0.1, "x"], ("card.accuracy.interval[1] is 'x',", "float")),
        ("labels", "boot", ("card.labels is 'boot',", "list")),
        ("labels", ["a", 5], ("card.labels[1] is 5,", "str")),
        ("labels", ["a", " "], ("label 1 is empty,", "every output")),
        ("labels", ["a", "b\nc"], ("lines",)),
        ("labels", ["a" * 1000, "b" * 1001], ("label 1 has 1001 characters,", "1000")),
        ("input.std", [1.0, 0.0, 2.0], ("input.std is 1,0,2,", "number")),
        ("input.mean", [1.0, 2.0], ("card.input.mean is [1.0, 2.0],", "list of 3")),
        ("input.mean", [1.0, "x", 2.0], ("card.input.mean[1] is 'x',", "float")),
        ("input.std", [1.0, float("nan"), 2.0], ("card.input.std[1] is nan,", "finite number")),
        ("golden", {}, ("card.golden is {},", "list")),
        ("golden_source", "mine", ("card.golden_source is 'mine',", "test, calibration, drawn")),
    ],
)
def test_the_error_says_what_came_and_what_was_expected(path: str, wrong: Any, facts: tuple[str, ...]) -> None:
    with pytest.raises(CardError) as raised:
        cards.parse(changed(path, wrong))
    says(str(raised.value), *facts)


@pytest.mark.parametrize("schema", [1, 3, 0, "2", None])
def test_another_schema_is_refused(schema: Any) -> None:
    with pytest.raises(CardError, match="reads 2;"):
        cards.parse(document(schema=schema))


def test_what_is_no_object_is_refused() -> None:
    others: list[Any] = [[], "card", None, 5]
    for nothing in others:
        with pytest.raises(CardError, match="expected an object"):
            cards.parse(nothing)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": ["boot", "half \ud83d", "c"]}, r"'half \\ud83d'"),
        ({"labels": ["boot", "\x9b2J", "c"]}, "control"),
        ({"name": "half \udc80"}, "half a"),
        ({"provenance": {"created": ["\udc80"]}}, "half a"),
        ({"provenance": {"created": float("nan")}}, "not finite"),
    ],
)
def test_what_no_document_can_say_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CardError, match=said):
        cards.parse(document(**changes))


@pytest.mark.parametrize("name", ["classify", "live"])
def test_a_file_with_such_a_label_is_refused_in_one_line(name: str, tmp_path: Path, command: Run) -> None:
    model, image = tmp_path / "boots.tflite", tmp_path / "one.png"
    model.write_bytes(crafted.constant([1, 2, 3], crafted.End((1, 28, 30, 3))))
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr(cards.CARD, json.dumps(document(labels=["boot", "half \ud83d", "c"])))
    image.write_bytes(encoded(np.zeros((28, 30, 3), np.uint8), "PNG"))
    words = [image] if name == "classify" else ["--source", image, "--headless", "--threads", "1"]
    says(refusal(command("device", name, model, *words)), model.name, "card", "'half \\ud83d'")
