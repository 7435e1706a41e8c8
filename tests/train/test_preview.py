"""`train preview`: variants of an image and the training images by class, drawn whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from device.images import images
from tests import drawing
from tests.conftest import ROOT, Run
from tests.device.refusals import says
from train.recipes.augmentation import NONE, Augmentation
from train.recipes.catalog import RECIPES
from train.recipes.recipe import Recipe
from train.recipes.settings import change, replaced

# They need no TensorFlow, but matplotlib and scikit-learn: too slow to stand among the quick tests.
draws = pytest.mark.tensorflow

CHAPTER = (
    "rotation_range=90",
    "brightness_range=0.8,1",
    "width_shift_range=0.2",
    "zoom_range=0.8,1.2",
    "height_shift_range=0.2",
)
PLAIN = RECIPES["cifar10_tutorial"]
WITHOUT_TENSORFLOW = """
import sys
from train import __main__ as commands
asked = commands.parse(["preview", *sys.argv[1:]])
code = asked.run_command(asked)
sys.exit(code or ("tensorflow" in sys.modules or "keras" in sys.modules))
"""


def write(path: Path, image: npt.NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def photo(folder: Path) -> Path:
    return write(folder / "photo.png", drawing.shape("triangle", np.random.default_rng(1), (60, 90)))


def one_color(*color: int) -> npt.NDArray[np.uint8]:
    return np.full((8, 8, 3), color, np.uint8)


def has(sheet: Path, *color: int) -> bool:
    """Whether a tile's worth of the figure is exactly of this color."""
    figure = images.read(sheet)
    return int((figure == color).all(axis=2).sum()) > 1000


