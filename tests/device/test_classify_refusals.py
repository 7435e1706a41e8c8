"""`device classify` where something is wrong: broken images, missing files, full disks, Ctrl-C, closed pipes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from device.images import images
from tests.conftest import ROOT, Run
from tests.device.classifying import INT8, draw, lines
from tests.device.processes import start
from tests.device.refusals import names, refusal, says

# Images and folders that can't be read.


def test_a_broken_image_among_good_ones(command: Run, tmp_path: Path) -> None:
    for i in range(9):
        draw(tmp_path / f"in/{i}.png", "square", i)
    (tmp_path / "in/3.png").write_bytes((tmp_path / "in/3.png").read_bytes()[:200])
    (tmp_path / "in/5.png").write_text("words")
    for target in ("-", "out.jsonl"):
        done = command("device", "classify", INT8, "in", "--json", target)
        says(refusal(done), "2 of 9 ")
        truncated, other = done.stderr.splitlines()[:2]
        says(truncated, "error: in/3.png: ", "truncated")
        says(other, "error: in/5.png: ", "JPEG, PNG, BMP, WebP, GIF, TIFF, PPM or AVIF")
        text = done.stdout if target == "-" else (tmp_path / target).read_text()
        answered = [json.loads(line)["image"] for line in text.splitlines()]
        assert answered == [f"in/{i}.png" for i in range(9) if i not in (3, 5)]


def test_one_broken_image(command: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    done = command("device", "classify", INT8, "empty.png")
    says(refusal(done), "empty.png: ", " empty")
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""


def test_a_folder_without_images(command: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/notes.txt").write_text("no image")
    done = command("device", "classify", INT8, "in", "--json", "out.jsonl")
    says(refusal(done), "in: ", ".jpg")
    assert names(tmp_path) == ["in"]


def test_a_missing_image_is_told_before_anything_is_answered(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "good.png", "circle")
    done = command("device", "classify", INT8, "good.png", "none.png")
    says(refusal(done), "none.png: ")
    assert done.stdout == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_images_and_folders_without_permission(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "good.png", "circle")
    draw(tmp_path / "locked.png", "circle").chmod(0)
    done = command("device", "classify", INT8, "good.png", "locked.png", "--json", "-")
    says(refusal(done), "1 of 2 ")
    says(done.stderr, "locked.png: ", "Permission denied")
    assert [line["image"] for line in lines(done)] == ["good.png"]
    draw(tmp_path / "locked/image.png", "circle").parent.chmod(0)
    assert "permission denied" in refusal(command("device", "classify", INT8, "locked"))
    (tmp_path / "locked").chmod(0o755)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.tflite", None, "no such "),
        ("words.tflite", b"words", "TFL3"),
        ("cut.tflite", INT8.read_bytes()[:6000], "6000 bytes"),
        ("cut_archive.tflite", INT8.read_bytes()[:-9], "'labels.txt'"),
    ],
)
def test_a_model_that_cannot_be_used(name: str, content: bytes | None, said: str, command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "in/image.png", "circle")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = command("device", "classify", name, "in", "--json", "out.jsonl")
    says(refusal(done), f"{name}: ", said)
    assert done.stdout == "" and not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        (["--top-k", "0"], ("--top-k: 0 ", " 1 ", "1000000")),
        (["--top-k", "many"], ("--top-k: many ", " 1 ", "1000000")),
        (["--threads", "100000"], ("--threads: 100000 ", " 1 ", "256")),
        (["--fit", "zoom"], ("--fit: ", "'zoom'")),
        (["--mean", "half"], ("--mean: ", "'half'")),
        (["--nonsense"], (": --nonsense",)),
    ],
)
def test_wrong_options_are_named(words: list[str], facts: tuple[str, ...], command: Run) -> None:
    done = command("device", "classify", "model.tflite", "image.png", *words)
    assert done.returncode == 2
    says(done.stderr.splitlines()[-1], "error: ", *facts)


# Where answers can't write it.


def test_a_folder_in_the_way_of_the_answers(command: Run, tmp_path: Path) -> None:
    draw(tmp_path / "in/image.png", "circle")
    (tmp_path / "out").mkdir()
    done = command("device", "classify", INT8, "in", "--json", "out")
    says(refusal(done), "out: ", "directory")
    assert names(tmp_path) == ["in", "out"] and names(tmp_path / "out") == []
    done = command("device", "classify", INT8, "in", "--json", "in/image.png/out.jsonl")
    says(refusal(done), "in/image.png", " file")


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


@needs_full
def test_no_space_for_an_answer_file(command: Run, tmp_path: Path) -> None:
    """Through a link, so that a test that goes wrong replaces the link and not the machine's device."""
    draw(tmp_path / "in/image.png", "circle")
    (tmp_path / "full").symlink_to("/dev/full")
    done = command("device", "classify", INT8, "in", "--json", "full")
    says(refusal(done), "no space")
    assert (tmp_path / "full").is_symlink() and not (tmp_path / "full").is_file()
    assert names(tmp_path) == ["full", "in"]


@needs_full
@pytest.mark.parametrize("words", [["in/image.png"], ["in", "--json", "-"]])
def test_no_space_behind_stdout(words: list[str], tmp_path: Path) -> None:
    draw(tmp_path / "in/image.png", "circle")
    with Path("/dev/full").open("w") as full:
        process = start(tmp_path, "device", "classify", INT8, *words, stdout=full)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    says(said, "error: ", "no space")
    assert len(said.splitlines()) == 1


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    large = np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), np.uint8)
    (tmp_path / "large.jpg").write_bytes(images.encode_jpeg(large, 90))
    (tmp_path / "out").mkdir()
    process = start(tmp_path, "device", "classify", INT8, *["large.jpg"] * 4000, "--json", "out/answers.jsonl")
    deadline = time.monotonic() + 60
    while not names(tmp_path / "out"):  # the temporary file: it has begun to answer
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (130, "interrupted\n")
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("words", [[], ["--json", "-"]])
def test_a_reader_that_has_seen_enough(words: list[str], tmp_path: Path) -> None:
    draw(tmp_path / "image.png", "circle")
    process = start(tmp_path, "device", "classify", INT8, *["image.png"] * 5000, *words, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    assert "circle" in process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


def test_closed_stdout_and_stderr_are_no_reason_to_fail(tmp_path: Path) -> None:
    draw(tmp_path / "image.png", "circle")
    shell = f"'{sys.executable}' -m device classify '{INT8}' "
    run = {"shell": True, "cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "text": True}
    done = subprocess.run(shell + "image.png >&-", capture_output=True, **run)  # type: ignore[call-overload]
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(shell + "none.png 2>&-", capture_output=True, **run)  # type: ignore[call-overload]
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")
