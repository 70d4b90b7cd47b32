"""The documentation as a site: built strictly, and looked at in a browser at the width of a phone and of a screen."""

import functools
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import Seen, browser_path
from tests.conftest import ROOT

__all__ = ["browser_path"]

pytestmark = pytest.mark.proof

SIZES = [(360, 740), (1280, 900)]
SECONDS = 300
CUT_TABLES = (
    "[...document.querySelectorAll('article table')].filter(each => each.scrollWidth > 1.5 * each.clientWidth)"
    ".map(each => each.innerText.slice(0, 40))"
)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing of each request."""


@pytest.fixture(scope="module")
def site(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Build the site as `make docs` does, and serve it on loopback; yield its address and its pages."""
    folder = tmp_path_factory.mktemp("site") / "site"
    built = subprocess.run(
        ["make", "docs", f"SITE={folder}"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", sorted(path.name for path in Path(folder).glob("*.html"))
        server.shutdown()


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser_path)
        yield running
        running.close()


def opened(browser: Browser, width: int, height: int, colours: str) -> tuple[Page, Seen]:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
    return page, Seen(page)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_page_fits_its_width_and_loads_nothing_from_elsewhere(
    site: tuple[str, list[str]], browser: Browser, width: int, height: int, colours: str
) -> None:
    address, names = site
    page, seen = opened(browser, width, height, colours)
    wide = []
    for name in names:
        page.goto(f"{address}/{name}")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(name)
        # a phone shows at least two thirds of a table at once
        assert width > SIZES[0][0] or page.evaluate(CUT_TABLES) == [], name
        missing = "[...document.images].filter(each => !each.complete || !each.naturalWidth).map(each => each.src)"
        assert page.evaluate(missing) == [], name
    scheme = page.evaluate("document.body.dataset.mdColorScheme")
    page.close()
    assert wide == []
    assert scheme == {"light": "default", "dark": "slate"}[colours]
    assert [each for each in seen.addresses if not each.startswith((address, "data:", "blob:"))] == []
    assert seen.messages == []


def test_search_finds_an_alarm(site: tuple[str, list[str]], browser: Browser) -> None:
    page, _ = opened(browser, *SIZES[1], "light")
    page.goto(f"{site[0]}/index.html")
    page.locator("[data-md-component=search-query]").fill("silence")
    page.locator(".md-search-result__item a[href*='runbook.html']").first.wait_for(timeout=20_000)
    page.close()
