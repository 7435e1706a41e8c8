"""Who may see the page: the token, the cookie that stands for it, and the names this machine answers to."""

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from device.errors import UserError

VARIABLE = "FRAMELITE_TOKEN"
PRINTABLE = re.compile(r"[!-~]{1,500}")
COOKIE_AGE_S = 30 * 24 * 3600
# What a proxy says of itself: RFC 7239, RFC 9110, and the older names.
OF_PROXIES = re.compile(r"forwarded|via|x-forwarded(-.*)?|x-real-ip", re.IGNORECASE)


def read_token(file: Path | None) -> str | None:
    """The token in `--token-file FILE`, else in the environment's FRAMELITE_TOKEN; None where neither is given."""
    if file is not None:
        try:
            return _checked(file.read_text(encoding="utf-8").strip(), str(file))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise UserError(f"{file}: the token can't be read ({reason}); expected a text file with it alone") from None
    given = os.environ.get(VARIABLE)
    return None if given is None else _checked(given.strip(), VARIABLE)


def _checked(token: str, origin: str) -> str:
    """A token that every header, form and address can carry. What came is not repeated: terminals are logged."""
    if not PRINTABLE.fullmatch(token):
        raise UserError(f"{origin}: expected a token of 1 to 500 letters, digits or signs, without spaces in it")
    return token


def new_token() -> str:
    """32 letters, digits, - and _ that can't be guessed."""
    return secrets.token_urlsafe(24)


class Access:
    """The rules of one server. Without a token (loopback only) a request must name this machine, and come from it.

    Otherwise a page from elsewhere could point its own name at 127.0.0.1 and read the camera through the browser that
    shows it (DNS rebinding). With a token it can't: the cookie isn't sent for its name. And a proxy on this machine
    would open the page to all whom it serves.
    """

    def __init__(self, token: str | None, host: str, port: int) -> None:
        self.token = token
        self._names = {"localhost", "127.0.0.1", "::1", host.lower()}
        # Cookies know no ports: a second server on this machine needs another name for its own.
        self._cookie = f"framelite_{port}"
        self._value = "" if token is None else hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()

    def names_this_machine(self, host: str) -> bool:
        """Whether a Host header is one of this machine's names; any port, since tunnels have others."""
        try:
            return urlsplit(f"//{host}").hostname in self._names
        except ValueError:
            return False

    @staticmethod
    def is_forwarded(headers: Iterable[str]) -> bool:
        """Whether one of these names is a proxy's: who is behind it may be anywhere, whatever the Host says."""
        return any(OF_PROXIES.fullmatch(name) for name in headers)

    def is_token(self, given: str | None) -> bool:
        """Compared in constant time."""
        if self.token is None or given is None:
            return False
        return secrets.compare_digest(given.encode(errors="replace"), self.token.encode())

    def is_bearer(self, authorization: str | None) -> bool:
        scheme, _, given = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(given.strip())

    def has_cookie(self, cookies: Iterable[tuple[str, str]]) -> bool:
        """Whether one of (name, value) is the cookie that `cookie` sets."""
        values = [value for name, value in cookies if name == self._cookie]
        return any(secrets.compare_digest(value.encode(errors="replace"), self._value.encode()) for value in values)

    @property
    def cookie(self) -> str:
        """A Set-Cookie header: derived from the token, so that it holds signs that cookies can't."""
        return f"{self._cookie}={self._value}; HttpOnly; Max-Age={COOKIE_AGE_S}; Path=/; SameSite=Strict"
