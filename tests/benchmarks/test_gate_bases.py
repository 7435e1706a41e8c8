"""What a gate takes for a base: a stored baseline, a file as it is committed."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.documents import models
from benchmarks.gate import baseline, drop
from benchmarks.statistics.stats import Interval
from device.errors import UserError
from device.inference import runtime
from device.inference.overrides import NO_OVERRIDES
from tests import drawing
from tests.benchmarks.gating import LONG, ONE_ROUND, SMALL, Gate, document, spoiled
from tests.conftest import Run, model
from tests.device import crafted
from tests.device.refusals import names, refusal, with_card

pytestmark = pytest.mark.programs


def stored(folder: Path, ratio: float, right: dict[str, bool] | None = None, cores: int | None = None) -> Path:
    """A baseline, as if a model of that ratio to the reference workload had been measured."""
    path, engine = folder / "stored.json", runtime.find()
    interval = Interval(0.99 * ratio, ratio, 1.01 * ratio)
    baseline.write(path, models.find([model("int8")])[0], 1, engine, interval, "shapes" if right else None, right)
    document = json.loads(path.read_bytes())
    if cores:
        document["fingerprint"]["cores"] = cores
    path.write_text(json.dumps(document))
    return path


def test_a_stored_baseline_and_a_candidate_that_is_much_faster(
    gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The candidate is the reference workload itself; the stored model took a hundred times as long."""
    path = stored(tmp_path, 100.0)
    assert gate(path, SMALL, *LONG) == 0
    said = capsys.readouterr().out
    assert f"no regression: {SMALL} against {path} (shapes_int8.tflite)" in said
    assert "% faster at least; " in said and "the same file" not in said
    assert "right model" in said


def test_a_baseline_of_another_machine(command: Run, tmp_path: Path) -> None:
    path = stored(tmp_path, 1.0, cores=128)
    done = command("benchmarks", "gate", path, model("int8"), *ONE_ROUND)
    assert "cores: 128 against" in refusal(done) and "--other-machine" in refusal(done)
    done = command("benchmarks", "gate", path, model("int8"), *ONE_ROUND, "--other-machine")
    assert (done.returncode, done.stderr) == (3, "")
    assert "the same file\n" in done.stdout


def test_what_a_baseline_knew(
    gate: Gate, tmp_path: Path, shapes_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The images have moved since, and one is gone."""
    right = drop.right(models.find([model("int8")])[0], str(shapes_folder), NO_OVERRIDES, 1, None)
    path = stored(tmp_path, 1.0, {**right, "0" * 64: True})
    moved = shutil.move(shapes_folder, tmp_path / "moved")
    assert gate(path, spoiled("int8", tmp_path), "--data", moved, *ONE_ROUND) == 1
    said = capsys.readouterr().out
    assert "  accuracy  regression: " in said
    assert " classified: 1; " in said
    with pytest.raises(UserError, match=r"without --data; .*--data"):
        gate(stored(tmp_path, 1.0), model("int8"), "--data", moved, *ONE_ROUND)


def test_a_label_that_the_candidate_no_longer_knows(
    gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty of 320 are within ten points; a baseline holds no labels, the images have them."""
    candidate = with_card(tmp_path / "colors.tflite", crafted.echo(), crafted.card(("red", "green", "blue"), (1, 1)))
    names = [*(f"red/red{i}.png" for i in range(300)), *(f"blue/green{i}.png" for i in range(20))]
    data = drawing.colored(tmp_path / "data", *names)
    images = [hashlib.sha256(path.read_bytes()).hexdigest() for path in data.rglob("*.png")]
    path = stored(tmp_path, 1.0, dict.fromkeys(images, True))
    assert gate(path, candidate, "--data", data, "--max-drop", "10", *ONE_ROUND, "--json", "out.json") == 1
    said = capsys.readouterr().out
    assert "  accuracy  regression: label blue: 20 of 20 " in said
    assert " limit is 10 points; " in said
    assert "; balanced 100.00 % to 50.00 %, worst label blue 100.00 % to 0.00 % (n 20)\n" in said
    found = document(tmp_path / "out.json")["accuracy"]["by_label"]
    assert found["balanced"] == [1.0, 0.5] and [row["label"] for row in found["beyond_chance"]] == ["blue"]


def commit(folder: Path, *files: str) -> None:
    who = {f"GIT_{who}_{what}": "tester@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    plain = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **who}
    for words in (["init", "--initial-branch=main"], ["add", *files], ["commit", "-m", "A network"]):
        subprocess.run(["git", *words], cwd=folder, env=plain, check=True, capture_output=True, timeout=60)


def test_a_committed_base(command: Run, tmp_path: Path) -> None:
    shutil.copyfile(model("int8"), tmp_path / "net.tflite")
    commit(tmp_path, "net.tflite")
    shutil.copyfile(model("float32"), tmp_path / "net.tflite")
    (tmp_path / "temporary").mkdir()
    words = ("main:net.tflite", "net.tflite", *ONE_ROUND, "--json", "-")
    done = command("benchmarks", "gate", *words, TMPDIR=str(tmp_path / "temporary"))
    assert (done.returncode, done.stderr) == (3, "")
    found = json.loads(done.stdout)["gate"]
    assert (found["base"], found["candidate"]) == ("main:net.tflite", "net.tflite")
    assert not any("same file" in note for note in found["notes"])  # what is committed is another
    assert names(tmp_path / "temporary") == []


def test_a_committed_baseline_and_one_that_is_damaged(command: Run, tmp_path: Path) -> None:
    path = stored(tmp_path, 1.0)
    (tmp_path / "cut.tflite").write_bytes(model("int8").read_bytes()[:6000])
    commit(tmp_path, path.name, "cut.tflite")
    done = command("benchmarks", "gate", f"main:{path.name}", model("int8"), *ONE_ROUND)
    assert (done.returncode, done.stderr) == (3, "")
    assert f" against main:{path.name} (shapes_int8.tflite)\n" in done.stdout
    done = command("benchmarks", "gate", "main:cut.tflite", model("int8"), *ONE_ROUND)
    assert refusal(done).startswith("main:cut.tflite: "), "not the name of a copy"


# A release as the base.


def test_since_a_release(command: Run, tmp_path: Path) -> None:
    """The candidate is what lies there now; the base is what the tag has under its path."""
    net = shutil.copyfile(model("int8"), tmp_path / "net.tflite")
    commit(tmp_path, "net.tflite")
    subprocess.run(["git", "tag", "v1.2"], cwd=tmp_path, check=True, timeout=60)
    shutil.copyfile(model("float32"), net)
    done = command("benchmarks", "gate", "--since", "v1.2", "net.tflite", *ONE_ROUND)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("can't tell: net.tflite against v1.2:net.tflite\n")
    assert "the same file" not in done.stdout
    for words, said in (
        (
            ["main:net.tflite", "net.tflite"],
            "--since v1.2 and BASE main:net.tflite ",
        ),
        ([], "--since v1.2: "),
        (["none.tflite"], "none.tflite: "),
        (["--qualify"], "--qualify "),
    ):
        done = command("benchmarks", "gate", "--since", "v1.2", *words)
        assert refusal(done).startswith(said) and done.stdout == ""
