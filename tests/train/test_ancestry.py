"""A run that begins with another's weights is not judged on what those were trained on."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device import folders
from tests.conftest import Run
from tests.device.picture_files import encoded

WORDS = ("--set", "test=0.5", "--set", "size=16x16", "--set", "network=tiny", "--set", "epochs=1", "--set", "batch=16")


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Sixty different images with labels by lot."""
    random = np.random.default_rng(4)
    for label in ("a", "b"):
        (tmp_path / "noise" / label).mkdir(parents=True)
        for number in range(30):
            drawn = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            (tmp_path / "noise" / label / f"{number:02}.png").write_bytes(encoded(drawn, "PNG"))
    return tmp_path / "noise"


def hashes(run: Path) -> tuple[set[str], list[str], dict[str, Any]]:
    """(of what the run was trained and validated on, of its whole test, its run.json)."""
    document = json.loads((run / "run.json").read_bytes())
    cache = folders.open_cache(folders.cache_root() / document["data"]["cache"])
    assert cache is not None
    return set(cache.hashes("train")), cache.hashes("test"), document


@pytest.mark.tensorflow
def test_another_seed_leaves_out_what_was_seen(warm: Run, noise: Path, tmp_path: Path) -> None:
    train = ("train", "fashion_mnist", "--data", noise, *WORDS)
    assert warm(*train, "--run", "first").returncode == 0
    second = warm(*train, "--run", "second", "--set", "seed=2", "--from", "first")
    assert second.returncode == 0, second.stderr
    seen, _, _ = hashes(tmp_path / "first")
    _, test, document = hashes(tmp_path / "second")
    unseen = [row for row, digest in enumerate(test) if digest not in seen]
    assert 0 < len(unseen) < len(test)
    evaluation = json.loads((tmp_path / "second/evaluation.json").read_bytes())
    assert (evaluation["n"], evaluation["left_out"]) == (len(unseen), len(test) - len(unseen))
    assert document["split"]["test_rows"] == unseen and document["data"]["test"] == len(unseen)
    assert f"{len(test) - len(unseen)} of {len(test)} test images" in second.stderr
    # The export is judged on the same ones, and a grandchild knows its grandparent.
    exported = warm("export", "second", "--variants", "float32")
    assert exported.returncode == 0 and f"n {len(unseen)})" in exported.stdout, exported.stderr
    third = warm(*train, "--run", "third", "--set", "seed=3", "--from", "second")
    assert third.returncode == 0, third.stderr
    older = seen | hashes(tmp_path / "second")[0]
    expected = [row for row, digest in enumerate(hashes(tmp_path / "third")[1]) if digest not in older]
    assert json.loads((tmp_path / "third/evaluation.json").read_bytes())["n"] == len(expected)


@pytest.mark.tensorflow
def test_the_same_split_counts_whole_and_a_stranger_is_said(warm: Run, noise: Path, tmp_path: Path) -> None:
    train = ("train", "fashion_mnist", "--data", noise, *WORDS)
    assert warm(*train, "--run", "first").returncode == 0
    same = warm(*train, "--run", "second", "--from", "first")
    assert same.returncode == 0 and "test images" not in same.stderr
    assert json.loads((tmp_path / "second/evaluation.json").read_bytes())["left_out"] == 0
    (tmp_path / "alone").mkdir()
    (tmp_path / "first/model.keras").rename(tmp_path / "alone/model.keras")
    stranger = warm(*train, "--run", "third", "--from", "alone/model.keras")
    assert stranger.returncode == 0 and "isn't known here" in stranger.stderr
