"""What make's commands come to, without running them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, missing


def planned(*words: str) -> str:
    """The last line that `make WORDS` would run."""
    if not (make := shutil.which("make")):
        missing("no make")
    ours = ("DATA", "RECIPE", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # `make test` itself runs this
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [str(make), "--dry-run", "--no-print-directory", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return " ".join(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "recipe"),
    [((), "fashion_mnist"), (("DATA=cifar10",), "fashion_mnist"), (("RECIPE=cifar10",), "cifar10")],
)
def test_without_a_folder_the_recipe_is_the_default_or_named(words: tuple[str, ...], recipe: str) -> None:
    assert f" -m train {recipe}" in planned("train", *words)


def test_a_folder_of_one_s_own_takes_transfer(tmp_path: Path) -> None:
    folder = tmp_path / "my images"
    folder.mkdir()
    assert planned("train", f"DATA={folder}").endswith(f'-m train transfer --data "{folder}"')
    assert f'-m train cifar10 --data "{folder}"' in planned("train", f"DATA={folder}", "RECIPE=cifar10")


def test_export_takes_the_run_that_training_made(tmp_path: Path) -> None:
    """What its folder is called only train says: the command asks it."""
    folder = tmp_path / "my images"
    folder.mkdir()
    where = f'-m train where transfer --data "{folder}")"'
    assert where in planned("export", f"DATA={folder}")
    assert f"{where}/export/*_int8.tflite" in planned("gate", f"DATA={folder}", "BASE=main:x.tflite")


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "run"),
    [
        (("cifar10",), "runs/cifar10"),
        (("cifar10", "--data", "my images"), "runs/cifar10"),
        (("transfer",), "runs/transfer"),
        (("transfer", "--data", "my images"), "runs/my_images"),
        (("scratch", "--data", "my images"), "runs/my_images_scratch"),
        (("transfer", "--data", "./사진"), "runs/사진"),
        (("transfer", "--data", "./cifar10"), "runs/cifar10_folder"),
    ],
)
def test_a_run_is_called_after_the_folder_of_its_images(words: tuple[str, ...], run: str, tmp_path: Path) -> None:
    if "--data" in words:
        (tmp_path / words[-1]).mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "train", "where", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (done.stdout.strip(), done.returncode) == (run, 0), done.stderr
