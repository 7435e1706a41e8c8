"""HTTP authentication for cameras: Basic (RFC 7617) and Digest (RFC 7616).

urllib's Digest handler reads only one challenge, and knows neither SHA-256 nor the -sess algorithms; urllib also sends
a Basic password to any server that asks, even after a redirect. This needs only hashlib.
"""

import base64
import hashlib
import re
import secrets
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

# RFC 7616, 6.1, best first, as hashlib calls them.
ALGORITHMS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
SESSION = "-SESS"


@dataclass(frozen=True)
class Challenge:
    """An authentication scheme that a server offers: its name in lower case, and its parameters."""

    scheme: str
    parameters: dict[str, str]

    @property
    def algorithm(self) -> str:
        return self.parameters.get("algorithm", "MD5").upper()

    @property
    def is_usable(self) -> bool:
        if self.scheme == "basic":
            return True
        known = self.algorithm.removesuffix(SESSION) in ALGORITHMS and "nonce" in self.parameters
        return self.scheme == "digest" and known and ("qop" not in self.parameters or "auth" in self.qualities)

    @property
    def qualities(self) -> list[str]:
        return [word.strip().lower() for word in self.parameters.get("qop", "").split(",")]

    def __str__(self) -> str:
        """For people: `Bearer`, `Digest with SHA-1`, `Digest with MD5 and qop=auth-int`."""
        if self.scheme != "digest":
            return self.scheme.capitalize()
        is_other = "qop" in self.parameters and "auth" not in self.qualities
        return f"Digest with {self.algorithm}" + (f" and qop={self.parameters['qop']}" if is_other else "")


def challenges(headers: Sequence[str]) -> list[Challenge]:
    """All challenges in a response's WWW-Authenticate headers, even several per header."""
    found: list[Challenge] = []
    for item in (item for header in headers for item in urllib.request.parse_http_list(header)):
        name, equals, value = item.partition("=")
        if not equals or " " in name.strip():  # a scheme, perhaps with its first parameter
            scheme, _, item = item.strip().partition(" ")
            found.append(Challenge(scheme.lower(), {}))
            name, equals, value = item.partition("=")
        if found and equals:
            found[-1].parameters[name.strip().lower()] = _unquoted(value.strip())
    return found


def best(offered: Sequence[Challenge]) -> Challenge | None:
    """The strongest supported challenge; None if there is none."""
    order = [("digest", algorithm + session) for algorithm in ALGORITHMS for session in (SESSION, "")]
    usable = [challenge for challenge in offered if challenge.is_usable]

    def rank(challenge: Challenge) -> int:
        return order.index(("digest", challenge.algorithm)) if challenge.scheme == "digest" else len(order)

    return min(usable, key=rank, default=None)


def basic(user: str, password: str) -> str:
    """The Authorization header for Basic, which shows the password to anyone who can read the connection."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def digest(challenge: Challenge, user: str, password: str, target: str, method: str = "GET") -> str:
    """The Authorization header for Digest, which hides the password. target: path and query of the request."""
    algorithm, given = challenge.algorithm, challenge.parameters
    realm, nonce, cnonce, count = given.get("realm", ""), given["nonce"], secrets.token_hex(8), "00000001"

    def hashed(*words: str) -> str:
        name = ALGORITHMS[algorithm.removesuffix(SESSION)]
        return hashlib.new(name, ":".join(words).encode(), usedforsecurity=False).hexdigest()

    who = hashed(user, realm, password)
    if algorithm.endswith(SESSION):
        who = hashed(who, nonce, cnonce)
    what = hashed(method, target)
    fields = {"username": user, "realm": realm, "nonce": nonce, "uri": target}
    if "qop" in given:
        fields["response"] = hashed(who, nonce, count, cnonce, "auth", what)
        fields["cnonce"] = cnonce
    else:  # RFC 2069, for old cameras
        fields["response"] = hashed(who, nonce, what)
    if "opaque" in given:
        fields["opaque"] = given["opaque"]
    words = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
    words += [f"algorithm={given['algorithm']}"] if "algorithm" in given else []
    words += ["qop=auth", f"nc={count}"] if "qop" in given else []
    return "Digest " + ", ".join(words)


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if quoted else text


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
