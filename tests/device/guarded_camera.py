"""An MJPEG camera that asks for a user and a password, in the ways that cameras do: HTTP on the loopback, for tests.

basic, digest, digest SHA-256, …  WWW-Authenticate asks for that; 'basic, digest' are two headers
silent                            401 without saying what it wants
stale                             Digest, and the first nonce is too old
stalest                           Digest, and every nonce is too old
open                              nothing is asked
same                              nothing is asked, and one image is sent again and again
echo                              400, and all that was asked is repeated in the reason and the body
garbled                           what was asked is repeated instead of an answer in HTTP
redirect URL                      sends on to there; /moved sends on to /video, whatever is asked there

The proof of Digest is checked by the formulas of RFC 7616, 3.4, written down here once more.
"""

import base64
import hashlib
import re
import socket
import threading
from contextlib import suppress
from http.server import ThreadingHTTPServer
from types import TracebackType

from tests import servers
from tests.device.mjpeg_server import Handler

ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class GuardedCamera:
    """Serves until the block is left; `way` may be changed meanwhile.

    moves_to: where it sends on whom it lets in. asked: (path, Authorization header or None) of every request.
    """

    def __init__(self, way: str, user: str = "anna", password: str = "", moves_to: str = "") -> None:
        self.way, self.user, self.password = way, user, password
        self._connections: list[socket.socket] = []
        self.asked: list[tuple[str, str | None]] = []
        self.port = servers.free_port()
        camera = self

        class Guarded(Handler):
            mode = "same" if way == "same" else "good"

            def do_GET(self) -> None:  # noqa: N802
                way, authorization = camera.way, self.headers.get("Authorization")
                camera._connections.append(self.connection)
                camera.asked.append((self.path, authorization))
                if way == "garbled":
                    self.wfile.write(self.requestline.encode() + b"\r\n")
                elif way == "echo":
                    self.send_response(400, self.requestline)
                    self.end_headers()
                    self.wfile.write(self.requestline.encode())
                elif way.startswith("redirect ") or self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", way.removeprefix("redirect ") if self.path != "/moved" else "/video")
                    self.end_headers()
                elif moves_to and camera.lets_in(self.path, authorization):
                    self.send_response(302)
                    self.send_header("Location", moves_to)
                    self.end_headers()
                elif camera.lets_in(self.path, authorization):
                    super().do_GET()
                else:
                    self.send_response(401)
                    for header in camera.challenges():
                        self.send_header("WWW-Authenticate", header)
                    self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Guarded)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "GuardedCamera":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def cut(self) -> None:
        """Ends the streams that run."""
        for connection in self._connections:
            with suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)

    def url(self, userinfo: str = "", target: str = "/video", host: str = "127.0.0.1") -> str:
        return f"http://{userinfo}{userinfo and '@'}{host}:{self.port}{target}"

    def challenges(self) -> list[str]:
        return [] if self.way == "silent" else [self._challenge(way) for way in self.way.split(", ")]

    def _challenge(self, way: str) -> str:
        scheme, _, algorithm = way.partition(" ")
        if scheme in ("digest", "stale", "stalest"):
            nonce = f"nonce{len(self.asked)}, with a comma"
            words = [f'realm="The \\"camera\\"", nonce="{nonce}", opaque="5ccc"']
            words += [f"algorithm={algorithm}"] if algorithm and algorithm != "RFC2069" else []
            words += ['qop="auth,auth-int"'] if algorithm != "RFC2069" else []
            words += ["stale=true"] if scheme == "stalest" or (scheme == "stale" and len(self.asked) == 2) else []
            return "Digest " + ", ".join(words)
        return f'{scheme.capitalize()} realm="camera"'

    def lets_in(self, path: str, authorization: str | None) -> bool:
        """Whether the request proves the password in a way that was asked for."""
        if self.way in ("open", "same"):
            return True
        scheme, _, given = (authorization or "").partition(" ")
        if scheme == "Basic" and ("basic" in self.way or self.way == "silent"):
            return base64.b64decode(given).decode() == f"{self.user}:{self.password}"
        if scheme == "Digest" and ("digest" in self.way or self.way == "stale"):
            pairs = re.findall(r'(\w+)=(?:"((?:\\.|[^"\\])*)"|(\w[\w-]*))', given)
            fields = {name: quoted or bare for name, quoted, bare in pairs}
            is_new = self.way != "stale" or len(self.asked) == 3
            return is_new and fields["uri"] == path and fields["response"] == self._proof(fields)
        return False

    def _proof(self, fields: dict[str, str]) -> str:
        algorithm = fields.get("algorithm", "MD5")

        def hashed(text: str) -> str:
            return hashlib.new(ALGORITHMS[algorithm.removesuffix("-sess")], text.encode()).hexdigest()

        realm = fields["realm"].replace('\\"', '"')
        a1 = hashed(f"{self.user}:{realm}:{self.password}")
        if algorithm.endswith("-sess"):
            a1 = hashed(f"{a1}:{fields['nonce']}:{fields['cnonce']}")
        a2 = hashed(f"GET:{fields['uri']}")
        if "qop" not in fields:
            return hashed(f"{a1}:{fields['nonce']}:{a2}")
        return hashed(f"{a1}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{a2}")
