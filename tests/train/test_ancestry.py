"""A run that begins with another's weights, or learns from it, is not judged on what that one was trained on."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.data import folders
from device.data.folders import Cache
from tests import once
from tests.conftest import Run, places, runs_in
from tests.device.image_files import encoded
from tests.warm import TENSORFLOW

pytestmark = pytest.mark.tensorflow

SETTINGS = ("test_split=0.5", "image_size=16x16", "network=tiny", "epochs=1", "batch_size=16")
TRAIN = ("train", "fashion_mnist", "--data", "noise", *(word for each in SETTINGS for word in ("--set", each)))


def write_noise(folder: Path) -> None:
    """Sixty different images with labels by lot."""
    random = np.random.default_rng(4)
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(30):
            drawn = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
            (folder / label / f"{number:02}.png").write_bytes(encoded(drawn, "PNG"))


@pytest.fixture
def family(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a test with noise in it, a run `first`, and `second`, of another seed, that began with it."""

    def make(folder: Path) -> None:
        write_noise(folder / "noise")
        run = runs_in(folder, TENSORFLOW)
        for words in (("first",), ("second", "--set", "seed=2", "--from", "first")):
            done = run(*TRAIN, "--run", *words, **places(folder))
            assert done.returncode == 0, done.stderr
        (folder / "stdout").write_text(done.stdout)
        (folder / "stderr").write_text(done.stderr)

    made = once.made(tmp_path_factory, "family", make)
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def cache_of(run: Path) -> Cache:
    document = json.loads((run / "run.json").read_bytes())
    found = folders.open_cache(folders.cache_root() / document["data"]["cache"])
    assert found is not None
    return found


def evaluation(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "evaluation.json").read_bytes()))


def unseen(run: Path, *ancestors: Path) -> list[int]:
    """Rows of a run's test that no ancestor was trained or validated on: some are left, and not all."""
    seen = {digest for ancestor in ancestors for digest in cache_of(ancestor).hashes("train")}
    test = cache_of(run).hashes("test")
    rows = [row for row, digest in enumerate(test) if digest not in seen]
    assert 0 < len(rows) < len(test)
    return rows


def found(run: Path, *ancestors: str) -> tuple[list[int] | None, tuple[str, ...]]:
    """What counts of a run's test, and who isn't known, if its weights came from these; as if it began anew."""
    from train.run import ancestry

    asked = ancestry.of(cache_of(run), [Path(each) / "model.keras" for each in ancestors])
    return None if asked.rows is None else asked.rows.tolist(), asked.unknown


def test_another_seed_leaves_out_what_was_seen(warm: Run, family: Path) -> None:
    first, second = family / "first", family / "second"
    rows, test = unseen(second, first), cache_of(second).hashes("test")
    document, judged = json.loads((second / "run.json").read_bytes()), evaluation(second)
    assert (judged["n"], judged["left_out"]) == (len(rows), len(test) - len(rows))
    assert document["split"]["test_rows"] == rows and document["data"]["test"] == len(rows)
    assert f" {len(test) - len(rows)} " in (family / "stderr").read_text()
    assert f" {len(test) - len(rows)} of {len(test)} " in (family / "stdout").read_text()
    # The export is judged on the same ones.
    exported = warm("export", "second", "--variants", "float32")
    assert exported.returncode == 0, exported.stderr
    (row,) = json.loads((second / "export/export.json").read_bytes())["variants"]
    assert row["n"] == len(rows)
    # And so is the file, by the card alone.
    assert document["earlier_data"] == [cache_of(first).fingerprint]
    words = ("benchmarks", "accuracy", "second/export/fashion_mnist_float32.tflite", "--json", "-")
    for more in ((), ("--data", "noise")):
        done = warm(*words, *more)
        assert done.returncode == 0, done.stderr
        (again,) = json.loads(done.stdout)["results"]
        assert (again["n"], again["top1"]) == (len(rows), row["top1"])
    # One of the same split leaves its test whole.
    assert found(first, "first") == (None, ())


def test_a_stranger_is_said(eager: Run, warm: Run, family: Path) -> None:
    (family / "alone").mkdir()
    (family / "first/model.keras").rename(family / "alone/model.keras")
    stranger = eager(*TRAIN, "--run", "third", "--from", "alone/model.keras")
    assert stranger.returncode == 0, stranger.stderr
    assert "alone/model.keras" in stranger.stderr and "alone/model.keras" in stranger.stdout
    assert evaluation(family / "third")["unknown_ancestors"] == ["alone/model.keras"]
    assert evaluation(family / "third")["left_out"] == 0
    assert warm("export", "third", "--variants", "float32").returncode == 0
    info = warm("device", "info", "third/export/fashion_mnist_float32.tflite")
    assert "may_have_seen_test alone/model.keras" in info.stdout, info.stdout


def test_a_teacher_and_what_was_begun_with_count_alike(
    eager: Run, family: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taught = eager(*TRAIN, "--run", "taught", "--set", "seed=3", "--set", "teacher=first")
    assert taught.returncode == 0, taught.stderr
    rows, judged = unseen(family / "taught", family / "first"), evaluation(family / "taught")
    assert (judged["n"], judged["left_out"]) == (len(rows), 30 - len(rows))
    assert "first/model.keras" in taught.stderr
    # The teacher's teacher, and two of which one knows more than the other.
    assert found(family / "second", "taught")[0] == unseen(family / "second", family / "first", family / "taught")
    rest, _ = found(family / "taught", "second", "first")
    assert rest == unseen(family / "taught", family / "first", family / "second")
    said = capsys.readouterr().err
    assert "first/model.keras" in said and "second/model.keras" in said


def test_an_ancestor_is_the_one_that_it_was(eager: Run, family: Path) -> None:
    """Another network lies at the path that run.json names; then nothing does; then its images are gone."""
    assert eager(*TRAIN, "--run", "first", "--set", "seed=9").returncode == 0
    older, second = family / "first.1", family / "second"
    assert older.is_dir()
    judge = family / "first"  # seed 9: of another split than both
    assert found(judge, "second") == (unseen(judge, older, second), ())
    shutil.rmtree(older)
    assert found(judge, "second") == (unseen(judge, second), ("second/model.keras",))
    shutil.rmtree(cache_of(second).path)
    assert found(judge, "second") == (None, ("second/model.keras",))


def test_where_all_were_seen_it_is_refused(family: Path, warm: Run) -> None:
    seen = set(cache_of(family / "first").hashes("train"))
    for path in (family / "noise").glob("*/*.png"):
        part = "test" if folders.content_hash(path.read_bytes()) in seen else "train"
        other = family / "turned" / part / path.parent.name / path.name
        other.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, other)
    refused = warm(*TRAIN, "--data", "turned", "--run", "third", "--from", "first")
    assert refused.returncode == 2 and not (family / "third").exists()
    line = refused.stderr.splitlines()[-1]
    assert line.startswith("error: ") and "30" in line and "first/model.keras" in line


def test_a_backbone_that_may_know_the_images_is_not_cross_validated_on_them(eager: Run, tmp_path: Path) -> None:
    write_noise(tmp_path / "noise")
    size = ("--backbone", "EfficientNetLite0", "--set", "image_size=32x32", "--set", "test_split=0.5")
    train = ("train", "transfer", "--data", "noise", *size)
    first = eager(*train, "--run", "first")
    assert first.returncode == 0, first.stderr
    assert evaluation(tmp_path / "first")["cross_validation"]["n"] == 30
    second = eager(*train, "--run", "second", "--from", "first")
    assert second.returncode == 0, second.stderr
    assert evaluation(tmp_path / "second")["cross_validation"] is None
