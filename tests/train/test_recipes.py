"""Recipes and `--set`: every field is taken when it is valid and refused when it isn't."""

import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from device.data.run_record import RENAMED
from device.errors import UserError
from tests.conftest import ROOT, Run
from tests.device.refusals import says
from train.recipes import catalog
from train.recipes.catalog import RECIPES
from train.recipes.classical import CLASSICAL
from train.recipes.data import Data
from train.recipes.fields import parse_size
from train.recipes.network import Network
from train.recipes.recipe import Recipe
from train.recipes.settings import change, fields_of, flat, recorded, replaced, to_json, types
from train.recipes.settings import changed as from_values
from train.recipes.training import Training

# field: (a valid value, what it becomes, an invalid value, what the error says)
SETTINGS: dict[str, tuple[str, Any, str, str]] = {
    "data": ("my/folder", "my/folder", " ", "data set"),
    "network": ("tiny", "tiny", "huge", "residual, resnet8, backbone, tiny, cifar10_tutorial"),
    "filters": ("8-16-32", (8, 16, 32), "8x16", "whole numbers"),
    "blocks": ("2-1", (2, 1), "1-1-1", "each stage"),
    "stem_stride": ("2", 2, "0", "1 to 4"),
    "backbone": ("MobileNet", "MobileNet", "AlexNet", " Xception"),
    "strategy": ("all", "all", "none", "all, partial, head"),
    "freeze": ("0", 0, "-1", "at least 0"),
    "head_units": ("64-32", (64, 32), "0", "units from 1"),
    "fine_tune_epochs": ("0", 0, "-1", "at least 0"),
    "fine_tune_learning_rate": ("1e-4", 1e-4, "0", "a number above 0"),
    "images_per_class": ("50", 50, "20000", "1 to 12500"),
    "image_size": ("48x64", (48, 64), "48y64", "HxW"),
    "fit": ("pad", "pad", "squeeze", "crop, stretch, pad"),
    "grayscale": ("true", True, "maybe", "true or false"),
    "test_split": ("0.5", 0.5, "1", "less than 1"),
    "validation_split": ("0.25", 0.25, "0", "share"),
    "epochs": ("3", 3, "2.5", "a whole number"),
    "steps_per_epoch": ("7", 7, "-1", "at least 0"),
    "patience": ("4", 4, "-1", "at least 0"),
    "batch_size": ("16", 16, "0", "at least 1"),
    "loss": ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy", "mse", "one of"),
    "optimizer": ("adamw", "adamw", "rmsprop", "adam, adamw, sgd, muon"),
    "learning_rate": ("0.01", 0.01, "nan", "a number above 0"),
    "schedule": ("warmup_cosine", "warmup_cosine", "cosine", "constant, warmup_cosine"),
    "warmup": ("0.3", 0.3, "2", "0 to 1"),
    "ema_momentum": ("0.99", 0.99, "1", "less than 1"),
    "mixup": ("0.5", 0.5, "1.5", "0 to 1"),
    "teacher": ("runs/large", "runs/large", "runs/wide", "sparse_categorical_crossentropy"),
    "teacher_temperature": ("2", 2.0, "0", "0.1 to 100"),
    "rotation_range": ("15", 15.0, "181", "0 to 180"),
    "width_shift_range": ("0.1", 0.1, "1", "less than 1"),
    "height_shift_range": ("0.1", 0.1, "-0.1", "less than 1"),
    "shear_range": ("10", 10.0, "90", "0 to 80"),
    "zoom_range": ("0.25", (0.75, 1.25), "1.2,0.8", "lower factor"),
    "brightness_range": ("0.8,1", (0.8, 1.0), "bright", "LOW,HIGH"),
    "contrast_range": ("0.5,1.5", (0.5, 1.5), "-1,1", "0 to 10"),
    "camera_noise": ("0.3", 0.3, "1.1", "0 to 1"),
    "blur": ("1.5", 1.5, "-1", "0 to 20"),
    "jpeg_quality": ("50", 50, "0", "1 to 100"),
    "random_erasing": ("0.5", 0.5, "2", "0 to 1"),
    "weight_decay": ("0.1", 0.1, "-1", "at least 0"),
    "label_smoothing": ("0.1", 0.1, "1", "less than 1"),
    "dropout": ("0.5", 0.5, "much", "a number"),
    "horizontal_flip": ("1", True, "", "true or false"),
    "flip_average": ("true", True, "both", "true or false"),
    "keep_best_by": ("loss", "loss", "luck", "accuracy, loss, last"),
    "seed": ("0", 0, "4294967296", "0 to 4294967295"),
}
# Fields that another one has to allow.
BESIDE = {"backbone": ["network=backbone"], "teacher": ["loss=sparse_categorical_crossentropy"]}
# Fields that are of no use without another one.
WITH = {"teacher_temperature": ["teacher=runs/large"]}
BASE = Recipe("base", "", Data("anything"), Network("cifar10_tutorial"), Training(optimizer="adamw"))


