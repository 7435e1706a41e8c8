"""Opens a camera's stream over HTTP: authentication, redirects, and messages on refusals.

The first request has no password, because a server must ask for it. The password is proven by Digest if the camera
supports it, else sent (Basic), and only to the scheme, host and port of the address. Messages never repeat a server's
text, which may echo the request.

A socket's timeout applies to each read, so one byte per second never times out. Therefore a deadline applies to all
reads of a response: of its header, and of each later part. The size of a header is limited; the bodies of redirects and
refusals, which may be endless, are not read.
"""

import io
import socket
import urllib.error
import urllib.request
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, responses
from time import monotonic
from typing import Any

from device import addresses, text
from device.addresses import CameraAddress
from device.errors import UserError
from device.live.interfaces.frames import STALL_S, SourceLostError
from device.live.sources import authorization
from device.live.sources.authorization import Challenge

UNAUTHORIZED = 401
# The limit for opening a stream, with redirects and authentication; each connection and each silence gets STALL_S.
OPEN_S = 2 * STALL_S
# Of a response, with the first bytes after it in the same piece. http.client's own limit is 6.5 MB.
MAX_HEADER_BYTES = 1 << 17
# Messages repeat so much of a camera's text: an authentication scheme, the target of a redirect.
SHOWN_CHARACTERS = 200


