"""A classifier of two labels with one sigmoid output, a stranger's and an exported one, through both measurements."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from device.data import folders
from device.evaluation import evaluate
from device.inference.overrides import NO_OVERRIDES
from tests import drawing, foreign
from tests.conftest import Run, model

LABELS = ("circle", "square")
SCALING = ("--mean", "0", "--std", "1")


def one_sigmoid() -> bytes:
    """The shapes network with one output: softmax of circle and square is the sigmoid of their difference."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(foreign.bare()))
    graph = tree.subgraphs[0]
    dense, end = graph.operators[-2:]
    weights, bias = foreign.weights_of(-2)(tree)
    kernel, offset = foreign.numbers(weights, (3, -1)), foreign.numbers(bias, (3,))
    weights.data, bias.data = foreign.raw(kernel[1:2] - kernel[:1]), foreign.raw(offset[1:2] - offset[:1])
    places = (dense.inputs[1], dense.inputs[2], dense.outputs[0], end.outputs[0])
    for index, shape in zip(places, ((1, kernel.shape[1]), (1,), (1, 1), (1, 1)), strict=True):
        graph.tensors[index].shape, graph.tensors[index].shapeSignature = list(shape), None
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOGISTIC
    code.version = 1
    tree.operatorCodes.append(code)
    end.opcodeIndex, end.builtinOptionsType, end.builtinOptions = len(tree.operatorCodes) - 1, 0, None
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def two_shapes(folder: Path, **splits: int) -> Path:
    drawing.write_folder(folder, dict(splits.items()))
    for split in splits:
        shutil.rmtree(folder / split / "triangle")
    return folder


def results(text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(text)["results"]
    return rows


def test_a_stranger_s_file(command: Run, tmp_path: Path) -> None:
    data = two_shapes(tmp_path / "shapes", test=90)
    (tmp_path / "one.tflite").write_bytes(one_sigmoid())
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    words = ("one.tflite", "--labels", "labels.txt", *SCALING)
    done = command("benchmarks", "accuracy", *words, "--data", data, "--json", "-")
    assert done.returncode == 0, done.stderr
    (row,) = results(done.stdout)
    # What it was made of says the same of two of its three labels.
    images = folders.labeled_folder(data, drawing.LABELS)
    scores = evaluate.score_images(model("float32"), images, NO_OVERRIDES)
    right = scores[:, :2].argmax(axis=1) == images.targets
    assert (row["n"], row["top1"]) == (60, right.mean())
    assert row["top1"] > 0.9
    assert [(each["label"], each["n"]) for each in row["per_class"]] == [(label, 30) for label in LABELS]
    swapped = tmp_path / "swapped.txt"
    swapped.write_text("\n".join(LABELS[::-1]))
    done = command("benchmarks", "accuracy", "one.tflite", "--labels", swapped, *SCALING, "--data", data, "--json", "-")
    assert results(done.stdout)[0]["top1"] == pytest.approx(1 - right.mean())


def test_a_stranger_s_file_with_labels_that_do_not_fit(command: Run, tmp_path: Path) -> None:
    (tmp_path / "one.tflite").write_bytes(one_sigmoid())
    for count in (1, 3):
        (tmp_path / "labels.txt").write_text("\n".join(drawing.LABELS[:count]))
        done = command("benchmarks", "accuracy", "one.tflite", "--labels", "labels.txt", *SCALING, "--data", ".")
        assert done.returncode == 2
        assert f"labels.txt has {count} labels, the network has 1 outputs, expected 2; " in done.stderr


@pytest.mark.programs
def test_its_latency(command: Run, tmp_path: Path) -> None:
    (tmp_path / "one.tflite").write_bytes(one_sigmoid())
    done = command("benchmarks", "latency", "one.tflite", "--seconds", "0.02", "--json", "-")
    assert done.returncode == 0, done.stderr
    (row,) = results(done.stdout)
    assert (row["file"], row["variant"]) == ("one.tflite", None)
    assert row["p50_ms"] > 0 and 0 < len(row["samples_ms"]) <= row["n"]


@pytest.mark.tensorflow
def test_one_that_was_trained_and_exported(warm: Run, tmp_path: Path) -> None:
    """The course chapter's network for two classes ends in one sigmoid; its files have an output for each."""
    data, run = two_shapes(tmp_path / "shapes", train=240, test=60), tmp_path / "runs/two"
    settings = ("image_size=32x32", "epochs=3", "steps_per_epoch=0", "learning_rate=0.003")
    words = [word for setting in settings for word in ("--set", setting)]
    done = warm("train", "cats_vs_dogs_tutorial", "--data", data, "--run", run, *words)
    assert done.returncode == 0, done.stderr
    evaluation = json.loads((run / "evaluation.json").read_bytes())
    assert (evaluation["n"], evaluation["top1"] > 0.7) == (40, True)
    done = warm("export", run, "--variants", "float32,int8")
    assert done.returncode == 0, done.stderr
    exported = {row["variant"]: row for row in json.loads((run / "export/export.json").read_bytes())["variants"]}
    done = warm("benchmarks", "accuracy", run, "--json", "-")
    assert done.returncode == 0, done.stderr
    rows = {row["variant"]: row for row in results(done.stdout)}
    assert {variant: row["top1"] for variant, row in rows.items()} == {
        variant: exported[variant]["top1"] for variant in ("float32", "int8")
    }
    assert rows["float32"]["top1"] == evaluation["top1"]
    assert [(each["label"], each["n"]) for each in rows["int8"]["per_class"]] == [(label, 20) for label in LABELS]
    done = warm("benchmarks", "latency", run, "--seconds", "0.02", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert {row["variant"]: row["ratio_to_float32"] is not None for row in results(done.stdout)} == {
        "float32": True,
        "int8": True,
    }
