"""A connection to an MQTT broker that is kept: opened, watched and opened again, in a thread of its own.

Imports paho-mqtt, of the extra `mqtt`. What is sent: device/mqtt/mqtt.py.
"""

import random
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device import command, text
from device.live.guarded import Worker
from device.mqtt.connector import Connector
from device.mqtt.home_assistant import ONLINE, birth_topic
from device.mqtt.mqtt import Message, Settings

# A broker that took the connection is given so long for its first word.
PATIENCE_S = 10.0
# From one attempt to the next: twice as long each time, and short again after a connection that lasted.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
# Of each pause so much is left to chance: many boards that lost one broker don't come back in one moment.
JITTER = 0.5
# News come at most so often: a label that flickers would fill the broker's and Home Assistant's memory of the past.
NEWS_PAUSE_S = 1.0
# A connection on which nothing comes for half as long again is lost: the broker then publishes the last will.
KEEPALIVE_S = 30
# How long it sleeps when nothing happens; paho looks after its keepalive in between.
IDLE_S = 1.0
# Of more than the network can carry the oldest are dropped.
WAITING_MESSAGES = 200
# Of a message that comes: Home Assistant's birth has a few. MQTT allows 256 MB, which paho would gather.
MAX_INCOMING_BYTES = 65_536
# close() gives the farewell so long, and the thread so long in all.
FAREWELL_S, CLOSED_S = 0.25, 0.4

Messages = Callable[[], Iterable[Message]]


class Broker:
    """Publishes `greeting()` on every connection and when Home Assistant comes back, `heartbeat()` at its period, and
    `news()` soon after `hurry`: what is newest then, and nothing of what was between.

    `send` never waits. What it was given before a greeting is dropped: that says how things are by then. What fails is
    said on stderr, each reason once until there is a connection again. paho's own thread isn't used: it can't be told
    to end while it opens a connection or pauses.
    """

    def __init__(
        self, settings: Settings, will: Message, greeting: Messages, news: Messages, heartbeat: Messages
    ) -> None:
        self._settings, self._will = settings, will
        self._greeting, self._news, self._heartbeat = greeting, news, heartbeat
        context = settings.tls_context()
        self._connector = Connector(settings.host, settings.port, context)
        self._client = self._make_client(context)
        self._waiting: deque[Message] = deque(maxlen=WAITING_MESSAGES)
        self._said: set[str] = set()
        self._is_connected = self._is_greeting_due = self._is_refused = False
        self._listens = True
        self._beat_at = 0.0
        self._are_news_due, self._news_at = False, 0.0  # in seconds of time.monotonic(): not earlier
        self.thread = Worker("mqtt", self._work)
        self.thread.start()

    def send(self, messages: Iterable[Message]) -> None:
        self._waiting.extend(messages)
        self._connector.wake()

    def hurry(self) -> None:
        """There are news. Never waits."""
        self._are_news_due = True
        self._connector.wake()

    def close(self) -> None:
        """Publishes the will where there is a connection; the thread has ended within half a second.

        But for a look-up of the broker's name, which nothing can cut short: the thread, a daemon, then ends after it.
        """
        self._connector.end()
        self.thread.join(CLOSED_S)

    def _make_client(self, context: ssl.SSLContext | None) -> "_Client":
        settings, will = self._settings, self._will
        client = _Client(f"framelite-{settings.name}", self._connector.open)
        client.connect_async(settings.host, settings.port, KEEPALIVE_S)
        client.will_set(will.topic, will.text, qos=1, retain=will.retain)
        if settings.user:
            client.username_pw_set(settings.user, settings.password)
        if context:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # All below is the thread's.

    def _work(self) -> None:
        pause_s = FIRST_PAUSE_S
        try:
            while not self._connector.is_ended:
                began = monotonic()
                self._try()
                if monotonic() - began > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S
                self._connector.pause(jittered(pause_s))
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self._connector.close()

    def _try(self) -> None:
        """One connection, from its opening to its end."""
        self._is_refused = False
        try:
            self._client.reconnect()
            self._stay()
        except OSError as error:
            self._complain(_reason(error))
        finally:
            self._is_connected = False
            if (left := self._client.socket()) is not None:
                left.close()

    def _stay(self) -> None:
        """Sends and receives until the connection ends or close() was called."""
        deadline = monotonic() + PATIENCE_S
        while (connection := self._client.socket()) is not None:
            if self._connector.is_ended:
                return self._leave()
            if self._is_connected:
                self._publish_what_is_due()
            elif monotonic() > deadline:
                raise TimeoutError
            if self._client.socket() is connection:  # a failed publication ends it
                self._exchange(connection)

    def _publish_what_is_due(self) -> None:
        if self._client.want_write():  # the network is slower than the news
            return
        if self._is_greeting_due:
            self._is_greeting_due = False
            self._waiting.clear()
            self._are_news_due = False
            self._publish(self._greeting())
        while self._waiting:
            self._publish([self._waiting.popleft()])
        if self._are_news_due and monotonic() >= self._news_at:
            self._are_news_due, self._news_at = False, monotonic() + NEWS_PAUSE_S  # before they are asked for
            self._publish(self._news())
        if monotonic() >= self._beat_at:
            self._publish(self._heartbeat())

    def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            # A file name that is no UTF-8 holds lone surrogates: written as JSON's own escapes.
            payload = message.text.encode(errors="backslashreplace")
            self._client.publish(message.topic, payload, retain=message.retain)
        self._beat_at = monotonic() + self._settings.heartbeat_s

    def _exchange(self, connection: Any) -> None:
        """Waits for what can be read or written, or until the next heartbeat, and does it."""
        has_more = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        writing = [connection] if self._client.want_write() else []
        seconds = IDLE_S
        if has_more:
            seconds = 0.0
        elif self._is_connected and not writing:
            due_at = min(self._beat_at, self._news_at) if self._are_news_due else self._beat_at
            seconds = min(IDLE_S, max(0.0, due_at - monotonic()))
        readable, writable = self._connector.wait([connection], writing, seconds)
        if readable or has_more:
            self._read()
        if writable:
            self._client.loop_write()
        self._client.loop_misc()

    def _read(self) -> None:
        try:
            self._client.loop_read()
        except OSError:
            raise
        except _TooLongError as error:
            self._listens = False  # it may be kept there, and come again with every connection
            topic = birth_topic(self._settings.prefix)
            what = f"a message of {error} bytes came, expected at most {MAX_INCOMING_BYTES}"
            raise ConnectionError(f"{what}; {topic}, where that is kept, is not listened to any more") from None
        except Exception as error:  # paho 2.0 and 2.1 trip over bytes that are no MQTT: KeyError, struct.error …
            raise ConnectionError(f"it sent what is no MQTT ({type(error).__name__})") from None

    def _leave(self) -> None:
        """What wasn't told within the second goes out before the end."""
        if self._is_connected:
            self._publish([*(self._news() if self._are_news_due else ()), self._will])
        self._client.disconnect()
        deadline = monotonic() + FAREWELL_S
        while (connection := self._client.socket()) is not None and (left_s := deadline - monotonic()) > 0:
            if self._connector.wait([], [connection], left_s)[1]:
                self._client.loop_write()

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._is_refused = True
            self._complain(f"it refuses the connection ({reason}); check --mqtt-user and the password")
            return
        if self._listens:
            client.subscribe(birth_topic(self._settings.prefix))
        self._is_connected = self._is_greeting_due = True
        self._said.clear()
        self._say("connected")

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self._is_connected:
            self._complain("the connection was lost")
        elif not self._is_refused:
            self._complain("it doesn't answer as a broker does; is the port right, does it expect TLS (--mqtt-tls)?")

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        """Home Assistant's birth. A retained one says nothing new: the greeting of this connection has gone out."""
        if message.payload == ONLINE.encode() and not message.retain:
            self._is_greeting_due = True

    def _complain(self, reason: str) -> None:
        if reason not in self._said and not self._connector.is_ended:
            self._said.add(reason)
            self._say(f"{reason}; trying again")

    def _say(self, what: str) -> None:
        command.say(f"note: MQTT broker {self._settings.host}:{self._settings.port}: {what}")


