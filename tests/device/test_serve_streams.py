"""The endless streams of `--serve`: newest only, many viewers, one that sleeps, one that is gone."""

import json
import sys
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from device.live.interfaces.frames import Frame
from device.live.outputs.web.serve import Serve
from device.live.outputs.web.server import address, application
from tests.conftest import missing
from tests.device.feeding import STREAMING, Feed, feeding, marked, see, wait_for
from tests.device.visiting import Viewer, get, metric
from tests.limits import limits

pytestmark = pytest.mark.programs


def test_events_leave_out_results_but_no_label_change(serve: Serve, answers: Feed) -> None:
    """Everything is shown at once: far more results than events can go out, and each is another label."""
    with Viewer(serve.port, "/api/events") as viewer:
        events = viewer.events()
        assert next(events)[0] == "state"
        serve.status(STREAMING)
        shown = [replace(answers.next(), changed=True) for _ in range(60)]
        for result in shown:
            serve.show(result)
        changes: list[int] = []
        results: list[int] = []
        statuses: list[str] = []
        shown.append(replace(answers.next(), changed=True))
        threading.Timer(0.3, serve.show, [shown[-1]]).start()
        while not results or results[-1] < shown[-1].number:
            kind, document = next(events)
            if kind == "status":
                statuses.append(document["source"])
            else:
                (changes if kind == "change" else results).append(document["number"])
    assert changes == [result.number for result in shown]
    assert len(results) < 20
    assert statuses == ["test"]


def test_a_quiet_stream_is_kept_open(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, application, SILENCE_S=0.05)
    with Viewer(serve.port, "/api/events") as viewer:
        viewer.until(b"\n\n")
        for _ in range(3):
            viewer.until(b": nothing new\n\n")


def test_an_image_without_a_next_one_is_sent_again(
    serve: Serve, answers: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the source is lost: a proxy ends a stream that is silent, and the page would keep the old image."""
    limits(monkeypatch, application, SILENCE_S=0.05)
    serve.show(marked(answers.next(), 128))
    with Viewer(serve.port, "/stream.mjpg") as viewer:
        shown = viewer.images()
        for _ in range(3):
            see(shown, 128)
    assert metric(serve.port, "framelite_images_encoded_total") == 1


def test_images_have_the_colors_of_their_frames(serve: Serve, answers: Feed) -> None:
    blue = np.full((120, 160, 3), (200, 20, 20), np.uint8)  # BGR
    for frame in (Frame(blue), Frame(blue[..., ::-1], "RGB")):
        serve.show(replace(answers.next(), frame=frame))
        with Viewer(serve.port, "/stream.mjpg") as viewer:
            image = next(viewer.images())
        assert image.shape == blue.shape
        assert np.abs(image.astype(int) - blue).max() < 10


def test_opencv_reads_the_stream(serve: Serve, answers: Feed) -> None:
    """As any program that reads MJPEG from an address."""
    with feeding(serve, answers):
        capture = cv2.VideoCapture(f"{serve.url}stream.mjpg", cv2.CAP_FFMPEG)
        if not capture.isOpened():
            missing("this OpenCV has no FFmpeg")
        good, frame = capture.read()
        capture.release()
    assert good and frame.shape == (90, 160, 3)


def test_images_are_made_once_and_only_while_somebody_looks(serve: Serve, answers: Feed) -> None:
    for _ in range(20):
        serve.show(answers.next())
    assert metric(serve.port, "framelite_images_encoded_total") == 0
    with Viewer(serve.port, "/stream.mjpg") as one, Viewer(serve.port, "/stream.mjpg") as two:
        streams = one.images(), two.images()
        for i in range(5):
            serve.show(marked(answers.next(), 40 * i))
            for stream in streams:
                see(stream, 40 * i)
        assert metric(serve.port, "framelite_viewers") == 2
        assert metric(serve.port, "framelite_images_encoded_total") <= 6
    wait_for(lambda: metric(serve.port, "framelite_viewers") == 0)
    made = metric(serve.port, "framelite_images_encoded_total")
    serve.show(answers.next())
    assert metric(serve.port, "framelite_images_encoded_total") == made


def test_who_reads_nothing_slows_nobody_and_costs_nothing(serve: Serve, answers: Feed) -> None:
    """Others see every newest image meanwhile; for it no more is kept than the kernel's two buffers and an image."""
    with (
        Viewer(serve.port, "/stream.mjpg", buffer=8192) as asleep,
        Viewer(serve.port, "/api/events", buffer=8192),
        Viewer(serve.port, "/stream.mjpg") as awake,
    ):
        stream, sent = awake.images(), 0
        for i in range(20):
            serve.show(marked(answers.next(), 12 * i))
            sent += see(stream, 12 * i).nbytes // 4  # the least that JPEG leaves of noise
        kept = asleep.rest()
    assert sent > 3_000_000
    assert 0 < kept < 1_500_000


def test_who_takes_nothing_for_long_is_cut_off(answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        missing("only Linux has TCP_USER_TIMEOUT")
    limits(monkeypatch, address, SILENT_S=1)
    serve = Serve("127.0.0.1:0", answers.card)
    try:
        with Viewer(serve.port, "/stream.mjpg", buffer=8192):
            wait_for(lambda: metric(serve.port, "framelite_viewers") == 1)

            def is_cut_off() -> bool:
                serve.show(marked(answers.next(), 0))
                return metric(serve.port, "framelite_viewers") == 0

            wait_for(is_cut_off)
    finally:
        serve.close()


def test_results_of_many_threads(serve: Serve, answers: Feed) -> None:
    """Written while it is looked at from all sides: nothing is lost or torn."""
    result = answers.next()

    def show(first: int) -> None:
        for i in range(500):
            serve.show(replace(result, number=first + i))

    with Viewer(serve.port, "/api/events"), Viewer(serve.port, "/stream.mjpg"):
        threads = [threading.Thread(target=show, args=(1000 * i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert get(serve.port, "/api/state").status == 200
        for thread in threads:
            thread.join()
    assert metric(serve.port, "framelite_frames_answered_total") == 2000


def test_the_state_is_json_for_every_label(serve: Serve, answers: Feed) -> None:
    result = replace(answers.next(), label="née \u2028 </script>\n\ndata: x", changed=True)
    with Viewer(serve.port, "/api/events") as viewer:
        events = viewer.events()
        next(events)
        serve.show(result)
        assert next(events)[1]["label"] == result.label
    assert json.loads(get(serve.port, "/api/state").body)["result"]["label"] == result.label
