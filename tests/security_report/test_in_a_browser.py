"""The report of the example with everything in it, measured whole and looked at in a browser and on paper."""

import fcntl
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader

from security_report.__main__ import main
from tests.browser import Seen, browser_path
from tests.conftest import ROOT

__all__ = ["browser_path"]

pytestmark = pytest.mark.proof

TWO_EXPORTS = """\
deployment: acme-prod
account: "111122223333"
region: eu-west-1
destinations:
  - {name: logz, kind: logzio, region: us, token_secret: acme/logzio}
exports:
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: 9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64
    ship_to: [logz]
  - name: ledger
    kind: cockroachdb
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    cluster_account_id: "222233334444"
    external_id: 6d1f0c5be8a14c6f9f0d2b7a
    log_group: /acme/cockroach/ledger
    ship_to: [logz]
"""
PAPER_WIDTH, PAPER_HEIGHT = 1032, 680
"""A4 across, less the margins, in CSS pixels."""


@pytest.fixture(scope="session")
def file(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report, once for all processes that run tests."""
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    path = folder / "security-report.html"
    with (folder / "security-report.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            example = ROOT / "examples" / "everything.yaml"
            assert main(["--settings", str(example), "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def opened(browser_path: str, file: Path) -> Iterator[tuple[Page, Seen]]:
    """Open the page from the file system."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page(offline=True)
        seen = Seen(page)
        page.goto(file.as_uri())
        yield page, seen
        browser.close()


def overflowing(page: Page) -> list[str]:
    """List elements that overflow the page to the right, or are wider than their cell or box."""
    found: list[str] = page.evaluate(
        """() => [...document.body.querySelectorAll("*")]
            .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
                || (each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1))
            .map(each => each.tagName + " " + each.textContent.trim().slice(0, 80))"""
    )
    return found


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_is_wider_than_the_page(opened: tuple[Page, Seen], width: int) -> None:
    page, _ = opened
    page.set_viewport_size({"width": width, "height": 900})
    assert page.locator("table").count() > 20
    assert overflowing(page) == []


def test_every_table_shows_its_headings(opened: tuple[Page, Seen]) -> None:
    page, _ = opened
    page.set_viewport_size({"width": 1280, "height": 900})
    heights = page.evaluate(
        """() => [...document.querySelectorAll("table")]
            .map(table => [...table.querySelectorAll("thead th")].map(each => each.getBoundingClientRect().height))"""
    )
    assert all(each and min(each) > 10 for each in heights)


def test_every_link_within_the_page_leads_somewhere(opened: tuple[Page, Seen]) -> None:
    page, _ = opened
    missing = page.evaluate(
        """() => [...document.querySelectorAll("a[href^='#']")].map(each => each.getAttribute("href").slice(1))
            .filter(id => !document.getElementById(id))"""
    )
    assert missing == []


def test_it_asks_for_nothing_and_complains_of_nothing(opened: tuple[Page, Seen], file: Path) -> None:
    _, seen = opened
    assert seen.messages == []
    assert seen.addresses == [file.as_uri()]


def test_nothing_is_cut_off_on_paper(opened: tuple[Page, Seen]) -> None:
    page, _ = opened
    page.set_viewport_size({"width": PAPER_WIDTH, "height": PAPER_HEIGHT})
    page.emulate_media(media="print")
    wide = overflowing(page)
    page.emulate_media(media="null")
    assert wide == []


def letters(text: str) -> str:
    """Leave out what a line break changes: white space, and ligatures."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def test_the_printed_report_has_every_cell_and_repeats_headings(opened: tuple[Page, Seen], tmp_path: Path) -> None:
    page, _ = opened
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    sheets = [letters(sheet.extract_text()) for sheet in PdfReader(tmp_path / "report.pdf").pages]
    printed = "".join(sheets)
    # inner text has no text that is not displayed, as what opens on a click is not on paper
    page.emulate_media(media="print")
    cells = page.locator("h1, header :is(p, th, td), main :is(dd, tbody th, td, h2, h3, li, p)").all_inner_texts()
    page.emulate_media(media="null")
    lines = Counter(letters(line) for cell in cells for line in cell.splitlines() if line.strip())
    assert len(lines) > 500
    assert {line: times for line, times in lines.items() if printed.count(line) < times} == {}
    # The roles' tables go on for pages; each page of them has the headings.
    titles = ("Whateachrolemaydo", "Whateachresourceadmits")
    first, last = (next(number for number, sheet in enumerate(sheets) if title in sheet) for title in titles)
    assert last - first > 2
    assert all("EffectActionResourceCondition" in sheet for sheet in sheets[first:last])


def test_two_exports_are_printed_on_twelve_sheets_with_the_answer_on_the_first(
    opened: tuple[Page, Seen], tmp_path: Path
) -> None:
    settings, report = tmp_path / "logdock.yaml", tmp_path / "report.html"
    settings.write_text(TWO_EXPORTS)
    assert main(["--settings", str(settings), "--out", str(report)]) == 0
    browser = opened[0].context.browser
    assert browser
    page = browser.new_page(offline=True)
    page.goto(report.as_uri())
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    page.close()
    sheets = [letters(sheet.extract_text()) for sheet in PdfReader(tmp_path / "report.pdf").pages]
    assert len(sheets) <= 12
    assert all(vendor in sheets[0] for vendor in ("MongoDBAtlas", "CockroachDBCloud", "Logz.io"))
    assert sheets[0].index("Theanswer") < sheets[0].index("MongoDBAtlas")
