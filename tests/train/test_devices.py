"""Several devices and several machines: the loss of one on the same batches, the same weights on all."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.errors import UserError
from tests import drawing, servers, weights
from tests.conftest import ROOT, UNOPTIMIZED, Run, environment
from tests.device.refusals import says
from tests.train import saved
from tests.train.saved import curves

pytestmark = pytest.mark.tensorflow

# No BatchNormalization: its statistics are those of a device's part of the batch. 240 + 60 images, whole batches.
WORDS = (
    "cifar10_tutorial",
    "--set",
    "image_size=16x16",
    "--set",
    "epochs=3",
    "--set",
    "batch_size=16",
    "--set",
    "validation_split=0.2",
)
# On JAX a batch is put together again: all that looks at its images by their places, or at all of them, is the same.
TOGETHER = (
    *(
        "image_size=16x16",
        "epochs=3",
        "batch_size=16",
        "validation_split=0.2",
        "network=tiny",
        "grayscale=false",
        "dropout=0.2",
    ),
    *("ema_momentum=0.9", "rotation_range=20", "brightness_range=0.8,1.2", "random_erasing=0.5", "mixup=0.5"),
)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawing.write_folder(tmp_path_factory.mktemp("devices") / "shapes", {"train": 300, "test": 60})


def same_curves(one: Path, other: Path) -> None:
    first, second = curves(one), curves(other)
    assert first["loss"][-1] < first["loss"][0]
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, rtol=2e-4, err_msg=name)


def on_devices(warm: Run, count: int, shapes: Path, run: Path, *settings: str) -> str:
    done = warm("tests.train.two_devices", count, shapes, run, *settings)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_two_devices_train_as_one(warm: Run, shapes: Path, tmp_path: Path) -> None:
    said = on_devices(warm, 2, shapes, tmp_path / "two")
    assert "training on 2 devices: " in said
    assert "training on" not in on_devices(warm, 1, shapes, tmp_path / "one")
    same_curves(tmp_path / "one", tmp_path / "two")
    evaluations = [json.loads((tmp_path / name / "evaluation.json").read_bytes()) for name in ("one", "two")]
    assert evaluations[0]["n"] == evaluations[1]["n"] == 60
    assert evaluations[0]["top1"] == pytest.approx(evaluations[1]["top1"], abs=0.02)


def test_two_devices_with_dropout_augmentation_and_an_average(warm: Run, shapes: Path, tmp_path: Path) -> None:
    settings = ("network=tiny", "dropout=0.2", "ema_momentum=0.9", "rotation_range=10", "epochs=1")
    on_devices(warm, 2, shapes, tmp_path / "run", *settings)
    document = json.loads((tmp_path / "run/run.json").read_bytes())
    assert document["status"] == "done"


def test_two_devices_train_a_head_and_then_more_also_with_odd_numbers(warm: Run, shapes: Path, tmp_path: Path) -> None:
    """243 training images in batches of 16: the last has 3, of which 2 can be shared. 57 for validation: 56 can."""
    weights.write("MobileNet", tmp_path / "keras")
    settings = (
        "network=backbone",
        "strategy=head",
        "fine_tune_epochs=1",
        "backbone=MobileNet",
        "freeze=80",
        "loss=categorical_crossentropy",
        "head_units=8",
        "image_size=32x32",
        "epochs=1",
        "validation_split=0.19",
    )
    on_devices(warm, 2, shapes, tmp_path / "run", *settings)
    document = json.loads((tmp_path / "run/run.json").read_bytes())
    assert (document["status"], document["data"]["train"], document["data"]["validation"]) == ("done", 243, 57)
    assert len(curves(tmp_path / "run")["loss"]) == 2
    (kept,) = tmp_path.glob("cache/*/features-MobileNet-*-train.npy")
    features = np.load(kept)
    assert features.shape == (300, 1024)
    assert len(np.unique(features, axis=0)) > 250, "each image's own"


@pytest.mark.parametrize(
    ("batch", "validation", "expected"),
    [
        (15, 60, "batch_size is 15, .*--set batch_size=16"),
        (1, 60, "batch_size is 1, .*--set batch_size=2"),
        (16, 1, "1 validation images .*2 devices"),
    ],
)
def test_what_devices_cannot_share_is_refused(batch: int, validation: int, expected: str) -> None:
    from train.environment.devices import Devices

    with pytest.raises(UserError, match=expected):
        Devices(2).check(batch, {"training": 240, "validation": validation})
    Devices(1).check(batch, {"training": 240, "validation": validation})


def test_a_refused_batch_leaves_an_older_run_whole(warm: Run, shapes: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.keras").write_bytes(b"an older run's")
    done = warm("tests.train.two_devices", 2, shapes, run, "batch_size=15")
    assert done.stderr.splitlines()[-1].startswith("device.errors.UserError: batch_size is 15, ")
    assert {path.name for path in run.iterdir()} == {"model.keras"}


def started(python: Path, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(python), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **UNOPTIMIZED, "PYTHONPATH": str(ROOT)},
    )


def ended_well(process: "subprocess.Popen[str]") -> tuple[str, str]:
    try:
        stdout, stderr = process.communicate(timeout=200)
    finally:
        process.kill()
    assert process.returncode == 0, stderr
    return stdout, stderr


def lines(stderr: str) -> list[str]:
    """The epochs' lines without their seconds."""
    return [line.rsplit(",", 1)[0] for line in stderr.splitlines() if line.startswith("epoch ")]


