"""What `live` sees, told to an MQTT broker and found there by Home Assistant.

    framelite/NAME/label          the label that is shown, retained; at a change, at most once a second
    framelite/NAME/state          label, score, top, time, rate, latency as JSON, retained; so too, and as a heartbeat
    framelite/NAME/source         online while the source streams, else offline, retained
    framelite/NAME/availability   online; offline at the end and, as the last will, after a crash; retained

All is published by the live loop's thread, at a reading or a tick, and paho's thread sends it.
"""

import json
from collections import deque
from time import monotonic
from typing import Any

from device.live.interfaces.output import Output
from device.live.interfaces.readings import Reading, Status
from device.live.outputs.mqtt import home_assistant
from device.live.outputs.mqtt.connection import Connection
from device.live.outputs.mqtt.home_assistant import OFFLINE, ONLINE
from device.live.outputs.mqtt.options import Message, Settings

# News come at most so often: a label that flickers would fill the broker's and Home Assistant's memory of the past.
NEWS_PAUSE_S = 1.0
# Of more than the network can carry the oldest are dropped.
WAITING_MESSAGES = 200


class Mqtt(Output):
    """Publishes. A broker that can't be reached is said once and tried again.

    What comes while there is no connection is dropped: a greeting says how things are by then.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._reading: Reading | None = None
        self._told = 0  # the number of the reading whose state was published last
        self._status: Status | None = None
        self._waiting: deque[Message] = deque(maxlen=WAITING_MESSAGES)
        self._are_news_due = False
        self._news_at = self._beat_at = 0.0  # in seconds of time.monotonic(): not earlier
        self._connection = self._connected()

    def _connected(self) -> Connection:
        return Connection(self.settings, self._message("availability", OFFLINE))

    def begin(self) -> None:
        """A connection; another one where its thread has died, which is told everything anew."""
        self._connection.close(())
        self._connection = self._connected()

    def show(self, reading: Reading) -> None:
        is_news = self._reading is None or self._reading.label != reading.label
        self._reading = reading  # not before: one that can't be compared is nothing to tell
        self._are_news_due |= is_news
        self._publish_what_is_due()

    def status(self, status: Status) -> None:
        before, self._status = self._status, status
        if before is None or before.model != status.model:
            self._waiting.extend(self._discovery())
        self._waiting.append(self._source())
        self._publish_what_is_due()

    def tick(self) -> None:
        self._connection.check()
        self._publish_what_is_due()

    def close(self) -> None:
        """Says what wasn't told within the second, and offline, where there is a connection."""
        news = self._newest() if self._are_news_due or self._connection.take_greeting() else []
        self._connection.close([*news, self._message("availability", OFFLINE)])

    def _publish_what_is_due(self) -> None:
        if not self._connection.is_free:  # the network is slower than the news
            return
        if self._connection.take_greeting():
            self._are_news_due = False
            self._waiting.clear()
            self._waiting.extend(self._greeting())
        now = monotonic()
        if self._are_news_due and now >= self._news_at:
            self._are_news_due, self._news_at = False, now + NEWS_PAUSE_S  # before they are made, which may fail
            self._waiting.extend(self._newest())
        if not self._waiting and now >= self._beat_at:
            self._waiting.extend(self._heartbeat())
        while self._waiting:
            self._connection.publish(self._waiting.popleft())
            self._beat_at = now + self.settings.heartbeat_s

    def _greeting(self) -> list[Message]:
        """All that a broker or Home Assistant must know that has just come (back)."""
        return [*self._discovery(), self._message("availability", ONLINE), self._source(), *self._newest()]

    def _heartbeat(self) -> list[Message]:
        """The state, if a frame was answered since: an old one isn't told as new.

        And that it is online: after a network failure the will of an earlier connection may come late.
        """
        online = self._message("availability", ONLINE)
        if self._reading is None or self._reading.number == self._told:
            return [online]
        return [online, self._state(self._reading)]

    def _discovery(self) -> list[Message]:
        messages = home_assistant.discovery(
            self.settings.topic,
            self.settings.name,
            self.settings.prefix,
            None if self._status is None else self._status.model,
            self.settings.heartbeat_s,
        )
        return [Message(topic, _json(document)) for topic, document in messages.items()]

    def _source(self) -> Message:
        is_streaming = self._reading is not None if self._status is None else self._status.is_streaming
        return self._message("source", ONLINE if is_streaming else OFFLINE)

    def _newest(self) -> list[Message]:
        reading = self._reading
        return [] if reading is None else [self._message("label", reading.label), self._state(reading)]

    def _state(self, reading: Reading) -> Message:
        self._told = reading.number
        document = reading.to_json()
        kept = {key: document[key] for key in ("label", "score", "top", "time", "rate", "dropped")}
        return self._message("state", _json({**kept, "latency_ms": document["ms"]["frame"]}))

    def _message(self, kind: str, text: str) -> Message:
        return Message(f"{self.settings.topic}/{kind}", text)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