def test_every_field_can_be_set() -> None:
    """A field that is added without a line above is noticed here."""
    assert set(SETTINGS) == set(flat(BASE)) - {"name", "description"}


def test_a_flat_name_is_that_of_one_field() -> None:
    records = [part for part in vars(BASE).values() if is_dataclass(part)]
    assert len(types(Recipe)) == sum(len(fields(record)) for record in records)
    assert all(field.metadata["option"].help for field, _ in fields_of(Recipe).values())


@pytest.mark.parametrize("field", SETTINGS)
def test_a_valid_value_is_taken(field: str) -> None:
    value, expected, _, _ = SETTINGS[field]
    base = change(BASE, WITH.get(field, []))
    changed = change(base, [f"{field}={value}"])
    assert flat(changed)[field] == expected
    assert type(flat(changed)[field]) is type(expected)
    assert {**flat(changed), field: None} == {**flat(base), field: None}
    assert from_values(base, **{field: expected}) == changed, "the value says the same as its text"


@pytest.mark.parametrize("field", SETTINGS)
def test_an_invalid_value_is_refused_with_what_was_expected(field: str) -> None:
    _, _, value, expected = SETTINGS[field]
    with pytest.raises(UserError, match=field) as refusal:
        change(BASE, [*BESIDE.get(field, []), f"{field}={value}"])
    assert expected in str(refusal.value)
    assert value in str(refusal.value)


@pytest.mark.parametrize(
    "setting",
    ["epoch=3", "=3", "name=mine", "description=mine", "to_json=1", "source=mine", "architecture=tiny"],
)
def test_what_is_no_field_is_refused_with_the_fields(setting: str) -> None:
    with pytest.raises(UserError, match="data, images_per_class, image_size") as refusal:
        change(BASE, [setting])
    assert str(refusal.value).startswith(f"{setting}: ")


@pytest.mark.parametrize("setting", ["epochs", ""])
def test_what_sets_nothing_is_refused(setting: str) -> None:
    with pytest.raises(UserError, match="expected FIELD=VALUE"):
        change(BASE, [setting])


@pytest.mark.parametrize(("old", "new"), [*RENAMED.items(), ("schedule=one_cycle", "schedule=warmup_cosine")])
def test_who_gives_a_name_of_before_is_told_that_of_today(old: str, new: str) -> None:
    with pytest.raises(UserError, match=f"expected {new}"):
        change(BASE, [old if "=" in old else f"{old}=1"])


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ({"image_size": 64}, "image_size", (64, 64)),
        ({"image_size": [48, 64]}, "image_size", (48, 64)),
        ({"filters": (8, 16), "blocks": [1]}, "filters", (8, 16)),
        ({"zoom_range": 0.25}, "zoom_range", (0.75, 1.25)),
        ({"learning_rate": 0.1 + 0.2}, "learning_rate", 0.1 + 0.2),
        ({"horizontal_flip": True}, "horizontal_flip", True),
        ({"images_per_class": "all"}, "images_per_class", 0),
        ({"data": Path("my/folder")}, "data", "my/folder"),
    ],
)
def test_values_of_python(given: dict[str, Any], field: str, expected: Any) -> None:
    assert flat(from_values(BASE, **given))[field] == expected


