"""The page's address: HOST:PORT as given, the socket bound to it, the URL to open."""

import errno
import re
import socket
import sys
from ipaddress import ip_address

from device.errors import UserError

DEFAULT = "127.0.0.1:8080"
HOST_AND_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s\[\]:/]+)):(\d{1,5})", re.ASCII)
BACKLOG = 64
# The kernel's buffer for a viewer that doesn't read: a few images instead of megabytes.
SEND_BUFFER_BYTES = 1 << 18
# And for one that sends more than a request.
RECEIVE_BUFFER_BYTES = 1 << 14
# Viewers that accept no data for so long are disconnected, such as sleeping phones. On idle connections the kernel
# probes every PROBE_S, so many times.
SILENT_S = 60
PROBE_S, PROBES = 15, 4

REFUSALS = {
    errno.EADDRINUSE: "port {port} is in use; stop the program that uses it, or choose another port (0: any free one)",
    errno.EACCES: "no permission to serve on port {port}; choose one above 1023",
    errno.EADDRNOTAVAIL: "{host} is not an address of this host; choose one of its own, or 0.0.0.0 for all of them",
    errno.EAFNOSUPPORT: "this host has no IPv6; choose an IPv4 address, such as 127.0.0.1",
}


class Listener:
    """A socket that listens on HOST:PORT; port 0 means any free port. UserError if it is unavailable."""

    def __init__(self, text: str) -> None:
        self.host, port = parse(text)
        self.socket = _listen(self.host, port)
        self.port: int = self.socket.getsockname()[1]
        bound = ip_address(self.socket.getsockname()[0])
        self.is_loopback = bound.is_loopback
        self._is_everywhere = bound.is_unspecified

    @property
    def url(self) -> str:
        """The URL to open, without the last slash; for a socket on all addresses, the one that others can reach."""
        host = _outward_address(self.socket.family) if self._is_everywhere else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def parse(text: str) -> tuple[str, int]:
    """(host, port) of HOST:PORT or [IPV6]:PORT; UserError for anything else."""
    match = HOST_AND_PORT.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        raise UserError(f"--serve {text}: expected HOST:PORT, such as {DEFAULT}, 0.0.0.0:8080 or [::1]:8080")
    return match[1] or match[2], int(match[3])


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise UserError(f"--serve: {host} is unknown here; expected an address or name of this host") from None
    family, kind, protocol, _, place = found[0]
    try:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Viewers' sockets inherit these options.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform == "linux":
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * SILENT_S)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
                    listener.setsockopt(socket.IPPROTO_TCP, option, PROBE_S)
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
            listener.bind(place)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = REFUSALS.get(error.errno or 0, f"{{host}}:{{port}} can't be served ({error.strerror})")
        raise UserError(f"--serve: {reason.format(host=host, port=port)}") from None
    return listener


def _outward_address(family: int) -> str:
    """This host's address toward other networks, or its name if it has none. Sends nothing."""
    far = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"  # addresses reserved for documentation
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])
