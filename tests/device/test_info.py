"""`device info`: the card, for people and for scripts, of our files and of others'."""

import json
from pathlib import Path

import pytest

from device.commands import info
from device.model import card as cards
from device.model.variants import DEFAULT
from tests.conftest import Run, environment, model, shared
from tests.device import crafted
from tests.device.refusals import names, refusal, with_card


@pytest.mark.parametrize("variant", DEFAULT)
def test_the_card_with_what_the_file_itself_shows(variant: str) -> None:
    path = model(variant)
    document = info.describe(path).to_json()
    card = cards.read(path)
    assert card is not None
    extra = {"file_bytes", "archive_bytes", "input_dtype", "output_dtype", "outputs"}
    assert {key: value for key, value in document.items() if key not in extra} == card.to_json()
    assert document["variant"] == variant
    assert document["file_bytes"] == path.stat().st_size
    assert 0 < document["archive_bytes"] == cards.archive_bytes(path) <= 32_000
    ends = "uint8" if variant == "int8" else "float32"
    assert (document["input_dtype"], document["output_dtype"], document["outputs"]) == (ends, ends, 3)


def test_json_for_a_script(command: Run, tmp_path: Path) -> None:
    done = command("device", "info", model("int8"), "--json", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads(json.dumps(info.describe(model("int8")).to_json()))
    there = command("device", "info", model("int8"), "--json", "card.json")
    assert (there.returncode, there.stdout, there.stderr) == (0, "", "")
    assert json.loads((tmp_path / "card.json").read_bytes()) == json.loads(done.stdout)


def test_a_table_for_a_person(command: Run) -> None:
    done = command("device", "info", model("int8"))
    assert (done.returncode, done.stderr) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert rows["variant"] == "int8"
    assert rows["input"] == "16x16 RGB uint8, (pixel - 0) / 1"
    assert rows["output"] == "3 x uint8, softmax"
    assert rows["labels"] == "circle, square, triangle"
    assert rows["golden"] == "5 images (drawn)"
    assert rows["accuracy"].endswith("n 300) on test")


def test_tflite_runtime_says_the_same(command: Run) -> None:
    done = command("device", "info", model("int8"), "--json", "-", python=environment("tflite-runtime"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads(json.dumps(info.describe(model("int8")).to_json()))


def test_of_a_third_party_file_nothing_is_guessed(command: Run, tmp_path: Path) -> None:
    crafted.write(tmp_path / "net.tflite", crafted.constant([0.2, 0.5, 0.3]))
    done = command("device", "info", "net.tflite", "--json", "-")
    document = json.loads(done.stdout)
    assert (done.returncode, document["name"], document["outputs"]) == (0, "net", 3)
    assert document["input"] | {"mean": None, "std": None} == document["input"]
    assert document["output"]["kind"] is document["labels"] is document["variant"] is document["provenance"] is None
    assert document["archive_bytes"] == 0 and document["golden"] == []
    text = "\n".join(info.lines(info.describe(tmp_path / "net.tflite")))
    assert "4x6 RGB float32, not known" in text and "3 x float32, not known" in text


def test_many_labels_are_cut_short(tmp_path: Path) -> None:
    labels = tuple(f"label{i}" for i in range(40))
    path = with_card(tmp_path / "net.tflite", crafted.constant([0.1] * 40), crafted.card(labels, (4, 6)))
    row = next(line for line in info.lines(info.describe(path)) if line.startswith("labels"))
    assert row.endswith("label10, label11 …")


def test_the_labels_inside_a_third_party_file() -> None:
    document = info.describe(shared("models/mobilenet_v2_1.0_224_quant.tflite")).to_json()
    assert document["labels"][286] == "Egyptian cat" and len(document["labels"]) == 1001
    assert document["input"]["mean"] is None and document["variant"] is None


@pytest.mark.parametrize("words", [["."], ["none.tflite", "--json", "out.json"]])
def test_a_model_that_is_not_there(words: list[str], command: Run, tmp_path: Path) -> None:
    done = command("device", "info", *words)
    assert refusal(done).startswith(f"{words[0]}: there is no such model file")
    assert names(tmp_path) == []
