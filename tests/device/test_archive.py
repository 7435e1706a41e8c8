"""The archive at a model file's end: what is written there, and what is refused without touching the disk."""

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

from device.errors import UserError
from device.model import card as cards
from device.model.variants import DEFAULT
from tests.conftest import Run, missing, model
from tests.device import crafted
from tests.device.crafted import FULL
from tests.device.refusals import names, says

IMAGES = {"golden_1.png": b"\x89PNG one", "golden_2.png": bytes(300)}


def test_an_archive_holds_everything_stored_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    body = crafted.constant([0.1, 0.2, 0.7])
    data = cards.append_archive(body, FULL, IMAGES)
    assert data == cards.append_archive(body, copy.deepcopy(FULL), dict(IMAGES))
    assert data.startswith(body)
    path = crafted.write(tmp_path / "boots.tflite", data)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["card.json", "labels.txt", "golden_1.png", "golden_2.png"]
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert cards.read(path) == FULL
    entries = cards.read_archive(path)
    assert entries["labels.txt"].decode() == "boot\nläufer\nankle boot\n"
    assert {name: entries[name] for name in IMAGES} == IMAGES
    assert cards.archive_bytes(path) == len(data) - len(body)
    assert cards.network_bytes(path) == body


def test_a_card_without_labels_has_no_label_file(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "x.tflite", cards.append_archive(b"model", replace(FULL, labels=None), {}))
    assert set(cards.read_archive(path)) == {"card.json"}
    assert cards.read(path) == replace(FULL, labels=None)


def test_a_person_can_read_it_with_unzip() -> None:
    unzip = shutil.which("unzip")
    if not unzip:
        missing("no unzip here")
    for variant in DEFAULT:
        done = subprocess.run([str(unzip), "-p", str(model(variant)), "card.json"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert cards.parse(json.loads(done.stdout)).variant == variant


def test_a_file_without_an_archive_has_no_card(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "plain.tflite", crafted.constant([1, 2]))
    assert cards.read(path) is None
    assert cards.read_archive(path) == {}
    assert cards.archive_bytes(path) == 0


def test_another_archive_is_no_card(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "foreign.tflite", archive({"labels.txt": b"a\nb\n"}))
    assert cards.read(path) is None
    assert cards.read_archive(path) == {"labels.txt": b"a\nb\n"}


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
        cards.read_archive(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert cards.archive_bytes(path) >= 0
    assert names(tmp_path) == ["bad.tflite"]


def test_reading_a_good_archive_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = crafted.write(tmp_path / "good.tflite", GOOD)
    monkeypatch.chdir(tmp_path)
    assert cards.read_archive(path) == {"card.json": b"{}", "labels.txt": b"a\nb\n"}
    assert names(tmp_path) == ["good.tflite"]


def test_a_cut_off_archive_is_none_or_refused(tmp_path: Path) -> None:
    """Whether the file then counts as whole is not for this module to say: see test_flatbuffer.py."""
    whole = cards.append_archive(b"model", FULL, IMAGES)
    path = tmp_path / "cut.tflite"
    for cut in range(5, len(whole), 11):
        crafted.write(path, whole[:cut])
        assert outcome(lambda: cards.read_archive(path)) in ({}, "refused")


def test_any_changed_byte_is_read_or_refused(tmp_path: Path) -> None:
    whole = cards.append_archive(b"", replace(FULL, golden=(), provenance=None), {})
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
        (b"{", "card"),
        (b"\xff\xfe\xfd", "card"),
        (b"[1]", "list"),
        (b"[" * 100_000, "card"),
        (b'{"schema": 0}', "schema 0,"),
        (b'{"schema": 2}', "'accuracy'"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_with_the_file_name(
    content: bytes, reason: str, command: Run, tmp_path: Path
) -> None:
    crafted.write(tmp_path / "bad.tflite", archive({"card.json": content}, before=crafted.constant([0.1, 0.9])))
    with pytest.raises(UserError) as raised:
        cards.read(tmp_path / "bad.tflite")
    says(str(raised.value), f"{tmp_path / 'bad.tflite'}: ", "card", reason)
    if content == b"[1]":  # once through the command line too
        done = command("device", "info", "bad.tflite")
        assert (done.returncode, done.stdout) == (2, "")
        says(done.stderr, "error: bad.tflite: ", "card", "list")
        assert done.stderr.count("\n") == 1
