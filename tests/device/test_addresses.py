"""Cameras' addresses: taken apart, shown without what is secret, refused where they may be read in two ways."""

import pytest

from device import addresses
from device.errors import UserError

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://10.0.0.1:8080/video", "http://10.0.0.1:8080/video"),
        ("http://10.0.0.1", "http://10.0.0.1/"),
        (f"HTTP://anna:{SECRET}@Camera.example/video.mjpg", "http://Camera.example/video.mjpg"),
        (f"rtsps://{SECRET}@[fe80::1]:7441/a/b", "rtsps://[fe80::1]:7441/a/b"),
        (f"rtsp://anna:p%40{SECRET}@10.0.0.1/Streaming/Channels/101", "rtsp://10.0.0.1/Streaming/Channels/101"),
        ("rtsp://10.0.0.1/h264Preview_01_main", "rtsp://10.0.0.1/h264Preview_01_main"),
        ("http://10.0.0.1:8080/?action=stream", "http://10.0.0.1:8080/?action=stream"),
        (f"http://10.0.0.1/snap?channel=2&USR=anna&Pwd={SECRET}", "http://10.0.0.1/snap?channel=2&…"),
        (f"http://10.0.0.1/snap?whatever={SECRET}", "http://10.0.0.1/snap?…"),
        (f"http://10.0.0.1/snap?{SECRET}", "http://10.0.0.1/snap?…"),
        (f"http://10.0.0.1/snap?stream=1;key={SECRET}", "http://10.0.0.1/snap?stream=1&…"),
        (f"http://10.0.0.1/snap?camera={SECRET}0123456789abcdef", "http://10.0.0.1/snap?…"),
        (f"http://10.0.0.1/video#{SECRET}", "http://10.0.0.1/video"),
        (f"rtsp://10.0.0.1/user=admin&password={SECRET}&channel=1", "rtsp://10.0.0.1/…"),
        (f"rtsp://10.0.0.1/user=admin_password={SECRET}_channel=1_stream=0.sdp?real_stream", "rtsp://10.0.0.1/…?…"),
        (f"rtsp://10.0.0.1/live;pwd={SECRET};x", "rtsp://10.0.0.1/…"),
        (f"rtsp://10.0.0.1/live%3Fpwd%3D{SECRET}", "rtsp://10.0.0.1/…"),
        (f"rtsp://10.0.0.1/admin:{SECRET}/live", "rtsp://10.0.0.1/…/live"),
        (f"rtsp://10.0.0.1/token/{SECRET}/live", "rtsp://10.0.0.1/token/…/live"),
        ("rtsp://10.0.0.1/s3cr3tPa55/live0.264", "rtsp://10.0.0.1/…/live0.264"),
        (f"rtsp://10.0.0.1/admin/{SECRET}/ch01", "rtsp://10.0.0.1/admin/…/ch01"),
        ("rtsps://10.0.0.1:7441/aB3dEfGh12345678?enableSrtp", "rtsps://10.0.0.1:7441/…?…"),
        (f"http://10.0.0.1:8080/snap?user=a@b.example&pwd={SECRET}", "http://10.0.0.1:8080/snap?…"),
    ],
)
def test_what_is_shown_of_an_address(text: str, shown: str) -> None:
    address = addresses.parse(text)
    assert address.shown == addresses.shown(text) == shown
    assert SECRET not in repr(address) and SECRET not in address.origin


def test_what_is_sent() -> None:
    address = addresses.parse("HTTP://an%3Ana:se%40cr%25et@10.0.0.1/a b/ü?x=1&y=%20#part")
    assert (address.user, address.password) == ("an:na", "se@cr%et")
    assert address.requested == "http://10.0.0.1/a%20b/%C3%BC?x=1&y=%20"
    assert address.text.startswith("http://an%3Ana:se%40cr%25et@")
    assert addresses.parse("http://10.0.0.1/").origin == addresses.parse("http://10.0.0.1:80/x").origin
    assert addresses.parse("http://10.0.0.1/").user is None


@pytest.mark.parametrize("sign", [*"#/?[]@ %", "%4", "%zz", "/a/", "?x=", "12/"])
@pytest.mark.parametrize(
    "form", ["http://anna:{}@camera/video", "rtsp://{}:anna@10.0.0.1:554/", "rtsp://anna:{}@x@y:1"]
)
def test_a_sign_that_must_be_encoded_is_refused_unread(sign: str, form: str) -> None:
    for secret in (f"12{sign}{SECRET}", f"{SECRET}{sign}xy", f"{SECRET}{sign}{SECRET}"):
        with pytest.raises(UserError) as refused:
            addresses.parse(form.format(secret), "--source ")
        said = str(refused.value)
        assert SECRET not in said and "camera" not in said.partition(";")[0]
        assert said.startswith(f"--source {form[:4]}://…: ") and "percent-encod" in said and "%40" in said
        assert addresses.shown(form.format(secret)) == f"{form[:4]}://…"


@pytest.mark.parametrize(
    "text",
    [
        f"http:/anna:{SECRET}@camera/video",
        f"http://anna:{SECRET}@/video",
        f"http://anna:{SECRET}@camera:99999/",
        f"http://anna:{SECRET}",
        f"http://anna:{SECRET}%40camera/video",
        f"http:///{SECRET}",
        f"http://?pwd={SECRET}",
    ],
)
def test_what_is_no_address_is_refused_unread(text: str) -> None:
    with pytest.raises(UserError) as refused:
        addresses.parse(text)
    assert str(refused.value).startswith("http://…: ") and SECRET not in str(refused.value)
    assert addresses.shown(text) == "http://…"


@pytest.mark.parametrize(
    "text", [f"anna:{SECRET}@10.0.0.1/video", f"{SECRET}@10.0.0.1/", f"10.0.0.1/v?x={SECRET}", f"password={SECRET}"]
)
def test_an_address_without_its_scheme_is_not_shown(text: str) -> None:
    assert not addresses.is_address(text) and addresses.shown(text) == "…"


@pytest.mark.parametrize("text", ["film.mp4", "C:/film.mp4", "shots/*.jpg", "a@b.png", "/dev/v4l/by-id/usb-x:1.0", "0"])
def test_other_sources_are_shown_as_they_are(text: str) -> None:
    assert not addresses.is_address(text) and addresses.shown(text) == text


def test_messages_of_others_are_cut() -> None:
    for secret in (SECRET, f"a@{SECRET}", f"a b/{SECRET}?x#"):
        said = addresses.without_secrets(f"error: rtsp:/anna:{secret}@camera/v?pwd={SECRET}&channel=1: no such file")
        assert said == "error: rtsp:/…@camera/v?pwd=…&channel=1: no such file"
    harmless = f"note: page: {addresses.EXAMPLE}, shots/a=b/c@d.png, --source http://…: %40 for @"
    assert addresses.without_secrets(harmless) == harmless
