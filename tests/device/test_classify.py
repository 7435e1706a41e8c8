"""`device classify` as a user runs it: answers and their order, under every runtime, in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from device.host import system
from device.images import images
from device.inference.classifier import Classifier
from device.model.variants import DEFAULT
from tests import drawing
from tests.conftest import ROOT, Run, environment, model
from tests.device import crafted
from tests.device.classifying import INT8, draw, lines
from tests.device.refusals import names

# Answers.


def test_one_image_for_a_person(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "image.png", "square")
    done = command("device", "classify", INT8, "image.png")
    assert (done.returncode, done.stderr) == (0, "")
    first, *others, times = done.stdout.splitlines()
    assert first.split()[0] == "square" and float(first.split()[1]) > 0.5 and "####" in first
    assert {line.split()[0] for line in others} == {"circle", "triangle"}
    assert times.startswith("ms: decode ") and "invoke" in times


def test_one_image_for_a_script(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "image.png", "square")
    done = command("device", "classify", INT8, "image.png", "--json", "-", "--top-k", 2)
    assert (done.returncode, done.stderr) == (0, "")
    (answer,) = lines(done)
    assert set(answer) == {"image", "top", "ms"}
    assert answer["image"] == "image.png"
    assert answer["top"][0]["label"] == "square" and len(answer["top"]) == 2
    assert all(set(ranked) == {"label", "score"} and 0 <= ranked["score"] <= 1 for ranked in answer["top"])
    assert set(answer["ms"]) == {"decode", "preprocess", "invoke", "postprocess"}
    assert all(value >= 0 for value in answer["ms"].values())


def test_folders_are_answered_in_order_without_what_is_hidden(command: Run, tmp_path: Path) -> None:
    for name in ("in/b.png", "in/a/2.png", "in/a/10.PNG", "in/c/deep/x.png", "in/.hidden.png", "in/.git/y.png"):
        draw(tmp_path / name, "circle")
    (tmp_path / "in/notes.txt").write_text("no image")
    draw(tmp_path / "single.png", "triangle")
    done = command("device", "classify", INT8, "single.png", "in", "single.png", "--json", "-")
    assert (done.returncode, done.stderr) == (0, "note: passed over: 1 .txt (no images), 2 hidden\n")
    inside = ["in/a/10.PNG", "in/a/2.png", "in/b.png", "in/c/deep/x.png"]
    assert [line["image"] for line in lines(done)] == ["single.png", *inside, "single.png"]
    assert [line["top"][0]["label"] for line in lines(done)] == ["triangle", *["circle"] * 4, "triangle"]


def test_many_images_for_a_person_are_a_line_each(command: Run, tmp_path: Path) -> None:
    for label in drawing.LABELS:
        draw(tmp_path / f"in/{label}.png", label)
    done = command("device", "classify", INT8, "in", "--threads", 2)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [[f"in/{label}.png", label] for label in drawing.LABELS]
    assert all(0.5 < float(row[2]) <= 1 for row in rows)


def test_order_holds_where_some_images_take_much_longer(command: Run, tmp_path: Path) -> None:
    large = images.encode_jpeg(np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), np.uint8), 90)
    for i in range(24):
        draw(tmp_path / f"in/{i:02}.png", "square", i)
        if i % 4 == 0:
            (tmp_path / f"in/{i:02}.png").write_bytes(large)
    done = command("device", "classify", INT8, "in", "--json", "-")
    assert [Path(line["image"]).stem for line in lines(done)] == [f"{i:02}" for i in range(24)]


def test_an_answer_file(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "in/a.png", "circle")
    draw(tmp_path / "in/b.png", "square")
    (tmp_path / "out.jsonl").write_text("an older answer")
    done = command("device", "classify", INT8, "in", "--json", "out.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    answered = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["top"][0]["label"] for line in answered] == ["circle", "square"]
    done = command("device", "classify", INT8, "in", "--json", "new/folder/out.jsonl")
    assert done.returncode == 0 and (tmp_path / "new/folder/out.jsonl").is_file()
    assert names(tmp_path) == ["in", "new", "out.jsonl"]


def test_a_name_that_is_no_utf8_is_answered_too(command: Run, tmp_path: Path) -> None:
    """Old archives hold such names; a terminal of another locale can't write them."""
    draw(tmp_path / "in/good.png", "circle")
    (tmp_path / "in/good.png").rename(tmp_path / "in" / os.fsdecode(b"\xe4\xff.png"))
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    for words in ([], ["--json", "out.jsonl"]):
        done = command("device", "classify", INT8, "in", *words, **strict)
        assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert os.fsencode(answer["image"]) == b"in/\xe4\xff.png"


