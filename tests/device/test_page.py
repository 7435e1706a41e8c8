"""The page in a real Chromium: what moves, and what is said when nothing does."""

import itertools
import re
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from device.host import temperature
from device.live.interfaces.results import FrameResult
from device.live.outputs.web.serve import Serve
from tests.device.browsing import Pages, wait_for_image, watch
from tests.device.feeding import LOST, STREAMING, Feed, feeding, wait_for
from tests.device.visiting import metric

pytestmark = pytest.mark.programs

# What the image shows now: the pixels of the stream's image, as one long string.
PIXELS = """() => {
  const image = document.getElementById("image"), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png");
}"""
SHARES = """() => Object.fromEntries([...document.querySelectorAll("#predictions li")].map((row) => [
  row.querySelector(".name").textContent,
  (row.querySelector(".bar").getBoundingClientRect().right - row.querySelector(".track").getBoundingClientRect().left)
    / row.querySelector(".track").getBoundingClientRect().width]))"""

# The labels from top to bottom, as they are seen.
ORDER = """() => [...document.querySelectorAll("#predictions li")]
  .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
  .map((row) => row.querySelector(".name").textContent)"""


ROWS = """() => [...document.querySelectorAll("#predictions li")].map((row) => {
  const boxes = [...row.children].map((part) => part.getBoundingClientRect());
  return {name: row.querySelector(".name").textContent, best: row.classList.contains("best"),
    top: Math.min(...boxes.map((box) => box.top)), bottom: Math.max(...boxes.map((box) => box.bottom))};
})"""

# Whether a label is the one that is shown, leads the list, and has a bar of more than half.
SHOWN = f"""(label) => document.querySelector("#label").textContent === label
    && document.querySelector("#predictions .best .name").textContent === label && ({SHARES})()[label] > 0.5"""

# What moves.


def test_images_bars_and_lines_move(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open()
    with feeding(serve, feed, rate=60):
        watch(page, serve)
        expect(page.locator("#status")).to_have_text("streaming from test")
        expect(page.locator("#veil")).to_be_hidden()
        assert page.evaluate("[image.naturalWidth, image.naturalHeight]") == [640, 360]
        expect(page.locator("#latency .line")).to_have_attribute("d", re.compile("L"))  # the results' own stream
        pixels, line = page.evaluate(PIXELS), page.locator("#latency .line").get_attribute("d")
        for label in ("circle", "square", "triangle"):  # each is drawn for three quarters of a second
            # At one moment: on a busy machine the next one is there before a second question is asked.
            wait_for(partial(page.evaluate, SHOWN, label))
        assert page.evaluate(PIXELS) != pixels
        assert page.locator("#latency .line").get_attribute("d") != line
    figures = page.locator(".tile:not([hidden]) .value").all_text_contents()
    assert len(figures) >= 3 and all(re.fullmatch(r"[\d.]+", figure) for figure in figures)


def test_bars_are_as_long_as_their_scores(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open(reduced_motion="reduce")
    result = feed.next()
    serve.show(result)
    watch(page, serve)
    expect(page.locator("#predictions li")).to_have_count(3)
    shares = page.evaluate(SHARES)
    assert shares == {ranked.label: pytest.approx(ranked.score, abs=0.01) for ranked in result.top}
    places = page.evaluate(
        "[...document.querySelectorAll('#predictions li')].map((row) => row.getBoundingClientRect().top)"
    )
    assert places == sorted(places) and len(set(places)) == 3
    scores = (0.6, 0.3, 0.1)
    turned = tuple(replace(result.top[2 - i], score=score) for i, score in enumerate(scores))
    serve.show(replace(result, number=2, top=turned))
    expect(page.locator("#predictions .best .name")).to_have_text(turned[0].label)
    assert page.evaluate(SHARES) == {ranked.label: pytest.approx(ranked.score, abs=0.01) for ranked in turned}
    # The rows stand still at first; what is clearly ahead for a while goes up, though nothing more is said.
    wait_for(lambda: page.evaluate(ORDER) == [ranked.label for ranked in turned])
    assert page.evaluate(SHARES) == {ranked.label: pytest.approx(ranked.score, abs=0.01) for ranked in turned}
    serve.show(replace(result, number=3, top=turned[:1]))
    expect(page.locator("#predictions li")).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1280])
def test_rows_stand_still_while_ranks_change(width: int, pages: Pages, serve: Serve, feed: Feed) -> None:
    """At thirty results a second, each with another order; every score is the one of its label."""
    random, scores = np.random.default_rng(1), (0.4, 0.3, 0.2, 0.07, 0.03)
    labels = ("circle", "square", "triangle", "cat", "a label that is longer than a telephone is wide, by far and more")

    def shuffled() -> FrameResult:
        result = feed.next()
        ranked = zip(random.permutation(labels), scores, strict=True)
        return replace(result, top=tuple(replace(result.top[0], label=str(name), score=part) for name, part in ranked))

    page = pages.open(viewport={"width": width, "height": 844})
    serve.show(shuffled())
    watch(page, serve)
    orders: list[list[str]] = []
    best: set[str] = set()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        serve.show(shuffled())
        time.sleep(1 / 30)
        rows = page.evaluate(ROWS)
        orders.append([row["name"] for row in rows])
        best |= {row["name"] for row in rows if row["best"]}
        assert sorted(orders[-1]) == sorted(labels)
        assert all(above["bottom"] <= below["top"] for above, below in pairwise(rows))
    assert len(best) > 2, "the ranks have changed"
    assert sum(one != other for one, other in pairwise(orders)) <= 2