def sets(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


# What can't be drawn: through the command line, before TensorFlow is imported.

REFUSED = [
    (["cifar10", "none.png"], ("none.png: ", "No such file or directory")),
    (["cifar10", "text.png"], ("text.png: ", "decoded")),
    (["cifar10", "folder.png"], ("folder.png: ", "Is a directory")),
    (["cifar11", "photo.png"], ("'cifar11'", "fashion_mnist")),
    (["cifar10", "photo.png", "--set", "rotation=9"], ("rotation=9: ", "cifar10", "data,")),
    (["cifar10", "photo.png", "--set", "zoom_range=2,1"], ("zoom_range is 2,1,",)),
    (["cifar10", "photo.png", "--output", "none/a.png"], ("--output none/a.png: ", "folder none;")),
    (["cifar10", "photo.png", "--output", "folder.png"], ("--output folder.png: ", "directory")),
    (["cifar10", "photo.png", "--output", "text.png/a.png"], ("--output text.png/a.png: ", "folder text.png")),
    (["cifar10", "photo.png", "--output", "a.jpg"], ("--output a.jpg: ", ".png")),
    (["cifar10", "photo.png", "--output", "./photo.png"], ("--output photo.png: ", "IMAGE")),
    (["cifar10", "--data", "none/"], ("none: ", "folder")),
    (["cifar10", "--data", "cifar11"], ("'cifar11'", "data set")),
    (["cifar10", "--labels", "10"], ("--labels ", "--layers")),
    (["cifar10", "--json", "-"], ("--json ", "--layers")),
    (["cifar10", "--run", "runs"], ("--run ", "--layers")),
    (["cifar10", "none.png", "--layers"], ("none.png: ",)),
    (["cifar10", "--layers", "--labels", "1"], ("--labels is 1,", "2 to 100000")),
    (["cifar10", "--layers", "--labels", "2", "--run", "r"], ("--labels and --run ",)),
    (["cifar10", "--layers", "--labels", "2", "--json", "none/a"], ("--json none/a: ", "folder none")),
    (["cifar10", "--layers", "--labels", "2", "--json", "folder.png"], ("--json folder.png: ", "directory")),
    (["cifar10", "--layers", "--run", "none"], ("none: ", "run.json", "model.keras")),
    (["cats_vs_dogs_classical"], ("cats_vs_dogs_classical: ", "classical")),
    (["cifar10", "--layers", "--set", "image_size=0"], ("image_size is 0x0,", "1 to 1024")),
]


@pytest.mark.parametrize(("words", "facts"), REFUSED)
def test_what_cannot_be_drawn_is_refused_in_one_line(
    command: Run, tmp_path: Path, words: list[str], facts: tuple[str, ...]
) -> None:
    photo(tmp_path)
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "folder.png").mkdir()
    before = sorted(tmp_path.iterdir())
    done = command("train", "preview", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    says(done.stderr, *facts)
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_help_names_every_way(command: Run) -> None:
    done = command("train", "preview", "--help")
    assert done.returncode == 0
    for word in ("RECIPE", "IMAGE", "--data", "--set", "--output", "--layers", "--run", "--labels", "--json"):
        assert word in done.stdout


# Variants of one image.


@draws
def test_an_image_and_its_variants_are_drawn(warm: Run, tmp_path: Path) -> None:
    photo(tmp_path)
    done = warm("train", "preview", "cifar10", *sets(*CHAPTER, "image_size=48x64"), "photo.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "preview.png\n", "")
    assert {path.name for path in tmp_path.iterdir()} == {"photo.png", "preview.png"}
    first = (tmp_path / "preview.png").read_bytes()
    done = warm(
        "train", "preview", "cifar10", "photo.png", *sets(*CHAPTER, "image_size=48x64"), "--output", "again.png"
    )
    assert done.stdout == "again.png\n"
    assert (tmp_path / "again.png").read_bytes() == first, "the seed decides"
    warm("train", "preview", "cifar10", "photo.png", *sets(*CHAPTER, "image_size=48x64", "seed=2"))
    assert (tmp_path / "preview.png").read_bytes() != first


@draws
def test_tensorflow_is_not_needed_for_it(tmp_path: Path) -> None:
    words = ["cifar10", str(photo(tmp_path)), "--output", str(tmp_path / "preview.png")]
    done = subprocess.run([sys.executable, "-c", WITHOUT_TENSORFLOW, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@draws
def test_original_and_variants_are_in_the_figure(tmp_path: Path) -> None:
    from train.preview import sheets

    path = tmp_path / "preview.png"
    sheets.variants(replaced(PLAIN, brightness_range=(0.5, 0.5)), one_color(250, 200, 100), "any", path)
    assert has(path, 250, 200, 100)
    assert has(path, 125, 100, 50)
    assert not has(path, 100, 200, 250), "red and blue swapped"


@draws
def test_without_augmentation_it_says_so(warm: Run, tmp_path: Path) -> None:
    photo(tmp_path)
    done = warm("train", "preview", "cifar10_tutorial", "photo.png")
    assert (done.returncode, done.stdout) == (0, "preview.png\n")
    note = "note: cifar10_tutorial has no augmentation: the variants equal the original (give ranges by --set)\n"
    assert done.stderr == note


@draws
@pytest.mark.parametrize("name", ["$_$ $^$.png", "고양이.png", os.fsdecode(b"\xff.png"), "x" * 200 + ".png"])
def test_an_image_may_have_any_name(warm: Run, tmp_path: Path, name: str) -> None:
    photo(tmp_path).rename(tmp_path / name)
    done = warm("train", "preview", "cifar10", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "preview.png\n", "")


@draws
def test_the_variants_are_those_of_training() -> None:
    from train.data.augment import Augmenter
    from train.data.streams import Purpose, generator
    from train.preview import sheets

    recipe = replaced(PLAIN, rotation_range=90.0, seed=3)
    image = drawing.shape("square", np.random.default_rng(1), (32, 32))
    made = sheets.augmented(recipe, image)
    batch = Augmenter(Augmentation(rotation_range=90.0)).augment(np.stack([image] * 8), generator(Purpose.VARIANTS, 3))
    np.testing.assert_array_equal(made, batch)
    assert (sheets.augmented(PLAIN, image) == image).all()


@draws
def test_the_ranges_in_use_are_named_as_set_takes_them() -> None:
    from train.data import augment

    chapter = change(PLAIN, CHAPTER)
    assert sorted(augment.ranges(chapter.augmentation)) == sorted(CHAPTER)
    assert change(PLAIN, augment.ranges(chapter.augmentation)) == chapter
    cifar10: Recipe = RECIPES["cifar10"]
    assert {"horizontal_flip=True", "blur=0.7", "jpeg_quality=60"} <= set(augment.ranges(cifar10.augmentation))
    assert augment.ranges(NONE) == []
    # Of no image, or nothing to it: the same as none.
    assert augment.ranges(Augmentation(blur=1.0, jpeg_quality=50)) == []
    assert augment.ranges(Augmentation(camera_noise=0.5)) == []


# The training images by class.


@draws
def test_the_training_images_are_drawn_by_class(warm: Run, shapes_folder: Path, tmp_path: Path) -> None:
    done = warm("train", "preview", "cifar10", "--data", "shapes", *sets("image_size=16x24"), "--output", "sheet.png")
    assert (done.returncode, done.stdout, done.stderr) == (0, "sheet.png\n", "")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert len(list((tmp_path / "cache").iterdir())) == 1, "training finds the images there"


@draws
def test_every_class_is_there_in_its_colors(warm: Run, tmp_path: Path) -> None:
    colors = {"red": (250, 10, 10), "$_$ $^$": (10, 250, 10), "고양이": (10, 10, 250)}
    for number, (label, color) in enumerate(colors.items()):
        for i in range(3):
            write(tmp_path / f"data/train/{label}/{i}.png", one_color(*color))
        write(tmp_path / f"data/test/{label}/0.png", one_color(200, 200, 10 + 20 * number))
    done = warm("train", "preview", "cifar10", "--data", "data", *sets("image_size=8x8"))
    assert done.returncode == 0, done.stderr
    assert "6 images are copies" in done.stderr
    assert all(has(tmp_path / "preview.png", *color) for color in colors.values())
    for number in range(3):
        assert not has(tmp_path / "preview.png", 200, 200, 10 + 20 * number), "a test image"


@draws
def test_more_classes_than_a_person_reads(warm: Run, tmp_path: Path) -> None:
    for number in range(23):
        for i in range(2):
            image = one_color(10 * number, 0, 0)
            image[0, 0] = i  # no copy of the other
            write(tmp_path / f"data/{number:02}/{i}.png", image)
    done = warm("train", "preview", "cifar10", "--data", "data", *sets("image_size=8x8"))
    assert done.returncode == 0
    assert done.stderr == "note: the first 20 of 23 classes are drawn, 3 are left out\n"
    assert has(tmp_path / "preview.png", 190, 0, 0)
    assert not has(tmp_path / "preview.png", 200, 0, 0)


@draws
@pytest.mark.parametrize("size", ["1x1024", "1024x1", "1x1"])
def test_any_size_can_be_drawn(
    shapes_folder: Path, tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from train import __main__ as commands

    monkeypatch.chdir(tmp_path)
    for words in ([str(photo(tmp_path))], ["--data", str(shapes_folder)]):
        asked = commands.parse(["preview", "cifar10", *words, *sets(f"image_size={size}")])
        assert asked.run_command(asked) == 0
        assert capsys.readouterr() == ("preview.png\n", "")
        assert cv2.imread("preview.png") is not None


@draws
def test_an_older_sheet_stays_when_a_new_one_cannot_be_made(warm: Run, tmp_path: Path) -> None:
    (tmp_path / "preview.png").write_text("older")
    write(tmp_path / "data/train/a/0.png", one_color(1, 2, 3))
    (tmp_path / "data/train/b").mkdir()
    (tmp_path / "data/train/b/0.png").write_text("no image")
    write(tmp_path / "data/test/a/0.png", one_color(3, 2, 1))
    write(tmp_path / "data/test/b/0.png", one_color(3, 1, 2))
    done = warm("train", "preview", "cifar10", "--data", "data")
    assert done.returncode == 2
    says(done.stderr, "0.png: ", "decoded")
    assert (tmp_path / "preview.png").read_text() == "older"
