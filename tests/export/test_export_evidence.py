"""What the pages say of quantization's cost: a row a recipe, figures that belong together, and how they are taken."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from device.data import run_record
from device.evaluation import exports
from device.model import variants
from experiments import export_report, export_tables, export_time
from experiments.record import read
from tests.conftest import ROOT
from tests.exported import Exported
from train.recipes import catalog

# Not made for a board.
LEFT_OUT = {catalog.CIFAR10_TEACHER.name}
RUNS: list[dict[str, Any]] = read(export_report.NAME)["results"]
PAIRS = [pytest.param(row, id=f"{run['recipe']}-{row['variant']}") for run in RUNS for row in run["variants"][1:]]


def test_every_other_recipe_was_measured() -> None:
    measured, wanted = {run["recipe"] for run in RUNS}, set(catalog.RECIPES) - LEFT_OUT
    missing, surplus = sorted(wanted - measured), sorted(measured - wanted)
    steps = "train it (fewer epochs will do), then run python -m experiments.export_report RUN and make tables"
    assert not missing, f"not measured: {missing}; {steps}; one that isn't made for a board belongs in LEFT_OUT"
    assert not surplus, f"not to be measured: {surplus}; delete the rows from experiments/results/export_report.json"
    for run in RUNS:
        assert tuple(row["variant"] for row in run["variants"]) == variants.DEFAULT
        assert not any(row["failures"] for row in run["variants"])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['recipe']}-{run['data']}")
def test_int8_loses_at_most_half_a_point_or_chance_explains_it(run: dict[str, Any]) -> None:
    (int8,) = (row for row in run["variants"] if row["variant"] == "int8")
    low, high = int8["drop_interval"]
    assert int8["drop"] <= 0.005 or low <= 0 <= high


@pytest.mark.parametrize("row", PAIRS)
def test_a_row_is_of_the_same_images(row: dict[str, Any]) -> None:
    float32 = next(run["variants"][0] for run in RUNS if row in run["variants"])
    assert (row["n"], row["split"]) == (float32["n"], float32["split"]) and row["split"] == "test"
    assert row["lost"] + row["won"] <= row["changed"]
    assert row["drop"] == pytest.approx(float32["top1"] - row["top1"]) == (row["lost"] - row["won"]) / row["n"]
    pairs = row["lost"] + row["won"]
    assert row["p"] == pytest.approx(stats.binomtest(row["lost"], pairs).pvalue if pairs else 1.0)


@pytest.mark.long
def test_a_row_has_what_the_export_measured(exported: Exported, tmp_path: Path) -> None:
    """Of the committed model's run, as if its data were a folder of one's own."""
    shutil.copy(ROOT / "experiments/results/cifar10_run.json", tmp_path / run_record.NAME)
    record, made = run_record.read(tmp_path), exports.read(exported.run / "export")
    own = replace(record, recipe={**record.recipe, "data": "/photos/birds"}, data=replace(record.data, name="birds"))
    words = export_report.row_of(own, made)["command"].split()
    assert words[:4] == ["python", "-m", "train", "cifar10"] and words[-2:] == ["--data", "birds"]
    assert {"epochs=540", "optimizer=sgd"} < set(words) and "batch_size=512" not in words
    row = export_report.row_of(record, made)
    assert (row["recipe"], row["epochs"], row["data"]) == ("cifar10", 540, "cifar10") and "--data" not in row["command"]
    for found, variant in zip(row["variants"], made.variants, strict=True):
        cost, fitted = variant.cost, variant.confidence
        assert cost and fitted and fitted.before
        assert (found["top1"], found["file_bytes"]) == (variant.top1, variant.file_bytes)
        assert (found["p"], found["changed"], found["lost"]) == (cost.p, cost.changed, cost.lost)
        assert found["confidence"]["before"]["error"] == fitted.before.error


def test_a_shorter_training_and_other_data_are_named() -> None:
    recipe = catalog.CIFAR10_RESNET8
    run = {"recipe": recipe.name, "data": recipe.data.source, "epochs": recipe.training.epochs}
    called = [export_tables.called({**run, **other}) for other in ({}, {"epochs": 10}, {"data": "flowers"})]
    assert called == [f"`{recipe.name}`", f"`{recipe.name}`, 10 of 80 epochs", f"`{recipe.name}`, flowers"]


def test_a_ratio_is_of_the_same_round() -> None:
    """A machine that is half as fast in one round changes none."""
    slow = np.array([1.0, 2.0, 1.5, 1.0])
    theirs, noise = 30.0 * slow, np.array([1.1, 1.2, 1.1, 1.2])
    seconds = np.stack([np.stack([theirs, theirs], axis=1), np.stack([theirs * noise, theirs], axis=1)], axis=1)
    first, second = export_time.rows_of(("before", "now"), seconds)
    assert (first["wall_ratio"], first["wall_interval"]) == (1.0, (1.0, 1.0))
    expected = stats.ttest_1samp(np.log(noise), 0).confidence_interval(0.95)
    assert second["wall_interval"] == pytest.approx(np.exp([expected.low, expected.high]), abs=1e-4)
    assert second["wall_ratio"] == pytest.approx((1.1 * 1.2) ** 0.5, abs=1e-4) and second["processor_ratio"] == 1.0
    assert second["wall_s"] == pytest.approx(theirs * noise)
