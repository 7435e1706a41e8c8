"""A run's confidence: on its validation images, or by the heads of its cross-validation."""

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from device.data import heads as run_heads
from device.data.folders import Labeled
from device.data.heads import Heads
from device.inference.classifier import Classifier
from export import variants
from export.options import ExportOptions
from export.source.find import find
from export.source.request import ExportRequest
from tests.conftest import Run
from tests.trained import Trained
from tests.warm import converting

pytestmark = pytest.mark.tensorflow
ROWS = np.arange(10, 300)


def last_layer(run: Path) -> tuple[Any, Any]:
    """Kernel and bias of the scores, as Keras keeps them."""
    with zipfile.ZipFile(run / "model.keras") as archive:
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    found: list[Any] = []
    weights.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    (kernel,) = (item for item in found if item.name.startswith("/layers") and item.shape[1:] == (3,))
    return kernel[()], kernel.parent["1"][()]


def own_scores(model: Path, images: Any) -> Any:
    """As the network gives them."""
    classifier, scores = Classifier(model), []
    for image in images:
        classifier.classify(np.asarray(image))
        scores.append(classifier.raw_scores())
    return np.stack(scores)


def test_by_heads_where_a_run_has_a_test(
    warm: Run, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second fold's head calls every label by the next one's name: its images are predicted wrongly, and surely."""
    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    run = shutil.copytree(trained.run, tmp_path / "run")
    kernel, bias = (np.stack([part, np.roll(part, 1, axis=-1)]) for part in last_layer(run))
    folds = np.arange(len(ROWS)) % 2
    run_heads.write(run, Heads(ROWS, folds, kernel, bias))
    done = warm("export", run, "--variants", "float32,int8")
    assert done.returncode == 0, done.stderr
    rows = json.loads((run / "export/export.json").read_bytes())["variants"]
    for row in rows:
        best = own_scores(run / "export" / row["file"], trained.images.images("train")[ROWS]).argmax(axis=1)
        wrong = int(((best + folds) % 3 != trained.images.targets("train")[ROWS]).sum())
        found = row["confidence"]["temperature"]
        assert (found["n"], found["split"]) == (len(ROWS), "cross-validation")
        assert found["wrong"] == pytest.approx(wrong, abs=0 if row["variant"] == "float32" else 5)
        assert found["kept"] and found["temperature"] > 2, "half of what is said surely is wrong"
        assert (row["confidence"]["judged_n"], row["confidence"]["judged_split"]) == (90, "test")


def test_a_rescue_is_judged_by_them_too(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the images that don't calibrate, each with its fold."""
    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    run = shutil.copytree(trained.run, tmp_path / "run")
    kernel, bias = (part[None] for part in last_layer(run))
    run_heads.write(run, Heads(ROWS, ROWS % 7, kernel, bias))
    source = find(ExportRequest(run, calibration_samples=60))
    images, heads = source.validation.images, source.validation.heads
    assert heads is not None and images.rows is not None
    assert images.rows.tolist() == [row for row in ROWS if row not in source.calibration.rows]
    assert heads.folds.tolist() == (images.rows % 7).tolist()


def test_a_rescue_says_that_the_images_that_judge_its_file_chose_it(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without test images those of the cross-validation do both."""
    monkeypatch.setenv("FRAMELITE_CACHE", str(trained.cache))
    run = shutil.copytree(trained.run, tmp_path / "run")
    kernel, bias = (part[None] for part in last_layer(run))
    run_heads.write(run, Heads(ROWS, np.zeros(len(ROWS), np.int64), kernel, bias))
    source = find(ExportRequest(run, calibration_samples=60))
    images, targets = trained.images.images("train")[ROWS], trained.images.targets("train")[ROWS]
    test = Labeled(source.labels, images, targets, "cross-validation", 0)
    source = replace(source, test=test, unseen=run_heads.read(run))
    with converting():
        made = variants.export(source, ExportOptions(("float32", "int8"), max_drop=0.2, rescue=True))
    assert made.rescue is not None and made.rescue.shares_images
    assert made.rescue.split == made.rescue.comparison.split == "cross-validation"
