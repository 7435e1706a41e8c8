"""A run that begins with another's weights, or learns from it, is not judged on what that one was trained on."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import folders
from tests.conftest import Run
from tests.device.image_files import encoded

WORDS = (
    "--set",
    "test_split=0.5",
    "--set",
    "image_size=16x16",
    "--set",
    "network=tiny",
    "--set",
    "epochs=1",
    "--set",
    "batch_size=16",
)


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


def judged(run: Path, *ancestors: Path) -> tuple[dict[str, Any], int]:
    """evaluation.json of a run whose test holds as many images as no ancestor has seen; and their number."""
    evaluation = json.loads((run / "evaluation.json").read_bytes())
    seen = set.union(*(hashes(ancestor)[0] for ancestor in ancestors))
    test = hashes(run)[1]
    left = sum(digest not in seen for digest in test)
    assert 0 < left < len(test)
    assert (evaluation["n"], evaluation["left_out"]) == (left, len(test) - left)
    return evaluation, len(test)


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
    assert f"{len(test) - len(unseen)} are among those that first/model.keras was trained on" in second.stderr
    assert f"without {len(test) - len(unseen)} of {len(test)} test images" in second.stdout
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
    assert stranger.returncode == 0 and "are unknown here" in stranger.stderr
    assert "alone/model.keras may have seen these test images" in stranger.stdout
    assert json.loads((tmp_path / "third/evaluation.json").read_bytes())["unknown_ancestors"] == ["alone/model.keras"]
    assert warm("export", "third", "--variants", "float32").returncode == 0
    info = warm("device", "info", "third/export/fashion_mnist_float32.tflite")
    assert "may_have_seen_test alone/model.keras" in info.stdout, info.stdout


@pytest.mark.tensorflow
def test_a_teacher_and_what_was_begun_with_count_alike(warm: Run, noise: Path, tmp_path: Path) -> None:
    train = ("train", "fashion_mnist", "--data", noise, *WORDS)
    for name, seed in (("first", 1), ("second", 2)):
        assert warm(*train, "--run", name, "--set", f"seed={seed}").returncode == 0
    taught = warm(*train, "--run", "taught", "--set", "seed=3", "--set", "teacher=first")
    assert taught.returncode == 0, taught.stderr
    left_out = judged(tmp_path / "taught", tmp_path / "first")[0]["left_out"]
    assert f"{left_out} are among those that first/model.keras was trained on" in taught.stderr
    both = warm(*train, "--run", "both", "--set", "seed=4", "--set", "teacher=first", "--from", "second")
    assert both.returncode == 0, both.stderr
    judged(tmp_path / "both", tmp_path / "first", tmp_path / "second")
    assert "that first/model.keras" in both.stderr and "that second/model.keras" in both.stderr
    # The teacher's teacher.
    grandchild = warm(*train, "--run", "grandchild", "--set", "seed=5", "--set", "teacher=taught")
    assert grandchild.returncode == 0, grandchild.stderr
    judged(tmp_path / "grandchild", tmp_path / "first", tmp_path / "taught")


@pytest.mark.tensorflow
def test_an_ancestor_is_the_one_that_it_was(warm: Run, noise: Path, tmp_path: Path) -> None:
    """Another network lies at the path that run.json names; then nothing does; then its images are gone."""
    train = ("train", "fashion_mnist", "--data", noise, *WORDS)
    for words in (("first",), ("second", "--set", "seed=2", "--from", "first"), ("first", "--set", "seed=9")):
        assert warm(*train, "--run", *words).returncode == 0
    third = ("--set", "seed=3", "--from", "second")
    done = warm(*train, "--run", "third", *third)
    assert done.returncode == 0, done.stderr
    evaluation, _ = judged(tmp_path / "third", tmp_path / "first.1", tmp_path / "second")
    assert evaluation["unknown_ancestors"] == []
    shutil.rmtree(tmp_path / "first.1")
    assert warm(*train, "--run", "fourth", *third).returncode == 0
    evaluation, _ = judged(tmp_path / "fourth", tmp_path / "second")
    assert evaluation["unknown_ancestors"] == ["second/model.keras"]
    shutil.rmtree(folders.cache_root() / hashes(tmp_path / "second")[2]["data"]["cache"])
    assert warm(*train, "--run", "fifth", *third).returncode == 0
    evaluation = json.loads((tmp_path / "fifth/evaluation.json").read_bytes())
    assert (evaluation["left_out"], evaluation["unknown_ancestors"]) == (0, ["second/model.keras"])


@pytest.mark.tensorflow
def test_where_all_were_seen_it_is_refused(warm: Run, noise: Path, tmp_path: Path) -> None:
    train = ("train", "fashion_mnist", "--data", noise, *WORDS)
    assert warm(*train, "--run", "first").returncode == 0
    seen = hashes(tmp_path / "first")[0]
    for path in noise.glob("*/*.png"):
        part = "test" if folders.content_hash(path.read_bytes()) in seen else "train"
        other = tmp_path / "turned" / part / path.parent.name / path.name
        other.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, other)
    refused = warm("train", "fashion_mnist", "--data", "turned", *WORDS, "--run", "second", "--from", "first")
    assert refused.returncode == 2 and not (tmp_path / "second").exists()
    assert "of 30 test images 30 are among those that first/model.keras was trained on" in refused.stderr


@pytest.mark.tensorflow
def test_a_backbone_that_may_know_the_images_is_not_cross_validated_on_them(
    warm: Run, noise: Path, tmp_path: Path
) -> None:
    size = ("--backbone", "EfficientNetLite0", "--set", "image_size=32x32", "--set", "test_split=0.5")
    train = ("train", "transfer", "--data", noise, *size)
    first = warm(*train, "--run", "first")
    assert first.returncode == 0 and "cross-validated" in first.stdout, first.stderr
    second = warm(*train, "--run", "second", "--from", "first")
    assert second.returncode == 0 and "cross-validated" not in second.stdout, second.stderr
    assert json.loads((tmp_path / "second/evaluation.json").read_bytes())["cross_validation"] is None
