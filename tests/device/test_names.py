"""Names of files that are no UTF-8, as Linux allows them: every output can say them, and none breaks."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from device.live.outputs.web.serve import Serve
from tests.conftest import Run
from tests.device.broker import Mosquitto, Watcher
from tests.device.classifying import INT8, draw
from tests.device.feeding import STREAMING, Feed
from tests.device.telling import STATE, at, telling
from tests.device.visiting import Viewer, get

pytestmark = pytest.mark.programs

NAME = os.fsdecode(b"caf\xe9")  # é in Latin-1


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    folder = tmp_path / NAME
    draw(folder / "1.png", "circle")
    draw(folder / "2.png", "square").rename(folder / f"{NAME}.png")
    return folder


def test_images_of_a_folder(command: Run, tmp_path: Path, shots: Path) -> None:
    model = shutil.copy(INT8, tmp_path / f"{NAME}.tflite")
    for target in ("-", f"{NAME}.jsonl"):
        words = ("--source", shots, "--headless", "--threads", 1, "--jsonl", target)
        done = command("device", "live", model, *words)
        assert done.returncode == 0, done.stderr
        lines = (done.stdout if target == "-" else (tmp_path / target).read_text()).splitlines()
        assert [json.loads(line)["image"] for line in lines] == [str(shots / "1.png"), str(shots / f"{NAME}.png")]


def test_a_film_may_have_any_name(command: Run, tmp_path: Path) -> None:
    film = tmp_path / "film.avi"
    write_film(film)
    named = film.rename(tmp_path / f"{NAME}.avi")
    done = command("device", "live", INT8, "--source", named, "--headless", "--threads", 1, "--jsonl", "-")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5), done.stderr


def write_film(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for number in range(5):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (f"/dev/{NAME}", "camera"),
        (f"http://127.0.0.1:1/{NAME}", "not UTF-8"),
        (f"rtsp://127.0.0.1:1/{NAME}", "not UTF-8"),
    ],
)
def test_what_cannot_have_such_a_name(source: str, said: str, command: Run) -> None:
    done = command("device", "live", INT8, "--source", source, "--headless", "--threads", 1)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1) and said in done.stderr


def test_the_page(serve: Serve, answers: Feed) -> None:
    result = answers.next("circle")
    serve.show(replace(result, frame=replace(result.frame, name=NAME)))
    serve.status(replace(STREAMING, source=NAME, model=NAME, message=NAME))
    state = get(serve.port, "/api/state")
    assert state.status == 200
    assert (state.json["result"]["image"], state.json["status"]["model"]) == (NAME, NAME)
    with Viewer(serve.port, "/api/events") as viewer:
        events = viewer.events()
        kind, document = next(events)
        assert kind == "state" and document["status"]["source"] == NAME
        serve.status(replace(STREAMING, source=NAME, model=NAME))
        assert next(events)[1]["model"] == NAME
    families = text_string_to_metric_families(get(serve.port, "/metrics").body.decode())
    (labels,) = (sample.labels for family in families for sample in family.samples if "source_info" in sample.name)
    assert labels["source"] == labels["model"] == "caf\\udce9"


def test_the_broker(mosquitto: Mosquitto, answers: Feed) -> None:
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port)) as told:
        told.status(replace(STREAMING, source=NAME, model=NAME))
        told.show(answers.next("circle"))
        watcher.wait_for(lambda: watcher.texts(STATE))
        config = "homeassistant/sensor/framelite_shelf_label/config"
        assert json.loads(watcher.wait_for(lambda: watcher.texts(config))[-1])["device"]["model"] == NAME
