"""`--serve`: web pages with the live image and predictions, as an output of `live`.

The server has its own thread; the live loop hands it the newest result and never waits for a viewer.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device import command
from device.declared import option
from device.live.interfaces.output import Output, OutputOptions, Surroundings
from device.live.interfaces.results import FrameResult, Status
from device.live.interfaces.worker import Worker
from device.live.outputs.web.server import access, address
from device.live.outputs.web.server.access import Access

if TYPE_CHECKING:
    from device.model.card import Card


@dataclass(frozen=True)
class ServeOptions(OutputOptions):
    serve: str | None = option(
        None,
        f"a page with the live image and predictions (default {address.DEFAULT})",
        bare=address.DEFAULT,
        metavar="HOST:PORT",
    )
    token_file: Path | None = option(
        None,
        f"the token for the page off loopback; else {access.SECRET.variable}, else a generated one that is kept",
        metavar="FILE",
    )

    name, title, switch, extra = "serve", "a page", "serve", "serve"
    secrets = (access.SECRET,)

    @property
    def shows_image(self) -> bool:
        return bool(self.serve)

    def open(self, around: Surroundings) -> Output | None:
        if not self.serve:
            return None
        page = Serve(self.serve, around.card, access.read_token(self.token_file))
        command.say(f"page: {page.url}")
        return page


class Serve(Output):
    """Serves until it is closed. UserError for an unavailable address, ImportError if the extra is missing.

    url: the address to open, with a generated token; a given one is known, and terminals are logged. Loopback needs no
    token; other addresses get a generated one if none is given, which is kept for the next start.
    """

    def __init__(self, where: str, card: "Card", token: str | None = None) -> None:
        from device.live.outputs.web.server import application  # noqa: F401
        from device.live.outputs.web.server.metrics import Metrics
        from device.live.outputs.web.server.newest import Newest

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
        """Starts the server in its thread; also again at the same address after it died."""
        from device.live.outputs.web.server import application

        self._server = application.server(self._newest, self._metrics, self._access)
        self.thread = Worker("serve", self._serve)
        self.thread.start()

    def tick(self) -> None:
        self.thread.check()

    def show(self, result: FrameResult) -> None:
        self._metrics.show(result)
        self._newest.show(result)

    def status(self, status: Status) -> None:
        self._metrics.status(status)
        self._newest.status(status)

    def model_changed(self, card: "Card") -> None:
        self._newest.show_card(card)

    def close(self) -> None:
        """Disconnects viewers, frees the port and ends the thread."""
        self._server.should_exit = True
        self.thread.join()
        self._listener.socket.close()

    def _serve(self) -> None:
        with self._listener.socket.dup() as own:  # the server closes its socket, but the address stays ours
            self._server.run([own])
