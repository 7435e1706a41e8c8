"""Label lists as people have them: in files and archives, in any encoding, with numbers that are places or names."""

from pathlib import Path

import pytest

from device.errors import UserError
from device.images import images
from device.inference.overrides import Overrides
from device.labels import labels
from tests import drawing
from tests.conftest import Run
from tests.device import crafted
from tests.device.refusals import refusal

FLOAT = Overrides(mean=0.0, std=255.0)


def read(folder: Path, content: str | bytes, name: str = "labels.txt") -> labels.LabelList:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return labels.read(path)


# A label a line.


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("red\ngreen\nblue\n", ("red", "green", "blue")),
        ("red\ngreen\nblue", ("red", "green", "blue")),
        ("red\r\ngreen\r\nblue\r\n", ("red", "green", "blue")),
        ("red\rgreen\r", ("red", "green")),
        ("red\ngreen\n\n\n", ("red", "green")),
        ("  red \ndark green\n", ("red", "dark green")),
        ("7up\ncola\n", ("7up", "cola")),
        ("0\n1\n2\n", ("0", "1", "2")),
        ("0 red\ngreen\n", ("0 red", "green")),
        ("käfer\n甲虫\n", ("käfer", "甲虫")),
        ("a\u2028b\nc\u2029d\n", ("a\u2028b", "c\u2029d")),  # line ends of Unicode that no other reader takes for one
        ("n01440764 tench, Tinca tinca\nn01443537 goldfish\n", ("n01440764 tench, Tinca tinca", "n01443537 goldfish")),
    ],
)
def test_a_label_a_line_is_taken_as_it_stands(content: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    assert read(tmp_path, content) == labels.LabelList(expected)


def test_a_name_that_repeats_is_taken_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, "tench, Tinca tinca\ncrane\ncrane\n")
    assert found.labels == ("tench, Tinca tinca", "crane", "crane")
    assert "'crane'" in found.notes[0]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("utf-8-sig", "rot\r\nRüsche\r\n"),
        ("utf-16", "rot\r\nRüsche\r\n"),
        ("utf-32", "rot\nRüsche"),
        ("utf-8", "rot\nRüsche"),
    ],
)
def test_what_says_how_it_is_encoded_is_read_without_a_word(encoding: str, content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content.encode(encoding)) == labels.LabelList(("rot", "Rüsche"))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_what_is_not_utf_8_is_read_as_windows_1252_and_said(encoding: str, tmp_path: Path) -> None:
    found = read(tmp_path, "glatt\nRüsche\n".encode(encoding))
    assert found.labels == ("glatt", "Rüsche")
    (note,) = found.notes
    assert "Windows-1252" in note and "'Rüsche'" in note and "UTF-8" in note


# Numbers.


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0 Class 1\n1 Class 2\n", ("Class 1", "Class 2")),  # Teachable Machine
        ("0  plain\n1  striped\n", ("plain", "striped")),  # Coral
        ("0 red\n1 green\n2 blue\n", ("red", "green", "blue")),
        ("0: red\n1: dark green\n", ("red", "dark green")),
        ("0,red\n1,green\n", ("red", "green")),
        ("0;red\n1;green\n", ("red", "green")),
        ("0\tred\n1\tgreen\n", ("red", "green")),
        ("0. red\n1. green\n", ("red", "green")),
        ("00 red\n01 green\n", ("red", "green")),
        ('0,"tench, Tinca tinca"\n1,"a ""b"""\n', ("tench, Tinca tinca", 'a "b"')),
        ("1,striped\n0,plain\n", ("plain", "striped")),  # its numbers say the order, not its lines
        ("id,name\n0,plain\n1,striped\n", ("plain", "striped")),
        ("striped,1\nplain,0\n", ("plain", "striped")),
        ("name,index\nplain,0\nstriped,1\n", ("plain", "striped")),
        ("0,fingers\n1,finger\n", ("fingers", "finger")),  # a column of places
        ("0 A\n1 AB\n2 B\n3 O\n", ("A", "AB", "B", "O")),
    ],
)
def test_numbers_that_are_places_are_taken_off_and_said(
    content: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    found = read(tmp_path, content)
    assert found.labels == expected
    assert f"0..{len(expected) - 1}" in found.notes[-1] and repr(expected[0]) in found.notes[-1]
    assert all(note.startswith(f"{tmp_path / 'labels.txt'}: ") for note in found.notes)


@pytest.mark.parametrize(
    "lines",
    [
        [f"{i} finger{'s' if i != 1 else ''}" for i in range(6)],
        [f"{i} euro" for i in range(6)],
        ["0 fingers", "1 finger"],
        ["0 open doors", "1 open door"],
        ["0 Kinder", "1 Kind"],
        ["0,5 l", "1,0 l"],
        ["0:00", "1:30"],
        ["0:euro", "1:euro"],
        ["0 tench", "1 crane", "2 crane"],  # as ImageNet's: without its number one couldn't be told from the other
    ],
)
def test_numbers_that_may_be_names_are_kept_and_said(lines: list[str], tmp_path: Path) -> None:
    found = read(tmp_path, "".join(f"{line}\n" for line in lines))
    assert found.labels == tuple(lines)
    (note,) = found.notes
    assert "kept" in note and repr(lines[0]) in note


def test_numbers_from_1_on_are_kept_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, "1 plain\n2 striped\n")
    assert found.labels == ("1 plain", "2 striped")
    assert "1..2" in found.notes[0] and "kept" in found.notes[0]


