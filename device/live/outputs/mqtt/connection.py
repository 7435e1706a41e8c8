"""A connection to an MQTT broker, which paho opens, watches and reopens in its thread.

Imports paho-mqtt, from the extra `mqtt`. The messages: device/live/outputs/mqtt/mqtt.py.
"""

import random
import socket
import ssl
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device import command, text
from device.live.interfaces.worker import ThreadEndedError
from device.live.outputs.mqtt.home_assistant import ONLINE, birth_topic
from device.live.outputs.mqtt.options import Message, Settings

# For each of the broker's addresses, and for TLS.
CONNECT_S = 5.0
# Without traffic for 1.5 times as long, the broker considers the connection lost and publishes the last will. A broker
# that accepts the connection and stays silent gets so long, too.
KEEPALIVE_S = 30
# The pause between attempts doubles each time, and is short again after a connection that lasted.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
# The random share of each pause, so that many boards don't return to a broker at the same moment.
JITTER = 0.5
# Of an incoming message: Home Assistant's birth message is short. MQTT allows 256 MB, and paho would buffer it.
MAX_INCOMING_BYTES = 65_536
# How long close() waits for the farewell, and in all for the thread.
FAREWELL_S, CLOSED_S = 0.25, 0.4


class Connection:
    """Stays open until closed. Prints each reason for a failure once per lost connection, on stderr."""

    def __init__(self, settings: Settings, will: Message) -> None:
        self._settings = settings
        self._said: set[str] = set()
        self._is_connected = self._is_refused = self._is_greeting_due = self._is_closed = False
        self._listens = True
        self._connected_at, self._pause_s = 0.0, FIRST_PAUSE_S
        self._client = client = _Client(f"framelite-{settings.name}", self._on_unreadable)
        client.connect_timeout = CONNECT_S
        client.will_set(will.topic, will.text, qos=1, retain=will.retain)
        if settings.user:
            client.username_pw_set(settings.user, settings.password)
        if context := settings.tls_context():
            client.tls_set_context(context)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect, client.on_message = self._on_disconnect, self._on_message
        self._pause(FIRST_PAUSE_S)
        client.connect_async(settings.host, settings.port, KEEPALIVE_S)
        client.loop_start()

    @property
    def is_free(self) -> bool:
        """Whether it is connected and has sent everything, so that the next message goes out at once."""
        return self._is_connected and not self._client.want_write()

    def take_greeting(self) -> bool:
        """Whether the broker or Home Assistant has (re)appeared since the last call."""
        is_due, self._is_greeting_due = self._is_greeting_due, False
        return is_due

    def publish(self, message: Message) -> None:
        """Never waits. A message without a connection is lost."""
        # A file name that is not UTF-8 has lone surrogates; they become JSON escapes.
        payload = message.text.encode(errors="backslashreplace")
        self._client.publish(message.topic, payload, retain=message.retain)

    def check(self) -> None:
        """Raises ThreadEndedError if paho's thread has died."""
        if self._client.has_ended and not self._is_closed:
            raise ThreadEndedError(self._client.failure)

    def close(self, farewell: Iterable[Message]) -> None:
        """Publishes the farewell if connected; returns within half a second.

        A thread that is connecting or pausing can't be interrupted and ends later; it is a daemon.
        """
        if self._is_closed:
            return
        self._is_closed = True
        is_connected = self._is_connected
        for message in farewell if is_connected else ():
            self.publish(message)
        self._client.disconnect()
        ending = Thread(target=self._client.end, name="mqtt-end", daemon=True)
        ending.start()
        if is_connected:
            ending.join(FAREWELL_S)
            if ending.is_alive() and (left := self._client.socket()) is not None:
                with suppress(OSError):  # not the method of SSLSocket: paho's thread is using that
                    socket.socket.shutdown(left, socket.SHUT_RDWR)  # type: ignore[arg-type]
            ending.join(CLOSED_S - FAREWELL_S)

    # Everything below runs in paho's thread.

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._is_refused = True
            self._complain(f"it refused the connection ({reason}); check --mqtt-user and the password")
            return
        if self._listens:
            client.subscribe(birth_topic(self._settings.prefix))
        self._connected_at = monotonic()
        self._is_connected = self._is_greeting_due = True
        self._said.clear()
        self._say("connected")

    def _on_connect_fail(self, client: Client, data: Any) -> None:
        error = sys.exception()  # paho calls this while handling it
        self._complain(_reason(error) if isinstance(error, OSError) else "it is unreachable")

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self._is_connected:
            self._complain("the connection was lost")
        elif not self._is_refused:
            self._complain("it doesn't respond like a broker; check the port, and whether it expects TLS (--mqtt-tls)")
        self._lost()

    def _on_unreadable(self, error: Exception) -> None:
        if isinstance(error, _TooLongError):
            self._listens = False  # a retained message would come again with every connection
            topic = birth_topic(self._settings.prefix)
            what = f"it sent a message of {error} bytes, expected at most {MAX_INCOMING_BYTES}"
            self._complain(f"{what}; unsubscribed from {topic}")
        else:
            self._complain(f"it sent something that isn't MQTT ({type(error).__name__})")
        self._lost()

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        """Handles Home Assistant's birth message. A retained one is not news: this connection's greeting was sent."""
        if message.payload == ONLINE.encode() and not message.retain:
            self._is_greeting_due = True

    def _lost(self) -> None:
        has_lasted = self._is_connected and monotonic() - self._connected_at > LONGEST_PAUSE_S
        self._is_connected = self._is_refused = False
        self._pause(FIRST_PAUSE_S if has_lasted else min(2 * self._pause_s, LONGEST_PAUSE_S))

    def _pause(self, seconds: float) -> None:
        """Sets the pause before the next attempt, which paho doubles until one succeeds. (It accepts fractions.)"""
        self._pause_s = seconds
        self._client.reconnect_delay_set(jittered(seconds), jittered(LONGEST_PAUSE_S))  # type: ignore[arg-type]

    def _complain(self, reason: str) -> None:
        if reason not in self._said and not self._is_closed:
            self._said.add(reason)
            self._say(f"{reason}; trying again")

    def _say(self, what: str) -> None:
        command.say(f"note: MQTT broker {self._settings.host}:{self._settings.port}: {what}")