def test_two_processes_on_jax_train_as_one_and_the_model_exports(warm: Run, shapes: Path, tmp_path: Path) -> None:
    python = environment("jax")
    settings = [word for setting in TOGETHER for word in ("--set", setting)]
    train = ("-m", "train", "fashion_mnist", *settings, "--data", shapes, "--backend", "jax", "--run")
    ended_well(started(python, *train, tmp_path / "one"))
    meet = f"127.0.0.1:{servers.free_port()}"
    cluster = ("--coordinator", meet, "--processes", 2, "--process-id", 0)
    together = [
        started(python, *train, tmp_path / "two", *cluster),
        # Through the command line it would throw away what it saves: it is to be compared.
        started(python, ROOT / "tests/train/one_of_several.py", shapes, tmp_path / "other", meet, 1, *TOGETHER),
    ]
    said = [ended_well(process) for process in together]
    assert lines(said[0][1]) == lines(said[1][1]) != []
    (answer,) = said[0][0].splitlines()
    assert answer.startswith("test accuracy "), "what carries the messages keeps off stdout"
    assert saved.weights(tmp_path / "two/model.keras") == saved.weights(tmp_path / "other/model.keras"), (
        "the same weights on both"
    )
    same_curves(tmp_path / "one", tmp_path / "two")
    evaluations = [json.loads((tmp_path / name / "evaluation.json").read_bytes()) for name in ("one", "two")]
    for one, two in zip(*((document, document["last_epoch"]) for document in evaluations), strict=True):
        assert one["top1"] == pytest.approx(two["top1"], abs=0.02)
    done = warm("export", tmp_path / "two", "--variants", "float32,int8")
    assert done.returncode == 0, done.stderr
    exported = json.loads((tmp_path / "two/export/export.json").read_bytes())
    assert [row["variant"] for row in exported["variants"] if row["file"]] == ["float32", "int8"]


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--processes", "2"], ("--processes ", "--backend jax", "--coordinator HOST:PORT")),
        (["--backend", "jax", "--processes", "2"], ("--processes ", "--backend jax", "--coordinator")),
        (["--processes", "2", "--process-id", "2"], ("--processes 2 --process-id 2,",)),
        (["--processes", "0"], ("--processes 0 --process-id 0,",)),
        (["--coordinator", "127.0.0.1:1"], ("--coordinator ", "--processes N")),
        (["--process-id", "0"], ("--process-id ", "--processes N")),
    ],
)
def test_processes_that_cannot_work(command: Run, words: list[Any], facts: tuple[str, ...]) -> None:
    done = command("train", *WORDS, *words)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    says(line, "error: ", *facts)


def test_a_part_is_as_large_as_every_other() -> None:
    from train.environment.devices import ALONE, Cluster

    rows = np.arange(11)
    parts = [Cluster("", 3, i).shard(rows).tolist() for i in range(3)]
    assert parts == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert ALONE.shard(rows).tolist() == rows.tolist()
