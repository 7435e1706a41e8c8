"""A browser for the tests of the page, started once a file."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.device.browsing import Pages


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from tests.device.browsing import chromium  # here, since playwright is for these tests alone

    with chromium() as started:
        yield started


@pytest.fixture
def pages(browser: "Browser") -> "Iterator[Pages]":
    from tests.device.browsing import Pages

    with Pages(browser) as made:
        yield made
