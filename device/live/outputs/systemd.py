"""Notifies systemd: ready, status, watchdog, stopping.

Sends datagrams to $NOTIFY_SOCKET, as in sd_notify(3) and sd_watchdog_enabled(3), without a library. Does nothing if
systemd didn't start the program. The unit needs Type=notify, and WatchdogSec= for the watchdog.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic, monotonic_ns

from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.results import Status

# As systemd recommends: twice per timeout.
BEATS_A_WATCHDOG_PERIOD = 2


@dataclass(frozen=True)
class SystemdOptions(OutputOptions):
    name = title = "systemd"

    def open(self, around: Surroundings) -> Output:
        return Systemd()


class Systemd(Output):
    """Sends notifications. Drops what can't be sent: nothing here waits or fails.

    The watchdog is fed in every pass of the loop, also while a source is lost: the loop still works then, and a restart
    would not bring the camera back. clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._address = _address(os.environ.get("NOTIFY_SOCKET", ""))
        self._period_s = _watchdog_s() / BEATS_A_WATCHDOG_PERIOD
        self._beaten_at = -inf
        self._socket: socket.socket | None = None
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ready(self) -> None:
        """The model is loaded and the loop starts, or continues after `reloading`."""
        self._send("READY=1")

    def tick(self) -> None:
        """Feeds the watchdog when it is due."""
        if self._period_s and self._clock() - self._beaten_at >= self._period_s and self._send("WATCHDOG=1"):
            self._beaten_at = self._clock()

    def reloading(self) -> None:
        """A reload starts; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}")

    def status(self, status: Status) -> None:
        """Sets the line that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(status.message.split())}")

    def close(self) -> None:
        """Announces the end of the program."""
        self._send("STOPPING=1")
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> bool:
        """Whether it was sent: not if nobody listens, or the queue is full."""
        if self._socket is None or self._address is None:
            return False
        try:
            self._socket.sendto(message.encode(errors="replace"), self._address)
        except OSError:
            return False
        return True


def _address(name: str) -> bytes | None:
    """The socket's address: a path, or a name in Linux' abstract namespace, where @ stands for a zero byte.

    None for anything else, such as vsock:, which a virtual machine's systemd uses.
    """
    encoded = os.fsencode(name)
    if encoded.startswith(b"@"):
        return b"\0" + encoded[1:]
    return encoded if encoded.startswith(b"/") else None


def _watchdog_s() -> float:
    """systemd restarts this process after so many seconds of silence; 0 without a watchdog."""
    of = os.environ.get("WATCHDOG_PID", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or of not in ("", str(os.getpid())):
        return 0.0
    return int(microseconds) / 1e6