def test_newcomers_take_the_rows_that_are_free(pages: Pages, serve: Serve, feed: Feed) -> None:
    """Of a thousand labels the best five are others each time: who stays keeps the row."""
    page = pages.open()
    result = feed.next()

    def show(*names: str) -> None:
        top = tuple(replace(result.top[0], label=name, score=0.2) for name in names)
        serve.show(replace(result, number=next(numbers), top=top))

    numbers = itertools.count(2)
    show("a", "b", "c", "d", "e")
    watch(page, serve)
    expect(page.locator("#predictions .name")).to_have_text(["a", "b", "c", "d", "e"])
    show("x", "d", "y", "b", "a")
    expect(page.locator("#predictions .name")).to_have_text(["a", "b", "x", "d", "y"])
    show("b", "y", "b")  # a foreign model's label may stand twice
    expect(page.locator("#predictions .name")).to_have_text(["b", "b", "y"])


def test_labels_are_told_with_their_times_and_never_read_as_html(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open()
    serve.show(feed.next("circle"))
    watch(page, serve)
    bad = "<img src=x onerror=alert(1)>"
    serve.show(feed.next(bad))
    serve.show(feed.next("unknown"))
    names = page.locator("#changes .name")
    expect(names).to_have_text(["unknown", bad, "circle"])
    expect(page.locator("#label")).to_have_text("unknown")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", page.locator("#changes time").first.text_content() or "")
    assert page.locator("#changes img").count() == 0


def test_the_card_is_shown(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open()
    page.goto(serve.url)
    expect(page.locator("#model")).to_have_text(f"{feed.card.name} int8")
    facts = dict(zip(*(page.locator(f"#card {kind}").all_text_contents() for kind in ("dt", "dd")), strict=True))
    assert facts["Name"] == feed.card.name and facts["Labels"] == "3: circle, square, triangle"
    accuracy = feed.card.accuracy
    assert accuracy is not None
    low, high = (f"{100 * end:.2f}" for end in accuracy.interval)
    assert facts["Accuracy"] == f"{100 * accuracy.top1:.2f} % ({low}–{high}, n {accuracy.n})"
    serve.model_changed(replace(feed.card, name="another", variant="float32"))
    expect(page.locator("#model")).to_have_text("another float32")


def test_the_temperature_where_there_is_one(
    pages: Pages, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder as Linux lays it out: this machine may have none."""
    for zones, shown in ((tmp_path / "none", None), (tmp_path, "48.3")):
        if shown:
            (tmp_path / "thermal_zone0").mkdir()
            (tmp_path / "thermal_zone0/temp").write_text("48312\n")
        monkeypatch.setattr(temperature, "ZONES", zones)
        serve = Serve("127.0.0.1:0", feed.card)
        serve.show(feed.next())
        page = pages.open()
        watch(page, serve)
        expect(page.locator("#rate .value")).not_to_have_text("–")
        expect(page.locator("#temperature")).to_be_visible(visible=shown is not None)
        if shown:
            expect(page.locator("#temperature .value")).to_have_text(shown)
            assert metric(serve.port, "framelite_temperature_celsius") == 48.312
        serve.close()


# What is said when nothing moves.


def test_a_lost_source_is_told_over_the_image(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open()
    page.goto(serve.url)
    expect(page.locator("#veil")).to_have_text("Waiting for the first image …")
    serve.status(STREAMING)
    serve.show(feed.next())
    expect(page.locator("#veil")).to_be_hidden()
    serve.status(LOST)
    for place in ("#veil", "#status"):
        expect(page.locator(place)).to_have_text(LOST.message)
    serve.status(STREAMING)
    expect(page.locator("#veil")).to_be_hidden()


def test_a_pause_ends_both_streams_and_keeps_the_image(pages: Pages, serve: Serve, feed: Feed) -> None:
    page = pages.open()
    button = page.get_by_role("button", name="Pause")
    with feeding(serve, feed):
        watch(page, serve)
        wait_for(lambda: metric(serve.port, "framelite_viewers") == 2)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        wait_for(lambda: metric(serve.port, "framelite_viewers") == 0)
        expect(page.locator("#still")).to_be_visible()
        assert page.evaluate("[still.width, still.height]") == [640, 360]
        button.click()
        expect(page.locator("#still")).to_be_hidden()
        wait_for_image(page)


def test_it_finds_a_server_that_came_back(pages: Pages, feed: Feed) -> None:
    page = pages.open()
    first = Serve("127.0.0.1:0", feed.card)
    first.show(feed.next("circle"))
    watch(page, first)
    first.close()
    expect(page.locator("#status")).to_have_text("no connection")
    second = Serve(f"127.0.0.1:{first.port}", feed.card)
    try:
        with feeding(second, feed):
            expect(page.locator("#status")).to_have_text("streaming from test")
            wait_for_image(page)
            wait_for(lambda: metric(second.port, "framelite_viewers") == 2)
    finally:
        second.close()
