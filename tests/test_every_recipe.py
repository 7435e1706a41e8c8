"""Every recipe, from a folder of images to an answer of the device: tiny data, one step of training.

The step is run eagerly: tracing the gradients of the large networks takes ten times as long. Traced ones are trained in
tests/test_whole_path.py and in tests/train.
"""

import json
from pathlib import Path

import pytest

from tests import drawing, weights
from tests.conftest import Run
from train.backbones import backbones
from train.recipes.catalog import FOR_FOLDERS, RECIPES

pytestmark = pytest.mark.tensorflow

# What a step on a few drawn images needs; the networks stay the recipes' own.
STEP = ("epochs=1", "steps_per_epoch=1", "batch_size=8", "validation_split=0.2")
# Those for folders of one's own name their files after the folder, all but the default one also after themselves.
CALLED = {name: f"shapes_{name}" for name in FOR_FOLDERS} | {FOR_FOLDERS[0]: "shapes"}


@pytest.fixture(scope="module")
def two_shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Circles and squares: a recipe with one sigmoid tells two classes apart."""
    root = drawing.write_folder(tmp_path_factory.mktemp("two") / "shapes", {"train": 60, "test": 12})
    for split in ("train", "test"):
        for path in (root / split / "triangle").iterdir():
            path.unlink()
        (root / split / "triangle").rmdir()
    return root


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_exports_and_answers(
    eager: Run, warm: Run, command: Run, two_shapes: Path, tmp_path: Path, name: str
) -> None:
    recipe = RECIPES[name]
    settings = [*STEP, "image_size=48x48"] if recipe.data.image_size > (64, 64) else list(STEP)
    if recipe.network.has_backbone:
        # Those of Lite are installed, and with no others here auto takes them.
        if not recipe.network.chooses_backbone and not backbones.get(recipe.network.backbone).lite:
            weights.write(recipe.network.backbone, tmp_path / "keras")
        settings = ["epochs=1", "batch_size=8", "validation_split=0.2", "image_size=64x64"]
    run = tmp_path / "run"
    words = [word for setting in settings for word in ("--set", setting)]
    done = eager("train", name, "--data", two_shapes, "--run", run, *words)
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "run.json").read_bytes())["status"] == "done"
    done = warm("export", run, "--variants", "float32,int8", "--calibration-samples", "12")
    files = sorted(path.name for path in (run / "export").glob("*.tflite"))
    rows = json.loads((run / "export/export.json").read_bytes())["variants"]
    # A network that has seen one step may lose too much in int8 to be kept; that is said, and float32 always is kept.
    assert done.returncode in (0, 1), done.stderr
    assert files == sorted(row["file"] for row in rows if row["file"])
    assert f"{CALLED.get(name, name)}_float32.tflite" in files
    image = next((two_shapes / "test/circle").iterdir())
    answer = command("device", "classify", run / "export" / files[-1], image, "--json", "-")
    assert answer.returncode == 0, answer.stderr
    top = json.loads(answer.stdout)["top"]
    assert {entry["label"] for entry in top} == {"circle", "square"}
    assert sum(entry["score"] for entry in top) == pytest.approx(1, abs=0.01)


def test_the_classical_baseline_ends_in_a_table(warm: Run, two_shapes: Path, tmp_path: Path) -> None:
    done = warm("train", "classical", "--data", two_shapes, "--run", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "HOG" in done.stdout and "brightness" in done.stdout
    refused = warm("export", tmp_path / "run")
    assert refused.returncode == 2
    assert "classical baseline" in refused.stderr
    again = warm("train", "cats_vs_dogs_classical", "--data", two_shapes, "--run", tmp_path / "run")
    assert "up to date" in again.stderr
