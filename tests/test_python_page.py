"""Every example of README and docs/python.md, in a process of its own, beside the files that it names."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import framelite
from tests.conftest import EAGER, ROOT, places, runs_in
from tests.page_examples import ELSEWHERE, HERE, lay_out
from tests.warm import TENSORFLOW

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("program"))


def test_there_are_examples() -> None:
    assert len(HERE) >= 6 and len(ELSEWHERE) == 1


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=pytest.mark.tensorflow if "train(" in example else ())
        for number, example in enumerate(HERE)
    ],
)
def test_an_example_runs_and_prints(number: int, folder: Path) -> None:
    if "train(" in HERE[number]:  # Keras has warnings of its own
        done = runs_in(folder, TENSORFLOW)("-c", EAGER + HERE[number], **places(folder))
    else:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", HERE[number]],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_public_name_has_an_example() -> None:
    page = "\n".join(HERE)
    # What the others give, or are kinds of.
    results = {"ExportedModels", "Explanation", "Prediction", "Run", "UserError"}
    assert all(re.search(rf"\b{name}\b", page) for name in set(framelite.__all__) - results)
