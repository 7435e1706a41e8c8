"""Labels in the archive at a model file's end, and a name that stands twice in a list."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from device.errors import UserError
from device.images import images
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from tests import drawing
from tests.conftest import Run
from tests.device import crafted, described

FLOAT = Overrides(mean=0.0, std=255.0)


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
