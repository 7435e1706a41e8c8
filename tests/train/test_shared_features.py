"""Several processes compute a backbone's features together: each a part, all of them the whole, as one alone has it."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import drawing, servers
from tests.conftest import ROOT, UNOPTIMIZED, Run, environment
from tests.train import saved

pytestmark = pytest.mark.tensorflow

HEAD = ("transfer", "--backbone", "EfficientNetLite0", "--set", "image_size=32x32", "--backend", "jax")
# A network is asked about 500 images of that size at a time: a round of two processes is 1,000, of the next one has
# less than its share and the other nothing.
COUNTS: dict[str | None, int] = {"train": 1100, "test": 100}  # two shapes of a batch, each compiled once a process


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawing.write_folder(tmp_path_factory.mktemp("shared") / "shapes", COUNTS)


def trained(shapes: Path, place: Path, count: int) -> list[str]:
    """What each process said; each has a cache and a run of its own: machines share nothing but the images."""
    meet, python = f"127.0.0.1:{servers.free_port()}", environment("jax")
    cluster = ("--coordinator", meet, "--processes", str(count)) if count > 1 else ()
    processes = [
        subprocess.Popen(
            [python, "-m", "train", *HEAD, "--data", shapes, "--run", place / f"run{number}", *cluster]
            + (["--process-id", str(number)] if cluster else []),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **UNOPTIMIZED, "FRAMELITE_CACHE": str(place / f"cache{number}")},
        )
        for number in range(count)
    ]
    said = []
    for process in processes:
        try:
            stdout, stderr = process.communicate(timeout=250)
        finally:
            process.kill()
        assert process.returncode == 0, stderr
        said.append(stdout)
    return said


def kept(place: Path, number: int) -> dict[str, Any]:
    """The features in a process' cache, by file name."""
    return {path.name: np.load(path) for path in sorted((place / f"cache{number}").glob("*/features-*.npy"))}


def test_two_processes_have_the_features_that_one_has(shapes: Path, tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    (one,) = trained(shapes, alone, 1)
    # Process 0 has them already: it still does its part for the one that lacks them.
    shutil.copytree(alone / "cache0", together / "cache0")
    first, _ = trained(shapes, together, 2)
    assert first.splitlines()[0].rpartition("  ")[0] == one.splitlines()[0].rpartition("  ")[0] != ""
    expected = kept(alone, 0)
    assert [len(found) for found in expected.values()] == [COUNTS["test"], COUNTS["train"]]
    for number in (0, 1):
        found = kept(together, number)
        assert found.keys() == expected.keys()
        for name, features in expected.items():
            np.testing.assert_array_equal(found[name], features)
    assert saved.weights(together / "run0/model.keras") == saved.weights(alone / "run0/model.keras")
    assert not (together / "run1").exists(), "process 0 has the run folder"


@pytest.mark.parametrize("more", [["--backbone", "auto"], ["--fine-tune", "1"], ["--set", "head_units=8"]])
def test_what_several_cannot_share_is_refused(command: Run, shapes: Path, more: list[str]) -> None:
    cluster = ("--processes", "2", "--coordinator", "127.0.0.1:1")
    done = command("train", *HEAD, "--data", shapes, *cluster, *more)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: --processes: ") and "features" in line
