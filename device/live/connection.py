"""Opening a camera's stream over HTTP: user and password, redirects, and in words what the camera answers instead.

The first request goes without the password: who is asked for it unencrypted must have said so. It is proven by Digest
where the camera knows that, else sent (Basic), and to the scheme, host and port of the address alone. What a server
says of itself is never repeated: it may be what it was asked.
"""

import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse, responses

from device import addresses
from device.addresses import Address
from device.errors import UserError
from device.live import authorization
from device.live.authorization import Challenge
from device.live.frames import STALL_S, SourceLostError

UNAUTHORIZED = 401
Answer = HTTPResponse | urllib.error.HTTPError


def connect(address: Address) -> HTTPResponse:
    """The answer that streams; SourceLostError for any other."""
    answer = _get(address.requested)
    proof = _proof(address, answer)
    if proof is not None:
        answer = _again(answer, proof)
        # The nonce was too old: with the new one it goes. Not where the proof was sent on to somebody else, who is
        # given none, be it this one or a new one.
        if _is_stale(answer) and (newer := _proof(address, answer)) is not None:
            answer = _again(answer, newer)
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


def _get(url: str, proof: str | None = None) -> Answer:
    request = urllib.request.Request(url, headers={"User-Agent": "framelite"})
    if proof is not None:
        request.add_unredirected_header("Authorization", proof)
    try:
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=STALL_S)
    except urllib.error.HTTPError as error:
        return error
    except (OSError, HTTPException, ValueError) as error:
        raise SourceLostError(f"{addresses.shown(url)} can't be reached: {reason(error)}") from None
    return answer


def _again(answer: Answer, proof: str) -> Answer:
    answer.close()
    return _get(answer.url, proof)


def _proof(address: Address, answer: Answer) -> str | None:
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


def _is_of(address: Address, answer: Answer) -> bool:
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


def _refusal(address: Address, answer: urllib.error.HTTPError) -> str:
    """What the camera answers, and what to do."""
    offered = _challenges(answer)
    said = f"{address.shown} answers {answer.status} {responses.get(answer.code, '')}".rstrip()
    if answer.status != UNAUTHORIZED:
        return f"{said}; check the address"
    if not _is_of(address, answer):
        return f"{said} from {addresses.shown(answer.url)}: user and password go no further; give that address itself"
    if offered and authorization.best(offered) is None:
        wanted = ", ".join(map(str, offered))
        return f"{said} and wants {wanted}; expected Basic or Digest: choose one of these in the camera's settings"
    if address.user is None:
        return f"{said}: it wants a user and a password; expected such as {addresses.EXAMPLE}"
    return f"{said}: it doesn't take this user or password; {addresses.ENCODING}"
