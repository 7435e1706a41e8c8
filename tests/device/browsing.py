"""A real Chromium, and pages in it that note what goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from device.live.outputs.web.serve import Serve
from tests.conftest import missing
from tests.device.feeding import wait_for

CHROMIUM = Path("/usr/bin/chromium")
# Against a test that would never end; no test is about this time.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Without its sandbox, which root can't have."""
    if not CHROMIUM.exists():
        missing(f"no {CHROMIUM}; install it with: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Pages:
    """Makes pages, each as in a browser of its own. An error in one's script or policy fails the test at its end."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._wrong: list[str] = []

    def __enter__(self) -> "Pages":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for context in self._contexts:
            context.close()
        assert self._wrong == []

    def open(self, **options: Any) -> Page:
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self._wrong.append(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        # A server that is gone, or asks for its token, is what some tests are about.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self._wrong.append(message.text)


def watch(page: Page, serve: Serve) -> None:
    """Opens the page and waits for its first image."""
    page.goto(serve.url)
    wait_for_image(page)


def wait_for_image(page: Page) -> None:
    """Asked again and again from here: the page's policy lets nobody put code of his own into it."""
    wait_for(lambda: page.evaluate("image.naturalWidth > 0"))
