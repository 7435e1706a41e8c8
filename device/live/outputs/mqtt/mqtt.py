"""Publishes results to an MQTT broker, where Home Assistant finds them.

        framelite/NAME/label          the shown label, retained; on changes, at most once per second
        framelite/NAME/state          label, score, top, time, rate, latency as JSON, retained; also as a heartbeat
        framelite/NAME/source         online while the source streams, else offline; retained
    framelite/NAME/availability   online; offline at the end and, as the last will, after a crash; retained

The live loop's thread publishes, at a result or a tick, and paho's thread sends.
"""

import json
from collections import deque
from time import monotonic
from typing import Any

from device.live.interfaces.output import Output
from device.live.interfaces.results import FrameResult, Status
from device.live.outputs.mqtt import home_assistant
from device.live.outputs.mqtt.connection import Connection
from device.live.outputs.mqtt.home_assistant import OFFLINE, ONLINE
from device.live.outputs.mqtt.options import Message, Settings

# The least time between changes: a flickering label would fill the history of the broker and of Home Assistant.
NEWS_PAUSE_S = 1.0
# If more messages wait for the network, the oldest are dropped.
WAITING_MESSAGES = 200


class Mqtt(Output):
    """Publishes results. Reports an unreachable broker once, and tries again.

    Drops results while there is no connection: the greeting after connecting has the current state.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._result: FrameResult | None = None
        self._published = 0  # the number of the last published result
        self._status: Status | None = None
        self._waiting: deque[Message] = deque(maxlen=WAITING_MESSAGES)
        self._are_news_due = False
        self._news_at = self._beat_at = 0.0  # in seconds of time.monotonic(): not earlier
        self._connection = self._connected()

    def _connected(self) -> Connection:
        return Connection(self.settings, self._message("availability", OFFLINE))

    def begin(self) -> None:
        """Opens another connection after paho's thread died; it publishes everything again."""
        self._connection.close(())
        self._connection = self._connected()

    def show(self, result: FrameResult) -> None:
        is_news = self._result is None or self._result.label != result.label
        self._result = result  # after the comparison, which may fail
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
        """Publishes pending news and `offline`, if connected."""
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
            self._are_news_due, self._news_at = False, now + NEWS_PAUSE_S  # before making them, which may fail
            self._waiting.extend(self._newest())
        if not self._waiting and now >= self._beat_at:
            self._waiting.extend(self._heartbeat())
        while self._waiting:
            self._connection.publish(self._waiting.popleft())
            self._beat_at = now + self.settings.heartbeat_s

    def _greeting(self) -> list[Message]:
        """Everything for a broker or Home Assistant that has just (re)appeared."""
        return [*self._discovery(), self._message("availability", ONLINE), self._source(), *self._newest()]

    def _heartbeat(self) -> list[Message]:
        """The state, if there is a new result; an old one must not look new.

        Also `online`: after a network failure the will of an earlier connection may arrive late.
        """
        online = self._message("availability", ONLINE)
        if self._result is None or self._result.number == self._published:
            return [online]
        return [online, self._state(self._result)]

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
        is_streaming = self._result is not None if self._status is None else self._status.is_streaming
        return self._message("source", ONLINE if is_streaming else OFFLINE)

    def _newest(self) -> list[Message]:
        result = self._result
        return [] if result is None else [self._message("label", result.label), self._state(result)]

    def _state(self, result: FrameResult) -> Message:
        self._published = result.number
        document = result.to_json()
        kept = {key: document[key] for key in ("label", "score", "top", "time", "rate", "dropped")}
        return self._message("state", _json({**kept, "latency_ms": document["ms"]["frame"]}))

    def _message(self, kind: str, text: str) -> Message:
        return Message(f"{self.settings.topic}/{kind}", text)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
