"""`device live` over time: signals, sources that are lost, a model that is replaced, memory."""

import signal
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.live.interfaces.frames import STALL_S
from device.model.card import Confidence
from tests.conftest import model
from tests.device import crafted
from tests.device.altering import altered, with_one_image
from tests.device.classifying import INT8, draw
from tests.device.crafted import End
from tests.device.living import LIMIT_S, Live
from tests.device.mjpeg_server import Server
from tests.device.visiting import Viewer, get, metric

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_within_a_second(live: Any, number: signal.Signals, code: int) -> None:
    """The best of three counts: a machine that is busy with others is no fault."""
    took: list[float] = []
    while len(took) < 3 and min(took, default=1) >= 1:
        running = live(INT8, "--source", "test", "--threads", 1)
        for _ in range(3):
            running.next()
        returned, said, seconds = running.end(number)
        assert returned == code, said
        assert "Traceback" not in said
        took.append(seconds)
    assert min(took) < 1


def test_a_signal_ends_it_while_the_source_is_lost(live: Any) -> None:
    server = Server("good")
    running = live(INT8, "--source", server.url, "--threads", 1)
    running.next()
    server.kill()
    running.wait_for("trying again")
    returned, _, seconds = running.end(signal.SIGTERM)
    assert returned == 0 and seconds < STALL_S, "it waits for no source"


def test_a_stream_that_comes_back_is_answered_again(live: Any) -> None:
    server = Server("good")
    running = live(INT8, "--source", server.url, "--threads", 1)
    running.next()
    server.kill()
    time.sleep(0.3)
    again = Server("good", server.port)
    try:
        running.next_after(time.time())
    finally:
        again.kill()
    returned, said, _ = running.end(signal.SIGTERM)
    assert returned == 0
    assert f"{server.url} is back" in said


def test_a_stream_that_hangs_is_opened_anew(live: Any) -> None:
    """It never ends and never errs: it sends no images, half ones, or nothing any more; or the same one, where that
    isn't wanted.

    All at once, since each takes five seconds to be noticed.
    """
    servers = {failure: Server("good") for failure in ("same", "garbage", "half", "silent")}
    try:
        words = {failure: ["--source", servers[failure].url, "--threads", 1] for failure in servers}
        words["same"] += ["--stall-if-still", 5]
        running = {failure: live(INT8, *words[failure]) for failure in servers}
        for failure, one in running.items():
            one.next()
            servers[failure].break_streams(failure)
        broken = time.time() + 1
        for one in running.values():
            one.next_after(broken)
            one.wait_for("is back")
    finally:
        for server in servers.values():
            server.kill()
    for failure, one in running.items():
        returned, said, _ = one.end(signal.SIGTERM)
        assert returned == 0, failure
        assert "trying again" in said and f"{servers[failure].url} is back" in said, failure


def test_a_covered_lens_is_answered_all_the_while(live: Any) -> None:
    """It sends the same bytes again and again: for longer than a source may be silent."""
    server = Server("same")
    try:
        running = live(INT8, "--source", server.url, "--threads", 1, "--serve", "127.0.0.1:0")
        until = running.next()["time"] + STALL_S + 1
        running.next_after(until)
        assert get(running.port(), "/healthz").status == 200
        assert metric(running.port(), "framelite_source_lost_total") == 0
        assert metric(running.port(), "framelite_frames_answered_total") > 20
        returned, said, _ = running.end(signal.SIGTERM)
    finally:
        server.kill()
    assert returned == 0
    assert "trying again" not in said


def replaceable(live: Any, folder: Path, *words: object) -> tuple[Path, Live]:
    """A classifier that answers, and its model file, which may be another when SIGHUP comes."""
    path = folder / "model.tflite"
    path.write_bytes(INT8.read_bytes())
    return path, live(path, *words, "--threads", 1)


@pytest.mark.parametrize("good", [True, False])
def test_a_model_that_was_replaced_is_loaded_when_it_is_sound(live: Any, tmp_path: Path, good: bool) -> None:
    path, running = replaceable(live, tmp_path, "--source", "test")
    running.next()
    other = model("float32").read_bytes() if good else INT8.read_bytes()[:9000]
    (tmp_path / "new").write_bytes(other)
    (tmp_path / "new").replace(path)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(f"{path}: reloaded" if good else "stays in use")
    running.next_after(time.time())
    returned, said, _ = running.end(signal.SIGTERM)
    assert returned == 0, said
    assert (": reloaded" in said) == good


