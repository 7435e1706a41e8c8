"""`--hand-over`: who has that folder alone can feed the float network and compare with its scores."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from device import Overrides, UserError
from device.evaluation import exports
from device.inference.runtime import find
from export import export
from export.handover import folder as handover
from export.source import find as sources
from export.source.request import ExportRequest
from tests import drawing, foreign
from tests.conftest import Run
from tests.export.test_exporting import again
from tests.exported import Exported, with_rescue


@pytest.fixture
def copied(exported: Exported, tmp_path: Path) -> Path:
    return shutil.copytree(exported.run, tmp_path / "run")


def computed(folder: Path) -> npt.NDArray[np.float32]:
    """Scores as README.md there says: nothing but the folder is read."""
    scaling = json.loads((folder / "normalization.json").read_text())
    pixels = np.load(folder / "calibration.npy")
    assert pixels.dtype == np.uint8 and pixels.shape[1:] == (*foreign.SIZE, 3)
    (model,) = folder.glob("*_float32.tflite")
    interpreter = find("litert").open(model, 1)
    (source,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for image in pixels:
        tensor = (image.astype(np.float32) - np.float32(scaling["mean"])) / np.float32(scaling["std"])
        interpreter.set_tensor(source["index"], tensor[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(answer["index"])[0])
    return np.stack(rows)


def check(folder: Path) -> None:
    expected = np.load(folder / "expected_scores.npy")
    np.testing.assert_allclose(computed(folder), expected, atol=1e-5)
    assert len(set(expected.argmax(axis=1))) == len(drawing.LABELS), "the scores tell the images apart"
    assert tuple((folder / "labels.txt").read_text().splitlines()) == drawing.LABELS


def test_from_that_folder_alone(exported: Exported, copied: Path, tmp_path: Path) -> None:
    """Of an export that is up to date: nothing is made anew for it."""
    models = again(exported, copied, hand_over=tmp_path / "to" / "maker")
    assert not models.is_new
    folder = tmp_path / "to" / "maker"
    shutil.rmtree(copied)
    names = {"shape_model_float32.tflite", "shape_model_int8.tflite", "calibration.npy", "normalization.json"}
    assert {path.name for path in folder.iterdir()} == {*names, "labels.txt", "expected_scores.npy", "README.md"}
    assert (folder / "shape_model_float32.tflite").stat().st_size < models["float32"].size, "without the archive"
    words = (folder / "README.md").read_text()
    assert all(f"`{name}`" in words for name in names) and "model.keras" not in words
    check(folder)


def test_a_network_with_a_scaling_a_channel(exported: Exported, tmp_path: Path) -> None:
    """The scaling went inside, so the network in the folder takes pixels."""
    (tmp_path / "each.tflite").write_bytes(foreign.for_each_channel())
    overrides = Overrides(exported.labels, mean=foreign.MEAN, std=foreign.STD)
    places = {"calibration": exported.images, "run": tmp_path / "run", "hand_over": tmp_path / "maker"}
    export(tmp_path / "each.tflite", variants="float32", overrides=overrides, **places)  # type: ignore[arg-type]
    assert json.loads((tmp_path / "maker/normalization.json").read_text()) == {"mean": [0] * 3, "std": [1] * 3}
    check(tmp_path / "maker")


def test_a_network_that_takes_minus_one_to_one(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "ends.tflite").write_bytes(foreign.for_minus_one_to_one())
    overrides = Overrides(exported.labels, mean=127.5, std=127.5)
    places = {"calibration": exported.images, "run": tmp_path / "run", "hand_over": tmp_path / "maker"}
    export(tmp_path / "ends.tflite", variants="float32", overrides=overrides, **places)  # type: ignore[arg-type]
    assert json.loads((tmp_path / "maker/normalization.json").read_text())["mean"] == [127.5] * 3
    check(tmp_path / "maker")


def test_nothing_that_lies_there_is_touched(exported: Exported, copied: Path, tmp_path: Path) -> None:
    target = tmp_path / "maker"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=f"{target}: something lies there"):
        again(exported, copied, hand_over=target)
    assert [path.name for path in target.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match="something lies there"):
        again(exported, copied, hand_over=target / "mine.txt")
    with pytest.raises(UserError, match="handed over is float32, which is not among the variants"):
        again(exported, copied, hand_over=tmp_path / "other", variants="int8")
    (target / "mine.txt").unlink()
    again(exported, copied, hand_over=target)
    check(target)


def test_it_appears_whole_or_not_at_all(exported: Exported, copied: Path, tmp_path: Path) -> None:
    """A compiler's folder that lacks half of its files would be worse than none."""
    source = sources.find(ExportRequest(exported.model, Overrides(exported.labels, 0.0, 1.0), exported.images))
    made, path = exports.read(copied / "export"), copied / "export/shape_model_float32.tflite"
    refused = replace(made, variants=(replace(made.variants[0], file=None), *made.variants[1:]))
    with pytest.raises(UserError, match="float32 was not kept"):
        handover.write(tmp_path / "maker", source, copied / "export", refused)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError):
        handover.write(tmp_path / "maker", source, copied / "export", made)
    assert not list(tmp_path.glob("*maker*"))


def test_after_a_rescue(exported: Exported, copied: Path, tmp_path: Path) -> None:
    """The rescued file stands in the place of int8; the equalized network has the same scores."""
    with_rescue(copied)
    made = exports.read(copied / "export")
    source = sources.find(ExportRequest(exported.model, Overrides(exported.labels, 0.0, 1.0), exported.images))
    handover.write(tmp_path / "maker", source, copied / "export", made)
    folder, equalized = tmp_path / "maker", "shape_model_float32_equalized.tflite"
    names = {path.name for path in folder.glob("*.tflite")}
    assert names == {"shape_model_float32.tflite", "shape_model_int8_rescued.tflite", equalized}
    check(folder)
    (folder / "shape_model_float32.tflite").unlink()
    assert (folder / equalized).read_bytes() != foreign.bare()
    (folder / equalized).rename(folder / "shape_model_float32.tflite")
    check(folder)
    words = (folder / "README.md").read_text()
    assert all(f"| `{name}` |" in words for name in names)
    assert "`shape_model_int8.tflite`" not in words and "`shape_model_int8_rescued.tflite` in LiteRT" in words


def test_a_full_disk_is_named(command: Run, exported: Exported, copied: Path, full_disk: Path) -> None:
    done = command(*exported.words(copied), "--hand-over", full_disk / "maker")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {full_disk}/maker: no space"), done.stderr
    assert not list(full_disk.iterdir())
