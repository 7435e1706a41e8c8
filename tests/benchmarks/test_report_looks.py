"""The report in a real Chromium: on a phone, on a desk, in the dark, printed."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.report import report
from tests.benchmarks import reporting
from tests.benchmarks.reporting import PC, PI

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.device.browsing import Pages

pytestmark = pytest.mark.programs

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
DESK = {"viewport": {"width": 1280, "height": 800}}
LONG = ("a label that is so very long that no telephone has the room for it", "<b>bold</b>", "猫", "dog")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    latency = reporting.latency({**PC, "system": "x" * 300}, 0.09)
    latency["results"][3]["file"] = f"{'a_long_name_' * 12}_float16.tflite"
    documents = {
        "pc": latency,
        "accuracy": reporting.accuracy({**PC, "system": "x" * 300}, LONG),
        "pi": reporting.latency(PI, 0.61, True),
    }
    paths = [reporting.write(folder / f"{name}.json", content) for name, content in documents.items()]
    report.write(paths, folder / "report.html")
    return (folder / "report.html").as_uri()


@pytest.fixture(params=["phone", "desk", "desk in the dark"])
def page(request: pytest.FixtureRequest, pages: "Pages", address: str) -> "Page":
    """An error or a warning on its console, of the policy too, fails the test (see Pages)."""
    size = PHONE if request.param == "phone" else DESK
    opened = pages.open(**size, color_scheme="dark" if "dark" in request.param else "light")
    opened.goto(address)
    return opened


def test_it_can_be_read(page: "Page") -> None:
    width = page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [svg.bounding_box() for svg in page.locator("figure svg").all()]
    assert len(boxes) == 14
    for box in boxes:
        assert box is not None and box["width"] > 280 and box["height"] > 60
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    letters = page.evaluate(
        "Array.from(document.querySelectorAll('figure svg text'), text => text.getBoundingClientRect().height)"
    )
    assert len(letters) > 100 and min(letters) >= 10
    # What is wide scrolls in its own box.
    table = page.locator(".scroll").first
    assert table.evaluate("box => box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX == 'auto'")


def test_nothing_in_a_chart_is_cut_off(page: "Page") -> None:
    """Every word lies within its chart."""
    cut = page.evaluate(
        """Array.from(document.querySelectorAll('figure svg')).flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return Array.from(svg.querySelectorAll('text')).filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 1 || box.right > frame.right + 1
                    || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
            }).map(text => text.textContent);
        })"""
    )
    assert cut == []


def test_the_names_of_points_do_not_overlap(page: "Page") -> None:
    overlapping = page.evaluate(
        """Array.from(document.querySelectorAll('svg[aria-label*="accuracy against"]')).flatMap(svg => {
            const texts = Array.from(svg.querySelectorAll('text')).filter(text => /T$/.test(text.textContent));
            const boxes = texts.map(text => text.getBoundingClientRect());
            return texts.flatMap((text, i) => boxes.slice(i + 1).filter(other =>
                boxes[i].left < other.right - 2 && other.left < boxes[i].right - 2
                && boxes[i].top < other.bottom - 4 && other.top < boxes[i].bottom - 4).map(() => text.textContent));
        })"""
    )
    assert overlapping == []


def test_printed_no_chart_is_cut(pages: "Pages", address: str, tmp_path: Path) -> None:
    page = pages.open(**DESK)
    page.goto(address)
    page.emulate_media(media="print")
    broken = page.evaluate(
        "Array.from(document.querySelectorAll('figure'), figure => getComputedStyle(figure).breakInside)"
    )
    assert set(broken) == {"avoid"}
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    pages_printed = (tmp_path / "report.pdf").read_bytes().count(b"/Type /Page\n")
    assert 4 <= pages_printed <= 12