class _Timed(io.RawIOBase):
    """Received bytes, up to a deadline in seconds of time.monotonic(); then TimeoutError.

    left: the number of bytes that may come; more are an error. None: any number.
    """

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, deadline: float) -> None:
        self.deadline = deadline
        self.left: int | None = MAX_HEADER_BYTES
        self._raw, self._connection = raw, connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(_left(self.deadline))
        count = self._raw.readinto(buffer)
        if self.left is not None:
            self.left -= count or 0
            if self.left < 0:
                raise OSError(f"its response's header has more than {MAX_HEADER_BYTES} bytes")
        return count

    def shutdown(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._raw.close()
        super().close()


class HttpStream(HTTPResponse):
    """A response whose reads end at a deadline, however slowly bytes come."""

    def __init__(self, connection: socket.socket, *rest: Any, deadline: float, **named: Any) -> None:
        super().__init__(connection, *rest, **named)
        self._timed = _Timed(self.fp.detach(), connection, deadline)
        self.fp = io.BufferedReader(self._timed)

    def read_until(self, deadline: float, size: int) -> bytes:
        """At most `size` bytes, as soon as there are any; none at the end. TimeoutError at the deadline.

        ConnectionError, in words for people, if it breaks.
        """
        self._timed.deadline, self._timed.left = deadline, None
        try:
            return self.read1(size)
        except TimeoutError:
            raise
        except (OSError, HTTPException, ValueError) as error:  # ValueError: closed under the read
            raise ConnectionError(reason(error)) from None

    def read(self, amt: int | None = None) -> bytes:
        """Reads nothing for a redirect, which urllib would read to its end, into any amount of memory."""
        return b"" if amt is None else super().read(amt)

    def cancel(self) -> None:
        """Makes a waiting read return. Called by another thread. OSError if it is closed."""
        self._timed.shutdown()


class _Timely(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """One deadline for connecting, TLS, redirects and headers. (Not for name resolution by the system; each of several
    addresses gets the remaining time.)"""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self._open(HTTPConnection, request)

    def https_open(self, request: urllib.request.Request) -> HTTPResponse:
        return self._open(HTTPSConnection, request)

    def _open(self, kind: type[HTTPConnection], request: urllib.request.Request) -> HTTPResponse:
        def connection(host: str, **options: Any) -> HTTPConnection:
            made = kind(host, **options | {"timeout": _left(self._deadline)})
            made.response_class = partial(HttpStream, deadline=self._deadline)  # type: ignore[assignment]
            return made

        return self.do_open(connection, request)


def _opener(deadline: float) -> urllib.request.OpenerDirector:
    """Like urllib's own, but without files and FTP: redirects may lead there, and FTP has no deadline."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Timely(deadline),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


Answer = HttpStream | urllib.error.HTTPError


def connect(address: CameraAddress) -> HttpStream:
    """The streaming response, within OPEN_S; SourceLostError for any other response."""
    opener = _opener(monotonic() + OPEN_S)
    answer = _get(opener, address.requested)
    proof = _proof(address, answer)
    if proof is not None:
        answer = _again(opener, answer, proof)
        # The nonce was stale: try the new one. Not if the request was redirected elsewhere, where no proof may go.
        if _is_stale(answer) and (newer := _proof(address, answer)) is not None:
            answer = _again(opener, answer, newer)
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise SourceLostError(_refusal(address, answer))
    return answer


def reason(error: Exception) -> str:
    """Why a connection failed, in the system's words without Python's error number."""
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return "timed out"
    if isinstance(inner, OSError):
        return str(inner.strerror or inner or type(inner).__name__).lower()
    return f"invalid HTTP ({type(inner).__name__})"


def _left(deadline: float) -> float:
    """Seconds to wait for the next byte; TimeoutError if none are left: 0 would make the socket non-blocking."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, STALL_S)


def _get(opener: urllib.request.OpenerDirector, url: str, proof: str | None = None) -> Answer:
    request = urllib.request.Request(url, headers={"User-Agent": "framelite"})
    if proof is not None:
        request.add_unredirected_header("Authorization", proof)
    try:
        answer: HttpStream = opener.open(request)
    except urllib.error.HTTPError as error:
        return error
    except (OSError, HTTPException, ValueError, OverflowError) as error:  # of a redirect's port
        raise SourceLostError(f"{addresses.shown(url)} is unreachable: {reason(error)}") from None
    return answer


def _again(opener: urllib.request.OpenerDirector, answer: Answer, proof: str) -> Answer:
    answer.close()
    return _get(opener, answer.url, proof)


def _proof(address: CameraAddress, answer: Answer) -> str | None:
    """The Authorization header for the next attempt; None if there is nothing to prove, or not to this server."""
    if address.user is None or answer.status != UNAUTHORIZED or not _is_of(address, answer):
        return None
    offered = _challenges(answer)
    best = authorization.best(offered)
    if best is not None and best.scheme == "digest":
        target = addresses.parse(answer.url).target
        return authorization.digest(best, address.user, address.password, target)
    if best is not None or not offered:  # some cameras refuse without a challenge
        return authorization.basic(address.user, address.password)
    return None


def _is_of(address: CameraAddress, answer: Answer) -> bool:
    """Whether the response came from the address itself, not from a redirect elsewhere."""
    try:
        return addresses.parse(answer.url).origin == address.origin
    except UserError:
        return False


def _is_stale(answer: Answer) -> bool:
    stale = [challenge.parameters.get("stale", "") for challenge in _challenges(answer)]
    return answer.status == UNAUTHORIZED and "true" in map(str.lower, stale)


def _challenges(answer: Answer) -> list[Challenge]:
    return authorization.challenges(answer.headers.get_all("WWW-Authenticate") or [])


def _refusal(address: CameraAddress, answer: urllib.error.HTTPError) -> str:
    """The camera's refusal, and what to do."""
    offered = _challenges(answer)
    refused = f"{address.shown} responds {answer.status} {responses.get(answer.code, '')}".rstrip()
    if answer.status != UNAUTHORIZED:
        return f"{refused}; check the address"
    if not _is_of(address, answer):
        other = addresses.shown(answer.url)[:SHOWN_CHARACTERS]
        return f"{refused} from {other}, which doesn't get user and password; give that address itself"
    if offered and authorization.best(offered) is None:
        schemes = text.some([str(challenge)[:SHOWN_CHARACTERS] for challenge in offered])
        return f"{refused} and wants {schemes}; expected Basic or Digest; choose one of these in the camera's settings"
    if address.user is None:
        return f"{refused}: it wants a user and a password; expected something like {addresses.EXAMPLE}"
    return f"{refused}: it doesn't accept this user or password; {addresses.ENCODING}"
