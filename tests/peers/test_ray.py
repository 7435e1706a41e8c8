"""Ray Data with two workers on this machine: the example of docs/python.md, as it stands there."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from device import Classifier
from tests.conftest import ROOT, environment
from tests.page_examples import ELSEWHERE, lay_out

pytestmark = pytest.mark.programs

# A cluster of one machine that takes little of it.
SMALL = "import ray; ray.init(num_cpus=2, object_store_memory=80_000_000, include_dashboard=False)"


def test_two_workers_give_the_labels_that_one_classifier_gives(tmp_path: Path) -> None:
    python = environment("ray")
    (example,) = ELSEWHERE
    folder = lay_out(tmp_path)
    # Ray's sockets lie below its folder, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="ray-") as short:
        own = {"PYTHONPATH": str(ROOT), "RAY_TMPDIR": short, "RAY_USAGE_STATS_ENABLED": "0"}
        done = subprocess.run(
            [python, "-c", f"{SMALL}\n{example}"],
            cwd=folder,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    classifier = Classifier(folder / "doors_int8.tflite")
    paths = list((folder / "images").iterdir())
    assert sorted(done.stdout.splitlines()) == sorted(f"{path.name} {classifier(path).label}" for path in paths)
    assert len(paths) > 1