@pytest.mark.parametrize("given", [{"epochs": 2.5}, {"epochs": None}, {"image_size": (1, 2, 3)}, {"dropout": "much"}])
def test_what_is_no_value_is_refused(given: dict[str, Any]) -> None:
    (field,) = given
    with pytest.raises(UserError, match=f"^{field}=.*expected"):
        from_values(BASE, **given)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["loss=sparse_categorical_crossentropy", "label_smoothing=0.1"], "0 with sparse_categorical_crossentropy"),
        (["optimizer=adam", "weight_decay=0.1"], "0 with adam"),
        (["teacher=runs/large", "label_smoothing=0.1"], "0 with a teacher"),
        (["teacher_temperature=2"], "1 without a teacher"),
        (["keep_best_by=last", "patience=3"], "0 with keep_best_by last"),
        (["flip_average=true", "strategy=head", "network=backbone"], "false .*strategy head"),
        (
            ["flip_average=true", "network=cats_vs_dogs_tutorial", "loss=binary_crossentropy"],
            "false with cats_vs_dogs_t",
        ),
        (["loss=sparse_categorical_crossentropy", "mixup=0.1"], "0 with sparse_categorical_crossentropy"),
        (["loss=binary_crossentropy"], "binary_crossentropy .*sigmoid"),
        (["network=cats_vs_dogs_tutorial"], "binary_crossentropy .*sigmoid"),
        (["image_size=0x32"], "sides of 1 to 1024"),
        (["image_size=32x1025"], "sides of 1 to 1024"),
        (["learning_rate=inf"], "a number above 0"),
        (["learning_rate=0"], "a number above 0"),
        (["weight_decay=inf"], "at least 0"),
        (["dropout=nan"], "less than 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: list[str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        change(BASE, settings)


def test_the_last_of_equal_settings_counts() -> None:
    assert change(BASE, ["epochs=3", "epochs=4"]).training.epochs == 4


def test_a_value_may_hold_an_equals_sign() -> None:
    assert change(BASE, ["data=./a=b"]).data.source == "./a=b"


@pytest.mark.parametrize(("value", "expected"), [("28", (28, 28)), ("28x32", (28, 32)), ("1x1024", (1, 1024))])
def test_a_size_is_one_number_or_two(value: str, expected: tuple[int, int]) -> None:
    assert parse_size(value) == expected


@pytest.mark.parametrize("value", ["", "x", "28x", "x28", "28x28x3", "28,28", "28.0", "1e2", "28X28"])
def test_what_is_no_size(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_size(value)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_kept_whole_in_json(name: str) -> None:
    """What run.json holds makes the same recipe again: two runs with the same fields are the same run."""
    document = json.loads(json.dumps(to_json(catalog.get(name))))
    assert recorded(Recipe, document) == RECIPES[name]


def test_the_tutorial_recipe_is_the_source_material_s() -> None:
    tutorial = catalog.get("cifar10_tutorial")
    data, training = tutorial.data, tutorial.training
    assert (data.source, tutorial.network, data.image_size) == ("cifar10", Network("cifar10_tutorial"), (32, 32))
    assert (training.epochs, data.validation_split, training.batch_size) == (10, 0.3, 32)
    assert (training.optimizer, training.loss) == ("adam", "sparse_categorical_crossentropy")
    assert (training.learning_rate, training.schedule) == (1e-3, "constant")  # Keras' defaults, as there


def test_recipes_are_read_without_numpy_and_opencv() -> None:
    """A wrong option is answered before either is imported."""
    code = "import sys, train.__main__; print(*({'numpy', 'cv2', 'keras'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_list_shows_every_recipe_in_a_row(command: Run) -> None:
    done = command("train", "list")
    assert done.returncode == 0
    header, *rows = done.stdout.splitlines()
    assert header.split()[:4] == ["recipe", "data", "size", "epochs"]
    assert [row.split()[0] for row in rows] == sorted([*RECIPES, CLASSICAL.name])
    epochs = str(RECIPES["fashion_mnist"].training.epochs)
    (fashion,) = (row for row in rows if row.split()[0] == "fashion_mnist")
    assert fashion.split()[:4] == ["fashion_mnist", "fashion_mnist", "28x28", epochs]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["fashion"], ("'fashion'", ", ".join(list(RECIPES)[:2]))),
        (["fashion_mnist", "--set", "epoch=3"], ("epoch=3: ", "fashion_mnist", "data,")),
        (["fashion_mnist", "--set", "epochs=many"], ("epochs=many: ", "whole number")),
        (["fashion_mnist", "--set", "epochs=0"], ("fashion_mnist: epochs is 0,", "at least 1")),
        (["fashion_mnist", "--set", "image_size=28x28x3"], ("image_size=28x28x3: ", "28x28")),
        (["fashion_mnist", "--set", "optimizer=adam"], ("fashion_mnist: weight_decay is 0.05,",)),
    ],
)
def test_a_wrong_recipe_or_setting_ends_with_one_line(
    command: Run, tmp_path: Path, words: list[str], facts: tuple[str, ...]
) -> None:
    done = command("train", *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    says(done.stderr, "error: ", *facts)
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"backbone": "mobilenetv2"}, "'mobilenetv2', .*MobileNetV2"),
        ({"backbone": "AlexNet"}, "'AlexNet', .*Xception, VGG16"),
        ({"freeze": 3, "strategy": "all"}, "freeze is 3, expected 0 with strategy all"),
        ({"freeze": 3}, "freeze is 3, expected 0 .*--fine-tune"),
        ({"fine_tune_epochs": 2, "strategy": "partial"}, "fine_tune_epochs is 2, expected 0 with strategy partial"),
        ({"network": "residual"}, "strategy is head, expected all with residual"),
    ],
)
def test_settings_of_transfer_that_cannot_work(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        replaced(RECIPES["transfer"], **{"backbone": "MobileNet", "image_size": (32, 32), **changes})
