"""`python -m export` on a run that train made: Keras' answers are the reference, the run's data the images."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.inference.classifier import Classifier
from device.model import card as cards
from device.model.variants import DEFAULT
from tests.conftest import Run
from tests.device.refusals import says
from tests.trained import Trained

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def run(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the trained run, with its images' cache."""
    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    return shutil.copytree(trained.run, tmp_path / "my run")


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_a_run_is_exported(warm: Run, run: Path, trained: Trained) -> None:
    done = warm("export", run)
    assert done.returncode == 0, done.stderr
    names = {f"fashion_mnist_{variant}.tflite" for variant in DEFAULT}
    flipped = {path.name for path in (run / "export").glob("flips_*.png")}
    beside = {"layers_int8.png", "export.json", "MODEL_CARD.md"}
    assert {path.name for path in (run / "export").iterdir()} == {*names, *flipped, *beside}
    document, record = read(run / "export/export.json"), read(run / "run.json")
    assert document["reference"] == "keras"
    evaluation = read(run / "evaluation.json")
    cache = trained.images
    for row in document["variants"]:
        card = cards.read(run / "export" / row["file"])
        assert card is not None and card.accuracy is not None and card.provenance is not None
        classifier = Classifier(run / "export" / row["file"])
        scores = np.array([classifier.classify(np.asarray(p)).scores for p in cache.images("test")])
        top1 = (scores.argmax(axis=1) == cache.targets("test")).mean()
        assert row["top1"] == card.accuracy.top1 == top1
        assert card.accuracy.float32_top1 == document["variants"][0]["top1"] == evaluation["top1"]
        assert (card.accuracy.n, card.accuracy.split) == (90, "test")
        assert (card.name, card.recipe, card.variant) == ("fashion_mnist", "fashion_mnist", row["variant"])
        assert (card.input.height, card.input.width, card.input.mean, card.input.std) == (16, 16, 0, 1)
        assert (card.golden_source, len(card.golden)) == ("test", 5)
        provenance = card.provenance
        assert (provenance["run"], provenance["data"], provenance["seed"]) == ("my run", "shapes", 1)
        assert provenance["data_fingerprint"] == cache.fingerprint
        assert provenance["git_commit"] == record["git_commit"]
        assert provenance["versions"] == record["versions"]
    rows = document["calibration"]["rows"]
    assert len(rows) == 200
    assert np.bincount(cache.targets("train")[rows]).max() - np.bincount(cache.targets("train")[rows]).min() <= 1
    for name, row in zip(DEFAULT, done.stdout.splitlines()[2 : 2 + len(DEFAULT)], strict=True):
        assert row.split()[0] == name

    for row in document["variants"]:
        assert (row["cost"]["sheet"]["file"] in flipped) if row["cost"]["changed"] else ("sheet" not in row["cost"])

    hurt = [row["layer"] for row in document["variants"][-1]["layers"]]
    assert {"conv2d", "conv2d_1", "conv2d_2", "scores"} <= set(hurt), "as Keras calls them"

    maker = run.with_name("maker")
    again = warm("export", run / "model.keras", "--hand-over", maker)
    assert again.returncode == 0
    assert again.stderr.startswith(f"{run}/export: up to date")
    check_handed_over(maker, run)
    check_model_card((run / "export/MODEL_CARD.md").read_text(), record)


def check_handed_over(maker: Path, run: Path) -> None:
    """The network takes pixels: scaling is inside, in model.keras too."""
    assert (maker / "model.keras").read_bytes() == (run / "model.keras").read_bytes()
    assert np.load(maker / "calibration.npy").shape == (200, 16, 16, 3)
    assert np.load(maker / "expected_scores.npy").shape == (200, 3)
    assert read(maker / "normalization.json") == {"mean": [0, 0, 0], "std": [1, 1, 1]}


def check_model_card(page: str, record: Any) -> None:
    """What it was trained on, as run.json has it."""
    data = record["data"]
    assert json.loads(page.split("datasets: ", 1)[1].splitlines()[0]) == ["shapes"]
    assert f"`{data['fingerprint']}`" in page and f"{record['parameters']:,}" in page
    assert f"{data['train']} training, {data['validation']} validation, {data['test']} test" in page
    for label in data["labels"]:
        parts = " | ".join(str(data["counts"][part][label]) for part in data["counts"])
        assert f"| {label} | {parts} |" in page
    assert data["origin"] not in page, "where it lies is nobody else's business"


