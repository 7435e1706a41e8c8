"""Making a cache is interrupted: what is found afterwards is a whole cache or none, and the next call works."""

import os
import random
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from device.data import folders
from tests import drawing, processes
from train.data import cache
from train.data.cache import DataRequest

pytestmark = pytest.mark.programs


def images(root: Path, count: int) -> Path:
    """count images of 480x360 for each of two labels in each of two splits; behind each JPEG its number."""
    for label in ("circle", "square"):
        image = drawing.shape(label, np.random.default_rng(1), (360, 480))
        data = bytes(cv2.imencode(".jpg", image)[1])
        for split in ("train", "test"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                (folder / f"{i:04}.jpg").write_bytes(data + f"{split}{i}".encode())
    return root


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough to be interrupted in the middle: half a second's work."""
    return images(tmp_path_factory.mktemp("data") / "many", 200)


def temporary_folders() -> list[Path]:
    root = folders.cache_root()
    return [path for path in root.iterdir() if path.name.startswith(".")] if root.exists() else []


def test_killed_at_random_moments(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cache.provide(DataRequest(str(many), (32, 32)))
    lot = random.Random(1)
    cut_short = 0
    for attempt in range(3):
        place = tmp_path / f"cache{attempt}"
        final = place / whole.path.name
        with processes.started(
            "train", "data", many, "--size", "32", cwd=tmp_path, FRAMELITE_CACHE=str(place)
        ) as process:
            processes.wait_until(lambda place=place: place.exists() and any(place.iterdir()), process)  # type: ignore[misc]
            time.sleep(attempt * lot.uniform(0, 0.05))
            process.kill()
            process.wait()
        found = folders.open_cache(final)
        assert (found is not None) == final.exists(), "a cache is whole or not there"
        cut_short += found is None
        monkeypatch.setenv("FRAMELITE_CACHE", str(place))
        made = cache.provide(DataRequest(str(many), (32, 32)))
        assert made.path == final
        for split in ("train", "test"):
            np.testing.assert_array_equal(made.images(split), whole.images(split))
            assert made.hashes(split) == whole.hashes(split)
    assert cut_short, "no kill came in time: make the data larger"


def test_control_c_while_its_folder_is_made_leaves_nothing(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal is obeyed when the call it came in is over: the folder is there by then. No real one is so exact."""
    made = os.mkdir

    def interrupted(path: object, *words: object, **options: object) -> None:
        made(path, *words, **options)  # type: ignore[arg-type]
        if Path(str(path)).name.startswith("."):
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.provide(DataRequest(str(many), (32, 32)))
    assert list(folders.cache_root().iterdir()) == []


def test_control_c_leaves_nothing(tmp_path: Path) -> None:
    endless = images(tmp_path / "endless", 2000)  # however late the signal comes on a busy machine
    with processes.started("train", "data", endless, "--size", "32", cwd=tmp_path) as process:
        assert processes.wait_until(temporary_folders, process)
        code, stderr = processes.interrupt(process)
    assert code == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr
    assert list(folders.cache_root().iterdir()) == []
