"""The page's connections: so many and no more, and none that waits for its request for ever.

uvicorn counts them too, but looks at its limit only when a request is complete, and waits for the first one without an
end: a few dozen sockets that send nothing would keep everybody out. Imports uvicorn, of the extra `serve`.
"""

import asyncio
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

# Of all kinds, and those of them that may be viewers: the rest is left for requests that end.
MAX_CONNECTIONS, MAX_VIEWERS = 64, 48
# From the connection, or the answer before, until a request's header is complete.
REQUEST_S = 10.0
MAX_HEADER_BYTES = 1 << 14
CONNECTION = "framelite.connection"  # in a request's state


class ClientConnection(H11Protocol):
    """One connection. When there are too many, the one that came first and is no viewer's makes room for it."""

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
            self.connections.discard(first)  # at once: more may come before its end is told
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
        """The time for a request runs while there is none; bytes that come don't make it longer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._unwatch()
        elif self._limit is None and not self.transport.is_closing():
            self._limit = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _unwatch(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def keep_for_viewer(scope: Scope) -> None:
    """The connection of this request is a viewer's from now on, and makes room for nobody."""
    scope["state"][CONNECTION].is_viewer = True
