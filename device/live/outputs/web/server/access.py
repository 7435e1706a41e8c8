"""Who may see the page: the token, the cookie that stands for it, and this host's names."""

import hashlib
import hmac
import os
import re
import secrets
import socket
import stat
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from device import command, files, places
from device.errors import UserError
from device.live.interfaces.secrets import Secret
from device.places import NoPlaceError

NAMES_VARIABLE = "FRAMELITE_NAMES"
# The length allows for a line end after the token.
SECRET = Secret("the token", "--token-file", "FRAMELITE_TOKEN", 1000)
PRINTABLE = re.compile(r"[!-~]{16,500}")
MADE = re.compile(r"[\w-]{32}", re.ASCII)
COOKIE_AGE_S = 30 * 24 * 3600
# Headers of proxies: RFC 7239, RFC 9110, and the older names.
OF_PROXIES = re.compile(r"forwarded|via|x-forwarded(-.*)?|x-real-ip", re.IGNORECASE)


def read_token(file: Path | None) -> str | None:
    """The token in `--token-file FILE`, else in FRAMELITE_TOKEN; None if neither is given.

    It must be valid in headers, forms and addresses. Errors never repeat it.
    """
    token = SECRET.read(file)
    if token is None:
        return None
    if not PRINTABLE.fullmatch(token.strip()):
        expected = "expected a token of 16 to 500 letters, digits or punctuation marks, without spaces"
        raise UserError(f"{SECRET.origin(file)}: {expected}")
    return token.strip()


def new_token() -> str:
    """32 random letters, digits, - and _."""
    return secrets.token_urlsafe(24)


def kept(name: str) -> str:
    """A generated secret, kept in the state directory for the next start; a new one if there is none.

    Only this user may read it: one that others could read or have written is replaced. If it can't be kept, prints a
    note, and the next start generates another.
    """
    try:
        path = _state_folder() / name
        found = _read_kept(path)
        if found is None:
            found = new_token()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with files.replacing(path) as temporary:
                temporary.touch(0o600, exist_ok=False)
                temporary.write_text(found)
        return found
    except NoPlaceError as error:
        reason = str(error)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
    command.say_once(
        f"note: the page's token and cookies are valid until this program ends; they can't be kept: {reason}"
    )
    return new_token()


def _state_folder() -> Path:
    """The first of systemd's StateDirectory=; else one in the home folder."""
    found = places.find("STATE_DIRECTORY", ".local/state/framelite", "the page's token")
    return Path(str(found).partition(":")[0]) if os.environ.get("STATE_DIRECTORY") else found


def _read_kept(path: Path) -> str | None:
    try:
        with path.open() as file:
            state = os.fstat(file.fileno())
            is_own = state.st_uid == os.geteuid() and not stat.S_IMODE(state.st_mode) & 0o077
            text = file.read(100) if is_own else ""
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return text if MADE.fullmatch(text) else None


def is_forwarded(headers: Iterable[str]) -> bool:
    """Whether one of these headers is a proxy's: its client may be anywhere, whatever the Host header says."""
    return any(OF_PROXIES.fullmatch(name) for name in headers)


def bearer(authorization: str | None) -> str | None:
    """The token in `Authorization: Bearer TOKEN`."""
    scheme, _, given = (authorization or "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


class Access:
    """The rules of one server. Without a token (loopback only) a request must name this host, and come from it.

    Otherwise a foreign page could point its own name at 127.0.0.1 and read the camera through the visitor's browser
    (DNS rebinding). With a token it can't: the browser doesn't send the cookie for that name. And a proxy on this host
    would open the page to all its clients.
    """

    def __init__(self, token: str | None, host: str, port: int, cookie_key: str) -> None:
        self.token = token
        self._names = {"localhost", "127.0.0.1", "::1", host.lower(), *_given_names()}
        if token is not None:
            self._names |= _own_names()
        # Cookies ignore ports: a second server on this host needs a cookie of another name.
        self._cookie = f"framelite_{port}"
        # Keyed by a secret, so that guessed tokens can't be tried as cookies.
        digest = hmac.new(cookie_key.encode(), (token or "").encode(), hashlib.sha256)
        self._value = "" if token is None else digest.hexdigest()

    def names_this_machine(self, host: str) -> bool:
        """Whether a Host header is one of this host's names, with any port, since tunnels change it.

        With a token any IP address is valid too: the host may be reached under one that it doesn't know (NAT), and a
        foreign page can't make a browser send an IP address for its own name.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or (self.token is not None and _address(name) is not None)

    def is_token(self, given: str | None) -> bool:
        """Compares in constant time."""
        if self.token is None or given is None:
            return False
        return secrets.compare_digest(given.encode(errors="replace"), self.token.encode())

    def has_cookie(self, cookies: Iterable[tuple[str, str]]) -> bool:
        """Whether one of (name, value) is the cookie that `cookie` sets."""
        values = [value for name, value in cookies if name == self._cookie]
        return any(secrets.compare_digest(value.encode(errors="replace"), self._value.encode()) for value in values)

    @property
    def cookie(self) -> str:
        """A Set-Cookie header; a new token or key invalidates the cookie."""
        return f"{self._cookie}={self._value}; HttpOnly; Max-Age={COOKIE_AGE_S}; Path=/; SameSite=Strict"


def _own_names() -> set[str]:
    """The host name, and the names that others find by multicast DNS."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return {name, short, f"{short}.local"}


def _given_names() -> set[str]:
    """FRAMELITE_NAMES: more names, separated by commas, such as those of a router or a proxy."""
    return {name.strip().lower() for name in os.environ.get(NAMES_VARIABLE, "").split(",")} - {""}


def is_loopback(address: str) -> bool:
    parsed = _address(address)
    return parsed is not None and parsed.is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None
