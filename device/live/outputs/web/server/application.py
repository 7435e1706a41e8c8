"""The web application behind the pages: its routes, its streams, and the headers of every response.

Imports Starlette and uvicorn, from the extra `serve`. Reads the files of pages (device/live/outputs/web/pages/) at
start: a request's path never becomes a file's.
"""

import asyncio
import base64
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any

import cv2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from device.host.temperature import Thermometer
from device.live.interfaces.frames import Frame
from device.live.interfaces.results import FrameResult
from device.live.outputs.web.pages import PAGES, token_form
from device.live.outputs.web.pages.asset import Asset
from device.live.outputs.web.server import address, authentication, connections, feed
from device.live.outputs.web.server.access import Access
from device.live.outputs.web.server.authentication import KNOWN, Authentication
from device.live.outputs.web.server.connections import ClientConnection
from device.live.outputs.web.server.metrics import CONTENT_TYPE, Metrics
from device.live.outputs.web.server.newest import Newest

# At most ten events and fifteen images per second and viewer; after SILENCE_S without news, a comment, and the last
# image again.
EVENT_PAUSE_S, IMAGE_PAUSE_S, SILENCE_S = 0.1, 1 / 15, 15.0
JPEG_QUALITY = 80
# The header of an image. It follows the previous image at once, because browsers show that only after reading it.
PART = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
TOO_MANY = "Too many viewers; close a page, or try again later.\n"


class Site:
    """The routes. Everything runs in the server's thread, including JPEG encoding: at most once per frame."""

    def __init__(self, newest: Newest, metrics: Metrics, form: str) -> None:
        self._newest, self._metrics, self._form = newest, metrics, form
        self._thermometer = Thermometer()
        self._metrics.observe_temperature(self._thermometer)
        self._jpeg: tuple[FrameResult, bytes] | None = None

    def routes(self) -> list[Route]:
        return [
            *(Route(path, _asset(asset)) for page in PAGES for path, asset in page.items()),
            Route("/api/state", self.state),
            Route("/api/events", self.events),
            Route("/stream.mjpg", self.stream),
            Route("/metrics", self.metrics),
            Route("/healthz", self.health),
        ]

    async def state(self, request: Request) -> Response:
        return _Document(feed.state(self._newest.moment(), self._thermometer.celsius()))

    async def health(self, request: Request) -> Response:
        moment = self._newest.moment()
        reason = feed.health(moment)
        is_well = reason in feed.HEALTHY
        document: dict[str, object] = {"status": "ok" if is_well else "unavailable", "reason": reason}
        if request.scope.get(KNOWN) and moment.status is not None:
            document["message"] = moment.status.message  # names the source
        if moment.status and moment.status.failing:  # outputs, by their options' names; the others still work, so 200
            document["failing"] = moment.status.failing
        return _Document(document, 200 if is_well else 503)

    async def metrics(self, request: Request) -> Response:
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)

    async def events(self, request: Request) -> Response:
        return self._streaming(request, self._events(), "text/event-stream")

    async def stream(self, request: Request) -> Response:
        return self._streaming(request, self._images(), "multipart/x-mixed-replace; boundary=frame")

    def _streaming(self, request: Request, parts: AsyncIterator[bytes], kind: str) -> Response:
        if request.method == "HEAD":
            return Response(media_type=kind)
        if self._metrics.viewers >= connections.MAX_VIEWERS:
            return authentication.refusal(request, self._form, TOO_MANY, 503, {"retry-after": "10"})
        return _Stream(parts, media_type=kind, metrics=self._metrics)

    async def _events(self) -> AsyncIterator[bytes]:
        before = self._newest.moment()
        yield _bytes(feed.event("state", feed.state(before, self._thermometer.celsius())))
        while True:
            now = await self._newest.after(before.revision, SILENCE_S)
            yield _bytes(feed.news(before, now, self._thermometer.celsius()))
            before = now
            await asyncio.sleep(EVENT_PAUSE_S)

    async def _images(self) -> AsyncIterator[bytes]:
        yield PART
        before: FrameResult | None = None
        sent_at = 0.0  # in seconds of time.monotonic()
        moment = self._newest.moment()
        while True:
            # Without news, the last one again: proxies close a silent stream (nginx after 60 s).
            if moment.result is not None and (moment.result is not before or monotonic() - sent_at >= SILENCE_S):
                before, sent_at = moment.result, monotonic()
                yield self._encoded(before) + b"\r\n" + PART
                await asyncio.sleep(IMAGE_PAUSE_S)
            moment = await self._newest.after(moment.revision, SILENCE_S)

    def _encoded(self, result: FrameResult) -> bytes:
        if self._jpeg is None or self._jpeg[0] is not result:
            self._jpeg = result, _jpeg(result.frame)
            self._metrics.count_image()
        return self._jpeg[1]


class _Document(JSONResponse):
    """JSON with names that may not be UTF-8."""

    def render(self, content: Any) -> bytes:
        return _bytes(json.dumps(content, ensure_ascii=False, allow_nan=False))


def _bytes(text: str) -> bytes:
    """Encodes; lone surrogates, from file names that are not UTF-8, become JSON escapes."""
    return text.encode(errors="backslashreplace")


def _asset(asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one file of a page."""
    content = asset.read()

    async def respond(request: Request) -> Response:
        return Response(content, media_type=asset.media_type)

    return respond


def _jpeg(frame: Frame) -> bytes:
    return bytes(cv2.imencode(".jpg", frame.pixels("BGR"), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


class _Stream(StreamingResponse):
    """An endless response, counted as a viewer while it is open."""

    def __init__(self, parts: AsyncIterator[bytes], media_type: str, metrics: Metrics) -> None:
        super().__init__(parts, media_type=media_type)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.count_viewer(1)
        connections.keep_for_viewer(scope)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._metrics.count_viewer(-1)


class Server(uvicorn.Server):
    """uvicorn waits for viewers when it shuts down; these streams never end, so this aborts them first."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def server(newest: Newest, metrics: Metrics, access: Access) -> Server:
    """The server, not running yet. It prints only errors, and never logs requests."""
    form = token_form.HTML.read().decode()
    site = Starlette(routes=Site(newest, metrics, form).routes())
    site.router.redirect_slashes = False
    config = uvicorn.Config(
        Authentication(site, access, form),
        loop="asyncio",
        http=ClientConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=list(headers(form).items()),
        backlog=address.BACKLOG,
        h11_max_incomplete_event_size=connections.MAX_HEADER_BYTES,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def headers(form: str) -> dict[str, str]:
    """Headers of every response. A hash allows the form's inline style; style.css needs the token too."""
    styles = re.findall(r"<style>(.*?)</style>", form, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in styles]
    policy = {
        "default-src": "'self'",
        "style-src": " ".join(["'self'", *hashes]),
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
