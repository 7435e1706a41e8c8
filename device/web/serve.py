"""`--serve`: the page that shows what `live` sees, as one of its outputs.

The server runs in a thread of its own; the live loop hands it the newest reading and never waits for a viewer.
"""

from device.card import Card
from device.errors import UserError
from device.live.guarded import Worker
from device.live.readings import Reading, Status
from device.web import access, address
from device.web.access import Access
from device.web.newest import Newest


class Serve:
    """Serves from when it is made until it is closed. UserError for an address that can't be had.

    url is what people open: with the token where it was made here, since one that is given is known, and terminals are
    logged. On loopback none is needed; on other addresses one is made where none is given, and kept for the next start.
    """

    def __init__(self, where: str, card: Card, token: str | None = None) -> None:
        try:
            from device.web import web  # noqa: F401
            from device.web.metrics import Metrics
        except ImportError as error:
            raise UserError(f"--serve needs {error.name}; install it with: pip install '.[serve]'") from None
        self._listener = listener = address.Listener(where)
        self.port = listener.port
        made = None if token or listener.is_loopback else access.kept("page-token")
        self.token = token or made
        self.url = f"{listener.url}/" + (f"?token={made}" if made else "")
        self._newest, self._metrics = Newest(card), Metrics()
        key = access.kept("page-cookie-key") if self.token else ""
        self._access = Access(self.token, listener.host, listener.port, key)
        self.begin()

    def begin(self) -> None:
        """The server in its thread; another one at the same address where that has died."""
        from device.web import web

        self._server = web.server(self._newest, self._metrics, self._access)
        self.thread = Worker("serve", self._serve)
        self.thread.start()

    def show(self, reading: Reading) -> None:
        self._metrics.show(reading)
        self._newest.show(reading)

    def status(self, status: Status) -> None:
        self._metrics.status(status)
        self._newest.status(status)

    def show_card(self, card: Card) -> None:
        """Another model answers from now on."""
        self._newest.show_card(card)

    def close(self) -> None:
        """Viewers are cut off, the port is free again and the thread has ended."""
        self._server.should_exit = True
        self.thread.join()
        self._listener.socket.close()

    def _serve(self) -> None:
        with self._listener.socket.dup() as own:  # the server closes its socket, the address stays
            self._server.run([own])
