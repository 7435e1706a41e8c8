"""What make's commands come to, without running them."""

import os
import shutil
import subprocess
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
    folder = tmp_path / "my pictures"
    folder.mkdir()
    assert planned("train", f"DATA={folder}").endswith(f'-m train transfer --data "{folder}"')
    assert f'-m train cifar10 --data "{folder}"' in planned("train", f"DATA={folder}", "RECIPE=cifar10")
