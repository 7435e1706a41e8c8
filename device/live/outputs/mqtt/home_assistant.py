"""Home Assistant's discovery messages, which make it show this program as a device with four sensors.

MQTT discovery, one message per sensor: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery Keys of sensors:
https://www.home-assistant.io/integrations/sensor.mqtt/#configuration-variables
"""

from typing import Any

ONLINE, OFFLINE = "online", "offline"
# Home Assistant shows a sensor as unavailable after so many missed heartbeats.
MISSED_HEARTBEATS = 3

MEASUREMENT = {"state_class": "measurement", "suggested_display_precision": 1}
DIAGNOSTIC = {**MEASUREMENT, "entity_category": "diagnostic"}
# id -> its own keys; the templates read what device/live/outputs/mqtt/mqtt.py writes into the state
SENSORS: dict[str, dict[str, Any]] = {
    "label": {"name": "Label", "icon": "mdi:tag", "value_template": "{{ value_json.label }}"},
    "score": {
        "name": "Score",
        "icon": "mdi:gauge",
        "value_template": "{{ 100 * value_json.score }}",
        "unit_of_measurement": "%",
        **MEASUREMENT,
    },
    "rate": {
        "name": "Frame rate",
        "icon": "mdi:speedometer",
        "value_template": "{{ value_json.rate }}",
        "unit_of_measurement": "fps",
        **DIAGNOSTIC,
    },
    "latency": {
        "name": "Latency",
        "device_class": "duration",
        "value_template": "{{ value_json.latency_ms }}",
        "unit_of_measurement": "ms",
        **DIAGNOSTIC,
    },
}


def discovery(topic: str, name: str, prefix: str, model: str | None, heartbeat_s: float) -> dict[str, dict[str, Any]]:
    """The messages by topic. topic: the prefix of mqtt.py's topics. model: shown with the device."""
    identity = f"framelite_{name}"
    device: dict[str, Any] = {"identifiers": [identity], "name": f"framelite {name}", "manufacturer": "framelite"}
    if model is not None:
        device["model"] = model
    common = {
        "state_topic": f"{topic}/state",
        # Of the program and of its source: a prediction is current only while both are there.
        "availability": [_available(f"{topic}/availability"), _available(f"{topic}/source")],
        "availability_mode": "all",
        "expire_after": max(1, round(MISSED_HEARTBEATS * heartbeat_s)),
        "device": device,
        "origin": {"name": "framelite"},
    }
    return {
        f"{prefix}/sensor/{identity}_{sensor}/config": {"unique_id": f"{identity}_{sensor}", **own, **common}
        for sensor, own in SENSORS.items()
    }


def _available(topic: str) -> dict[str, str]:
    return {"topic": topic, "payload_available": ONLINE, "payload_not_available": OFFLINE}


def birth_topic(prefix: str) -> str:
    """The topic where Home Assistant publishes ONLINE when it starts."""
    return f"{prefix}/status"
