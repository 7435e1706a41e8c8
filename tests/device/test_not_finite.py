"""A network whose scores are no numbers gives no answer: the first label would look like one."""

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tests import drawing
from tests.conftest import Run
from tests.device import crafted
from tests.device.crafted import End
from tests.device.image_files import encoded

LIVE = ("--headless", "--threads", "1", "--jsonl", "-")
HINTS = ("--labels", "labels.txt", "--mean", "0", "--std", "1")


@pytest.fixture(params=[float("nan"), float("inf")])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    crafted.write(tmp_path / "broken.tflite", crafted.constant([request.param, 0.5, 0.5], End((1, 16, 16, 3))))
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in drawing.LABELS))
    drawing.write_folder(tmp_path / "shapes", {None: 12})
    (tmp_path / "one.png").write_bytes(encoded(np.zeros((16, 16, 3), np.uint8), "PNG"))
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("device", "classify", "broken.tflite", "one.png", *HINTS),
        ("device", "classify", "broken.tflite", "shapes", *HINTS, "--json", "-"),
        ("device", "live", "broken.tflite", "--source", "one.png", *LIVE, *HINTS),
        ("device", "live", "broken.tflite", "--source", "test", "--frames", "3", *LIVE, *HINTS),
        ("benchmarks", "accuracy", "broken.tflite", "--data", "./shapes", *HINTS),
    ],
    ids=lambda words: f"{words[0]} {words[1]}",
)
def test_every_command_refuses_it(words: tuple[str, ...], place: Path, command: Run) -> None:
    done = command(*words)
    assert done.returncode == 2, done.stderr
    assert "broken.tflite: its scores are not finite numbers (1 of 3)" in done.stderr.splitlines()[-1]
    assert done.stdout == "" and "Traceback" not in done.stderr


def test_live_passes_over_an_image_whose_scores_are_no_numbers(tmp_path: Path, command: Run) -> None:
    """A network that answers with logarithms has none of black; before, that was the end of the loop."""
    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(crafted.echo()))
    code, graph = tree.operatorCodes[0], tree.subgraphs[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOG
    graph.operators[0].inputs = list(graph.inputs)
    graph.tensors[graph.outputs[0]].shape = [1, 1, 1, 3]
    crafted.write(tmp_path / "log.tflite", bytes(flatbuffer_utils.convert_object_to_bytearray(tree)))
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in drawing.LABELS))
    (tmp_path / "shots").mkdir()
    for number, gray in enumerate((200, 0, 200, 0, 200)):
        image = np.full((16, 16, 3), gray, np.uint8)
        (tmp_path / f"shots/{number}.png").write_bytes(encoded(image, "PNG"))
    done = command("device", "live", "log.tflite", "--source", "shots", *LIVE, *HINTS)
    assert done.returncode == 0 and done.stderr.count("its scores are not finite numbers") == 1, done.stderr
    assert "count as dropped" in done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(answer["image"]).name for answer in answers] == ["0.png", "2.png", "4.png"]
    assert [answer["dropped"] for answer in answers] == [0, 1, 2]
