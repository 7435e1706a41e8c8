"""The card: its fields, what is refused and how it is named, and the archive at the file's end."""

import copy
import io
import json
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device import card as cards
from device.card import Accuracy, Card, CardError, Confidence, Golden, Input, Output
from device.errors import UserError
from tests.conftest import Run, missing, model
from tests.device import crafted
from tests.device.refusals import names

FULL = Card(
    name="boots",
    recipe="fashion_mnist",
    variant="int8",
    labels=("boot", "läufer", "ankle boot"),
    input=Input(28, 30, "RGB", "pad", "area", 127.5, 64.0),
    output=Output("logits"),
    confidence=Confidence(1.5, 0.4),
    accuracy=Accuracy(0.924, 10_000, (0.9186, 0.929), 0.9251, "test"),
    golden=(Golden("golden_1.png", "a" * 64, "b" * 64, "c" * 64, (0.25, 0.75, 0.0), 0.09375),),
    golden_source="drawn",
    provenance={"run": "boots", "seed": 1, "versions": {"numpy": "2.4.6"}, "git_commit": None},
)


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
def test_an_unknown_field_is_named(place: str) -> None:
    with pytest.raises(CardError, match="has an unknown field 'surprise'"):
        cards.parse(changed(f"{place}surprise", 1))


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
    ("path", "wrong", "said"),
    [
        ("name", 5, "card.name is 5, expected str"),
        ("input.height", 28.0, "card.input.height is 28.0, expected int"),
        ("input.height", 0, "input is 0x30, expected at least 1x1"),
        ("input.width", -3, "input is 28x-3, expected at least 1x1"),
        ("input.color", "BGR", "card.input.color is 'BGR', expected one of RGB"),
        ("input.fit", "zoom", "card.input.fit is 'zoom', expected one of crop, stretch, pad"),
        ("input.resize", "linear", "card.input.resize is 'linear', expected one of area"),
        ("input.std", 0, "input.std is 0, expected another number"),
        ("input.std", "1", "card.input.std is '1', expected float"),
        ("input.mean", float("nan"), "card.input.mean is nan, expected a finite number"),
        ("input.mean", float("inf"), "card.input.mean is inf, expected a finite number"),
        ("input.mean", 10**400, "expected a finite number"),
        ("output.kind", "words", "card.output.kind is 'words', expected one of softmax, sigmoid, logits"),
        ("accuracy.interval", [0.1], "card.accuracy.interval is [0.1], expected a list"),
        ("accuracy.interval", [0.1, "x"], "card.accuracy.interval[1] is 'x', expected float"),
        ("labels", "boot", "card.labels is 'boot', expected a list"),
        ("labels", ["a", 5], "card.labels[1] is 5, expected str"),
        ("labels", ["a", " "], "label 1 is empty, expected a name for every output"),
        ("labels", ["a", "b\nc"], "spans lines"),
        ("labels", ["a", "b", "a"], "label 'a' stands twice"),
        ("golden", {}, "card.golden is {}, expected a list"),
        ("golden_source", "mine", "card.golden_source is 'mine', expected one of test, calibration, drawn"),
    ],
)
def test_the_error_says_what_came_and_what_was_expected(path: str, wrong: Any, said: str) -> None:
    with pytest.raises(CardError) as raised:
        cards.parse(changed(path, wrong))
    assert said in str(raised.value)


@pytest.mark.parametrize("schema", [2, 0, "1", None])
def test_another_schema_is_refused(schema: Any) -> None:
    with pytest.raises(CardError, match="this version reads 1; export the model again"):
        cards.parse(document(schema=schema))


def test_what_is_no_object_is_refused() -> None:
    for nothing in ([], "card", None, 5):
        with pytest.raises(CardError, match="expected an object"):
            cards.parse(nothing)


# The archive at the end.

PICTURES = {"golden_1.png": b"\x89PNG one", "golden_2.png": bytes(300)}


def test_a_tail_holds_everything_stored_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    body = crafted.constant([0.1, 0.2, 0.7])
    data = cards.append_tail(body, FULL, PICTURES)
    assert data == cards.append_tail(body, copy.deepcopy(FULL), dict(PICTURES))
    assert data.startswith(body)
    path = crafted.write(tmp_path / "boots.tflite", data)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["card.json", "labels.txt", "golden_1.png", "golden_2.png"]
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert cards.read(path) == FULL
    tail = cards.read_tail(path)
    assert tail["labels.txt"].decode() == "boot\nläufer\nankle boot\n"
    assert {name: tail[name] for name in PICTURES} == PICTURES
    assert cards.tail_bytes(path) == len(data) - len(body)


def test_a_card_without_labels_has_no_label_file(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "x.tflite", cards.append_tail(b"model", replace(FULL, labels=None), {}))
    assert set(cards.read_tail(path)) == {"card.json"}
    assert cards.read(path) == replace(FULL, labels=None)


