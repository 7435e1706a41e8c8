"""--backbone auto: the best by cross-validated log loss, or the fastest of those that are as good, within limits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import UserError
from tests import drawing, weights
from tests.conftest import Run
from train.backbones import backbones
from train.networks import auto
from train.networks.auto import BackboneLimits, Candidate

HERE = {"MobileNetV2": {"p50_ms": 1.5, "file_bytes": 2.7e6}, "EfficientNetLite0": {"p50_ms": 2.0, "file_bytes": 4e6}}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latencies of a machine that isn't this one, and weights that are said to be here."""
    found = {"results": [{"backbone": name, **int8} for name, int8 in HERE.items()], "machine": {"cpu": "another"}}
    monkeypatch.setattr(backbones, "measured", lambda: found)
    monkeypatch.setattr(backbones, "_is_here", lambda backbone: backbone.name in HERE)


def candidate(name: str, losses: list[float]) -> Candidate:
    return Candidate(backbones.get(name), np.array(losses), 0.5, HERE[name])


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (BackboneLimits(), {"MobileNetV2", "EfficientNetLite0"}),
        (BackboneLimits(latency_ms=1.6), {"MobileNetV2"}),
        (BackboneLimits(file_bytes=3e6), {"MobileNetV2"}),
        (BackboneLimits(2.0, 4e6), {"MobileNetV2", "EfficientNetLite0"}),
    ],
)
def test_limits(limits: BackboneLimits, expected: set[str]) -> None:
    assert {backbone.name for backbone in auto.candidates(limits)} == expected


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("limits", [BackboneLimits(latency_ms=0.1), BackboneLimits(file_bytes=1e5)])
def test_limits_that_nothing_meets(limits: BackboneLimits) -> None:
    with pytest.raises(UserError, match=r"MobileNetV2 1.5 ms, 2.7 MB, EfficientNetLite0 2.0 ms, 4.0 MB"):
        auto.candidates(limits)


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
        (("--backbone", "auto", "--max-latency", "0"), "--max-latency is 0, expected a number above 0"),
        (("--backbone", "MobileNetV2", "--max-size", "3"), "--max-size was given for MobileNetV2"),
        (("--backbone", "auto", "--max-latency", "0.000001"), "no backbone with weights is within --max-latency"),
    ],
)
def test_options_that_do_not_go_together(command: Run, words: tuple[str, ...], said: str) -> None:
    done = command("train", "transfer", "--data", "cats_vs_dogs", *words)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.tensorflow
def test_one_that_knows_images_is_chosen(warm: Run, tmp_path: Path) -> None:
    """Of EfficientNet-Lite0 as published and a MobileNetV2 of random numbers."""
    home = tmp_path / "weights"
    weights.write("MobileNetV2", home)
    data, run = drawing.write_folder(tmp_path / "shapes", {"train": 48, "test": 12}), tmp_path / "run"
    words = ("train", "transfer", "--data", data, "--run", run, "--backbone", "auto", "--set", "image_size=96x96")
    done = warm(*words, KERAS_HOME=str(home))
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
    assert "the only one with weights and within the limits" in alone.stderr and "up to date" in alone.stderr
