"""A full disk is one line and exit code 2: nothing half-written stays, and what was good before is there."""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import drawing
from tests.conftest import ROOT, Run
from tests.trained import WORDS, Trained
from train.data import array_file


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=500k", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here: that takes root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def error(stderr: str) -> str:
    (line,) = (line for line in stderr.splitlines() if line.startswith("error: "))
    assert "Traceback" not in stderr
    return line


def test_the_cache_on_a_full_disk(command: Run, shapes_folder: Path, disk: Path) -> None:
    done = command("train", "data", shapes_folder, "--size", "96", FRAMELITE_CACHE=str(disk))
    assert done.returncode == 2, done.stderr
    line = error(done.stderr)
    assert f"{disk}/shapes-" in line and "no space" in line
    assert list(disk.iterdir()) == []


def test_the_cache_above_the_allowed_file_size(shapes_folder: Path, tmp_path: Path) -> None:
    """ulimit -f, which a memory-mapped file of that size passes by."""
    done = subprocess.run(
        [sys.executable, "-m", "train", "data", str(shapes_folder), "--size", "96"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FRAMELITE_CACHE": str(tmp_path / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 2, done.stderr
    assert str(tmp_path / "cache/shapes-") in error(done.stderr)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("count", [0, 3, 7])
def test_an_array_file_is_numpy_s_own(tmp_path: Path, count: int) -> None:
    """Byte for byte, however many of the rows that were expected came."""
    rows = np.random.default_rng(1).integers(0, 256, (count, 4, 5, 3), np.uint8)
    with array_file.appending(tmp_path / "ours.npy", np.uint8, (7, 4, 5, 3)) as append:
        for row in rows:
            append(row[None])
    np.save(tmp_path / "numpy.npy", rows)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


@pytest.mark.parametrize("can_reserve", [True, False])
def test_a_full_disk_is_an_error_that_names_the_file(
    disk: Path, monkeypatch: pytest.MonkeyPatch, can_reserve: bool
) -> None:
    """Before the first row where space can be reserved; else at a row, and never by a signal."""
    if not can_reserve:

        def refuse(*words: int) -> None:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

        monkeypatch.setattr(os, "posix_fallocate", refuse)  # as file systems do that can't reserve
    path, written = disk / "rows.npy", 0
    with pytest.raises(OSError) as refusal, array_file.appending(path, np.float32, (100, 10_000)) as append:
        for _ in range(100):
            append(np.ones((1, 10_000), np.float32))
            written += 1
    assert refusal.value.errno == errno.ENOSPC and refusal.value.filename == str(path)
    assert bool(written) is not can_reserve


@pytest.mark.tensorflow
def test_features_on_a_full_disk(warm: Run, disk: Path, tmp_path: Path) -> None:
    """The images fit, and their features, 1,280 numbers each, don't."""
    shapes = drawing.write_folder(tmp_path / "shapes", {"train": 90, "test": 15})
    words = ("--data", shapes, "--run", tmp_path / "run", "--set", "image_size=32x32", "--set", "epochs=1")
    done = warm("train", "transfer", *words, FRAMELITE_CACHE=str(disk))
    assert done.returncode == 2, done.stderr
    (cache,) = disk.iterdir()
    assert f"{cache}/features-EfficientNetLite0" in error(done.stderr)
    assert left(cache) == ["index.json", "test.npy", "train.npy"]
    assert json.loads((tmp_path / "run/run.json").read_bytes())["status"] == "failed"


@pytest.mark.tensorflow
def test_a_run_on_a_full_disk(warm: Run, trained: Trained, disk: Path) -> None:
    """It gets as far as it can; the finished run that lay there is whole beside it."""
    run = disk / "run"
    run.mkdir()
    for name in ("run.json", "evaluation.json", "history.json"):
        shutil.copy(trained.run / name, run)
    (run / "model.keras").write_bytes(b"small")
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    (disk / "ballast").write_bytes(bytes(450_000))
    words = ["train", "fashion_mnist", "--data", trained.data, "--run", run, *WORDS, "--set", "seed=5"]
    done = warm(*words, FRAMELITE_CACHE=str(trained.cache))
    assert done.returncode == 2, done.stderr
    assert str(run) in error(done.stderr) and "no space" in error(done.stderr)
    assert {path.name: path.read_bytes() for path in (disk / "run.1").iterdir()} == before
    assert not [name for name in left(run) if Path(name).name.startswith(".")]
    assert json.loads((run / "run.json").read_bytes())["status"] in ("running", "failed")