def test_a_person_can_read_it_with_unzip() -> None:
    unzip = shutil.which("unzip")
    if not unzip:
        missing("no unzip here")
    for variant in ("float32", "float16", "dynamic", "int8"):
        done = subprocess.run([str(unzip), "-p", str(model(variant)), "card.json"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert cards.parse(json.loads(done.stdout)).variant == variant


def test_a_file_without_a_tail_has_no_card(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "plain.tflite", crafted.constant([1, 2]))
    assert cards.read(path) is None
    assert cards.read_tail(path) == {}
    assert cards.tail_bytes(path) == 0


def test_another_archive_is_no_card(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "foreign.tflite", archive({"labels.txt": b"a\nb\n"}))
    assert cards.read(path) is None
    assert cards.read_tail(path) == {"labels.txt": b"a\nb\n"}


def archive(entries: dict[str, bytes], how: int = zipfile.ZIP_STORED, before: bytes = b"model") -> bytes:
    file = io.BytesIO(before)
    with zipfile.ZipFile(file, "a", how) as packed:
        for name, data in entries.items():
            packed.writestr(zipfile.ZipInfo(name), data, compress_type=how)
    return file.getvalue()


def patched(data: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """Every header with that signature changed at an offset."""
    changed = bytearray(data)
    place = data.find(signature)
    while place >= 0:
        changed[place + offset : place + offset + len(value)] = value
        place = data.find(signature, place + 4)
    return bytes(changed)


def with_name(name: bytes) -> bytes:
    """A name that zipfile itself wouldn't write, in place of one of the same length."""
    return archive({"x" * len(name): b"data"}).replace(b"x" * len(name), name)


# The signatures before an entry and in the directory.
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
GOOD = archive({"card.json": b"{}", "labels.txt": b"a\nb\n"})
MALFORMED: dict[str, tuple[bytes, str]] = {
    "compressed": (archive({"card.json": bytes(900_000)}, zipfile.ZIP_DEFLATED), "compressed, expected stored"),
    "compressed by lzma": (archive({"card.json": bytes(900_000)}, zipfile.ZIP_LZMA), "compressed, expected stored"),
    "compressed by bzip2": (archive({"card.json": bytes(900_000)}, zipfile.ZIP_BZIP2), "compressed, expected stored"),
    "unknown method": (patched(patched(GOOD, CENTRAL, 10, b"\x62"), LOCAL, 8, b"\x62"), "expected stored"),
    "bomb": (archive({"card.json": bytes(5_000_000)}, zipfile.ZIP_DEFLATED), "5000000 bytes, expected at most"),
    "parent": (archive({"../card.json": b"{}"}), "names the path '../card.json'"),
    "absolute": (with_name(b"/etc/card"), "names the path '/etc/card'"),
    "folder": (archive({"a/card.json": b"{}"}), "names the path 'a/card.json'"),
    "backslash": (with_name(b"..\\card.json"), "names the path"),
    "hidden": (archive({".bashrc": b"{}"}), "names the path '.bashrc'"),
    "nul": (with_name(b"card.json\0.png"), "names the path"),
    "65 entries": (archive({f"{i}.txt": b"" for i in range(65)}), "holds 65 entries"),
    "smaller than it says": (patched(GOOD, CENTRAL, 24, struct.pack("<I", 100)), "is damaged"),
    "larger than it says": (patched(GOOD, CENTRAL, 24, struct.pack("<I", 1)), "is damaged"),
    "another checksum": (patched(GOOD, CENTRAL, 16, b"\1\2\3\4"), "is damaged"),
    "encrypted": (patched(patched(GOOD, CENTRAL, 8, b"\1"), LOCAL, 6, b"\1"), "is damaged"),
    "local header gone": (GOOD.replace(LOCAL, b"????"), "is damaged"),
    "directory gone": (GOOD.replace(CENTRAL, b"????"), "is damaged"),
    "other local name": (GOOD.replace(b"card.json{}", b"cord.json{}"), "is damaged"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_archive_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, reason = MALFORMED[name]
    path = crafted.write(tmp_path / "bad.tflite", data)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=reason) as raised:
        cards.read_tail(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert cards.tail_bytes(path) >= 0
    assert names(tmp_path) == ["bad.tflite"]


def test_reading_a_good_tail_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = crafted.write(tmp_path / "good.tflite", GOOD)
    monkeypatch.chdir(tmp_path)
    assert cards.read_tail(path) == {"card.json": b"{}", "labels.txt": b"a\nb\n"}
    assert names(tmp_path) == ["good.tflite"]


def test_a_cut_off_archive_is_none_or_refused(tmp_path: Path) -> None:
    """Whether the file then counts as whole is not for this module to say: see test_flatbuffer.py."""
    whole = cards.append_tail(b"model", FULL, PICTURES)
    path = tmp_path / "cut.tflite"
    for cut in range(5, len(whole), 11):
        crafted.write(path, whole[:cut])
        assert outcome(lambda: cards.read_tail(path)) in ({}, "refused")


def test_any_changed_byte_is_read_or_refused(tmp_path: Path) -> None:
    whole = cards.append_tail(b"", replace(FULL, golden=(), provenance=None), {})
    path = tmp_path / "changed.tflite"
    outcomes = []
    for place in range(0, len(whole), 3):
        crafted.write(path, whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        outcomes.append(outcome(lambda: cards.read(path)))
    # The checksum guards the content; flags and dates of the directory may change unseen.
    assert outcomes.count("refused") > len(outcomes) / 2


def outcome(action: Callable[[], Any]) -> Any:
    """What it gives, or 'refused'; every exception but UserError is a bug and comes up."""
    try:
        return action()
    except UserError:
        return "refused"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "its card can't be used"),
        (b"\xff\xfe\xfd", "its card can't be used"),
        (b"[1]", "the card is a list, expected an object"),
        (b"[" * 100_000, "its card can't be used"),
        (b'{"schema": 2}', "schema 2, this version reads 1; export the model again"),
        (b'{"schema": 1}', "card lacks the field 'accuracy'"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_with_the_file_name(
    content: bytes, reason: str, command: Run, tmp_path: Path
) -> None:
    crafted.write(tmp_path / "bad.tflite", archive({"card.json": content}, before=crafted.constant([0.1, 0.9])))
    with pytest.raises(UserError) as raised:
        cards.read(tmp_path / "bad.tflite")
    assert reason in str(raised.value)
    if content == b"[1]":  # once through the command line too
        done = command("device", "info", "bad.tflite")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "error: bad.tflite: its card can't be used: the card is a list, expected an object\n"
