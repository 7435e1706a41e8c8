"""Addresses of network cameras: parses them, and shows them without their secrets.

Whatever names a network source (terminal, errors, page, metrics, service manager) shows only `CameraAddress.shown`. No
list of secrets is ever complete, so this is a list of what may be shown: scheme, host, port, plain words of the path,
and parameters that are known to be harmless. An ellipsis replaces everything else.

Source: RFC 3986. Stricter than urllib, which moves a password with / ? # into the host, the path or the fragment.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import quote, unquote

from device.errors import UserError

HIDDEN = "…"
PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
EXAMPLE = "http://USER:PASSWORD@192.168.1.20/video"
ENCODING = (
    "in a user name or a password, write @ as %40, / %2F, ? %3F, # %23, [ %5B, ] %5D, % %25, a space %20"
    f" (percent-encoding); expected something like {EXAMPLE}"
)

# At least two letters: C:/ is a drive.
SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)
PARTS = re.compile(r"([a-z][a-z0-9+.-]+)://([^/?#]*)([^#]*)(.*)", re.IGNORECASE | re.DOTALL)
HOST = re.compile(r"(\[[0-9a-f:.]+(?:%[\w.%-]+)?\]|[\w.-]+)(?::(\d{1,5}))?", re.IGNORECASE)
# Characters that a user name or a password must encode. A % begins two hexadecimal digits.
UNENCODED = re.compile(r"[@\[\]\s\x00-\x1f]|%(?![0-9a-f]{2})", re.IGNORECASE)

# An address that lost its scheme: user:password@…, user@host/…, host/path?name=value, password=….
SCHEMELESS = re.compile(r":.*@|^[^/]*@[^/]*/|[?&;]\w+=|(?:pass\w*|pwd|token|key)=", re.IGNORECASE | re.DOTALL)
# In a message: a scheme, and everything up to the last @ of the line; not the example, nor what is hidden already.
CREDENTIALS = re.compile(rf"\b([a-z][a-z0-9+.-]+:/+)(?!/|{HIDDEN}|USER:PASSWORD@)\S.*@", re.IGNORECASE)
IN_A_MESSAGE = re.compile(r"\b[a-z][a-z0-9+.-]+:/\S+", re.IGNORECASE)
PARAMETER = re.compile(r"([\w.-]+)=[^&;]*")

PLAIN_SEGMENT = re.compile(r"[\w.,~+-]*")
# Runs of letters and digits that look like keys: twelve or more, or eight or more that alternate more than twice.
KEY = re.compile(
    r"(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{12,}|(?=[a-z0-9]{8})(?:(?:[a-z]+\d+){2}|(?:\d+[a-z]+){2})", re.IGNORECASE
)
SECRET_SEGMENT = re.compile(r"[\w.-]*(?:pass|pwd|token|secret|key|auth|user|admin|login|session)[\w.-]*", re.IGNORECASE)
HARMLESS_NAME = re.compile(
    "action|camera|cam|channel(id)?|chn?|codec|compression|fps|framerate|height|mode|profile|proto|quality|resolution"
    "|size|stream(id)?|subtype|transportmode|type|unicast|videocodec|width",
    re.IGNORECASE,
)
HARMLESS_VALUE = re.compile(r"[\w.-]{1,16}")


@dataclass(frozen=True)
class CameraAddress:
    """The parts of a camera's address. Its repr shows no secret.

    target: path and query as sent. text: as given, with the scheme in lower case.
    """

    scheme: str
    host: str  # an IPv6 address keeps its brackets
    port: int
    target: str = field(repr=False)
    user: str | None = field(repr=False)
    password: str = field(repr=False)
    text: str = field(repr=False)
    has_port: bool = field(repr=False)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 6454): the only server that gets the user and the password."""
        return self.scheme, self.host.lower(), self.port

    @property
    def requested(self) -> str:
        """The URL to request over HTTP, without user, password and fragment."""
        return f"{self._beginning}{self.target}"

    @property
    def shown(self) -> str:
        """The form that people, logs and other programs may see."""
        path, mark, query = self.target.partition("?")
        return f"{self._beginning}{_shown_path(path)}{mark and '?' + _shown_query(query)}"

    @property
    def _beginning(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.has_port else "")


