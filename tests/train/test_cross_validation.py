"""Few images and no test: accuracy is cross-validated, and the head in the file is fitted on all of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from device.errors import UserError
from device.images import images
from device.model import card as cards
from tests import drawing
from tests.conftest import Run
from train.data import cache, split
from train.data.cache import DataRequest
from train.recipes import catalog
from train.recipes.settings import change, replaced
from train.run.runs import Run as RunFolder

SIZE = ("--set", "image_size=64x64", "--backbone", "EfficientNetLite0")


def noise(root: Path, count: int) -> Path:
    """Images of noise under two labels by lot: nothing can be learned, and everything remembered."""
    random = np.random.default_rng(5)
    for i in range(count):
        path = root / ("heads" if i % 2 else "tails") / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (64, 64, 3), np.uint8))
    return root


def evaluation(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "evaluation.json").read_bytes()))


@pytest.mark.parametrize(
    ("settings", "few", "many"),
    [
        ((), 0.0, 0.2),
        (("test_split=0.3",), 0.3, 0.3),
        (("fine_tune_epochs=2",), 0.2, 0.2),
        (("head_units=8",), 0.2, 0.2),
        (("strategy=all",), 0.2, 0.2),
    ],
)
def test_what_share_is_kept_for_the_test(settings: tuple[str, ...], few: float, many: float) -> None:
    """None of so few that heads fitted without an image tell more, unless one is asked for or training takes epochs."""
    recipe = change(catalog.get("transfer"), ["backbone=MobileNetV2", *settings])
    request = DataRequest.of(recipe, skip_bad=False)
    assert split.test_share(request.test, split.FEW) == few
    assert split.test_share(request.test, split.FEW + 1) == many


@pytest.mark.tensorflow
def test_what_can_be_remembered_is_not_known(eager: Run, warm: Run, tmp_path: Path) -> None:
    """The file answers all of its own images rightly; the truth about others is one half."""
    data, run = noise(tmp_path / "coins", 60), tmp_path / "runs/coins"  # where train puts it
    done = eager("train", "transfer", "--data", data, *SIZE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cross-validated accuracy ") and "(" in done.stdout
    found = evaluation(run)
    assert (found["split"], found["n"], found["cross_validation"]) == ("cross-validation", 60, None)
    assert found["interval"][0] < 0.5 < found["interval"][1], "chance"
    record = json.loads((run / "run.json").read_bytes())
    assert (record["data"]["train"], record["data"]["test"], record["name"]) == (60, 0, "coins")
    exported = warm("export", run, "--variants", "float32,int8")
    assert exported.returncode == 0, exported.stderr
    assert "has not seen" in exported.stdout
    rows = json.loads((run / "export/export.json").read_bytes())["variants"]
    for row in rows:
        card = cards.read(run / "export" / row["file"])
        assert card is not None
        accuracy = card.accuracy
        assert accuracy is not None and (accuracy.split, accuracy.n) == ("cross-validation", 60)
        assert accuracy.top1 == row["top1"] and accuracy.interval[0] < 0.5 < accuracy.interval[1]
    assert rows[0]["top1"] == pytest.approx(found["top1"], abs=0.04), "the same heads on the same backbone"
    judged = warm("benchmarks", "accuracy", run / "export" / rows[0]["file"])
    assert judged.returncode == 2 and "no test images" in judged.stderr
    itself = warm("benchmarks", "accuracy", run / "export" / rows[0]["file"], "--data", data, "--json", "-")
    left = json.loads(itself.stdout)["results"][0] if itself.returncode == 0 else {"n": 0}
    assert left["n"] == 0 or itself.returncode == 2, "images that it was fitted on don't count"


@pytest.mark.tensorflow
def test_copies_count_once_and_a_single_image_works(eager: Run, warm: Run, tmp_path: Path) -> None:
    data, run = drawing.write_folder(tmp_path / "shapes", {None: 24}), tmp_path / "run"
    for path in sorted(data.glob("circle/*.png"))[:3]:
        shutil.copyfile(path, path.with_stem(f"{path.stem}-copy"))
    (data / "star").mkdir()
    shutil.copyfile(next(data.glob("square/*.png")), data / "star/one.png")
    star = images.read(data / "star/one.png")
    (data / "star/one.png").write_bytes(images.encode_png(star[::-1] // 2))
    done = eager("train", "transfer", "--data", data, "--run", run, *SIZE)
    assert done.returncode == 0, done.stderr
    found = evaluation(run)
    assert found["n"] == 25 and {row["label"]: row["n"] for row in found["per_class"]}["circle"] == 8
    assert " of star: " in done.stderr
    given = warm("train", "transfer", "--data", data, "--run", run, *SIZE, "--set", "test_split=0.25")
    assert given.returncode == 2 and "'star'" in given.stderr, "who wants a test needs two"


@pytest.mark.tensorflow
def test_only_a_head_can_do_without_a_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from train.fitting import fit  # brings TensorFlow

    monkeypatch.setenv("FRAMELITE_CACHE", str(tmp_path / "cache"))
    data = drawing.write_folder(tmp_path / "shapes", {None: 24})
    made = cache.provide(DataRequest(str(data), (16, 16), test=0.0))
    assert made.images("test").shape == (0, 16, 16, 3) and len(made.targets("train")) == 24
    recipe = replaced(catalog.get("fashion_mnist"), data=str(data), image_size=(16, 16), network="tiny", epochs=1)
    with pytest.raises(UserError, match="no test images"):
        fit.train(recipe, made, RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