def test_a_third_party_file_says_what_was_assumed(command: Run, tmp_path: Path) -> None:
    crafted.write(tmp_path / "net.tflite", crafted.echo("uint8", 1.0))
    (tmp_path / "labels.txt").write_text("0 red\n1 green\n2 blue\n")
    color = np.full((8, 8, 3), (10, 200, 30), np.uint8)
    (tmp_path / "green.png").write_bytes(images.encode_png(color))
    done = command("device", "classify", "net.tflite", "green.png", "--labels", "labels.txt", "--json", "-")
    assert done.returncode == 0
    numbers, *others = done.stderr.splitlines()
    assert numbers.startswith("note: labels.txt: ") and "0..2" in numbers and "'red'" in numbers
    assert others == [
        "note: net.tflite: no card; outputs taken as softmax (--output says otherwise)",
        "note: net.tflite: the uint8 input spans 0..255, so it takes pixels as they are",
    ]
    (answer,) = lines(done)
    assert [(ranked["label"], ranked["score"]) for ranked in answer["top"]] == [
        ("green", 200),
        ("blue", 30),
        ("red", 10),
    ]


# Machines and runtimes.


def same_answers(done: subprocess.CompletedProcess[str], variant: str, folder: Path) -> None:
    """A command's answers beside those of this process: the same labels, scores within what kernels differ by."""
    assert (done.returncode, done.stderr) == (0, "")
    here = Classifier(model(variant))
    assert [line["image"] for line in lines(done)] == [str(path) for path in sorted(folder.iterdir())]
    for line in lines(done):
        scores = here.classify(images.read(Path(line["image"]))).scores
        assert line["top"][0]["label"] == here.top(scores, 1)[0].label
        theirs = {ranked["label"]: ranked["score"] for ranked in line["top"]}
        assert [theirs[label] for label in drawing.LABELS] == pytest.approx(scores.tolist(), abs=24 / 256)


@pytest.fixture
def twelve(tmp_path: Path) -> Path:
    for i in range(12):
        draw(tmp_path / f"in/{i:02}.png", drawing.LABELS[i % 3], i)
    return tmp_path / "in"


@pytest.mark.parametrize("variant", DEFAULT)
def test_tflite_runtime_gives_the_same_labels(variant: str, command: Run, twelve: Path) -> None:
    python = environment("tflite-runtime")
    same_answers(command("device", "classify", model(variant), twelve, "--json", "-", python=python), variant, twelve)


@pytest.mark.tensorflow
@pytest.mark.parametrize("variant", DEFAULT)
def test_tensorflow_gives_the_same_labels(variant: str, warm: Run, twelve: Path) -> None:
    words = ("device", "classify", model(variant), twelve, "--json", "-", "--runtime", "tensorflow")
    same_answers(warm(*words), variant, twelve)


WATCHED = """
import sys, threading
names = set()
def note(*event):
    names.add(threading.current_thread().name)
    sys.setprofile(None)
threading.setprofile(note)
from device import __main__, command
code = __main__.main()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1]
print(peak, len([name for name in names if name.startswith("classify")]), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_memory_stays_flat_and_every_core_works(tmp_path: Path) -> None:
    """Ten times as many images, 330 MB when decoded, take no more memory: they are not held."""
    image = drawing.shape("square", np.random.default_rng(1), (480, 640))
    (tmp_path / "0.png").write_bytes(images.encode_jpeg(image, 95))
    peaks = []
    for count in (40, 400):
        folder = tmp_path / str(count)
        folder.mkdir()
        for i in range(count):
            (folder / f"{i:03}.png").hardlink_to(tmp_path / "0.png")
        done = subprocess.run(
            [sys.executable, "-c", WATCHED, "classify", INT8, folder, "--json", tmp_path / "out.jsonl"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == count
        peak_kb, workers = map(int, done.stderr.splitlines()[-1].split())
        assert workers == system.usable_cores()
        peaks.append(peak_kb)
    assert peaks[1] - peaks[0] < 15_000
