"""`python -m export` on anyone's float .tflite: what it writes, when it writes anew, what it says of what it took."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import folders
from device.evaluation import exports
from device.inference.classifier import Classifier
from device.inference.overrides import Overrides
from device.model import card as cards
from device.model.variants import DEFAULT
from export import __main__
from export.inputs import inputs
from export.options import ExportOptions
from export.source.find import find
from export.source.request import ExportRequest
from tests import drawing, foreign
from tests.conftest import Run, model
from tests.exported import EPOCH, Exported

pytestmark = pytest.mark.long

Export = Callable[..., tuple[str, str]]
BESIDE = ("layers_int8.png", "export.json", "MODEL_CARD.md")


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Export:
    """The command's own main function, without the start of another Python; (stdout, stderr)."""

    def run(*words: object) -> tuple[str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH["SOURCE_DATE_EPOCH"])
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        assert __main__.main() == 0
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


def read(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "export/export.json").read_text())
    return document


def times(run: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (run / "export").iterdir()}


def test_the_files_and_the_table(exported: Exported) -> None:
    names = {f"shape_model_{variant}.tflite" for variant in DEFAULT}
    assert {path.name for path in (exported.run / "export").iterdir()} == {*names, *BESIDE}
    header, line, *lines = exported.stdout.splitlines()
    assert header.split()[:3] == ["variant", "size", "accuracy"]
    assert set(line) == {"-", " "}
    assert [row.split()[0] for row in lines[: len(DEFAULT)]] == list(DEFAULT)
    assert max(map(len, exported.stdout.splitlines())) <= 120
    assert any(line.startswith("compared with float32 ") for line in lines)
    assert "softmax" in exported.stderr
    assert "pixels scaled by --mean 0 --std 1" in exported.stderr


def test_export_json_says_how_good_each_file_is(exported: Exported) -> None:
    document = read(exported.run)
    assert (document["schema"], document["status"], document["reference"]) == (1, "done", "float32")
    calibration = document["calibration"]
    assert (calibration["n"], calibration["seed"], calibration["split"]) == (60, 1, "train")
    assert sorted(calibration["rows"]) == list(range(60))
    assert [row["variant"] for row in document["variants"]] == list(DEFAULT)
    targets = folders.labeled_folder(exported.images, drawing.LABELS)
    for row in document["variants"]:
        path = exported.run / "export" / row["file"]
        assert (row["file_bytes"], row["failures"]) == (path.stat().st_size, [])
        assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert row["archive_bytes"] == cards.archive_bytes(path)
        classifier = Classifier(path)
        scores = [classifier.classify(targets.image(i)).scores for i in range(len(targets))]
        right = np.argmax(scores, axis=1) == targets.targets
        assert (row["top1"], row["n"], row["split"]) == (right.mean(), 30, "test")
    sizes = {row["variant"]: row["network_bytes"] for row in document["variants"]}
    assert sizes["float32"] == len(foreign.bare())
    assert sizes["int8"] < sizes["float16"] < sizes["float32"]


@pytest.mark.parametrize("variant", DEFAULT)
def test_the_card_of_each_file(exported: Exported, variant: str) -> None:
    card = cards.read(exported.run / f"export/shape_model_{variant}.tflite")
    (row,) = (row for row in read(exported.run)["variants"] if row["variant"] == variant)
    assert card is not None
    assert (card.name, card.recipe, card.variant) == ("shape_model", None, variant)
    assert (card.labels, card.output.kind) == (drawing.LABELS, "softmax")
    assert (card.input.height, card.input.width, card.input.mean, card.input.std) == (16, 16, 0, 1)
    assert card.accuracy is not None
    assert (card.accuracy.top1, card.accuracy.n, card.accuracy.split) == (row["top1"], 30, "test")
    assert list(card.accuracy.interval) == row["interval"]
    assert card.accuracy.float32_top1 == read(exported.run)["variants"][0]["top1"]
    assert (len(card.golden), card.golden_source) == (5, "calibration")
    assert card.provenance is not None
    assert card.provenance["source_sha256"] == hashlib.sha256(exported.model.read_bytes()).hexdigest()
    assert card.provenance["calibration"] == {"n": 60, "seed": 1, "split": "train"}
    assert card.provenance["created"] == "2026-01-01T00:00:00Z"


