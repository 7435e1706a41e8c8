"""Accuracy of a model file: which images count, under which label, and which are left out."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documents import models
from benchmarks.documents.models import Model
from benchmarks.documents.rows import AccuracyRow
from benchmarks.measure import accuracy
from benchmarks.measure.accuracy import ModelScores
from device import records
from device.data import folders
from device.errors import UserError
from device.evaluation import evaluate
from device.inference.overrides import NO_OVERRIDES, Overrides
from device.model import card as cards
from device.model.model_data import ModelData
from tests import drawing
from tests.benchmarks import failing
from tests.benchmarks.measuring import document
from tests.conftest import Run, model
from tests.device import crafted
from tests.device.refusals import refusal, says, with_card
from train.data import cache as caches


def measure(path: Path, data: str | Path | None, overrides: Overrides = NO_OVERRIDES) -> dict[str, Any]:
    """The row as it stands in the document."""
    row = accuracy.measure(models.find([path])[0], None if data is None else str(data), overrides, 1, None)
    written: dict[str, Any] = records.to_json(row)
    return written


@pytest.fixture
def colors(tmp_path: Path) -> Path:
    """A network that sees red, green and blue, in that order; no folder lists them so."""
    card = crafted.card(("red", "green", "blue"), (1, 1), provenance={"run": None})
    return with_card(tmp_path / "colors.tflite", crafted.echo(), card)


def test_the_test_images_of_a_folder(shapes_folder: Path) -> None:
    row = measure(model("int8"), shapes_folder)
    assert (row["file"], row["variant"], row["runtime"]) == ("shapes_int8.tflite", "int8", "litert")
    assert (row["n"], row["left_out"], row["data"], row["split"]) == (30, 0, "shapes", "test")
    assert tuple(row) == (
        *("file", "sha256", "variant", "error", "top1", "n", "interval", "left_out", "data", "split", "runtime"),
        *("balanced", "worst_label", "per_class"),
    )
    right = round(row["top1"] * 30)
    assert right >= 28 and row["interval"] == list(evaluate.wilson(right, 30))
    assert [(each["label"], each["n"]) for each in row["per_class"]] == [(label, 10) for label in drawing.LABELS]


def test_balanced_accuracy_and_the_worst_label_where_labels_are_uneven(
    command: Run, colors: Path, tmp_path: Path
) -> None:
    shown = [*(f"red/red{i}.png" for i in range(6)), "green/green.png", "green/red7.png", "green/red8.png"]
    data = drawing.colored(tmp_path / "data", *shown)
    done = command("benchmarks", "accuracy", colors, "--data", data, "--json", tmp_path / "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    header, _, row = done.stdout.splitlines()
    assert " ".join(header.split()) == "model accuracy balanced worst label left out"
    assert "  66.67 %  green 33.33 % (n 3)  " in row
    (found,) = document((tmp_path / "out.json").read_text())["results"]
    assert found["balanced"] == pytest.approx(2 / 3)
    assert (found["worst_label"]["label"], found["worst_label"]["n"]) == ("green", 3)


def test_one_figure_where_labels_are_equally_common(command: Run, shapes_folder: Path, tmp_path: Path) -> None:
    done = command("benchmarks", "accuracy", model("int8"), "--data", shapes_folder, "--json", "out.json")
    assert done.stdout.splitlines()[0].split() == ["model", "accuracy", "left", "out"]
    (found,) = document((tmp_path / "out.json").read_text())["results"]
    assert found["balanced"] == pytest.approx(found["top1"]) and found["worst_label"]["n"] == 10


def test_a_model_that_fails_leaves_the_figures_of_the_others(command: Run, shapes_folder: Path, tmp_path: Path) -> None:
    with_card(tmp_path / "fails.tflite", failing.network(5), crafted.card(drawing.LABELS, failing.SIZE))
    words = (model("int8"), "fails.tflite", "--data", shapes_folder, "--json", "out.json")
    done = command("benchmarks", "accuracy", *words)
    said = refusal(done)
    says(said, "1 of 2 ", "fails.tflite: ")
    assert done.stdout.splitlines()[-1].startswith("shapes_int8 ")
    good, bad = document((tmp_path / "out.json").read_text())["results"]
    assert good["n"] == 30 and good["error"] is None
    assert set(bad) == {"file", "sha256", "variant", "error"} and said.endswith(bad["error"])


# The answers themselves, for who compares two models.


def hashes(images: folders.Labeled) -> list[str]:
    return [images.hash_of(i) for i in range(len(images))]


def answers(path: Path, data: str | Path | None, overrides: Overrides = NO_OVERRIDES) -> ModelScores:
    return accuracy.score(models.find([path])[0], None if data is None else str(data), overrides, 1, None)


class Interrupted(list[Model]):
    """Ctrl-C comes when the second is to be measured."""

    def __iter__(self) -> Iterator[Model]:
        yield self[0]
        raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_measured(shapes_folder: Path) -> None:
    found = Interrupted(models.find([model("int8"), model("float32")]))
    judged = accuracy.measure_all(found, str(shapes_folder), NO_OVERRIDES, 1, None)
    assert judged.interrupted
    assert [row.error is None for row in judged.rows] == [True, False] and "interrupted" in str(judged.rows[1].error)
    first, second = judged.rows
    assert isinstance(first, AccuracyRow) and first.n and second.file == "shapes_float32.tflite"


def test_answers_hold_a_score_a_label_and_a_hash_an_image(colors: Path, tmp_path: Path) -> None:
    data = drawing.colored(tmp_path / "data", "blue/blue.png", "red/red.png", "red/blue1.png")
    found = answers(colors, data)
    assert (found.labels, found.data, found.runtime) == (("red", "green", "blue"), "data", "litert")
    files = [data / name for name in ("blue/blue.png", "red/blue1.png", "red/red.png")]
    assert hashes(found.images) == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert found.scores.tolist() == [[0, 0, 255], [0, 0, 255], [255, 0, 0]]
    assert found.images.targets.tolist() == [2, 0, 0]
    assert (found.scores.argmax(axis=1) == found.images.targets).tolist() == [True, False, True]


def test_in_a_cache_images_are_known_by_their_content(tmp_path: Path) -> None:
    """So one model's images are found again among another's, whose cache leaves out others."""
    root = drawing.write_folder(tmp_path / "shapes", {None: 30})
    cache = caches.provide(caches.DataRequest(str(root), (16, 16), test=0.4))
    own = answers(trained_on(model("int8"), cache.fingerprint, "shapes", tmp_path), None)
    assert hashes(own.images) == cache.hashes("test") and len(set(hashes(own.images))) == 12
    # At another size there is another split: what this model was trained on is left out of the hashes too.
    other = caches.provide(caches.DataRequest(str(root), (8, 8), test=0.5, seed=5))
    known = ModelData(drawing.LABELS, (8, 8), fingerprint=cache.fingerprint)
    picked = folders.labeled_cache("shapes", known)
    unseen = [digest for digest in other.hashes("test") if digest not in cache.hashes("train")]
    assert hashes(picked) == unseen and 0 < len(unseen) == len(picked) < len(other.hashes("test"))
    assert hashes(folders.labeled_cache("shapes", replace(known, fingerprint=None))) == other.hashes("test")


def test_a_model_that_fails_half_way(shapes_folder: Path, tmp_path: Path) -> None:
    card = crafted.card(drawing.LABELS, failing.SIZE)
    path = with_card(tmp_path / "fails.tflite", failing.network(5), card)
    with pytest.raises(UserError, match=r"fails\.tflite: .*gather index"):
        measure(path, shapes_folder)


def test_labels_match_by_name(colors: Path, tmp_path: Path) -> None:
    data = drawing.colored(tmp_path / "data", "blue/blue.png", "green/green.png", "red/red.png", "red/blue1.png")
    row = measure(colors, data)
    assert (row["top1"], row["n"], row["left_out"]) == (0.75, 4, 0)
    assert {each["label"]: each["top1"] for each in row["per_class"]} == {"red": 0.5, "green": 1, "blue": 1}


def test_fewer_labels_than_the_model_knows(colors: Path, tmp_path: Path) -> None:
    row = measure(colors, drawing.colored(tmp_path / "data", "blue/blue.png", "red/green.png"))
    assert (row["top1"], row["n"]) == (0.5, 2)
    assert [each["label"] for each in row["per_class"]] == ["red", "blue"]


def test_a_label_that_the_model_does_not_know(colors: Path, tmp_path: Path) -> None:
    data = drawing.colored(tmp_path / "data", "blue/blue.png", "pink/red.png")
    with pytest.raises(UserError, match=r"'pink'.* red, green, blue"):
        measure(colors, data)


def trained_on(path: Path, fingerprint: str, data: str, folder: Path) -> Path:
    """The model as if it had been trained on that data."""
    card = cards.read(path)
    assert card is not None
    card = replace(card, provenance={"run": "x", "data": data, "data_fingerprint": fingerprint})
    return with_card(folder / "trained.tflite", cards.network_bytes(path), card)


def test_training_images_are_left_out_where_the_cache_knows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {None: 30})
    cache = caches.provide(caches.DataRequest(str(root), (16, 16), test=0.4))
    path = trained_on(model("int8"), cache.fingerprint, "shapes", tmp_path)
    row = measure(path, root)
    assert (row["n"], row["left_out"]) == (12, 18)
    assert capsys.readouterr().err == ""

    own = measure(path, None)  # the test of its own data, from the cache
    assert (own["n"], own["left_out"], own["data"]) == (12, 0, "shapes")
    assert own["top1"] == row["top1"]


def test_where_the_cache_is_gone_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = drawing.write_folder(tmp_path / "shapes", {None: 9})
    row = measure(trained_on(model("int8"), "gone", "shapes", tmp_path), root)
    assert (row["n"], row["left_out"]) == (9, 0)
    assert "training images" in capsys.readouterr().err


def test_a_file_that_does_not_say_what_it_was_trained_on(colors: Path) -> None:
    with pytest.raises(UserError, match=r"--data NAME\|DIR"):
        measure(colors, None)


def test_data_that_is_not_in_the_cache() -> None:
    with pytest.raises(UserError, match="create it with: python -m train data shapes --size 16x16"):
        measure(model("int8"), None)


def test_a_third_party_file_with_hints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = crafted.write(tmp_path / "net.tflite", crafted.echo())
    labels = tmp_path / "labels.txt"
    labels.write_text("red\ngreen\nblue\n")
    data = drawing.colored(tmp_path / "data", "blue/blue.png", "red/red.png", "green/red.png", "green/green.png")
    row = measure(path, data, Overrides(labels=labels, mean=0.0, std=255.0))
    assert (row["top1"], row["variant"]) == (0.75, None)
    assert "note: " in capsys.readouterr().err
