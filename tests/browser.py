"""A browser on this machine, to look at pages with, and what it did while a page was open."""

import os
import shutil

import pytest
from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Find a browser on this machine. Without one there is nothing to look with; in CI that is a failure."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return found
    reason = f"none of {', '.join(BROWSERS)} is on the PATH to look at pages with (Debian: apt install chromium)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class Seen:
    """What a browser did while a page was open: messages to its console, and addresses that it asked for."""

    def __init__(self, page: Page) -> None:
        self.messages: list[str] = []
        self.addresses: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.addresses.append(request.url))
