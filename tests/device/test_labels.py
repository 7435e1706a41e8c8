"""Label lists as people have them: in files and archives, in any encoding, with numbers that are places or names."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.model_spec import Overrides
from device.labels import labels
from tests import drawing
from tests.conftest import Run
from tests.device import crafted, described
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


# In the archive at the model file's end.

TWO = crafted.constant([0.2, 0.8])
PAIR = {"probability-labels.txt": "/m/01\n/m/02\n", "probability-labels-en.txt": "plain\nstriped\n"}


def packed(folder: Path, network: bytes, files: dict[str, str | bytes], how: int = zipfile.ZIP_STORED) -> Path:
    file = io.BytesIO(network)
    with zipfile.ZipFile(file, "a", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return crafted.write(folder / "net.tflite", file.getvalue())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfplain\r\nstriped\r\n", ("plain", "striped")),
        ("glatt\nRüsche\n".encode("latin-1"), ("glatt", "Rüsche")),
        (b"0 Class 1\n1 Class 2\n", ("Class 1", "Class 2")),
        (b"0 fingers\n1 finger\n", ("0 fingers", "1 finger")),
    ],
)
@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_list_in_the_archive_is_read_as_any_other(
    content: bytes, expected: tuple[str, ...], how: int, tmp_path: Path
) -> None:
    classifier = Classifier(packed(tmp_path, TWO, {"labels.txt": content}, how), FLOAT)
    assert classifier.card.labels == expected
    assert "labels.txt" in classifier.notes[0]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((("probability-labels.txt", ""), ("probability-labels-en.txt", "en")), ("plain", "striped")),
        ((("probability-labels-en.txt", "en"), ("probability-labels.txt", "")), ("plain", "striped")),
        ((("probability-labels.txt", ""), ("probability-labels-en.txt", "de")), ("/m/01", "/m/02")),
        ((("probability-labels.txt", ""),), ("/m/01", "/m/02")),
        ((), ("plain", "striped")),  # nothing described: the names speak
    ],
)
def test_of_two_lists_metadata_says_which(
    files: tuple[tuple[str, str], ...], expected: tuple[str, ...], tmp_path: Path
) -> None:
    network = described.with_label_files(TWO, files) if files else TWO
    classifier = Classifier(packed(tmp_path, network, dict(PAIR)), FLOAT)
    assert classifier.card.labels == expected
    assert all(name in classifier.notes[0] for name in PAIR)


def test_other_files_of_the_metadata_are_no_labels(tmp_path: Path) -> None:
    files = {"labels.txt": "plain\nstriped\n", "score_calibration.txt": "0.9,0.1,0.2\n"}
    network = described.with_label_files(TWO, (("labels.txt", ""),), others=("score_calibration.txt",))
    assert Classifier(packed(tmp_path, network, dict(files)), FLOAT).card.labels == ("plain", "striped")


def test_of_two_lists_that_nothing_tells_apart_both_are_named(command: Run, tmp_path: Path) -> None:
    path = packed(tmp_path, TWO, {"a.txt": "plain\nstriped\n", "b.txt": "x\ny\n"})
    with pytest.raises(UserError) as raised:
        Classifier(path, FLOAT)
    assert all(word in str(raised.value) for word in (str(path), "a.txt", "b.txt", "--labels"))
    assert command("device", "info", path.name).returncode == 0


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_labels_that_are_given_make_the_archive_unimportant(how: int, tmp_path: Path) -> None:
    path = packed(tmp_path, TWO, {"labels.txt": "x\ny\n" * 100, "more/notes.bin": bytes(5_000_000)}, how)
    given = tmp_path / "labels.txt"
    given.write_text("plain\nstriped\n")
    assert Classifier(path, replace(FLOAT, labels=given)).card.labels == ("plain", "striped")


def test_a_compressed_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="5000000 bytes, expected at most"):
        Classifier(packed(tmp_path, TWO, {"labels.txt": bytes(5_000_000)}, zipfile.ZIP_DEFLATED), FLOAT)


# A name that stands twice.


def crane(folder: Path) -> list[str]:
    """Four outputs of which two are called alike, and options for the command line."""
    crafted.write(folder / "net.tflite", crafted.constant([0.2, 0.5, 0.3, 0.0]))
    (folder / "labels.txt").write_text("tench\ncrane\ncrane\nheron\n")
    return ["--labels", "labels.txt", "--std", "1"]


def draw(folder: Path, *classes: str) -> None:
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(images.encode_png(drawing.shapes(1, number)[0][1]))


def test_it_is_answered_by_its_name(command: Run, tmp_path: Path) -> None:
    words = crane(tmp_path)
    draw(tmp_path / "data", "tench")
    done = command("device", "classify", "net.tflite", "data/tench/1.png", *words, "--json", "-")
    assert done.returncode == 0, done.stderr
    assert [one["label"] for one in json.loads(done.stdout)["top"]] == ["crane", "crane", "tench", "heron"]
    assert "'crane'" in done.stderr


def test_its_images_cannot_be_judged_and_it_is_named(command: Run, tmp_path: Path) -> None:
    words = crane(tmp_path)
    draw(tmp_path / "data", "crane", "tench")
    done = command("benchmarks", "accuracy", "net.tflite", "--data", "data", *words)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert "'crane'" in last and "1 and 2" in last and "data" in last


def test_those_of_the_others_are_judged(command: Run, tmp_path: Path) -> None:
    words = crane(tmp_path)
    draw(tmp_path / "data", "tench", "heron")
    done = command("benchmarks", "accuracy", "net.tflite", "--data", "data", *words, "--json", "-")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["results"]
    assert (row["top1"], row["n"]) == (0.0, 2)
