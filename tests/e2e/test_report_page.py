"""The page of `driftguard report` in a real browser: desktop, phone, dark, print.

DRIFTGUARD_SCREENSHOT=page.png keeps what the page looks like, as page-desktop-light.png and so on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from driftguard_cli.commands.report.page import as_html
from tests.support.browser import CHROMIUM, POOR, launched
from tests.support.reporting import a_report

SIZES: dict[str, Any] = {
    "desktop": {"viewport": {"width": 1200, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2},
}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(as_html(a_report()), encoding="utf-8")
    return file


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def page(browser: Browser, file: Path, size: str, scheme: Any) -> Iterator[Page]:
    """The page, opened; it may ask for nothing but itself, and the browser complains of nothing."""
    context = browser.new_context(**SIZES[size], color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert (complaints, asked) == ([], [file.as_uri()])
    context.close()


def test_the_page_can_be_read_and_is_not_wider_than_the_screen(
    page: Page, size: str, scheme: str
) -> None:
    if path := os.environ.get("DRIFTGUARD_SCREENSHOT"):
        page.screenshot(path=path.replace(".png", f"-{size}-{scheme}.png"), full_page=True)
    assert page.get_by_role("heading", level=1).inner_text() == "Driftguard report"
    assert page.evaluate(POOR) == []
    # Wide tables scroll inside of the page.
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= SIZES[size]["viewport"]["width"]


def test_its_parts_are_found_by_their_names(page: Page, size: str) -> None:
    for name in ("Risky now", "Trust earned by control", "Accepted risks", "Compliance"):
        assert page.get_by_role("region", name=name, exact=True).is_visible()
    # A table stays one where its rows are blocks.
    risks = page.get_by_role("table", name="Every risk, the most severe first")
    assert risks.get_by_role("row").count() == 1 + len(a_report().risks)
    assert risks.get_by_role("row", name="critical everybody may read").count() == 1
    chart = page.get_by_role("img", name="approval requests in 14 days")
    assert chart.is_visible()
    page.get_by_role("link", name="Compliance").press("Enter")
    assert page.url.endswith("#compliance")


def test_it_prints_in_dark_ink_on_white_also_from_a_dark_screen(
    browser: Browser, file: Path, tmp_path: Path
) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    background, ink = page.evaluate(
        "(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))"
    )
    assert (background, ink) == ("rgb(255, 255, 255)", "rgb(26, 31, 39)")
    assert not page.get_by_role("navigation").is_visible()
    assert page.pdf(path=tmp_path / "report.pdf").startswith(b"%PDF")
    context.close()
