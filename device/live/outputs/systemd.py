"""What a service tells systemd: that it is ready, how it is doing, that it is alive, that it ends.

A datagram to $NOTIFY_SOCKET, as sd_notify(3) and sd_watchdog_enabled(3) describe them; no library is needed. Does
nothing where systemd didn't start the program. In the unit: Type=notify, and WatchdogSec= for the watchdog.
"""

import os
import socket
from dataclasses import dataclass
from math import inf
from time import monotonic, monotonic_ns

from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.readings import Status

# systemd's advice: twice in the time after which it takes the service for dead.
BEATS_A_WATCHDOG_PERIOD = 2


@dataclass(frozen=True)
class SystemdOptions(OutputOptions):
    name = title = "systemd"

    def open(self, around: Surroundings) -> Output:
        return Systemd()


class Systemd(Output):
    """Speaks to systemd. A message that can't be sent is dropped: nothing here waits or fails.

    The watchdog is signed as often as the loop comes round, also while it waits for a source that was lost: it is then
    at work, and restarting it would bring no camera back.
    """

    def __init__(self) -> None:
        self._address = _address(os.environ.get("NOTIFY_SOCKET", ""))
        self._period_s = _watchdog_s() / BEATS_A_WATCHDOG_PERIOD
        self._beaten_at = -inf
        self._socket: socket.socket | None = None
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ready(self) -> None:
        """The model is loaded and the loop begins; or goes on, after `reloading`."""
        self._send("READY=1")

    def tick(self) -> None:
        """Sends the watchdog its sign of life, when it is due."""
        if self._period_s and monotonic() - self._beaten_at >= self._period_s and self._send("WATCHDOG=1"):
            self._beaten_at = monotonic()

    def reloading(self) -> None:
        """A reload begins. systemd takes it for ended when `ready` is called."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}")

    def status(self, status: Status) -> None:
        """The line that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(status.message.split())}")

    def close(self) -> None:
        """Says that the program ends."""
        self._send("STOPPING=1")
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> bool:
        """Whether it went out: not where nobody listens, or the queue is full."""
        if self._socket is None or self._address is None:
            return False
        try:
            self._socket.sendto(message.encode(errors="replace"), self._address)
        except OSError:
            return False
        return True


def _address(name: str) -> bytes | None:
    """The socket's address: a path, or a name in Linux' abstract namespace, written with @ and begun with a zero.

    None for anything else, such as vsock:, by which a virtual machine's own systemd speaks to its host.
    """
    encoded = os.fsencode(name)
    if encoded.startswith(b"@"):
        return b"\0" + encoded[1:]
    return encoded if encoded.startswith(b"/") else None


def _watchdog_s() -> float:
    """After how many seconds of silence systemd restarts this process; 0 where it doesn't watch it."""
    of = os.environ.get("WATCHDOG_PID", "")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or of not in ("", str(os.getpid())):
        return 0.0
    return int(microseconds) / 1e6