@pytest.mark.parametrize(
    "lines",
    [
        ["0 cat", "1 dog", "10 fish", "2 bird", *(f"{i} x{i}" for i in range(3, 10))],  # sorted as folders are
        ["10 euro", "20 euro", "50 euro"],
        ["0 red", "2 green"],
    ],
)
def test_numbers_that_do_not_run_are_names(lines: list[str], tmp_path: Path) -> None:
    assert read(tmp_path, "\n".join(lines)) == labels.LabelList(tuple(lines))


def test_many_labels_take_no_time(tmp_path: Path) -> None:
    """The search for plurals and repeats is no loop within a loop."""
    names = [f"species {i} of moth" for i in range(20_000)]
    assert read(tmp_path, "".join(f"{i} {name}\n" for i, name in enumerate(names))).labels == tuple(names)


# Documents.


@pytest.mark.parametrize(
    "content",
    [
        '["plain", "striped"]',
        '{"0": "plain", "1": "striped"}',
        '{"1": "striped", "0": "plain"}\n',
        '{"striped": 1, "plain": 0}',  # Keras' class_indices
        '{"0": ["n02123045", "plain"], "1": ["n02124075", "striped"]}',  # Keras' ImageNet
        '{"tfjsVersion": "1.3.1", "labels": ["plain", "striped"], "imageSize": 224}',  # Teachable Machine
        '{"id2label": {"0": "plain", "1": "striped"}, "label2id": {"plain": 0, "striped": 1}}',  # Hugging Face
        "{0: 'plain',\n 1: 'striped'}",  # as Python prints it
        "['plain', 'striped']",
        "names:\n  0: plain\n  1: striped\n",  # Ultralytics
        "path: data\ntrain: images # where\n\nnc: 2\nnames: [plain, 'striped']  # two\nlicense: none\n",
        "names: ['plain',\n        \"striped\"]\n",
        "nc: 2\nnames:\n- plain # first\n- 'striped'\nroboflow:\n  version: 1\n",
        "names:\n  1: striped\n  0: plain\n",
        "- plain\n- striped\n",
        '\ufeff["plain", "striped"]',
    ],
)
def test_documents_are_read_as_what_they_are(content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content) == labels.LabelList(("plain", "striped"))


def test_a_json_list_is_taken_with_its_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, '["0 Class 1", "1 Class 2"]') == labels.LabelList(("0 Class 1", "1 Class 2"))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "it has no labels"),
        ("\n\n", "it has no labels"),
        ("[]", "it has no labels"),
        ("{}", "it has no labels"),
        ("red\n\nblue\n", "line 2 is empty"),
        ("\nred\nblue\n", "line 1 is empty"),
        (b"red\n\x81\n", "neither UTF-8 nor Windows-1252"),
        ("red\ngreen".encode("utf-16-le"), "0x00"),
        (b"PK\x03\x04\x14\x00", "0x03"),
        ("<!DOCTYPE html>\n<html>\n", "web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "Git LFS"),
        ("item {\n  id: 1\n  name: 'cat'\n}\n", "protocol buffer"),
        ('{"0": "plain", "1": ', "'{'"),
        ('["plain", 5]', "5"),
        ('["plain", ""]', "label 1 is empty"),
        ('["plain", "two\\nlines"]', "lines"),
        ('["plain", "bell\\u0007"]', "control"),
        ("plain\nnext\u0085line\n", "control"),
        ('["plain", "\\u009b31m red"]', "control"),
        ('["plain", "half \\ud83d"]', "half a character"),
        ('{"1": "plain", "2": "striped"}', "1, 2"),
        ('{"0": "plain", "0": "striped"}', "'0'"),
        ('{"a": "plain", "b": "striped"}', "'a'"),
        ('{"plain": 0, "striped": 0}', "'plain'"),
        ('{"labels": ["a"], "names": ["b"]}', "'names'"),
        ("[" * 100_000, "'['"),
        ("names:\n  1: plain\n  2: striped\n", "1, 2"),
        ("names:\n  0: plain\n  0: striped\n", "place"),
        ("names:\n  - plain\n  1: striped\n", "place"),
        ("names:\n  - [a, b]\n", "[a, b]"),
        ("names: [plain, striped\n", "closed"),
        ("names: all\n", "all"),
        ("names:\n\ntrain: images\n", "below the key"),
        ("x" * 1_000_001, "1000000"),
    ],
)
def test_what_is_no_label_list_is_refused_and_named(content: str | bytes, named: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path, content)
    assert str(raised.value).startswith(f"{tmp_path / 'labels.txt'}: ") and named in str(raised.value)


def test_a_label_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(UserError, match="can't read the labels"):
            labels.read(path)


def test_a_document_cut_off_through_the_command_line(command: Run, tmp_path: Path) -> None:
    crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5]))
    (tmp_path / "labels.json").write_text('{"0": "plain",\n')
    (tmp_path / "image.png").write_bytes(images.encode_png(drawing.shapes(1, 1)[0][1]))
    done = command("device", "classify", "net.tflite", "image.png", "--labels", "labels.json", "--std", 1)
    assert refusal(done).startswith("labels.json: ")
