"""What a .tflite file says of itself before any interpreter sees it: truncated and damaged files are refused."""

import random
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from device.commands import info
from device.errors import UserError
from device.model import card as cards
from device.model import flatbuffer
from device.model.card import InputSpec
from device.model.flatbuffer import LabelFile
from device.model.variants import DEFAULT
from export.card import metadata
from tests.conftest import ROOT, Run, environment, model, shared
from tests.device import crafted


def cuts(length: int, count: int) -> list[int]:
    return sorted({length * i // count for i in range(1, count)} | {length - i for i in (1, 2, 4, 8, 22, 100)})


@pytest.mark.parametrize("variant", DEFAULT)
def test_a_file_cut_off_anywhere_is_refused(variant: str, tmp_path: Path) -> None:
    """Up to the network's end by its positions, behind it because the archive with the labels is missing."""
    whole = model(variant).read_bytes()
    network = len(whole) - cards.archive_bytes(model(variant))
    path = tmp_path / "cut.tflite"
    for cut in [*cuts(len(whole), 60), network - 1, network, network + 3]:
        crafted.write(path, whole[:cut])
        with pytest.raises(UserError, match="truncated") as raised:
            info.describe(path)
        assert str(raised.value).startswith(f"{path}: ")
        if cut < network - 16:
            with pytest.raises(UserError, match=rf"truncated or damaged \({cut} bytes\); copy or export it again"):
                flatbuffer.check(path)
    flatbuffer.check(crafted.write(path, whole))


@pytest.mark.parametrize("name", ["pretrainedResnet.tflite", "pretrainedResnet_quant.tflite"])
def test_a_third_party_file_cut_off_anywhere_is_refused(name: str, tmp_path: Path) -> None:
    """These have no archive at the end: their own positions have to tell."""
    whole = shared(f"models/{name}").read_bytes()
    for cut in cuts(len(whole), 20):
        with pytest.raises(UserError, match="truncated or damaged"):
            flatbuffer.check(crafted.write(tmp_path / "cut.tflite", whole[:cut]))


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"TFL3", b"just some words\n", bytes(1000), b"\x1c\0\0\0TFL2"])
def test_what_is_no_tflite_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "words.tflite", content)
    with pytest.raises(UserError, match=r"not a \.tflite file") as raised:
        flatbuffer.check(path)
    assert str(raised.value).startswith(f"{path}: this is not a .tflite file (it lacks the mark TFL3), expected ")


@pytest.mark.parametrize("content", [b"\0\0\0\0TFL3", b"\xff\xff\xff\xffTFL3", b"\x08\0\0\0TFL3" + bytes(64)])
def test_the_mark_alone_is_not_enough(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="truncated or damaged"):
        flatbuffer.check(crafted.write(tmp_path / "mark.tflite", content))


def test_places_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    """A whole file of sound tables, in which one number is too large."""
    scores = np.array([0.25, 0.5, 0.25], np.float32).tobytes()
    network = crafted.constant([0.25, 0.5, 0.25])
    length = network.index(scores) - 4
    assert network[length : length + 4] == len(scores).to_bytes(4, "little")
    too_long = network[:length] + (10**6).to_bytes(4, "little") + network[length + 4 :]
    broken = {"a buffer's length": too_long}
    for what in ("inputs", "outputs", "buffer", "operator", "operator code"):
        tree = flatbuffer_utils.read_model_from_bytearray(bytearray(crafted.echo()))
        graph = tree.subgraphs[0]
        if what in ("inputs", "outputs"):
            setattr(graph, what, [99])
        elif what == "buffer":
            graph.tensors[0].buffer = 99
        elif what == "operator":
            graph.operators[0].inputs = [0, 99]
        else:
            graph.operators[0].opcodeIndex = 99
        broken[what] = bytes(flatbuffer_utils.convert_object_to_bytearray(tree))
    for what, content in broken.items():
        with pytest.raises(UserError, match="truncated or damaged"):
            flatbuffer.check(crafted.write(tmp_path / f"{what}.tflite", content))
    flatbuffer.check(crafted.write(tmp_path / "good.tflite", crafted.echo()))


def test_flipped_bytes_never_end_in_anything_but_a_refusal(tmp_path: Path) -> None:
    """The tables of a model lie in its first kilobytes; some flips change nothing that a position hangs on."""
    whole = model("int8").read_bytes()
    dice = random.Random(1)
    path = tmp_path / "flipped.tflite"
    refused = 0
    for _ in range(400):
        flipped = bytearray(whole)
        for _ in range(dice.choice((1, 1, 3, 20))):
            flipped[dice.randrange(1024)] = dice.randrange(256)
        crafted.write(path, bytes(flipped))
        try:
            flatbuffer.check(path)
        except UserError:
            refused += 1
        flatbuffer.normalization(path)
        flatbuffer.label_files(path)
    assert 40 < refused < 400


