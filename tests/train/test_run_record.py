"""run.json: written and read by one module; tolerant of what is newer or older, and refused where it is another's."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import run_record
from device.data.run_record import KerasSettings
from tests import drawing
from tests.conftest import ROOT, Run
from train.data import cache
from train.recipes.catalog import CIFAR10
from train.recipes.classical import ClassicalRecipe
from train.recipes.data import Data
from train.recipes.network import Network
from train.recipes.recipe import Recipe
from train.recipes.settings import to_json
from train.run import evaluation, recording, runs
from train.run.evaluation import Evaluation

RECIPE = Recipe("fashion_mnist", "", Data("shapes", image_size=(16, 16)), Network("tiny"))
# What the first version of run.json hadn't.
LATER = ("name", "unknown_ancestors", "from", "teacher", "draw", "keras", "machine")
LATER_OF_DATA = ("test_share", "counts", "copies")


@pytest.fixture
def run(tmp_path: Path) -> runs.Run:
    """A finished run, as far as its record goes."""
    folder = drawing.write_folder(tmp_path / "shapes", {None: 30})
    made = cache.provide(cache.DataRequest(str(folder), (16, 16)))
    run, model = runs.Run(tmp_path / "run"), tmp_path / "before.keras"
    model.write_bytes(b"a network")
    keras = KerasSettings("jax", "channels_last", "float32", 1e-7, "float32", {"XLA_FLAGS": ""})
    record = recording.start(
        run, RECIPE, made, np.array([0, 5]), model, None, keras, np.array([1, 2]), ("old/model.keras",)
    )
    recording.finish(run, record, recording.DONE, wall_time_s=1.5, best_epoch=3, parameters=100)
    run.model.write_bytes(b"")
    return run


def change(run: runs.Run, **changes: Any) -> None:
    run.record.write_text(json.dumps({**json.loads(run.record.read_bytes()), **changes}))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(done: Any, said: str) -> None:
    assert done.returncode == 2 and done.stdout == "", done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {said}"), done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_read_is_written_in_the_same_bytes(run: runs.Run, tmp_path: Path) -> None:
    record = run_record.read(run.path)
    assert (record.status, record.is_done, record.wall_time_s, record.best_epoch) == ("done", True, 1.5, 3)
    assert record.begun_with and record.begun_with.path == str(tmp_path / "before.keras")
    assert (record.split.validation_rows, record.split.test_rows) == ((0, 5), (1, 2))
    run_record.write(tmp_path / "again", record)
    assert (tmp_path / "again/run.json").read_bytes() == run.record.read_bytes()


def test_what_is_not_known_of_a_run_is_not_written(run: runs.Run) -> None:
    document = json.loads(run.record.read_bytes())
    assert list(document)[:3] == ["schema", "status", "kind"] and list(document)[-1] == "parameters"
    assert not {"best", "gpu"} & set(document) and document["teacher"] is None


def test_a_run_from_before_and_one_from_later_are_read(run: runs.Run) -> None:
    document, identity = json.loads(run.record.read_bytes()), run.identity
    document["data"] |= {"new": 1}
    document["recipe"] |= {"not yet": "a field"}
    change(run, data=document["data"], recipe=document["recipe"], new={"a": []})
    assert run.is_done and run.identity and identity
    assert run.identity.changes(identity) == ["not yet: a field, now None"]
    old = {key: value for key, value in document.items() if key not in LATER}
    old["data"] = {key: value for key, value in document["data"].items() if key not in LATER_OF_DATA}
    old["split"].pop("test_rows")
    run.record.write_text(json.dumps(old))
    record = run.read()
    assert record and record.is_done and (record.name, record.recipe_name) == (None, "fashion_mnist")
    assert (record.draw, record.begun_with, record.split.test_rows) == (1, None, None)
    assert record.test_share == RECIPE.data.test_split


def test_the_baseline_is_another_run_than_a_network(run: runs.Run) -> None:
    assert run.identity
    baseline = to_json(ClassicalRecipe(RECIPE.name, "", RECIPE.data))
    assert run.identity.changes(replace(run.identity, recipe=baseline, kind="classical")) == [
        "kind: network, now classical"
    ]


def test_the_committed_run_and_its_evaluation_are_read(tmp_path: Path) -> None:
    """Of the model that is committed: real files, perhaps older than this version."""
    for name in (run_record.NAME, evaluation.NAME):
        shutil.copy(ROOT / f"experiments/results/cifar10_{name}", tmp_path / name)
    record, found = run_record.read(tmp_path), evaluation.read(Evaluation, tmp_path)
    assert set(record.recipe) == set(to_json(CIFAR10)) and record.recipe["schedule"] == "warmup_cosine"
    assert record.is_done and len(record.data.labels) == 10 and record.parameters == found.parameters
    assert (found.split, found.n, len(found.per_class)) == ("test", record.data.test, 10)


def test_another_version_s_run_is_refused_and_stays(command: Run, run: runs.Run, tmp_path: Path) -> None:
    change(run, schema=3)
    before = contents(run.path)
    said = f"{run.path}/run.json: it has schema 3, this version reads 2; "
    refused(command("export", run.path), said)
    words = ("--data", tmp_path / "shapes", "--set", "image_size=16x16")
    refused(command("train", "cats_vs_dogs_classical", "--run", run.path, *words), said)
    assert contents(run.path) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": "one"}, "seed is 'one', expected int"),
        ({"data": {}}, "data lacks the field 'cache'"),
        ({"split": {"validation_rows": 5}}, "split.validation_rows is 5, expected a list"),
        ({"recipe": {"network": "tiny", "test_split": 0.2}}, "recipe lacks the field 'name'"),
        ({"from": {"path": None, "sha256": None}}, "from.path is None, expected str"),
    ],
)
def test_a_damaged_record_is_named(command: Run, run: runs.Run, changes: dict[str, Any], said: str) -> None:
    change(run, **changes)
    refused(command("export", run.path), f"{run.path}/run.json: {said}; train it again")
    assert run.read() is None


def test_another_program_s_run_json_makes_no_run_folder(command: Run, tmp_path: Path) -> None:
    folder, data = tmp_path / "theirs", drawing.write_folder(tmp_path / "shapes", {None: 30})
    folder.mkdir()
    (folder / "run.json").write_text('{"status": "done", "recipe": "soup"}')
    (folder / "notes.txt").write_text("mine")
    before = contents(folder)
    refused(command("train", "cats_vs_dogs_classical", "--data", data, "--run", folder), f"{folder}: not a run folder")
    assert contents(folder) == before
