"""`--mqtt`: what a real broker's other clients are told, Home Assistant first."""

import json
import re
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from device.live.outputs.mqtt import connection, mqtt
from tests.conftest import ROOT
from tests.device.broker import Mosquitto, Watcher
from tests.device.feeding import LOST, STREAMING, Feed
from tests.device.telling import AVAILABILITY, CONFIGS, EVERYTHING, LABEL, SENSORS, SOURCE, STATE, at, telling
from tests.limits import limits

pytestmark = pytest.mark.programs


def test_home_assistant_finds_four_sensors(mosquitto: Mosquitto, answers: Feed) -> None:
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port, heartbeat_s=20)) as output:
        output.status(STREAMING)
        output.show(answers.next("circle"))
        watcher.wait_for(lambda: set(watcher.topics()) >= EVERYTHING)
        watcher.wait_for(lambda: all('"model"' in watcher.topics()[topic].text for topic in CONFIGS))
        told = watcher.topics()
    configs = {topic: json.loads(told[topic].text) for topic in CONFIGS}
    state = json.loads(told[STATE].text)
    for topic, config in configs.items():
        assert topic == f"homeassistant/sensor/{config['unique_id']}/config"
        assert config["state_topic"] == STATE
        (key,) = re.findall(r"value_json\.(\w+)", config["value_template"])
        assert isinstance(state[key], str if topic.endswith("_label/config") else float)
        assert config["availability_mode"] == "all"
        assert {available["topic"] for available in config["availability"]} == {AVAILABILITY, SOURCE}
        for available in config["availability"]:
            assert told[available["topic"]].text == available["payload_available"] == "online"
            assert available["payload_not_available"] == "offline"
        assert config["device"] == {
            "identifiers": ["framelite_shelf"],
            "name": "framelite shelf",
            "manufacturer": "framelite",
            "model": "shapes_int8.tflite",
        }
        assert config["origin"]["name"] == "framelite"
        assert config["expire_after"] == 60
        assert "object_id" not in config  # Home Assistant 2026.4 knows it no more
    diagnostic = {topic for topic, config in configs.items() if config.get("entity_category") == "diagnostic"}
    assert diagnostic == {topic for topic in CONFIGS if "_rate/" in topic or "_latency/" in topic}
    assert len({config["name"] for config in configs.values()}) == len(SENSORS)


def test_the_state_is_the_result_s(mosquitto: Mosquitto, answers: Feed) -> None:
    result = answers.next("née 'circle' \N{SNOWMAN}")
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port)) as output:
        output.show(result)
        watcher.wait_for(lambda: watcher.texts(STATE))
        state = json.loads(watcher.texts(STATE)[0])
        assert watcher.texts(LABEL) == [result.label]
    document = result.to_json()
    assert state == {
        **{key: document[key] for key in ("label", "score", "top", "time", "rate", "dropped")},
        "latency_ms": document["ms"]["frame"],
    }


def test_a_change_is_told_once_and_kept(mosquitto: Mosquitto, answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(monkeypatch, mqtt, NEWS_PAUSE_S=0.0)
    changes = ["circle", "square", "circle", "unknown"]
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port)) as output:
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY))
        for count, label in enumerate(changes, 1):
            for _ in range(5):
                output.show(answers.next(label))
            watcher.wait_for_texts(STATE, count)
        output.close()
        watcher.wait_for(lambda: "offline" in watcher.texts(AVAILABILITY))
        assert watcher.texts(LABEL) == changes
        assert [json.loads(text)["label"] for text in watcher.texts(STATE)] == changes
    with Watcher(mosquitto.port) as late:
        late.wait_for(lambda: set(late.topics()) >= EVERYTHING)
        assert all(told.retained for told in late.topics().values())
        assert late.texts(LABEL) == ["unknown"]
        assert late.texts(AVAILABILITY) == ["offline"]


def test_a_change_is_told_at_once(mosquitto: Mosquitto, answers: Feed) -> None:
    """Not only at a heartbeat."""
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port, heartbeat_s=3600)) as output:
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY))
        output.show(answers.next("circle"))
        watcher.wait_for(lambda: watcher.texts(LABEL))


def test_a_label_that_flickers_is_told_once_a_second_and_the_newest_in_the_end(
    mosquitto: Mosquitto, answers: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(monkeypatch, mqtt, NEWS_PAUSE_S=0.2)
    results = [answers.next(label) for label in ("circle", "square")]
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port)) as output:
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY))
        began = time.monotonic()
        while time.monotonic() - began < 1.0:  # hundreds of changes
            output.show(results[0])
            output.show(results[1])
            time.sleep(0.005)
        output.show(results[0])
        output.show(answers.next("triangle"))
        watcher.wait_for(lambda: watcher.texts(LABEL)[-1:] == ["triangle"])
        most = 1 + (time.monotonic() - began) / mqtt.NEWS_PAUSE_S
        assert 2 <= len(watcher.texts(LABEL)) <= most
        watcher.wait_for(lambda: json.loads(watcher.texts(STATE)[-1])["label"] == "triangle")