def test_a_model_that_is_overwritten_in_place_goes_on(live: Any, tmp_path: Path) -> None:
    """As cp and scp do: the file is emptied, filled again, and at times it is half there."""
    path, running = replaceable(live, tmp_path, "--source", "test")
    running.next()
    other = model("float32").read_bytes()
    for content, words in {b"": "not a .tflite file", INT8.read_bytes()[:9000]: "truncated or damaged"}.items():
        path.write_bytes(content)  # the same file, which an interpreter may have mapped
        running.next_after(time.time())
        running.process.send_signal(signal.SIGHUP)
        assert "stays in use" in running.wait_for(words)
        running.next_after(time.time())
    path.write_bytes(other)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(f"{path}: reloaded")
    running.next_after(time.time())
    assert running.end(signal.SIGTERM)[0] == 0


def test_a_model_without_golden_images_does_not_take_over(live: Any, tmp_path: Path) -> None:
    path, running = replaceable(live, tmp_path, "--source", "test")
    running.next()
    altered(tmp_path / "new", "int8", lambda card: replace(card, golden=())).replace(path)
    running.process.send_signal(signal.SIGHUP)
    assert "stays in use" in running.wait_for("golden images")
    running.next_after(time.time())
    returned, said, _ = running.end(signal.SIGTERM)
    assert returned == 0, said


def test_a_model_that_lacks_the_label_of_a_rule_does_not_take_over(live: Any, tmp_path: Path) -> None:
    path, running = replaceable(live, tmp_path, "--source", "test", "--on-label", "circle:3600", "true")
    running.next()
    renamed = {"circle": "disc", "square": "square", "triangle": "triangle"}
    altered(tmp_path / "new", "int8", lambda card: replace(card, labels=tuple(renamed.values()))).replace(path)
    running.process.send_signal(signal.SIGHUP)
    assert "'circle'" in running.wait_for("stays in use")
    assert {ranked["label"] for ranked in running.next_after(time.time())["top"]} == set(renamed)
    assert running.end(signal.SIGTERM)[0] == 0


def test_a_model_that_was_replaced_brings_its_threshold(live: Any, tmp_path: Path) -> None:
    path, running = replaceable(live, tmp_path, "--source", "test")
    assert running.next()["label"] != "unknown"
    altered(tmp_path / "new", "int8", lambda card: replace(card, confidence=Confidence(None, 1.0))).replace(path)
    running.process.send_signal(signal.SIGHUP)
    while running.next()["label"] != "unknown":
        continue
    assert running.end(signal.SIGTERM)[0] == 0


def test_a_model_of_another_size_gets_frames_that_are_large_enough(live: Any, tmp_path: Path) -> None:
    network, card = crafted.constant([0.1, 0.9], End((1, 200, 200, 3))), {"labels": ("no", "yes"), "size": (200, 200)}
    larger = with_one_image(tmp_path / "new", network, np.zeros((8, 8, 3), np.uint8), (0.1, 0.9), 1e-6, **card)
    server = Server("good")
    try:
        path, running = replaceable(live, tmp_path, "--source", server.url, "--decode", "auto")
        assert running.next()["decoded"] == "1/8"
        larger.replace(path)
        running.process.send_signal(signal.SIGHUP)
        while running.next()["label"] != "yes":
            continue
        running.next()  # the frame before may have been on its way
        assert running.next()["decoded"] == "full"
        returned, said, _ = running.end(signal.SIGTERM)
    finally:
        server.kill()
    assert returned == 0 and f"{path}: reloaded\n" in said
    assert "lost" not in said and "is back" not in said


def test_a_signal_ends_it_while_the_source_is_being_opened(live: Any) -> None:
    """A camera that takes the connection and says nothing would be waited for five seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LIMIT_S)
        running = live(INT8, "--source", f"http://127.0.0.1:{silent.getsockname()[1]}/", "--threads", 1)
        visitor, _ = silent.accept()
        with visitor:
            returned, said, seconds = running.end(signal.SIGTERM)
    assert (returned, said) == (0, "")
    assert seconds < STALL_S


def test_memory_and_threads_stay_as_they_are(live: Any, tmp_path: Path) -> None:
    """`make soak` in short: some thousand frames, while the page is looked at."""
    for number, label in enumerate(("circle", "square", "triangle")):
        draw(tmp_path / f"shots/{number}.png", label, seed=number)
    running = live(INT8, "--source", tmp_path / "shots", "--loop", "--threads", 1, "--serve", "127.0.0.1:0")
    with Viewer(running.port(), "/stream.mjpg") as viewer:
        images = viewer.images()
        seen = []
        for _ in range(4):
            for _ in range(1000):
                running.next()
            next(images)
            seen.append(running.status())
    assert seen[-1]["bytes"] - seen[0]["bytes"] < 5_000_000, seen
    assert {status["threads"] for status in seen} == {seen[0]["threads"]}
    assert running.end(signal.SIGTERM)[0] == 0
