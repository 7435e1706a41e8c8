"""Cameras that ask for a password: Digest and Basic from a real server, what is sent to whom, and what is refused."""

import secrets

import pytest

from device.live.interfaces.frames import SourceLostError
from device.live.sources import authorization, connection
from device.live.sources.authorization import Challenge
from device.live.sources.mjpeg import Mjpeg
from tests.device.guarded_camera import GuardedCamera

PASSWORD, ENCODED = 'o"p@n: sésame', "o%22p%40n%3A%20s%C3%A9same"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_worked_example_of_rfc_7616(algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 3.9.1, whose client drew the number below."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr(secrets, "token_hex", lambda count: cnonce)
    header = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
        ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    (challenge,) = authorization.challenges([header])
    proof = authorization.digest(challenge, "Mufasa", "Circle of Life", "/dir/index.html")
    assert f'response="{response}"' in proof and "qop=auth, nc=00000001" in proof


def test_the_strongest_that_is_known_is_taken() -> None:
    both = 'Basic realm="a, b", Digest realm="x", nonce="y", qop="auth"'
    headers = [both, "digest realm=x, nonce=z, algorithm=SHA-256"]
    offered = authorization.challenges([*headers, "Negotiate", 'Digest realm="x", nonce="y", algorithm=SHA-1'])
    assert [challenge.scheme for challenge in offered] == ["basic", "digest", "digest", "negotiate", "digest"]
    assert offered[0].parameters == {"realm": "a, b"} and offered[1].parameters["qop"] == "auth"
    assert authorization.best(offered) is offered[2]
    assert authorization.best(offered[:1]) is offered[0]
    assert authorization.best(offered[3:]) is None
    assert [str(challenge) for challenge in offered[3:]] == ["Negotiate", "Digest with SHA-1"]
    only_int = Challenge("digest", {"nonce": "y", "qop": "auth-int"})
    assert not only_int.is_usable and "auth-int" in str(only_int)


@pytest.mark.programs
@pytest.mark.parametrize(
    ("way", "scheme"),
    [
        ("basic", "Basic"),
        ("silent", "Basic"),
        ("digest", "Digest"),
        ("digest RFC2069", "Digest"),
        ("digest MD5", "Digest"),
        ("digest MD5-sess", "Digest"),
        ("digest SHA-256", "Digest"),
        ("digest SHA-256-sess", "Digest"),
        ("digest SHA-512-256", "Digest"),
        ("basic, digest", "Digest"),
        ("bearer, digest SHA-256, basic", "Digest"),
        ("stale", "Digest"),
    ],
)
def test_a_camera_gets_the_proof_it_wants(way: str, scheme: str) -> None:
    with GuardedCamera(way, password=PASSWORD) as camera:
        with Mjpeg(camera.url(f"anna:{ENCODED}", "/video?stream=1&x=a%20b")) as source:
            assert source.read().image.shape == (480, 640, 3)
        sent = [(authorization or "none").partition(" ")[0] for _, authorization in camera.asked]
        assert sent == ["none", scheme, *[scheme] * (way == "stale")], "nothing before it was asked for"


@pytest.mark.programs
@pytest.mark.parametrize(
    ("way", "userinfo", "said"),
    [
        ("digest", "", "401 Unauthorized"),
        ("digest", "anna:wrong", "user or password"),
        ("basic", "anna:wrong", "user or password"),
        ("bearer", "anna:wrong", "wants Bearer; "),
        ("digest SHA-1", "anna:wrong", "SHA-1; "),
        ("echo", "anna:wrong", "400 Bad Request"),
        ("garbled", "anna:wrong", "invalid HTTP"),
    ],
)
def test_what_a_camera_refuses_is_said(way: str, userinfo: str, said: str) -> None:
    with GuardedCamera(way, password=PASSWORD) as camera:
        url = camera.url(userinfo, "/video?pwd=hidden")
        with pytest.raises(SourceLostError) as refused, Mjpeg(url):
            pytest.fail("it was opened")
        text = str(refused.value)
        assert said in text and f"127.0.0.1:{camera.port}/video" in text
        assert "wrong" not in text and "hidden" not in text
        sent = {(authorization or "none").partition(" ")[0] for _, authorization in camera.asked}
        assert "Basic" not in sent or way == "basic"


@pytest.mark.programs
@pytest.mark.parametrize("way", ["basic", "digest", "silent"])
def test_a_redirect_takes_the_password_nowhere_else(way: str) -> None:
    """To a path of the same camera it goes; another port is another's."""
    with GuardedCamera(way, password=PASSWORD) as other, GuardedCamera(f"redirect {other.url()}") as first:
        source = Mjpeg(first.url(f"anna:{ENCODED}"))
        with pytest.raises(SourceLostError, match=f":{other.port}/video") as refused, source:
            pytest.fail("it was opened")
        assert "that address" in str(refused.value)
        assert [authorization for _, authorization in [*first.asked, *other.asked]] == [None, None]


@pytest.mark.programs
@pytest.mark.parametrize("way", ["basic", "digest"])
@pytest.mark.parametrize("other_way", ["basic", "digest", "silent", "stalest", "stalest, basic", "open"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_is_let_in_and_sent_on_takes_no_password_along(way: str, other_way: str, host: str) -> None:
    """The first one takes the proof and sends on; the other says that it was an old one, too."""
    with (
        GuardedCamera(other_way, password=PASSWORD) as other,
        GuardedCamera(way, password=PASSWORD, moves_to=other.url(host=host)) as first,
    ):
        source = Mjpeg(first.url(f"anna:{ENCODED}"))
        if other_way == "open":
            with source:
                assert source.read().image.shape == (480, 640, 3)
        else:
            with pytest.raises(SourceLostError, match="that address"), source:
                pytest.fail("it was opened")
        assert first.asked[-1][1] is not None
        assert [authorization for _, authorization in other.asked] == [None]


@pytest.mark.programs
def test_a_redirect_within_the_camera_is_followed() -> None:
    with GuardedCamera("digest", password=PASSWORD) as camera:
        with Mjpeg(camera.url(f"anna:{ENCODED}", "/moved")) as source:
            assert source.read().image.shape == (480, 640, 3)
        assert [path for path, _ in camera.asked] == ["/moved", "/video", "/video"]


def test_reasons_are_in_words() -> None:
    assert connection.reason(ConnectionRefusedError(111, "Connection refused")) == "connection refused"
    assert connection.reason(TimeoutError("The read operation timed out")) == "timed out"
