"""`--serve` without a browser: its address, its documents and streams, many viewers, and its end."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from device.errors import UserError
from device.host.temperature import Thermometer
from device.live.outputs.web.serve import Serve
from device.live.outputs.web.server import address, feed, newest
from tests.conftest import ROOT, missing
from tests.device.feeding import LOST, STREAMING, Feed, marked
from tests.device.visiting import Viewer, get, metric
from tests.limits import limits

pytestmark = pytest.mark.programs


# The address.


@pytest.mark.parametrize(
    "text",
    ["8080", ":8080", "localhost", "localhost:", "localhost:http", "1.2.3.4:70000", "::1:8080", "[::1]", "a b:80"],
)
def test_an_address_that_is_none(text: str, answers: Feed) -> None:
    with pytest.raises(UserError, match=r"expected HOST:PORT, such as 127\.0\.0\.1:8080"):
        Serve(text, answers.card)


def test_addresses_that_cannot_be_had(serve: Serve, answers: Feed) -> None:
    for text, said in (
        (f"127.0.0.1:{serve.port}", f"--serve: port {serve.port} is in use; stop the program that uses it, or choose"),
        ("192.0.2.77:0", "--serve: 192.0.2.77 is not an address of this host"),
        ("no.such.name.invalid:0", "--serve: no.such.name.invalid is unknown here"),
    ):
        before = threading.active_count()
        with pytest.raises(UserError) as refusal:
            Serve(text, answers.card)
        assert str(refusal.value).startswith(said)
        assert threading.active_count() == before


def test_the_default_address_is_one() -> None:
    assert address.parse(address.DEFAULT) == ("127.0.0.1", 8080)


def test_the_page_is_served_over_ipv6(answers: Feed) -> None:
    try:
        serve = Serve("[::1]:0", answers.card)
    except UserError as error:
        missing(str(error))
    try:
        assert serve.url == f"http://[::1]:{serve.port}/" and serve.token is None
        with socket.create_connection(("::1", serve.port), timeout=10) as visitor:
            visitor.sendall(f"GET /api/state HTTP/1.0\r\nHost: [::1]:{serve.port}\r\n\r\n".encode())
            assert visitor.recv(12) == b"HTTP/1.1 200"
    finally:
        serve.close()


def test_what_is_not_installed_is_named() -> None:
    program = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from device import command; from device.live.outputs.outputs import Outputs\n"
        "from device.live.outputs.web.serve import ServeOptions\n"
        "from device.live.interfaces.output import Surroundings\n"
        "command.run(lambda: Outputs().open([ServeOptions('127.0.0.1:0')], Surroundings(None, None)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        2,
        "error: --serve needs uvicorn; install it with: pip install '.[serve]'\n",
    )


# Documents.


def test_the_state_before_anything_is_known(serve: Serve, answers: Feed) -> None:
    state = get(serve.port, "/api/state").json
    assert set(state) == {"version", "status", "result", "temperature", "card", "history"}
    assert (state["status"], state["result"], state["history"]) == (None, None, [])
    assert state["card"]["labels"] == ["circle", "square", "triangle"]
    assert state["card"]["accuracy"] == json.loads(json.dumps(answers.card.to_json()["accuracy"]))
    assert state["card"]["name"] == answers.card.name and "golden" not in state["card"]
    assert state["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_state_says_what_was_shown_last(serve: Serve, answers: Feed) -> None:
    serve.status(STREAMING)
    shown = [answers.next(label) for label in ("circle", "circle", "unknown", "square", "square")]
    for result in shown:
        serve.show(result)
    state = get(serve.port, "/api/state").json
    assert state["status"] == {
        "source": "test",
        "is_streaming": True,
        "message": "",
        "lost": 0,
        "model": "shapes_int8.tflite",
        "threads": 1,
        "failing": [],
        "failures": 0,
        "may_wait": False,
        "unusable": 0,
    }
    assert state["result"] == {**shown[-1].to_json(), "temperature": state["temperature"]}
    changes = [(change["number"], change["label"]) for change in state["history"]]
    assert changes == [(shown[i].number, shown[i].label) for i in (0, 2, 3)]


def test_the_history_begins_with_the_first_label(serve: Serve, answers: Feed) -> None:
    """Also when the live loop calls only the second one a change."""
    first = replace(answers.next("circle"), changed=False)
    for result in (first, replace(first, number=first.number + 1), answers.next("square")):
        serve.show(result)
    assert [change["label"] for change in get(serve.port, "/api/state").json["history"]] == ["circle", "square"]


def test_the_history_has_an_end(serve: Serve, answers: Feed) -> None:
    first = answers.next("circle")
    for i in range(newest.CHANGES + 50):
        serve.show(replace(first, number=i + 1, changed=True))
    history = get(serve.port, "/api/state").json["history"]
    assert [history[0]["number"], history[-1]["number"]] == [51, newest.CHANGES + 50]


def test_another_card(serve: Serve, answers: Feed) -> None:
    with Viewer(serve.port, "/api/events") as viewer:
        events = viewer.events()
        assert next(events)[1]["card"]["name"] == answers.card.name
        serve.model_changed(replace(answers.card, name="new"))
        kind, card = next(events)
        assert (kind, card["name"]) == ("card", "new")
    assert get(serve.port, "/api/state").json["card"]["name"] == "new"


def test_health(serve: Serve, answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    def health() -> tuple[int, str]:
        answer = get(serve.port, "/healthz")
        return answer.status, answer.json["reason"]

    assert health() == (503, "no recent prediction")
    serve.status(STREAMING)
    assert health() == (503, "no recent prediction")
    serve.show(answers.next())
    assert health() == (200, "predicting")
    serve.status(LOST)
    assert health() == (503, "the source gives no frames")
    serve.status(STREAMING)
    assert health() == (200, "predicting")
    limits(monkeypatch, feed, RECENT_S=0.0)
    assert health() == (503, "no recent prediction")
    serve.status(replace(STREAMING, may_wait=True))
    assert health() == (200, "waiting for a frame")
    serve.status(replace(LOST, may_wait=True))
    assert health() == (503, "the source gives no frames")


def test_metrics_are_what_prometheus_reads(serve: Serve, answers: Feed) -> None:
    serve.status(STREAMING)
    first = answers.next("circle")
    ms = {"preprocess": 1.0, "invoke": 3.0, "postprocess": 0.1, "frame": 40.0}
    serve.show(replace(first, number=1, dropped=4, ms=ms, rate=29.5))
    serve.show(replace(first, number=2, dropped=7, unusable=3, ms=ms, rate=29.5, label='a "b"\n', changed=True))
    serve.status(LOST)
    answer = get(serve.port, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    samples = {sample.name: sample for family in families.values() for sample in family.samples}
    values = {name: sample.value for name, sample in samples.items()}
    assert values["framelite_frames_answered_total"] == 2
    assert values["framelite_frames_dropped_total"] == 7
    assert values["framelite_frames_unusable_total"] == 3
    assert values["framelite_source_lost_total"] == 1
    assert values["framelite_source_up"] == 0
    assert values["framelite_label_changes_total"] == 2
    assert values["framelite_answers_per_second"] == 29.5
    assert (values["framelite_invoke_seconds_count"], values["framelite_frame_seconds_sum"]) == (2, 0.08)
    assert samples["framelite_label_info"].labels == {"label": 'a "b"\n'}
    assert samples["framelite_source_info"].labels["model"] == "shapes_int8.tflite"
    buckets = {sample.labels["le"]: sample.value for sample in families["framelite_invoke_seconds"].samples[:15]}
    assert (buckets["0.002"], buckets["0.005"]) == (0, 2)


def test_totals_that_begin_anew_go_on(serve: Serve, answers: Feed) -> None:
    for dropped in (10, 2, 5):
        serve.show(replace(answers.next(), dropped=dropped))
    assert metric(serve.port, "framelite_frames_dropped_total") == 13


def test_temperature(tmp_path: Path) -> None:
    """In a folder that is laid out as Linux does: a machine may have no zone, and its zones are its own."""
    assert Thermometer(tmp_path / "none").celsius() is None
    for number, (kind, text) in enumerate([("iwlwifi_1", "61000"), ("cpu-thermal", "48312"), ("broken", "")]):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "type").write_text(kind + "\n")
        (zone / "temp").write_text(text)
    thermometer = Thermometer(tmp_path)
    assert thermometer.celsius() == 48.312
    (tmp_path / "thermal_zone1/temp").write_text("99000")
    assert thermometer.celsius() == 48.312  # not read again so soon


# The end.


def test_it_ends_at_once_with_viewers_connected(answers: Feed) -> None:
    """One of the viewers reads nothing, so that its stream could never end well; the best of three counts."""
    took = []
    for i in range(3):
        before = set(threading.enumerate())
        serve = Serve("127.0.0.1:0", answers.card)
        viewers = [Viewer(serve.port, path) for path in ("/stream.mjpg", "/api/events", "/api/events")]
        viewers.append(Viewer(serve.port, "/stream.mjpg", buffer=8192))
        images = viewers[0].images()
        for mark in range(12):
            serve.show(marked(answers.next(), 20 * mark + i))
            next(images)
        time.sleep(0.2)  # until those who read all wait for news
        begin = time.monotonic()
        serve.close()
        took.append(time.monotonic() - begin)
        assert set(threading.enumerate()) == before
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                next(images)
        for viewer in viewers:
            viewer.socket.close()
        serve.close()  # once more does no harm, nor does a last result
        serve.show(answers.next())
    assert min(took) < 0.5
    with socket.socket() as again:  # the port is free
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", serve.port))


def test_two_servers_in_one_program_do_not_meet(serve: Serve, answers: Feed) -> None:
    other = Serve("localhost:0", answers.card)
    try:
        serve.show(answers.next())
        assert metric(serve.port, "framelite_frames_answered_total") == 1
        assert other.url == f"http://localhost:{other.port}/"
        assert other.port != serve.port
    finally:
        other.close()


def test_nothing_is_written_on_the_terminal(tmp_path: Path) -> None:
    """In a process of its own: requests, wrong requests and viewers that go away leave stdout and stderr empty."""
    program = (
        "import sys; from device.live.outputs.web.serve import Serve; from tests.device.feeding import Feed\n"
        "feed = Feed((90, 160)); serve = Serve('127.0.0.1:0', feed.card, 'the-token'); serve.show(feed.next())\n"
        "print(serve.port, flush=True); sys.stdin.read(); serve.close()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    for path in ("/?token=the-token", "/?token=wrong", "/nowhere?token=the-token", "/healthz"):
        get(port, path)
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"no http at all\r\n\r\n")
        rude.recv(1000)
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ntoken=")
    with Viewer(port, "/stream.mjpg?token=the-token") as viewer:
        next(viewer.images())
    time.sleep(0.2)
    out, said = process.communicate("", timeout=30)
    said = "".join(line for line in said.splitlines(keepends=True) if "XNNPACK" not in line)
    assert (process.returncode, out, said) == (0, "", "")
