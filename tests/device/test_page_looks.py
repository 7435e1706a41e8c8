"""The page in a real Chromium: who may look at it, on a phone, in the light and in the dark, without seeing at all."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from device.live.outputs.web.serve import Serve
from tests.device.browsing import Pages, watch
from tests.device.feeding import STREAMING, Feed

pytestmark = pytest.mark.programs

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


# Who may look.


def test_a_token_refused_and_accepted(pages: Pages, feed: Feed) -> None:
    serve = Serve("0.0.0.0:0", feed.card)
    home = f"http://127.0.0.1:{serve.port}/"
    try:
        serve.show(feed.next("circle"))
        page = pages.open()
        page.goto(home)
        expect(page.get_by_role("alert")).to_be_hidden()
        field = page.get_by_label("Token")
        expect(field).to_be_focused()
        field.fill("wrong")
        field.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.locator("main")).to_have_css("border-radius", "16px")  # the form has its style without a token
        page.get_by_label("Token").fill(serve.token or "")
        page.get_by_role("button", name="Open").click()
        expect(page.locator("#label")).to_have_text("circle")
        assert page.url == home
        other = pages.open()
        other.goto(f"{home}?token={serve.token}")
        expect(other.locator("#label")).to_have_text("circle")
        assert other.url == home  # the token doesn't stay where others see it
        other.reload()
        expect(other.locator("#label")).to_have_text("circle")
    finally:
        serve.close()


def test_a_new_token_brings_the_form_back(pages: Pages, feed: Feed) -> None:
    page = pages.open()
    first = Serve("0.0.0.0:0", feed.card, "the-first-of-two-tokens")
    page.goto(f"http://127.0.0.1:{first.port}/?token={first.token}")
    expect(page.locator("#model")).to_have_text(f"{feed.card.name} int8")
    first.close()
    second = Serve(f"0.0.0.0:{first.port}", feed.card, "the-second-of-two-tokens")
    try:
        expect(page.get_by_label("Token")).to_be_visible()
    finally:
        second.close()


def test_a_refusal_can_be_read_on_a_phone(pages: Pages, feed: Feed, serve: Serve) -> None:
    """As a page of the phone's width; as plain text it would be one for a desktop, made small."""
    page = pages.open(**PHONE, extra_http_headers={"X-Forwarded-For": "10.0.0.1"})
    answer = page.goto(serve.url)
    assert answer is not None and answer.status == 403
    expect(page.get_by_text("start device live with --token-file FILE")).to_be_visible()
    expect(page.locator("main")).to_have_css("border-radius", "16px")
    assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [390, 390]
    expect(page.get_by_role("textbox")).to_have_count(0)


# How it looks.


@pytest.mark.parametrize("label", ["square", "a label that is so very long that no telephone has the room for it" * 3])
def test_a_phone_scrolls_one_way(label: str, pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open(**PHONE)
    result = feed.next(label)
    serve.show(replace(result, top=(replace(result.top[0], label=label), *result.top[1:])))
    serve.model_changed(replace(feed.card, name=label.replace(" ", "_")))
    serve.status(replace(STREAMING, message=f"streaming from http://10.0.0.1/{label}"))
    watch(page, serve)
    expect(page.locator("#label")).to_have_text(label)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = {
        name: page.locator(name).bounding_box() for name in (".live", ".predictions", ".speed", ".changes", ".model")
    }
    tops = [box["y"] for box in boxes.values() if box]
    assert tops == sorted(tops) and len(tops) == 5  # the answers right under the image
    assert page.get_by_role("button", name="Pause").bounding_box()["height"] >= 36  # type: ignore[index]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(scheme: str, pages: Pages, serve: Serve, feed: Feed) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    page = pages.open(color_scheme=scheme)
    serve.show(feed.next("circle"))
    watch(page, serve)
    expect(page.locator("#changes .name")).to_have_text("circle")
    colors = "([name, part]) => getComputedStyle(document.querySelector(name))[part]"

    def luminance(name: str, part: str) -> float:
        red, green, blue = (
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in (int(text) / 255 for text in re.findall(r"\d+", page.evaluate(colors, [name, part]))[:3])
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    places = {"body": ("#model", "h1", "footer", "#status"), ".card": ("#label", "h2", ".number", ".range", "dt", "dd")}
    for back, texts in places.items():
        behind = luminance(back, "backgroundColor")
        assert (behind < 0.1) == (scheme == "dark")
        for text in texts:
            one, other = sorted((luminance(text, "color"), behind))
            assert (other + 0.05) / (one + 0.05) >= 4.5, text


def test_it_can_be_heard_and_held_still(pages: Pages, serve: Serve, feed: Feed) -> None:
    """For screen readers and for people whom movement harms."""
    page = pages.open(reduced_motion="reduce")
    serve.show(feed.next("circle"))
    watch(page, serve)
    expect(page.get_by_role("img", name="Live image, shown as circle")).to_be_visible()
    for title in ("Predictions", "Label changes", "Model card"):
        expect(page.get_by_role("region", name=title)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("starting …")
    assert page.evaluate("document.documentElement.lang") == "en"
    # Nor does it take time for anybody: at 30 answers a second a bar that moves is behind its number.
    assert page.evaluate("getComputedStyle(document.querySelector('.bar')).transitionDuration") == "0s"
    assert page.locator("img:not([alt])").count() == 0


def test_everything_comes_from_this_server(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open()
    asked: list[str] = []

    page.on("request", lambda request: asked.append(request.url))
    serve.show(feed.next())
    watch(page, serve)
    assert len(asked) >= 5
    assert all(url.startswith(serve.url) for url in asked)