def test_the_newest_is_told_before_the_end(
    mosquitto: Mosquitto, answers: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the pause after the state before it, which here doesn't end."""
    limits(monkeypatch, mqtt, NEWS_PAUSE_S=1000.0)
    with Watcher(mosquitto.port) as watcher:
        with telling(at(mosquitto.port)) as output:
            output.show(answers.next("circle"))
            watcher.wait_for(lambda: watcher.texts(LABEL))
            output.show(answers.next("triangle"))
            output.show(answers.next("square"))
        watcher.wait_for(lambda: watcher.topics()[AVAILABILITY].text == "offline")
        assert watcher.topics()[LABEL].text == json.loads(watcher.topics()[STATE].text)["label"] == "square"


def test_pauses_have_jitter() -> None:
    """Boards that lost one broker together don't come back together."""
    pauses = [connection.jittered(60.0) for _ in range(100)]
    assert len(set(pauses)) > 90 and all(30 <= pause <= 60 for pause in pauses)


def test_the_heartbeat_tells_new_answers_only(mosquitto: Mosquitto, answers: Feed) -> None:
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port, heartbeat_s=0.1)) as output:
        output.show(answers.next("circle"))
        watcher.wait_for(lambda: watcher.texts(STATE))
        for count in (2, 3):
            result = answers.next("circle")
            output.show(result)
            watcher.wait_for_texts(STATE, count)
            assert json.loads(watcher.texts(STATE)[-1])["time"] == round(result.time, 3)
        beats = len(watcher.texts(AVAILABILITY))
        watcher.wait_for(lambda: len(watcher.texts(AVAILABILITY)) >= beats + 3)
        assert set(watcher.texts(AVAILABILITY)) == {"online"}
        assert len(watcher.texts(STATE)) == 3
        assert watcher.texts(LABEL) == ["circle"]


def test_a_lost_source_and_another_model_are_told(mosquitto: Mosquitto) -> None:
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port)) as output:
        watcher.wait_for(lambda: set(watcher.topics()) >= CONFIGS and watcher.texts(SOURCE) == ["offline"])
        output.status(STREAMING)
        output.status(LOST)
        output.status(replace(STREAMING, model="other.tflite"))
        watcher.wait_for(lambda: watcher.texts(SOURCE) == ["offline", "online", "offline", "online"])
        for topic in CONFIGS:
            models = [json.loads(text)["device"].get("model") for text in watcher.texts(topic)]
            assert models == [None, "shapes_int8.tflite", "other.tflite"]


def test_a_killed_program_is_told_offline_by_its_will(mosquitto: Mosquitto) -> None:
    program = (
        "import time; from tests.device.feeding import Feed; from device.live.outputs.mqtt.mqtt import Mqtt\n"
        "from device.live.outputs.mqtt.options import Settings\n"
        f"output = Mqtt(Settings('127.0.0.1', {mosquitto.port}, 'shelf'))\n"
        "output.show(Feed((90, 160)).next('circle'))\n"
        "while True: output.tick(); time.sleep(0.01)"
    )
    with Watcher(mosquitto.port) as watcher:
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            watcher.wait_for(lambda: watcher.texts(LABEL) and watcher.texts(AVAILABILITY) == ["online"])
        finally:
            process.kill()
            process.wait()
        watcher.wait_for(lambda: watcher.texts(AVAILABILITY) == ["online", "offline"])
    with Watcher(mosquitto.port) as late:
        late.wait_for(lambda: late.texts(AVAILABILITY) == ["offline"])


def test_home_assistant_comes_back(mosquitto: Mosquitto, answers: Feed) -> None:
    with Watcher(mosquitto.port) as watcher, telling(at(mosquitto.port)) as output:
        output.show(answers.next("circle"))
        watcher.wait_for(lambda: set(watcher.topics()) >= EVERYTHING)
        watcher.forget()
        watcher.publish("homeassistant/status", "offline")
        watcher.publish("homeassistant/status", "online")
        watcher.wait_for(lambda: set(watcher.topics()) >= EVERYTHING)
        assert all(len(watcher.texts(topic)) == 1 for topic in EVERYTHING)


def test_a_kept_birth_of_home_assistant_is_no_new_one(mosquitto: Mosquitto, answers: Feed) -> None:
    with Watcher(mosquitto.port) as watcher:
        watcher.publish("homeassistant/status", "online", retain=True)
        with telling(at(mosquitto.port)) as output:
            watcher.wait_for(lambda: watcher.texts(AVAILABILITY))
            output.show(answers.next("circle"))
            watcher.wait_for(lambda: watcher.texts(STATE))
            assert all(len(watcher.texts(topic)) == 1 for topic in CONFIGS)