def parse(text: str, option: str = "") -> CameraAddress:
    """Raises UserError for text that is no address or is ambiguous; the error repeats only the scheme.

    option: names the option in the error.
    """
    parts = PARTS.fullmatch(text)
    shown = f"{option}{_scheme_alone(text)}"
    if parts is None:
        raise UserError(f"{shown}: expected two slashes after the scheme, such as {EXAMPLE}")
    if not text.isprintable():
        raise UserError(f"{shown}: the address has unprintable characters, or is not UTF-8; {ENCODING}")
    authority, target, fragment = parts[2], parts[3], parts[4]
    userinfo, at, place = authority.rpartition("@")
    host = HOST.fullmatch(place)
    if UNENCODED.search(userinfo) or _is_ambiguous(authority, place, target + fragment) or (place and not host):
        raise UserError(f"{shown}: the address has characters in the wrong place; {ENCODING}")
    if host is None:
        raise UserError(f"{shown}: the address has no host; expected something like {EXAMPLE}")
    scheme = parts[1].lower()
    port = int(host[2]) if host[2] else PORTS.get(scheme, 0)
    if not 0 <= port <= 65535:
        raise UserError(f"{shown}: the port in the address is not from 1 to 65535; {ENCODING}")
    user, _, password = userinfo.partition(":")
    return CameraAddress(
        scheme=scheme,
        host=host[1],
        port=port,
        target=quote(target or "/", safe="!#$%&'()*+,/:;=?@[]~"),
        user=unquote(user) if at else None,
        password=unquote(password),
        text=scheme + text[len(scheme) :],
        has_port=host[2] is not None,
    )


def has_scheme(text: str, *schemes: str) -> bool:
    """Whether it is an address with one of these schemes, given in lower case."""
    found = SCHEME.match(text)
    return found is not None and found[1].lower() in schemes


def is_address(text: str) -> bool:
    """Whether it has a scheme; a file with such a name must be written as ./NAME."""
    return SCHEME.match(text) is not None


def lacks_scheme(text: str) -> bool:
    """Whether it looks like a camera's address without its scheme."""
    return SCHEMELESS.search(text) is not None


def shown(text: str) -> str:
    """The part of a given source that may be shown; only the scheme of an address that can't be parsed."""
    if is_address(text):
        try:
            return parse(text).shown
        except UserError:
            return _scheme_alone(text)
    return HIDDEN if lacks_scheme(text) else text


def without_secrets(message: str) -> str:
    """Cleans a message that may repeat an address, such as a library's: the last line of defense.

    Cuts out user and password, however malformed, and the values of parameters that aren't known to be harmless.
    """

    def hide(parameter: re.Match[str]) -> str:
        return parameter[0] if HARMLESS_NAME.fullmatch(parameter[1]) else f"{parameter[1]}={HIDDEN}"

    message = CREDENTIALS.sub(rf"\1{HIDDEN}@", message)
    return IN_A_MESSAGE.sub(lambda address: PARAMETER.sub(hide, address[0]), message)


def _scheme_alone(text: str) -> str:
    scheme = SCHEME.match(text)
    return f"{scheme[1].lower()}://{HIDDEN}" if scheme else HIDDEN


def _is_ambiguous(authority: str, place: str, rest: str) -> bool:
    """Whether a later @ may be the one before the host, so that the apparent path is the end of a password.

    Not if the host is a number, or if nothing before that @ can separate a user from a password.
    """
    before, at, _ = rest.rpartition("@")
    if not at or ":" not in authority + before:
        return False
    host = place.rpartition(":")[0] if place.count(":") == 1 else place
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return host.lower() != "localhost"
    return False


def _shown_path(path: str) -> str:
    segments = path.split("/")
    pairs = zip(["", *segments], segments, strict=False)
    return "/".join(segment if _is_plain(segment, before) else HIDDEN for before, segment in pairs)


def _is_plain(segment: str, before: str) -> bool:
    """Whether a path segment can't be a secret: a word or two, and not announced as one by the segment `before`."""
    return (
        PLAIN_SEGMENT.fullmatch(segment) is not None
        and KEY.search(segment) is None
        and (not segment or SECRET_SEGMENT.fullmatch(before) is None)
    )


def _shown_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in re.split(r"[&;]", query)]
    harmless = [
        f"{name}={value}"
        for name, equals, value in pairs
        if equals and HARMLESS_NAME.fullmatch(name) and HARMLESS_VALUE.fullmatch(value) and not KEY.search(value)
    ]
    return "&".join(harmless + [HIDDEN] * (len(harmless) < len(pairs)))