class _TooLongError(Exception):
    """The bytes of a message that nobody waits for. (No OSError: those paho keeps for itself.)"""


class _Client(Client):
    """paho's client, with an opening that can be cut short, and without messages that fill the memory.

    `_create_socket` and `_sock_recv` are paho's own names, in 2.0 to 2.2. A version that calls the one otherwise would
    open connections by itself, with the same TLS, and close() would have to wait for them; one that calls the other
    otherwise would take a message of any length.
    """

    def __init__(self, identity: str, opening: Callable[[], socket.socket]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=identity, reconnect_on_failure=False)
        self._opening = opening

    def _create_socket(self) -> socket.socket:
        return self._opening()

    def _sock_recv(self, bufsize: int) -> bytes:
        """Asked at first for one byte, then for what the message's header says."""
        if bufsize > MAX_INCOMING_BYTES:
            raise _TooLongError(bufsize)
        received: bytes = super()._sock_recv(bufsize)
        return received


def jittered(pause_s: float) -> float:
    """A pause of at most so many seconds, and at least half of them."""
    return pause_s * random.uniform(1 - JITTER, 1)


def _reason(error: OSError) -> str:
    """Why no connection came about, in words for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); --mqtt-ca FILE names the CA that signed it"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or text.one_line(error)}); is it a port for TLS, such as 8883?"
    if isinstance(error, socket.gaierror):
        return f"its name is not known ({error.strerror})"
    if isinstance(error, TimeoutError):
        return "it doesn't answer"
    return (error.strerror or str(error) or type(error).__name__).lower()
