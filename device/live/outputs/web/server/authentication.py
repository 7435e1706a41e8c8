"""Access to the web application: a request without token and cookie gets 401 and, on the page, a form for the token.

Imports Starlette, from the extra `serve`.
"""

import asyncio
import html
import re
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from device.live.outputs.web.server import access
from device.live.outputs.web.server.access import Access
from device.live.outputs.web.server.guesses import Guesses

OPEN = "/healthz"  # says little without a token
KNOWN = "framelite.known"  # in the scope of a request with the token
MAX_FORM_BYTES, FORM_S = 4096, 10.0
FORWARDED = (
    "This request came through a proxy, and no token is set, so everybody would have access;"
    " start device live with --token-file FILE or FRAMELITE_TOKEN.\n"
)
NO_NAME = "This server doesn't have that name; open it as localhost.\n"
OTHER_NAME = (
    "This server doesn't know that name; open it by its address or host name, or start device live with the name in"
    f" {access.NAMES_VARIABLE}.\n"
)
NO_TOKEN = "The token is missing or wrong.\n"
REFUSED = "This can’t be shown"
TOO_MANY = "Too many wrong tokens came from your address; try again in a second.\n"


class Authentication:
    """Passes a request on to `app`, or refuses it.

    The token comes as `Authorization: Bearer`, as `?token=`, or in the form's POST to /; after the latter two a cookie
    replaces it. Without a token the Host header must name this host, and there must be no proxy.
    """

    def __init__(self, app: ASGIApp, access: Access, form: str) -> None:
        self._app, self._access, self._form = app, access, form
        self._guesses = Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self._access.token is None:
            response = self._unlocked(request)
        elif scope["path"] != OPEN and not self._access.names_this_machine(request.headers.get("host", "")):
            response = refusal(request, self._form, OTHER_NAME, 421)
        else:
            response = await self._locked(request)
        await response(scope, receive, send)

    def _unlocked(self, request: Request) -> ASGIApp:
        if access.is_forwarded(request.headers):
            return refusal(request, self._form, FORWARDED, 403)
        if self._access.names_this_machine(request.headers.get("host", "")):
            return self._app
        return refusal(request, self._form, NO_NAME, 421)

    async def _locked(self, request: Request) -> ASGIApp:
        if self._access.has_cookie(request.cookies.items()):
            return self._known
        bearer = access.bearer(request.headers.get("authorization"))
        given = request.query_params.get("token") if bearer is None else bearer
        is_right = False if given is None else self._is_right(request, given)
        if is_right:
            return self._known if bearer else self._known_from_now
        if is_right is None:
            return self._too_many(request)
        # Not the path of request.url, which depends on the Host header.
        return self._app if request.scope["path"] == OPEN else await self._ask(request)

    def _is_right(self, request: Request, given: str) -> bool | None:
        """None if it isn't checked, because too many wrong ones came from there."""
        whom = _whom(request)
        if not self._guesses.may(whom):
            return None
        if self._access.is_token(given):
            return True
        self._guesses.was_wrong(whom)
        return False

    async def _known(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, KNOWN: True}, receive, send)

    async def _known_from_now(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", self._access.cookie)
            await send(message)

        await self._known(scope, receive, send_with_cookie)

    async def _ask(self, request: Request) -> Response:
        """401, or for the right token in the form a redirect to the page."""
        refused = "token" in request.query_params
        path = request.scope["path"]
        if path == "/" and request.method == "POST":
            given = await _token_in_form(request)
            is_right = given is not None and self._is_right(request, given)
            if is_right:
                return RedirectResponse("/", 303, {"set-cookie": self._access.cookie})
            if is_right is None:
                return self._too_many(request)
            refused = True
        headers = {"www-authenticate": "Bearer"}
        if path != "/":
            return refusal(request, self._form, NO_TOKEN, 401, headers)
        return HTMLResponse(self._form.replace(" hidden>", ">") if refused else self._form, 401, headers)

    def _too_many(self, request: Request) -> Response:
        return refusal(request, self._form, TOO_MANY, 429, {"retry-after": "1"})


def refusal(request: Request, form: str, why: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """A refusal: for browsers a page in the style of the form, readable on a phone; else plain text."""
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(why, status, headers)
    main = f"<main>\n  <h1>{REFUSED}</h1>\n  <p>{html.escape(why)}</p>\n</main>"
    page = re.sub("<main>.*</main>", lambda _: main, form, flags=re.DOTALL)
    return HTMLResponse(re.sub("<title>.*</title>", f"<title>framelite: {REFUSED}</title>", page), status, headers)


def _whom(request: Request) -> str:
    """The client's address. For a proxy on this host, the last address that it forwards for: its own client."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getlist("x-forwarded-for")
    return forwarded[-1].rpartition(",")[2].strip() if forwarded and access.is_loopback(peer) else peer


async def _token_in_form(request: Request) -> str | None:
    """The field `token` of a form as browsers send it; None for anything else, or if it is too large or too slow."""
    body = b""
    try:
        async with asyncio.timeout(FORM_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_FORM_BYTES:
                    return None
    except (ClientDisconnect, TimeoutError):
        return None
    return parse_qs(body.decode(errors="replace")).get("token", [None])[0]
