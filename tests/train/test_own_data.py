"""A folder of one's own isn't mirrored unless that is asked for; what is changed in the images is said and recorded."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import Run
from train.data import augment
from train.recipes import catalog
from train.recipes.catalog import RECIPES
from train.recipes.settings import change, to_json

NAMES = ("fashion_mnist", "cifar10", "cats_vs_dogs")


def arrows(root: Path, counts: dict[str, int]) -> Path:
    """Arrows to the left and to the right, each image the mirror image of one of the other class."""
    random = np.random.default_rng(3)
    for split, count in counts.items():
        for i in range(count):
            image = np.full((28, 28, 3), random.integers(20, 90), np.uint8)
            y, start, color = int(random.integers(9, 19)), int(random.integers(3, 7)), int(random.integers(160, 256))
            cv2.arrowedLine(image, (start, y), (start + 18, y), (color, color, color), 2, tipLength=0.5)
            for label, drawn in (("right", image), ("left", image[:, ::-1])):
                path = root / split / label / f"{i:03}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), drawn)
    return root


@pytest.mark.parametrize("name", RECIPES)
def test_data_of_one_s_own_are_not_mirrored(name: str, tmp_path: Path) -> None:
    changed = change(catalog.get(name), [f"data={tmp_path}"])
    assert not changed.augmentation.horizontal_flip and not changed.network.flip_average
    others = {"data", "horizontal_flip", "flip_average"}
    before, after = to_json(catalog.get(name)), to_json(changed)
    assert {field: value for field, value in after.items() if field not in others} == {
        field: value for field, value in before.items() if field not in others
    }


@pytest.mark.parametrize("settings", [["horizontal_flip=true", "data={}"], ["data={}", "horizontal_flip=true"]])
def test_who_asks_for_it_has_them_mirrored(settings: list[str], tmp_path: Path) -> None:
    changed = change(catalog.get("cats_vs_dogs"), [setting.format(tmp_path) for setting in settings])
    assert changed.augmentation.horizontal_flip and not changed.network.flip_average
    for folder in (tmp_path, tmp_path / "more" / ".."):
        again = change(changed, ["epochs=3", f"data={folder}"])
        assert again.augmentation.horizontal_flip, "asked for once is enough, however the folder is written"


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("data", NAMES)
def test_measured_data_sets_keep_their_flips(name: str, data: str) -> None:
    recipe = catalog.get(name)
    changed = change(recipe, [f"data={data}"])
    assert changed.augmentation == recipe.augmentation and changed.network == recipe.network


def test_what_is_on_is_said_in_the_words_of_set(tmp_path: Path) -> None:
    measured = augment.describe(catalog.get("cats_vs_dogs"))
    for words in ("rotation_range=15", "horizontal_flip=True", "mixup=0.3", "mirror image"):
        assert words in measured
    own = augment.describe(change(catalog.get("fashion_mnist"), [f"data={tmp_path}"]))
    assert own.startswith("augmentation: none") and "--set horizontal_flip=true" in own
    head = catalog.get("transfer")
    assert augment.describe(head) == "augmentation: none", "a head sees features of images as they are"
    assert "horizontal_flip" in augment.describe(change(head, ["fine_tune_epochs=3"]))


@pytest.mark.tensorflow
def test_left_and_right_can_be_learned(warm: Run, tmp_path: Path) -> None:
    """With flips every arrow is shown under both labels, and the answers are a matter of chance."""
    data, run = arrows(tmp_path / "arrows", {"train": 60, "test": 20}), tmp_path / "run"
    words = ("--data", data, "--run", run, "--set", "epochs=8", "--set", "batch_size=16")
    done = warm("train", "fashion_mnist", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "evaluation.json").read_bytes())["top1"] > 0.85
    assert json.loads((run / "run.json").read_bytes())["recipe"]["horizontal_flip"] is False
    assert any(line.startswith("augmentation: none") for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("transfer", "--set", "rotation_range=20", "--set", "epochs=3"), "rotation_range, epochs"),
        (("transfer", "--set", "rotation_range=20", "--fine-tune", "1"), None),
        (("scratch", "--backbone", "MobileNetV2"), "backbone"),
        (("scratch", "--set", "rotation_range=20"), None),
    ],
)
def test_settings_without_effect_are_named(
    command: Run, shapes_folder: Path, words: tuple[str, ...], named: str | None
) -> None:
    done = command("train", *words, "--data", shapes_folder, "--set", "image_size=16x16", "--only-data")
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if "no effect" in line]
    assert [note.removeprefix("note: ").split(":")[0] for note in notes] == ([named] if named else [])
