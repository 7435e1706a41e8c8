"""Opening a camera's stream over HTTP: user and password, redirects, and in words what the camera answers instead.

The first request goes without the password: who is asked for it unencrypted must have said so. It is proven by Digest
where the camera knows that, else sent (Basic), and to the scheme, host and port of the address alone. What a server
says of itself is never repeated: it may be what it was asked.

A socket's timeout is for each read, and a byte a second is never late. So here a deadline is for all reads of an
answer: of its header, and of what is read afterwards. A header has so many bytes and no more; the body of a redirect
and of a refusal, which may have no end, isn't read.
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
# How long opening a stream may take, with redirects and proofs; of that each connection and each silence STALL_S.
OPEN_S = 2 * STALL_S
# Of one answer, with the first bytes behind it that come in the same piece. http.client's own bound is 6.5 MB.
MAX_HEADER_BYTES = 1 << 17
# So much of what a camera says is repeated: a way of proving who one is, an address that it sends on to.
SHOWN_CHARACTERS = 200


class _Timed(io.RawIOBase):
    """What a connection receives, up to a deadline in time.monotonic()'s seconds; then TimeoutError.

    left: so many bytes may come; more are an error. None: any number.
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
                raise OSError(f"its answer's header has more than {MAX_HEADER_BYTES} bytes")
        return count

    def shutdown(self) -> None:
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._raw.close()
        super().close()


class HttpStream(HTTPResponse):
    """An answer whose reads end at a deadline, however little comes at a time."""

    def __init__(self, connection: socket.socket, *rest: Any, deadline: float, **named: Any) -> None:
        super().__init__(connection, *rest, **named)
        self._timed = _Timed(self.fp.detach(), connection, deadline)
        self.fp = io.BufferedReader(self._timed)

    def read_until(self, deadline: float, size: int) -> bytes:
        """At most `size` bytes, as soon as there are some; none at the end. TimeoutError at the deadline.

        ConnectionError, in words for people, where it breaks off.
        """
        self._timed.deadline, self._timed.left = deadline, None
        try:
            return self.read1(size)
        except TimeoutError:
            raise
        except (OSError, HTTPException, ValueError) as error:  # ValueError: closed under the read
            raise ConnectionError(reason(error)) from None

    def read(self, amt: int | None = None) -> bytes:
        """urllib reads a redirect to its end, and for that takes as much memory as a header says, or as there comes."""
        return b"" if amt is None else super().read(amt)

    def cancel(self) -> None:
        """Called by another thread: a read that waits returns, at the end of what there is. OSError: it is closed."""
        self._timed.shutdown()


class _Timely(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """One deadline for all of it: connecting, TLS, redirects, headers. (Not for asking for the name's numbers, which
    the system does, and each of several numbers is tried in what was left.)"""

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
    """As urllib's own, without files and FTP: a redirect may lead there, and FTP knows no deadline."""
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
    """The answer that streams, within OPEN_S; SourceLostError for any other."""
    opener = _opener(monotonic() + OPEN_S)
    answer = _get(opener, address.requested)
    proof = _proof(address, answer)
    if proof is not None:
        answer = _again(opener, answer, proof)
        # The nonce was too old: with the new one it goes. Not where the proof was sent on to somebody else, who is
        # given none, be it this one or a new one.
        if _is_stale(answer) and (newer := _proof(address, answer)) is not None:
            answer = _again(opener, answer, newer)
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
        raise SourceLostError(_refusal(address, answer))
    return answer


def reason(error: Exception) -> str:
    """Why a connection failed, in the system's words, without the number that Python puts before them."""
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return "timed out"
    if isinstance(inner, OSError):
        return str(inner.strerror or inner or type(inner).__name__).lower()
    return f"no HTTP that can be read ({type(inner).__name__})"


def _left(deadline: float) -> float:
    """Seconds to wait for the next byte; TimeoutError where none are left: for a socket 0 would mean not to wait."""
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
        raise SourceLostError(f"{addresses.shown(url)} can't be reached: {reason(error)}") from None
    return answer


def _again(opener: urllib.request.OpenerDirector, answer: Answer, proof: str) -> Answer:
    answer.close()
    return _get(opener, answer.url, proof)


def _proof(address: CameraAddress, answer: Answer) -> str | None:
    """The Authorization header for the next try; None where there is nothing to prove, or not to this server."""
    if address.user is None or answer.status != UNAUTHORIZED or not _is_of(address, answer):
        return None
    offered = _challenges(answer)
    best = authorization.best(offered)
    if best is not None and best.scheme == "digest":
        target = addresses.parse(answer.url).target
        return authorization.digest(best, address.user, address.password, target)
    if best is not None or not offered:  # some cameras refuse without saying what they want
        return authorization.basic(address.user, address.password)
    return None


def _is_of(address: CameraAddress, answer: Answer) -> bool:
    """Whether the answer came from where the address points to, and not from behind a redirect elsewhere."""
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
    """What the camera answers, and what to do."""
    offered = _challenges(answer)
    said = f"{address.shown} answers {answer.status} {responses.get(answer.code, '')}".rstrip()
    if answer.status != UNAUTHORIZED:
        return f"{said}; check the address"
    if not _is_of(address, answer):
        other = addresses.shown(answer.url)[:SHOWN_CHARACTERS]
        return f"{said} from {other}: user and password go no further; give that address itself"
    if offered and authorization.best(offered) is None:
        wanted = text.some([str(challenge)[:SHOWN_CHARACTERS] for challenge in offered])
        return f"{said} and wants {wanted}; expected Basic or Digest: choose one of these in the camera's settings"
    if address.user is None:
        return f"{said}: it wants a user and a password; expected such as {addresses.EXAMPLE}"
    return f"{said}: it doesn't take this user or password; {addresses.ENCODING}"