def test_flipped_metadata_is_passed_over(tmp_path: Path) -> None:
    """Metadata is a help, not a condition: damaged, it says nothing."""
    whole = model("float32").read_bytes()
    start = whole.index(b"M001") - 4
    dice = random.Random(2)
    answers = set()
    for _ in range(300):
        flipped = bytearray(whole)
        flipped[start + dice.randrange(684)] = dice.randrange(256)
        answers.add(flatbuffer.normalization(crafted.write(tmp_path / "x.tflite", bytes(flipped))))
    assert None in answers and (0.0, 1.0) in answers


def test_tflite_runtime_is_not_given_a_truncated_file(command: Run, tmp_path: Path) -> None:
    """It follows positions outside the file and ends the process."""
    python = environment("tflite-runtime")
    whole = model("int8").read_bytes()
    for share in (50, 99):
        crafted.write(tmp_path / "cut.tflite", whole[: len(whole) * share // 100])
        done = command("device", "info", "cut.tflite", python=python)
        assert done.returncode == 2, share
        assert done.stdout == ""
        assert done.stderr.startswith("error: cut.tflite: ") and "truncated" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_tflite_runtime_survives_many_cuts(tmp_path: Path) -> None:
    python = environment("tflite-runtime")
    code = """
import sys
from pathlib import Path
from typing import Any
from device.commands import info
from device.errors import UserError
whole, path, refused = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), 0
for cut in range(1, len(whole), len(whole) // 60):
    path.write_bytes(whole[:cut])
    try:
        info.describe(path)
    except UserError:
        refused += 1
path.write_bytes(whole)
print(refused, info.describe(path).card.variant)
"""
    done = subprocess.run(
        [python, "-c", code, model("int8"), tmp_path / "cut.tflite"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    refused, variant = done.stdout.split()
    assert int(refused) >= 60 and variant == "int8"


def test_our_own_metadata_is_read_back(tmp_path: Path) -> None:
    assert flatbuffer.normalization(model("float32")) == (0.0, 1.0)
    assert flatbuffer.label_files(model("float32")) == (LabelFile("labels.txt", ""),)
    card = crafted.card(("a", "b"), (4, 6), input=InputSpec(4, 6, mean=127.5, std=64.0))
    path = crafted.write(tmp_path / "scaled.tflite", metadata.embed(crafted.constant([0.25, 0.75]), card))
    assert flatbuffer.normalization(path) == (127.5, 64.0)


def test_mean_and_std_of_each_channel_are_read(tmp_path: Path) -> None:
    network = crafted.constant([0.25, 0.75])
    for mean, std in (((123.5, 116.25, 103.5), (58.5, 57.0, 57.5)), ((1.0, 2.0, 3.0), 4.0), (0.0, (1.0, 2.0, 3.0))):
        card = crafted.card(("a", "b"), (4, 6), input=InputSpec(4, 6, mean=mean, std=std))
        path = crafted.write(tmp_path / "scaled.tflite", metadata.embed(network, card))
        assert flatbuffer.normalization(path) == (mean, std)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_metadata_that_is_no_scaling_says_nothing(mean: float, std: float, tmp_path: Path) -> None:
    spec = InputSpec(4, 6, mean=1234.5, std=4321.5)
    content = metadata.embed(crafted.constant([0.25, 0.75]), crafted.card(("a", "b"), (4, 6), input=spec))
    for before, after in ((1234.5, mean), (4321.5, std)):
        assert content.count(struct.pack("<f", before)) == 1
        content = content.replace(struct.pack("<f", before), struct.pack("<f", after))
    assert flatbuffer.normalization(crafted.write(tmp_path / "odd.tflite", content)) is None


def test_no_metadata_says_nothing(tmp_path: Path) -> None:
    path = crafted.write(tmp_path / "plain.tflite", crafted.constant([0.25, 0.75]))
    flatbuffer.check(path)
    assert flatbuffer.normalization(path) is None
    assert flatbuffer.label_files(path) == ()


def test_third_party_metadata_is_read() -> None:
    path = shared("models/mobilenet_v2_1.0_224_quant.tflite")
    assert flatbuffer.normalization(path) == (127.5, 127.5)
    assert flatbuffer.label_files(path) == (LabelFile("imagenet_labels.txt", ""),)


def test_whether_the_scores_are_probabilities(tmp_path: Path) -> None:
    """Teachable Machine and Keras end in a softmax; a network for training elsewhere in a dense layer."""
    network = cards.network_bytes(model("float32"))
    (tmp_path / "softmax.tflite").write_bytes(network)
    assert flatbuffer.gives_probabilities(tmp_path / "softmax.tflite")
    assert flatbuffer.gives_probabilities(model("int8"))  # a QUANTIZE lies behind it

    def cut(graph: Any) -> None:
        last = graph.operators.pop()
        graph.outputs = [last.inputs[0]]

    (tmp_path / "logits.tflite").write_bytes(crafted.changed(network, cut))
    assert not flatbuffer.gives_probabilities(tmp_path / "logits.tflite")
