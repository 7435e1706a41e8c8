"""--backbone auto: the best by cross-validated log loss, or the fastest of those that are as good, within limits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import UserError
from tests import drawing, weights
from tests.conftest import Run
from tests.device.refusals import says
from train.backbones import backbones, measured
from train.networks import auto
from train.networks.auto import BackboneLimits, Candidate

NAMES = ("MobileNetV2", "EfficientNetLite0")  # the first is faster and smaller
HERE = {row.backbone: row for row in measured.read().results if row.backbone in NAMES}


def between(key: str) -> float:
    return float(sum(getattr(HERE[name], key) for name in NAMES) / 2)


@pytest.fixture
def two_are_here() -> None:
    """A file in the place of MobileNetV2's weights; EfficientNetLite0's are installed, and no others are here."""
    path = backbones.get("MobileNetV2").weights_path
    path.parent.mkdir(parents=True)
    path.touch()


def candidate(name: str, losses: list[float]) -> Candidate:
    return Candidate(backbones.get(name), np.array(losses), 0.5, HERE[name])


@pytest.mark.usefixtures("two_are_here")
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (BackboneLimits(), set(NAMES)),
        (BackboneLimits(latency_ms=between("p50_ms")), {"MobileNetV2"}),
        (BackboneLimits(file_bytes=between("file_bytes")), {"MobileNetV2"}),
        (BackboneLimits(HERE["EfficientNetLite0"].p50_ms, HERE["EfficientNetLite0"].file_bytes), set(NAMES)),
    ],
)
def test_candidates_are_within_the_limits(limits: BackboneLimits, expected: set[str]) -> None:
    assert {backbone.name for backbone in auto.candidates(limits)} == expected


@pytest.mark.usefixtures("two_are_here")
@pytest.mark.parametrize("limits", [BackboneLimits(latency_ms=0.1), BackboneLimits(file_bytes=1e5)])
def test_limits_that_nothing_meets(limits: BackboneLimits) -> None:
    with pytest.raises(UserError) as refused:
        auto.candidates(limits)
    for name, row in HERE.items():
        says(str(refused.value), f"{name} {row.p50_ms:.1f} ms, {row.file_bytes / 1e6:.1f} MB")


def test_a_difference_within_its_noise_is_none() -> None:
    random = np.random.default_rng(1)
    best = random.gamma(1.0, 0.5, 50)
    for shift, is_as_good in ((0.0, True), (0.01, True), (0.05, False), (0.5, False)):
        other = best + shift + random.normal(0, 0.5, 50)
        other += shift - (other - best).mean()  # the noise itself has no mean
        found = candidate("MobileNetV2", list(other)).is_as_good_as(candidate("EfficientNetLite0", list(best)))
        assert found == is_as_good, shift


@pytest.mark.parametrize(("most", "expected"), [(6, [2, 2, 2]), (9, [4, 4, 1]), (100, [50, 30, 1])])
def test_a_sample_is_as_even_as_the_images_are(most: int, expected: list[int]) -> None:
    targets = np.random.default_rng(3).permutation(np.repeat([0, 1, 2], [50, 30, 1 if most > 6 else 5]))
    rows = auto.sample(targets, most, seed=1)
    assert np.bincount(targets[rows]).tolist() == expected and (np.diff(rows) > 0).all()
    assert (rows == auto.sample(targets, most, seed=1)).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--backbone", "auto", "--max-latency", "0"), "--max-latency is 0,"),
        (("--backbone", "MobileNetV2", "--max-size", "3"), "MobileNetV2"),
        (("--backbone", "auto", "--max-latency", "0.000001"), "--max-latency"),
    ],
)
def test_options_that_do_not_go_together(command: Run, words: tuple[str, ...], said: str) -> None:
    done = command("train", "transfer", "--data", "cats_vs_dogs", *words)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.tensorflow
def test_one_that_knows_images_is_chosen(eager: Run, warm: Run, tmp_path: Path) -> None:
    """Of EfficientNet-Lite0 as published and a MobileNetV2 of random numbers."""
    home = tmp_path / "weights"
    weights.write("MobileNetV2", home)
    data, run = drawing.write_folder(tmp_path / "shapes", {"train": 48, "test": 12}), tmp_path / "run"
    words = ("train", "transfer", "--data", data, "--run", run, "--backbone", "auto", "--set", "image_size=96x96")
    done = eager(*words, KERAS_HOME=str(home))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stderr.splitlines()]
    table = {line[0]: line for line in lines if line and line[0] in HERE}
    assert set(table) == set(HERE)
    assert float(table["EfficientNetLite0"][1]) < float(table["MobileNetV2"][1])
    assert [name for name, line in table.items() if line[-1] == "chosen"] == ["EfficientNetLite0"]
    recipe: dict[str, Any] = json.loads((run / "run.json").read_bytes())["recipe"]
    assert (recipe["backbone"], recipe["image_size"]) == ("EfficientNetLite0", [96, 96])
    assert len(list(tmp_path.glob("cache/*/features-*-train.npy"))) == 2, "the run's own features are those"
    again = warm(*words, KERAS_HOME=str(home))
    assert "up to date" in again.stderr
    assert again.stderr.splitlines()[:5] == done.stderr.splitlines()[:5], "the same table, without asking Keras"
    (kept,) = tmp_path.glob("cache/*/auto-*.json")
    kept.write_text("{")
    assert "up to date" in warm(*words, KERAS_HOME=str(home)).stderr, "chosen anew"
    alone = warm(*words, KERAS_HOME=str(tmp_path / "none"))
    assert "up to date" in alone.stderr and "MobileNetV2" not in alone.stderr
