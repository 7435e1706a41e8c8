"""Who is let in by name and by way: host names, and proxies on this machine."""

import socket
from collections.abc import Iterator

import pytest

from device.live.outputs.web.serve import Serve
from device.live.outputs.web.server import access
from tests.device.feeding import Feed
from tests.device.visiting import PATHS, get, proxy, status_of

pytestmark = pytest.mark.programs

TOKEN = "a-token-of-its-own"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def locked(answers: Feed) -> Iterator[Serve]:
    made = Serve("0.0.0.0:0", answers.card, TOKEN)
    yield made
    made.close()


@pytest.mark.parametrize("path", [*PATHS, "/healthz"])
def test_loopback_answers_to_its_own_names_alone(path: str, serve: Serve) -> None:
    """A page elsewhere that lets its name point to 127.0.0.1 (DNS rebinding) sees nothing."""
    if path == "/healthz":
        assert status_of(serve.port, path) == 503
    for host in ("localhost", f"127.0.0.1:{serve.port}", "[::1]:9000", "LOCALHOST:1"):
        assert status_of(serve.port, path, {"Host": host}) in (200, 503)
    for host in (
        "evil.example",
        f"evil.example:{serve.port}",
        "127.0.0.1.evil.example",
        "localhost@evil",
        "",
        "[",
        "[",
    ):
        assert status_of(serve.port, path, {"Host": host}) == 421


@pytest.mark.parametrize(
    "header",
    [
        {"Forwarded": "for=192.0.2.7"},
        {"X-Forwarded-For": "192.0.2.7"},
        {"x-forwarded-proto": "https"},
        {"X-FORWARDED-HOST": "127.0.0.1"},
        {"X-Forwarded": ""},
        {"Via": "1.1 Caddy"},
        {"X-Real-IP": "127.0.0.1"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_a_proxy_is_refused_where_no_token_is_asked_for(header: dict[str, str], serve: Serve, locked: Serve) -> None:
    """It is on this machine and passes this machine's own name, but those whom it serves may be anywhere."""
    for path in (*PATHS, "/healthz", "/nowhere"):
        answer = get(serve.port, path, {**header, "Host": f"127.0.0.1:{serve.port}"})
        assert (answer.status, b"FRAMELITE_TOKEN" in answer.body) == (403, True)
    assert status_of(serve.port, "/", {"X-Forward": "1", "Viable": "1"}) == 200
    assert (status_of(locked.port, "/", header), status_of(locked.port, "/", {**header, **BEARER})) == (401, 200)


def test_a_proxy_on_this_machine_opens_nothing_without_a_token(serve: Serve, locked: Serve) -> None:
    """A real one, which asks for 127.0.0.1 and says for whom, as they do."""
    with proxy(serve.port) as port:
        assert get(port, "/api/state").status == 403
    with proxy(locked.port) as port:
        assert (get(port, "/api/state").status, get(port, "/api/state", BEARER).status) == (401, 200)


def test_with_a_token_the_host_is_this_machine_too(answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own names, by any address, and by names that it is told."""
    monkeypatch.setenv(access.NAMES_VARIABLE, "shelf.example, Camera.Example,")
    serve = Serve("0.0.0.0:0", answers.card, TOKEN)
    try:
        own = socket.gethostname()
        for host in ("localhost", own, f"{own.partition('.')[0]}.LOCAL:80", "192.0.2.1:8080", "[2001:db8::1]", "::1"):
            assert status_of(serve.port, "/", {**BEARER, "Host": host}) == (200 if host != "::1" else 421), host
        for host in ("shelf.example", "camera.example:443"):
            assert status_of(serve.port, "/", {**BEARER, "Host": host}) == 200, host
        for host in ("evil.example", "", "192.0.2.1.evil.example", f"{own}.evil.example", "x@evil"):
            for path in (*PATHS, "/nowhere"):
                answer = get(serve.port, path, {**BEARER, "Host": host})
                assert (answer.status, b"FRAMELITE_NAMES" in answer.body) == (421, True), host
        assert status_of(serve.port, "/healthz", {"Host": "probe"}) == 503  # monitors call it what they like
    finally:
        serve.close()
