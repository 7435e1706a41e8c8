"""Accuracy on folders and caches: test/ alone is taken, labels match by name, training pictures are left out."""

import json
import shutil
from pathlib import Path

from device.card import read
from tests import drawing
from tests.conftest import Run, model


def results(command: Run, *words: object) -> list[dict[str, object]]:
    done = command("benchmarks", "accuracy", *words, "--json", "-")
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, object]] = json.loads(done.stdout)["results"]
    return rows


def test_a_folder_with_test_counts_test_alone(command: Run, shapes_folder: Path) -> None:
    (row,) = results(command, model("int8"), "--data", shapes_folder)
    assert (row["file"], row["variant"]) == ("shapes_int8.tflite", "int8")
    assert (row["n"], row["left_out"]) == (30, 0)
    assert float(row["top1"]) > 0.9  # type: ignore[arg-type]


def test_a_folder_of_one_level_counts_whole(command: Run, tmp_path: Path) -> None:
    folder = drawing.write_folder(tmp_path / "flat", {None: 45}, seed=9)
    (row,) = results(command, model("float32"), "--data", folder)
    assert row["n"] == 45


def test_wrong_labels_are_counted_wrong(command: Run, tmp_path: Path) -> None:
    """Circles in the folder of the squares: the test must be able to see a bad model."""
    folder = drawing.write_folder(tmp_path / "flat", {None: 30}, seed=9)
    (folder / "circle").rename(folder / "aside")
    (folder / "square").rename(folder / "circle")
    (folder / "aside").rename(folder / "square")
    (row,) = results(command, model("float32"), "--data", folder)
    assert float(row["top1"]) < 0.5  # type: ignore[arg-type]


def test_an_unknown_label(command: Run, shapes_folder: Path) -> None:
    shutil.copytree(shapes_folder / "test/circle", shapes_folder / "test/hexagon")
    shutil.copytree(shapes_folder / "train/circle", shapes_folder / "train/hexagon")
    done = command("benchmarks", "accuracy", model("int8"), "--data", shapes_folder)
    assert done.returncode == 2
    assert "doesn't know the label 'hexagon'" in done.stderr.splitlines()[-1]


def test_by_name_from_the_cache_and_training_pictures_left_out(command: Run, shapes_folder: Path) -> None:
    """A cache made by train, its fingerprint in the card; then a folder that holds some of its training pictures."""
    done = command("train", "data", shapes_folder, "--size", "16x16")
    assert done.returncode == 0, done.stderr
    cache = Path(done.stdout.splitlines()[0])
    index = json.loads((cache / "index.json").read_bytes())
    trained = with_fingerprint(model("float32"), shapes_folder.parent / "trained.tflite", index["fingerprint"])
    (row,) = results(command, trained, "--data", index["name"])
    assert (row["n"], row["split"]) == (30, "test")

    mixed = shapes_folder.parent / "mixed"
    shutil.copytree(shapes_folder / "test", mixed)
    for label in drawing.LABELS:
        for i, path in enumerate(sorted((shapes_folder / "train" / label).iterdir())[:4]):
            shutil.copy(path, mixed / label / f"again{i}.png")
    (row,) = results(command, trained, "--data", mixed)
    assert (row["n"], row["left_out"]) == (30, 12)


def with_fingerprint(path: Path, target: Path, fingerprint: str) -> Path:
    """The same network with another data fingerprint in its card."""
    from dataclasses import replace

    from device import card as cards

    card = read(path)
    assert card is not None and card.provenance is not None
    bare = path.read_bytes()[: -cards.tail_bytes(path)]
    changed = replace(card, golden=(), provenance={**card.provenance, "data_fingerprint": fingerprint})
    target.write_bytes(cards.append_tail(bare, changed, {}))
    return target