class _TooLongError(Exception):
    """An incoming message is too long; the text is its bytes. (Not an OSError: paho catches those.)"""


class _Client(Client):
    """paho's client, whose thread survives invalid packets, keeps the error that ends it, and refuses long messages.

    Overrides paho's private `_sock_recv` (2.0 to 2.2): a version that renames it would accept any length.
    """

    failure: BaseException | None = None
    has_ended = False

    def __init__(self, identity: str, on_unreadable: Callable[[Exception], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=identity)
        self._on_unreadable = on_unreadable

    def end(self) -> None:
        """Waits for the thread, and breaks reference cycles, which would keep sockets open."""
        self.loop_stop()
        if (left := self.socket()) is not None:
            left.close()
        self.on_connect = self.on_connect_fail = self.on_disconnect = self.on_message = None
        del self._on_unreadable

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except BaseException as failure:  # reported by `check`, not by a traceback
            self.failure = failure
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self.has_ended = True

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """paho 2.0 and 2.1 raise KeyError, struct.error … for bytes that aren't MQTT."""
        try:
            return super().loop_read(max_packets)
        except Exception as error:
            self._on_unreadable(error)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL  # it connects again

    def _sock_recv(self, bufsize: int) -> bytes:
        """paho first reads one byte, then as many as the message's header says."""
        if bufsize > MAX_INCOMING_BYTES:
            raise _TooLongError(bufsize)
        received: bytes = super()._sock_recv(bufsize)
        return received


def jittered(pause_s: float) -> float:
    """A random pause from half of `pause_s` to all of it."""
    return pause_s * random.uniform(1 - JITTER, 1)


def _reason(error: OSError) -> str:
    """Why connecting failed, in words for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}); --mqtt-ca FILE names the CA that signed it"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or text.one_line(error)}); is it a port for TLS, such as 8883?"
    if isinstance(error, socket.gaierror):
        return f"its name is unknown ({error.strerror})"
    if isinstance(error, TimeoutError):
        return "it doesn't respond"
    return (error.strerror or str(error) or type(error).__name__).lower()
