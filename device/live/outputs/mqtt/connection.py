"""A connection to an MQTT broker that paho keeps: opened, watched and opened again in its thread.

Imports paho-mqtt, of the extra `mqtt`. What is sent: device/live/outputs/mqtt/mqtt.py.
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
# A connection on which nothing comes for half as long again is lost: the broker then publishes the last will. One that
# takes the connection and says nothing is given so long, too.
KEEPALIVE_S = 30
# From one attempt to the next: twice as long each time, and short again after a connection that lasted.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
# Of each pause so much is left to chance: many boards that lost one broker don't come back in one moment.
JITTER = 0.5
# Of a message that comes: Home Assistant's birth has a few. MQTT allows 256 MB, which paho would gather.
MAX_INCOMING_BYTES = 65_536
# close() gives the farewell so long, and the thread so long in all.
FAREWELL_S, CLOSED_S = 0.25, 0.4


class Connection:
    """Kept until it is closed. What fails is said on stderr, each reason once until there is a connection again."""

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
        """Whether there is a connection that has taken all that was published: what comes now is sent at once."""
        return self._is_connected and not self._client.want_write()

    def take_greeting(self) -> bool:
        """Whether the broker or Home Assistant has come (back) since this was last asked."""
        is_due, self._is_greeting_due = self._is_greeting_due, False
        return is_due

    def publish(self, message: Message) -> None:
        """Never waits. What is published without a connection is lost."""
        # A file name that is no UTF-8 holds lone surrogates: written as JSON's own escapes.
        payload = message.text.encode(errors="backslashreplace")
        self._client.publish(message.topic, payload, retain=message.retain)

    def check(self) -> None:
        """Raises ThreadEndedError where paho's thread has died."""
        if self._client.has_ended and not self._is_closed:
            raise ThreadEndedError(self._client.failure)

    def close(self, farewell: Iterable[Message]) -> None:
        """Publishes the farewell where there is a connection; returns within half a second.

        A thread that is opening a connection or pauses, which nothing can cut short, ends after that; it is a daemon.
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

    # All below is called in paho's thread.

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._is_refused = True
            self._complain(f"it refuses the connection ({reason}); check --mqtt-user and the password")
            return
        if self._listens:
            client.subscribe(birth_topic(self._settings.prefix))
        self._connected_at = monotonic()
        self._is_connected = self._is_greeting_due = True
        self._said.clear()
        self._say("connected")

    def _on_connect_fail(self, client: Client, data: Any) -> None:
        error = sys.exception()  # paho calls this where it catches it
        self._complain(_reason(error) if isinstance(error, OSError) else "it can't be reached")

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if self._is_connected:
            self._complain("the connection was lost")
        elif not self._is_refused:
            self._complain("it doesn't answer as a broker does; is the port right, does it expect TLS (--mqtt-tls)?")
        self._lost()

    def _on_unreadable(self, error: Exception) -> None:
        if isinstance(error, _TooLongError):
            self._listens = False  # it may be kept there, and come again with every connection
            topic = birth_topic(self._settings.prefix)
            what = f"a message of {error} bytes came, expected at most {MAX_INCOMING_BYTES}"
            self._complain(f"{what}; {topic}, where that is kept, is not listened to any more")
        else:
            self._complain(f"it sent what is no MQTT ({type(error).__name__})")
        self._lost()

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        """Home Assistant's birth. A retained one says nothing new: the greeting of this connection has gone out."""
        if message.payload == ONLINE.encode() and not message.retain:
            self._is_greeting_due = True

    def _lost(self) -> None:
        has_lasted = self._is_connected and monotonic() - self._connected_at > LONGEST_PAUSE_S
        self._is_connected = self._is_refused = False
        self._pause(FIRST_PAUSE_S if has_lasted else min(2 * self._pause_s, LONGEST_PAUSE_S))

    def _pause(self, seconds: float) -> None:
        """Before the next attempt; paho doubles it while there is none that succeeds. (It takes fractions as well.)"""
        self._pause_s = seconds
        self._client.reconnect_delay_set(jittered(seconds), jittered(LONGEST_PAUSE_S))  # type: ignore[arg-type]

    def _complain(self, reason: str) -> None:
        if reason not in self._said and not self._is_closed:
            self._said.add(reason)
            self._say(f"{reason}; trying again")

    def _say(self, what: str) -> None:
        command.say(f"note: MQTT broker {self._settings.host}:{self._settings.port}: {what}")


class _TooLongError(Exception):
    """The bytes of a message that nobody waits for. (No OSError: those paho keeps for itself.)"""


class _Client(Client):
    """paho's client, whose thread outlives what is no MQTT, keeps what ends it, and takes no message of any length.

    `_sock_recv` is paho's own name, in 2.0 to 2.2: a version that calls it otherwise would take any length.
    """

    failure: BaseException | None = None
    has_ended = False

    def __init__(self, identity: str, on_unreadable: Callable[[Exception], None]) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=identity)
        self._on_unreadable = on_unreadable

    def end(self) -> None:
        """Waits for the thread, and lets go of everything: in a circle of references sockets would stay open."""
        self.loop_stop()
        if (left := self.socket()) is not None:
            left.close()
        self.on_connect = self.on_connect_fail = self.on_disconnect = self.on_message = None
        del self._on_unreadable

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except BaseException as failure:  # it is told by `check`, not by a traceback
            self.failure = failure
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self.has_ended = True

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """paho 2.0 and 2.1 trip over bytes that are no MQTT: KeyError, struct.error …"""
        try:
            return super().loop_read(max_packets)
        except Exception as error:
            self._on_unreadable(error)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL  # it connects again

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
