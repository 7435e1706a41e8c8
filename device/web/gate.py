"""The door of the web application: who has neither token nor cookie gets 401 and, on the page, a form that asks for it.

Imports Starlette, of the extra `serve`.
"""

from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from device.web.access import Access

OPEN = "/healthz"  # says little to who shows no token
KNOWN = "framelite.known"  # in the scope of a request that showed the token
MAX_FORM_BYTES = 4096
FORWARDED = (
    "This came through a proxy, and no token is set, so that everybody would be let in;"
    " start device live with --token-file FILE or FRAMELITE_TOKEN.\n"
)


class Gate:
    """Lets a request through to `app`, or answers it.

    The token comes as `Authorization: Bearer`, as `?token=`, or in the form's POST to /; after either of the latter two
    a cookie stands for it. Without a token the Host header must name this machine, and no proxy be in between.
    """

    def __init__(self, app: ASGIApp, access: Access, form: str) -> None:
        self._app, self._access, self._form = app, access, form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if self._access.token is None:
            await self._unlocked(request)(scope, receive, send)
        elif self._is_known(request):
            await self._app({**scope, KNOWN: True}, receive, send)
        elif self._access.is_token(request.query_params.get("token")):
            await self._app({**scope, KNOWN: True}, receive, self._with_cookie(send))
        elif scope["path"] == OPEN:
            await self._app(scope, receive, send)
        else:
            answer = await self._ask(request)
            await answer(scope, receive, send)

    def _unlocked(self, request: Request) -> ASGIApp:
        if self._access.is_forwarded(request.headers):
            return PlainTextResponse(FORWARDED, 403)
        if self._access.names_this_machine(request.headers.get("host", "")):
            return self._app
        return PlainTextResponse("This server doesn't go by that name; open it as localhost.\n", 421)

    def _is_known(self, request: Request) -> bool:
        return self._access.is_bearer(request.headers.get("authorization")) or self._access.has_cookie(
            request.cookies.items()
        )

    def _with_cookie(self, send: Send) -> Send:
        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", self._access.cookie)
            await send(message)

        return send_with_cookie

    async def _ask(self, request: Request) -> Response:
        """401, or for the right token in the form the way to the page."""
        refused = "token" in request.query_params
        path = request.scope["path"]  # not that of request.url, which is put together with the Host header
        if path == "/" and request.method == "POST":
            if self._access.is_token(await _token_in_form(request)):
                return RedirectResponse("/", 303, {"set-cookie": self._access.cookie})
            refused = True
        headers = {"www-authenticate": "Bearer"}
        if path != "/":
            return PlainTextResponse("The token is missing or wrong.\n", 401, headers)
        return HTMLResponse(self._form.replace(" hidden>", ">") if refused else self._form, 401, headers)


async def _token_in_form(request: Request) -> str | None:
    """The field `token` of a form as browsers send it; None for anything else, and for more than a form would hold."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                return None
    except ClientDisconnect:
        return None
    return parse_qs(body.decode(errors="replace")).get("token", [None])[0]
