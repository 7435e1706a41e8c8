"""The page's connections: limits their number, and the time that they may wait for a request.

uvicorn counts them too, but checks its limit only when a request is complete, and waits forever for the first one: a
few dozen silent sockets would block everybody else. Imports uvicorn, from the extra `serve`.
"""

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

# All connections, and those that may be viewers: the rest is for requests that end.
MAX_CONNECTIONS, MAX_VIEWERS = 64, 48
# From the connection, or the previous response, until a request's header is complete.
REQUEST_S = 10.0
MAX_HEADER_BYTES = 1 << 14
CONNECTION = "framelite.connection"  # in a request's state


class ClientConnection(H11Protocol):
    """One connection. If there are too many, it replaces the oldest one that isn't a viewer's."""

    is_viewer = False

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.app_state = {**self.app_state, CONNECTION: self}
        self._came_at = self.loop.time()
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > MAX_CONNECTIONS:
            others = [one for one in self.connections if isinstance(one, ClientConnection) and not one.is_viewer]
            first = min(others, key=lambda one: one._came_at)
            self.connections.discard(first)  # at once: more may come before uvicorn notices its end
            first.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def handle_events(self) -> None:
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        """Limits the time until a request is complete; single bytes don't extend it."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._unwatch()
        elif self._limit is None and not self.transport.is_closing():
            self._limit = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _unwatch(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def keep_for_viewer(scope: Scope) -> None:
    """Marks this request's connection as a viewer's, which is never replaced."""
    scope["state"][CONNECTION].is_viewer = True