def test_another_folder_for_the_files(warm: Run, run: Path, tmp_path: Path) -> None:
    """With another seed than training's, and every image there is: the validation images stay out."""
    words = ["--variants", "float32", "--drawn-golden", "--seed", 2, "--calibration-samples", 1000]
    done = warm("export", run, "--run", tmp_path / "elsewhere", *words)
    assert done.returncode == 0, done.stderr
    assert not (run / "export").exists()
    card = cards.read(tmp_path / "elsewhere/export/fashion_mnist_float32.tflite")
    assert card is not None and card.provenance is not None
    assert card.provenance["run"] == "my run"
    page = (tmp_path / "elsewhere/export/MODEL_CARD.md").read_text()
    assert 'datasets: ["shapes"]' in page and f"`{card.provenance['data_fingerprint']}`" in page
    assert "training, " not in page, "how many is in run.json, which isn't there"
    assert card.golden_source == "drawn"
    rows = read(tmp_path / "elsewhere/export/export.json")["calibration"]["rows"]
    held_out = read(run / "run.json")["split"]["validation_rows"]
    assert sorted(rows) == sorted(set(range(300)) - set(held_out))


def test_the_same_bytes_in_other_processes(warm: Run, run: Path, tmp_path: Path) -> None:
    """Each conversion has a process of its own. What a kill left in the folder goes."""
    (tmp_path / "other/export").mkdir(parents=True)
    (tmp_path / "other/export/.fashion_mnist_int8.0a1b2c3d.tflite").write_text("half")
    for folder in ("one", "other"):
        words = ("--run", tmp_path / folder, "--variants", "float32,int8")
        done = warm("export", run, *words, SOURCE_DATE_EPOCH="1700000000")
        assert done.returncode == 0, done.stderr
    one, other = (tmp_path / folder / "export" for folder in ("one", "other"))
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())
    for path in one.glob("*.tflite"):
        assert path.read_bytes() == (other / path.name).read_bytes(), path.name


def refused(done: subprocess.CompletedProcess[str], *facts: object) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    says(line, "error: ", *facts)


def change_record(run: Path, **changes: object) -> None:
    document = read(run / "run.json")
    (run / "run.json").write_text(json.dumps({**document, **changes}))


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_that_is_not_finished(warm: Run, run: Path, status: str) -> None:
    change_record(run, status=status)
    refused(warm("export", run), f"{run}: ", f"'{status}'")


def test_a_run_without_its_model(warm: Run, run: Path) -> None:
    (run / "model.keras").unlink()
    refused(warm("export", run), f"{run}/model.keras: ", "python -m train")
    refused(warm("export", run / "model.keras"), f"{run}/model.keras: ", "python -m train")


def test_a_run_whose_record_is_damaged(warm: Run, run: Path) -> None:
    (run / "run.json").write_text('{"status": "done"}')
    refused(warm("export", run), f"{run}/run.json: ", "'data'")
    (run / "run.json").write_text('{"status": ')
    refused(warm("export", run), f"{run}: ", "run.json")


@pytest.mark.parametrize("option", ["--labels", "--calibration", "--test", "--mean", "--fit"])
def test_options_for_strangers_files_are_not_ignored(warm: Run, run: Path, option: str) -> None:
    value = {"--mean": "0", "--fit": "pad"}.get(option, str(run))
    refused(warm("export", run, option, value), f"{run}: ", f"leave out {option}")


def test_a_place_that_cannot_be_written_is_found_before_the_work(warm: Run, run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(warm("export", run, "--run", tmp_path / "file"), f"{tmp_path}/file: ", "folder")


def test_a_model_that_keras_cannot_read(warm: Run, run: Path) -> None:
    """And it is the one that was named, not model.keras because that lies beside it, nor a temporary name."""
    (run / "other.keras").write_bytes(b"not a model")
    done = warm("export", run / "other.keras")
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], f"error: {run}/other.keras: ", "ZIP")
    assert "Traceback" not in done.stderr
    assert not (run / "export").exists()
