"""Who may see the page: tokens, cookies, host names, headers, and paths that lead nowhere."""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest

from device.live.outputs.web.serve import Serve
from device.live.outputs.web.server import access, feed, guesses
from tests.device.feeding import LOST, STREAMING, Feed, wait_for
from tests.device.visiting import ENDLESS, PATHS, Answer, Viewer, get, status_of
from tests.limits import limits

pytestmark = pytest.mark.programs

# Signs that mean something in addresses, forms, cookies and headers.
TOKEN = 'a+b/c=&d;e,"%41#?\\'


@pytest.fixture(scope="module")
def locked(answers: Feed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """On every address of this machine: a token is asked for, on 127.0.0.1 as well. As many as one likes are tried."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guesses, "AT_ONCE", 10**6)
        patch.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
        serve = Serve("0.0.0.0:0", answers.card, TOKEN)
        serve.status(STREAMING)
        serve.show(answers.next())
        yield serve
        serve.close()


@pytest.fixture(scope="module")
def open_(answers: Feed) -> Iterator[Serve]:
    serve = Serve("127.0.0.1:0", answers.card)
    yield serve
    serve.close()


def post(serve: Serve, **fields: str) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return get(serve.port, "/", headers, "POST", urlencode(fields))


def cookie_of(answer: Answer) -> dict[str, str]:
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


# Without it.


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/healthz/", "/healthz/../api/state", "//healthz"])
def test_every_path_asks_for_the_token(path: str, locked: Serve) -> None:
    wrong = quote(TOKEN[:-1])
    assert status_of(locked.port, path) == 401
    assert status_of(locked.port, f"{path}?token={wrong}") == 401
    assert status_of(locked.port, f"{path}?token=") == 401
    assert status_of(locked.port, path, {"Authorization": f"Bearer {TOKEN}x"}) == 401
    assert status_of(locked.port, path, {"Authorization": f"Basic {TOKEN}"}) == 401
    assert status_of(locked.port, path, {"Authorization": "Bearer é".encode().decode("latin-1")}) == 401
    assert status_of(locked.port, path, {"Cookie": f"framelite_{locked.port}={'0' * 64}"}) == 401
    assert status_of(locked.port, path, {"Cookie": f"framelite_{locked.port}=é".encode().decode("latin-1")}) == 401
    refused = get(locked.port, path, method="DELETE")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.headers["set-cookie"] is None and refused.headers["location"] is None


def test_health_is_open_and_says_little(locked: Serve) -> None:
    answer = get(locked.port, "/healthz")
    assert answer.status == 200 and set(answer.json) == {"status", "reason"}
    assert answer.headers["set-cookie"] is None
    assert get(locked.port, "/healthz?token=wrong").json == answer.json


def test_health_names_the_source_with_the_token_alone(locked: Serve) -> None:
    locked.status(LOST)
    try:
        closed, opened = (get(locked.port, f"/healthz{query}") for query in ("", f"?token={quote(TOKEN, safe='')}"))
        assert (closed.status, closed.json["reason"]) == (503, feed.NO_FRAMES) and b"unplugged" not in closed.body
        assert opened.json == {**closed.json, "message": LOST.message}
        bearer = get(locked.port, "/healthz", {"Authorization": f"Bearer {TOKEN}"})
        assert bearer.json == get(locked.port, "/healthz", cookie_of(opened)).json == opened.json
    finally:
        locked.status(STREAMING)


def test_a_host_that_looks_like_a_path_opens_nothing(locked: Serve) -> None:
    """Frameworks put addresses together from the Host header; the rules must not read the path out of that."""
    for host in ("x/healthz?", "x/healthz#", "127.0.0.1/healthz?"):
        for path in ("/", "/api/state"):
            assert status_of(locked.port, path, {"Host": host}) in (401, 421)


def test_the_page_is_the_form_then(locked: Serve) -> None:
    first, wrong = get(locked.port, "/"), get(locked.port, "/?token=wrong")
    for answer in (first, wrong):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert b'<form method="post" action="/">' in answer.body
        assert TOKEN.encode() not in answer.body
    assert b'role="alert" hidden>' in first.body and b'role="alert">' in wrong.body


# With it.


@pytest.mark.parametrize("path", PATHS)
def test_the_token_opens_every_path(path: str, locked: Serve) -> None:
    assert status_of(locked.port, path, {"Authorization": f"Bearer {TOKEN}"}) == 200
    assert status_of(locked.port, path, {"Authorization": f"bearer  {TOKEN}"}) == 200
    assert status_of(locked.port, f"{path}?token={quote(TOKEN, safe='')}") == 200


def test_a_cookie_after_the_first_visit(locked: Serve) -> None:
    visit = get(locked.port, f"/?token={quote(TOKEN, safe='')}")
    assert visit.status == 200 and b"Model card" in visit.body
    flags = visit.headers["set-cookie"].split("; ")[1:]
    assert set(flags) == {"HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={access.COOKIE_AGE_S}"}
    cookie = cookie_of(visit)
    assert TOKEN not in cookie["Cookie"]
    for path in PATHS:
        assert status_of(locked.port, path, cookie) == 200
    assert get(locked.port, "/", cookie).headers["set-cookie"] is None


def test_the_form_sends_on_to_the_page(locked: Serve) -> None:
    accepted = post(locked, token=TOKEN)
    assert (accepted.status, accepted.headers["location"]) == (303, "/")
    assert status_of(locked.port, "/api/state", cookie_of(accepted)) == 200
    for answer in (post(locked, token="wrong"), post(locked, other=TOKEN), post(locked)):
        assert answer.status == 401 and b'role="alert">' in answer.body
        assert answer.headers["set-cookie"] is None
    assert post(locked, token=TOKEN, padding="x" * 100_000).status == 401


def test_the_address_that_is_printed_opens_the_page(answers: Feed) -> None:
    """It holds the token that was made here; that one is the same after a restart, and so are the cookies."""
    seen: list[tuple[str | None, int, dict[str, str]]] = []
    for _ in range(2):
        serve = Serve("0.0.0.0:0" if not seen else f"0.0.0.0:{seen[0][1]}", answers.card)
        try:
            assert re.fullmatch(rf"http://[\w.:\[\]-]+:{serve.port}/\?token={serve.token}", serve.url)
            assert "0.0.0.0" not in serve.url
            visit = get(serve.port, serve.url.partition(str(serve.port))[2])
            assert visit.status == 200
            seen.append((serve.token, serve.port, cookie_of(visit)))
            assert status_of(serve.port, "/api/state", seen[0][2]) == 200
        finally:
            serve.close()
    assert seen[0] == seen[1]


def test_a_token_that_was_given_is_not_printed(locked: Serve) -> None:
    assert re.fullmatch(rf"http://[\w.:\[\]-]+:{locked.port}/", locked.url)
    assert "0.0.0.0" not in locked.url


def test_a_cookie_of_another_server_is_none_here(locked: Serve, answers: Feed) -> None:
    other = Serve("0.0.0.0:0", answers.card)
    try:
        assert other.token is not None and len(other.token) == 32
        cookie = cookie_of(get(other.port, f"/?token={other.token}"))
        assert status_of(other.port, "/", cookie) == 200
        assert status_of(locked.port, "/", cookie) == 401
        renamed = {"Cookie": cookie["Cookie"].replace(str(other.port), str(locked.port))}
        assert status_of(locked.port, "/", renamed) == 401
        # A browser knows no ports: it sends both to both, and each finds its own.
        mine = cookie_of(get(locked.port, f"/?token={quote(TOKEN, safe='')}"))["Cookie"]
        jar = dict(one.split("=") for one in (mine, cookie["Cookie"]))
        both = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        assert (status_of(locked.port, "/", both), status_of(other.port, "/", both)) == (200, 200)
    finally:
        other.close()


def test_on_loopback_a_token_is_asked_for_when_one_is_given(answers: Feed) -> None:
    serve = Serve("127.0.0.1:0", answers.card, "given")
    try:
        assert serve.url == f"http://127.0.0.1:{serve.port}/"
        assert (status_of(serve.port, "/"), status_of(serve.port, "/?token=given")) == (401, 200)
    finally:
        serve.close()


# Wrong ones.


def test_wrong_tokens_are_slowed_down(answers: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over each way that a token takes; who has the right one gets in from elsewhere, and with the cookie anyhow."""
    limits(monkeypatch, guesses, AT_ONCE=5)  # again: `locked` may be there
    serve = Serve("0.0.0.0:0", answers.card, TOKEN)
    try:
        cookie = cookie_of(get(serve.port, f"/?token={quote(TOKEN, safe='')}"))
        wrong = {"Authorization": "Bearer wrong"}
        statuses = [status_of(serve.port, "/", wrong) for _ in range(guesses.AT_ONCE + 10)]
        assert statuses[: guesses.AT_ONCE] == [401] * guesses.AT_ONCE and statuses.count(429) >= 5
        right = {"Authorization": f"Bearer {TOKEN}"}
        refused = get(serve.port, "/api/state", right)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1"), "the right one is not looked at either"
        assert 429 in (status_of(serve.port, "/?token=wrong") for _ in range(5))
        assert 429 in (status_of(serve.port, "/healthz", wrong) for _ in range(5))
        assert 429 in (post(serve, token="wrong").status for _ in range(5))
        assert {status_of(serve.port, "/"), post(serve).status} == {401}, "who shows none guesses nothing"
        assert status_of(serve.port, "/healthz") == 503
        guessed = {"Cookie": f"framelite_{serve.port}={'0' * 64}"}
        assert status_of(serve.port, "/", guessed) == 401, "a cookie can't be made from a guess"
        assert status_of(serve.port, "/api/state", cookie) == 200
        assert status_of(serve.port, "/api/state", {**right, "X-Forwarded-For": "192.0.2.9"}) == 200
        assert status_of(serve.port, "/api/state", {**right, "X-Forwarded-For": "192.0.2.9, 127.0.0.1"}) == 429
        wait_for(lambda: status_of(serve.port, "/api/state", right) == 200)
    finally:
        serve.close()


# Paths.


@pytest.mark.parametrize(
    "path",
    [
        "/../..",
        "/..",
        "/page/../serve.py",
        "/page/index.html",
        "/index.html",
        "/serve.py",
        "/%2e%2e/serve.py",
        "/..%2fserve.py",
        "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/../../../../etc/passwd",
        "/..%5cserve.py",
        "/style.css/../serve.py",
        "/style.css%00.py",
        "/style.css/",
        "/token.html",
        "//etc/passwd",
        "/api",
        "/%",
        "/%ff",
    ],
)
def test_paths_lead_to_no_file(path: str, open_: Serve) -> None:
    answer = get(open_.port, path)
    assert (answer.status, answer.body) == (404, b"Not Found")


def test_only_get(open_: Serve) -> None:
    for path in [*PATHS, "/healthz"]:
        for method in ("POST", "PUT", "DELETE"):
            assert get(open_.port, path, method=method).status == 405


# Headers.


def test_headers_are_the_same_on_every_answer(locked: Serve, open_: Serve) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    answers = [get(locked.port, path, bearer, "HEAD" if path in ENDLESS else "GET") for path in PATHS]
    answers += [get(locked.port, "/"), get(locked.port, "/healthz"), get(locked.port, "/nowhere", bearer)]
    answers += [post(locked, token=TOKEN), get(open_.port, "/", method="PUT"), get(open_.port, "/", {"Host": "evil"})]
    assert {answer.status for answer in answers} == {200, 303, 401, 404, 405, 421}
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; ") and "unsafe" not in policy and "*" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["server"] is None


def test_streams_have_them_too(open_: Serve) -> None:
    with Viewer(open_.port, "/api/events") as viewer:
        head = viewer.until(b"\r\n\r\n").decode().lower()
    assert "content-type: text/event-stream" in head and "x-frame-options: deny" in head


def test_kinds_of_files(open_: Serve) -> None:
    kinds = {path: get(open_.port, path).headers["content-type"] for path in PATHS[:5]}
    assert kinds == {
        "/": "text/html; charset=utf-8",
        "/style.css": "text/css; charset=utf-8",
        "/places.js": "text/javascript; charset=utf-8",
        "/script.js": "text/javascript; charset=utf-8",
        "/icon.svg": "image/svg+xml",
    }
