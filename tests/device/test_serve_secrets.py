"""What a stranger on the network reads of a camera's address: nothing; and who has the token, no secret of it."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device.live.outputs.web.server import feed
from tests.conftest import Run
from tests.device.classifying import INT8
from tests.device.guarded_camera import GuardedCamera
from tests.device.refusals import refusal
from tests.device.visiting import Viewer, get

pytestmark = pytest.mark.programs

USER, PASSWORD, IN_PATH, IN_QUERY = "Usr7Quux", "Kw9Zyzzy", "Pth8Vexx", "Qry6Jinx"
SECRETS = (USER, PASSWORD, IN_PATH, IN_QUERY)
TARGET = f"/token/{IN_PATH}/video?pwd={IN_QUERY}"
TOKEN = "a-token-of-its-own"
PATHS = ("/", "/script.js", "/api/state", "/metrics", "/healthz", "/nowhere")
REASONS = {*feed.HEALTHY, feed.NO_FRAMES, feed.NO_PREDICTIONS}


def looks(port: int) -> Iterator[tuple[str, str]]:
    """(where, what) of all paths, without the token and with it."""
    for path in PATHS:
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            answer = get(port, path, headers)
            yield f"{path} {list(headers)}", f"{answer.headers}{answer.body.decode()}"
    with Viewer(port, f"/api/events?token={TOKEN}") as viewer:
        yield "/api/events", str(next(viewer.events()))


def test_a_short_token_is_refused(command: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("fifteen-letters")
    words = ("device", "live", INT8, "--source", "test", "--headless", "--serve", "0.0.0.0:0")
    for done in (command(*words, "--token-file", "token"), command(*words, FRAMELITE_TOKEN="fifteen-letters")):
        assert "expected a token of 16 to 500 letters" in refusal(done)
        assert "fifteen" not in done.stderr


def test_a_secret_anywhere_in_the_address_is_seen_nowhere(live: Any, tmp_path: Path) -> None:
    """While the camera streams and after it was lost, which is when messages name it."""
    with GuardedCamera("basic", USER, PASSWORD) as camera:
        running = live(
            *(INT8, "--source", camera.url(f"{USER}:{PASSWORD}", TARGET), "--threads", 1, "--serve", "0.0.0.0:0"),
            FRAMELITE_TOKEN=TOKEN,
        )
        running.next()
        port, place = running.port(), f"127.0.0.1:{camera.port}"
        seen = [*looks(port)]
        camera.way = "garbled"
        camera.cut()
        running.wait_for("trying again")
        seen += looks(port)
        lost = get(port, "/healthz")
        known = get(port, "/healthz", {"Authorization": f"Bearer {TOKEN}"})
        seen.append(("stderr", running.end(signal.SIGTERM)[1]))
    assert "page: http://" in seen[-1][1] and TOKEN not in seen[-1][1], "who gave it knows it; a journal needn't"
    assert [(where, secret) for where, text in seen for secret in SECRETS if secret in text] == []
    assert {lost.json["reason"], known.json["reason"]} <= REASONS
    strangers = [text for where, text in seen if where.endswith("[]")]
    assert len(strangers) == 2 * len(PATHS) and not any(place in text for text in strangers)
    assert place in known.json["message"] and place in seen[-1][1], "who may know it is told which source it is"