def test_a_stranger_s_model_answers_as_the_file_it_was_taken_from(exported: Exported) -> None:
    """The network is the committed shapes model's, whose card had been taken away."""
    ours, theirs = Classifier(model("float32")), Classifier(exported.run / "export/shape_model_float32.tflite")
    for image in foreign.images(30, seed=5):
        np.testing.assert_array_equal(ours.classify(image).scores, theirs.classify(image).scores)


def test_the_same_bytes_again_elsewhere(command: Run, exported: Exported, tmp_path: Path) -> None:
    done = command(*exported.words(tmp_path / "other"), **EPOCH, PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    for path in (exported.run / "export").iterdir():
        if path.suffix != ".json":
            assert (tmp_path / "other/export" / path.name).read_bytes() == path.read_bytes(), path.name
    assert untimed(exports.read(tmp_path / "other/export")) == untimed(exports.read(exported.run / "export"))


def untimed(made: exports.Export) -> exports.Export:
    """Without the latencies, which differ from one run to the next."""
    rows = tuple(replace(row, cost=row.cost and replace(row.cost, latency=None)) for row in made.variants)
    assert all(row.cost and row.cost.latency for row in made.variants)
    return replace(made, variants=rows)


def test_up_to_date(export: Export, exported: Exported) -> None:
    before = times(exported.run)
    stdout, stderr = export(*exported.words(exported.run))
    assert stdout == ""
    assert stderr.splitlines()[-1].startswith(f"{exported.run}/export: up to date ")
    assert times(exported.run) == before


@pytest.fixture
def copied(exported: Exported, tmp_path: Path) -> Path:
    return shutil.copytree(exported.run, tmp_path / "run")


def test_a_damaged_file_is_made_again(export: Export, exported: Exported, copied: Path) -> None:
    path = copied / "export/shape_model_int8.tflite"
    path.write_bytes(path.read_bytes()[:-1])
    export(*exported.words(copied))
    assert path.read_bytes() == (exported.run / "export" / path.name).read_bytes()


def test_again_exports_what_is_up_to_date(export: Export, exported: Exported, copied: Path) -> None:
    before = times(copied)
    export(*exported.words(copied), "--again", "--variants", "int8, float32,int8")
    assert [row["variant"] for row in read(copied)["variants"]] == ["float32", "int8"]
    after = times(copied)
    assert {name for name in before if after[name] != before[name]} == {
        "shape_model_float32.tflite",
        "shape_model_int8.tflite",
        *BESIDE,
    }


def test_only_int8(export: Export, exported: Exported, tmp_path: Path) -> None:
    """The float32 file is made for the comparison, but not kept."""
    export(*exported.words(tmp_path / "run"), "--variants", "int8")
    names = {path.name for path in (tmp_path / "run/export").iterdir()}
    assert names == {"shape_model_int8.tflite", *BESIDE}
    data = (tmp_path / "run/export/shape_model_int8.tflite").read_bytes()
    assert data == (exported.run / "export/shape_model_int8.tflite").read_bytes()


def test_other_images_or_settings_are_not_up_to_date(exported: Exported, tmp_path: Path) -> None:
    """As many test images as before, but other ones; another meaning of the outputs; another seed."""
    overrides = Overrides(exported.labels, 0.0, 1.0)
    request = ExportRequest(exported.model, overrides, exported.images)
    other = drawing.write_folder(tmp_path / "other", {"train": 60, "test": 30}, seed=8)
    changed = [
        request,
        replace(request, test=other),
        replace(request, calibration=other),
        replace(request, seed=2, calibration_samples=30),
        replace(request, calibration_samples=30),
        replace(request, overrides=replace(overrides, output="logits")),
        replace(request, overrides=replace(overrides, fit="pad")),
        replace(request, overrides=replace(overrides, std=2.0)),
    ]
    found = [inputs(find(one), ExportOptions()) for one in changed]
    source = find(request)
    found += [inputs(source, ExportOptions(drawn_golden=True)), inputs(source, ExportOptions(("int8",)))]
    assert len(set(found)) == len(found)
    assert found[0] == inputs(source, ExportOptions(DEFAULT[::-1]))
    assert found[0] == exports.read(exported.run / "export").inputs


def test_a_test_image_that_is_a_calibration_image_is_left_out(
    export: Export, exported: Exported, tmp_path: Path
) -> None:
    test = drawing.write_folder(tmp_path / "test", {None: 30}, seed=4)
    for label in drawing.LABELS:
        source = next((exported.images / "train" / label).iterdir())
        shutil.copyfile(source, test / label / "twin.png")
    _, stderr = export(*exported.words(tmp_path / "run"), "--test", test, "--variants", "float32")
    assert f"note: {test}: 3 test images " in stderr
    (row,) = read(tmp_path / "run")["variants"]
    assert row["n"] == 30


def test_without_test_images_there_is_no_accuracy(export: Export, exported: Exported, tmp_path: Path) -> None:
    flat = drawing.write_folder(tmp_path / "flat", {None: 30})
    (flat / ".hidden").mkdir()
    (flat / ".hidden/broken.png").write_bytes(b"no image")
    words = exported.words(tmp_path / "run")
    words[words.index("--calibration") + 1] = flat
    export(*words, "--calibration-samples", 12, "--seed", 3, "--variants", "float32,int8", "--drawn-golden")
    document = read(tmp_path / "run")
    for row in document["variants"]:
        assert (row["top1"], row["drop"], row["split"], row["n"]) == (None, None, "calibration", 12)
    card = cards.read(tmp_path / "run/export/shape_model_int8.tflite")
    assert card is not None
    assert (card.accuracy, card.golden_source) == (None, "drawn")
    assert document["calibration"]["n"] == 12
    assert document["calibration"]["seed"] == 3


def test_a_file_with_a_card_needs_no_labels(export: Export, exported: Exported, tmp_path: Path) -> None:
    export("export", model("float32"), "--calibration", exported.images, "--variants", "int8")
    path = tmp_path / "runs/shapes/export/shapes_int8.tflite"
    ours, again = Classifier(model("int8")), Classifier(path)
    for image in foreign.images(20, seed=5):
        np.testing.assert_allclose(ours.classify(image).scores, again.classify(image).scores, atol=0.1)
    assert again.card.labels == ours.card.labels


def test_labels_beside_the_model(export: Export, exported: Exported, tmp_path: Path) -> None:
    """Numbered, as Teachable Machine writes them; and its project for LiteRT is known by what lies in its folder."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "model_unquant.tflite").write_bytes(foreign.for_minus_one_to_one())
    (project / "labels.txt").write_text("".join(f"{i} {label}\n" for i, label in enumerate(drawing.LABELS)))
    export("export", project, "--calibration", exported.images, "--variants", "float32")
    card = cards.read(tmp_path / "runs/project/export/project_float32.tflite")
    assert card is not None
    assert (card.labels, card.input.mean, card.input.std) == (drawing.LABELS, 127.5, 127.5)
    made = Classifier(tmp_path / "runs/project/export/project_float32.tflite")
    given = Classifier(project / "model_unquant.tflite", Overrides(project / "labels.txt", 127.5, 127.5))
    for image in foreign.images(5, seed=5):
        np.testing.assert_array_equal(made.classify(image).scores, given.classify(image).scores)


def test_weights_that_lie_behind_the_flatbuffer(export: Export, exported: Exported, tmp_path: Path) -> None:
    """From 256 KB on: both ends can be made uint8, metadata and archive added, and the answers stay."""
    (tmp_path / "large.tflite").write_bytes(foreign.large())
    words = [tmp_path / "large.tflite" if word == exported.model else word for word in exported.words(tmp_path / "run")]
    export(*words, "--variants", "float16,int8", "--calibration-samples", 9)
    for row in read(tmp_path / "run")["variants"]:
        assert row["network_bytes"] > 256_000
        assert row["agreement"] > 0.9
        assert row["largest_error"] < 0.2
        assert Classifier(tmp_path / "run/export" / row["file"]).card.labels == drawing.LABELS
