"""The console in Chromium: by keyboard and on a phone, in light and dark, and what axe-core finds.

DRIFTGUARD_SCREENSHOTS=docs keeps what the documentation shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from driftguard.model import Status
from tests.support.api_requests import BOB
from tests.support.approving import is_open
from tests.support.browser import CHROMIUM, launched
from tests.support.console import Visitor, lived_in
from tests.support.doors import Door

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt-get install chromium")

DESKTOP: Any = {"viewport": {"width": 1200, "height": 900}}
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5}
# Patient: a read waits for moto, which this process runs beside the browser.
WAIT = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


class Seen:
    """Pages of a browser that was let in; it must complain of nothing, and go nowhere else."""

    def __init__(self, browser: Browser, visitor: Visitor) -> None:
        self.browser, self.visitor = browser, visitor
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []

    def open(self, **how: Any) -> Page:
        context = self.browser.new_context(**{**DESKTOP, **how})
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        if self.visitor.cookie:
            name, _, value = self.visitor.cookie.partition("=")
            gate = self.visitor.gate
            context.add_cookies(
                [{"name": name, "value": value, "url": f"{gate.origin}{gate.base}"}]
            )
        return page

    def _asked(self, url: str) -> None:
        if not url.startswith(f"{self.visitor.gate.origin}{self.visitor.gate.base}/"):
            self.elsewhere.append(url)

    def go(self, page: Page, path: str) -> Page:
        page.goto(f"{self.visitor.gate.origin}{self.visitor.gate.base}/{path}")
        return page


@pytest.fixture
def seen(browser: Browser, visitor: Visitor) -> Iterator[Seen]:
    seen = Seen(browser, visitor)
    yield seen
    for context in browser.contexts:
        context.close()
    assert (seen.complaints, seen.elsewhere) == ([], [])


def kept(page: Page, name: str) -> None:
    """A screenshot for the documentation, where somebody wants one."""
    if folder := os.environ.get("DRIFTGUARD_SCREENSHOTS"):
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_address_lets_the_browser_in_also_from_a_file_and_only_once(
    browser: Browser, stranger: Visitor, tmp_path: Path
) -> None:
    file = tmp_path / "open.html"
    file.write_text(f'<meta http-equiv="refresh" content="0;url={stranger.gate.address}">')
    page = browser.new_context().new_page()
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", level=1, name="Now")).to_be_visible(timeout=WAIT)
    assert "token" not in page.url
    assert page.evaluate("document.cookie") == ""
    other = browser.new_context().new_page()
    other.goto(stranger.gate.address)
    assert "somebody else on this machine used it" in other.inner_text("body")
    for context in browser.contexts:
        context.close()


def test_somebody_approves_with_the_keyboard_and_sees_what_became_of_it(
    seen: Seen, door: Door, group: str
) -> None:
    page = seen.go(seen.open(), "")
    expect(page.locator("#health .verdict").first).to_be_visible(timeout=WAIT)
    page.locator(f"#r-{door.asked.decision.id}").press("Enter")
    page.get_by_role("link", name="Approve: revert the change").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("so that the change is reverted?")
    page.get_by_label("Why, for the record").fill("nobody ordered this")
    page.get_by_label("Why, for the record").press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Thank you", timeout=WAIT)
    assert door.asked.carried_out().status is Status.REVERTED
    assert not is_open(group)
    # The page moves by itself.
    expect(page.get_by_role("link", name="Undo the revert")).to_be_visible(timeout=WAIT)


def test_somebody_accepts_until_a_day(seen: Seen, door: Door, group: str) -> None:
    page = seen.go(seen.open(**PHONE), f"decisions/{door.asked.decision.id}")
    page.get_by_role("link", name="Accept until").click()
    page.get_by_label("For how long").fill("2d")
    page.get_by_label("Why, for the record").fill("a launch")
    page.get_by_role("button", name="Accept until then").click()
    expect(page.get_by_role("status").first).to_contain_text("stands until", timeout=WAIT)
    seen.go(page, "exceptions")
    expect(page.get_by_role("row", name="a launch")).to_be_visible()
    assert is_open(group)


def test_somebody_undoes_a_revert(seen: Seen, door: Door, group: str) -> None:
    door.api.post(BOB)
    assert door.asked.carried_out().status is Status.REVERTED
    door.api.obeyed_at_once(door.asked.guard)
    page = seen.go(seen.open(), f"decisions/{door.asked.decision.id}")
    page.get_by_role("link", name="Undo the revert").click()
    expect(page.get_by_text("This comes back:")).to_be_visible()
    page.get_by_role("button", name="Undo: the risk stands again").click()
    expect(page.locator("h1")).to_contain_text("revert undone", timeout=WAIT)
    assert is_open(group)


def test_somebody_freezes_the_guard_and_lifts_that(seen: Seen) -> None:
    page = seen.go(seen.open(), "exceptions")
    page.get_by_role("link", name="Freeze …").click()
    page.get_by_label("Why, for the record").fill("a migration")
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator(".card")).to_contain_text("everything is frozen", timeout=WAIT)
    page.get_by_role("link", name="Lift the freeze of everything").click()
    page.get_by_label("Why, for the record").fill("it is over")
    page.get_by_role("button", name="Lift the freeze").click()
    expect(page.get_by_text("Nothing is frozen.")).to_be_visible(timeout=WAIT)


def test_a_page_that_is_no_longer_up_to_date_says_so(seen: Seen) -> None:
    page = seen.go(seen.open(), "")
    expect(page.locator("#stale")).to_be_hidden()
    page.route("**/now/requests", lambda route: route.abort())
    expect(page.locator("#stale")).to_contain_text("does not answer", timeout=WAIT)
    page.unroute("**/now/requests")
    expect(page.locator("#stale")).to_be_hidden(timeout=WAIT)
    # Chromium and htmx themselves say that the request failed.
    assert all("ERR_FAILED" in said or "htmx:" in said for said in seen.complaints)
    seen.complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_no_page_is_wider_than_a_phone(
    seen: Seen, door: Door, scheme: str
) -> None:
    lived_in(door.asked.world)
    asked = f"decisions/{door.asked.decision.id}"
    seen.visitor.submitted("exceptions/freeze", length="2h", control="kms.rotation-off", reason="x")
    page, phone = seen.open(color_scheme=scheme), seen.open(color_scheme=scheme, **PHONE)
    found = {}
    for name, path in {
        "now": "",
        "decisions": "decisions",
        "decision": asked,
        "reverted": f"decisions/dg-{1:024x}",
        "approve": f"{asked}/approve",
        "accept": f"{asked}/accept",
        "undo": f"decisions/dg-{1:024x}/undo",
        "controls": "controls",
        "control": "controls/ec2.open-ingress",
        "exceptions": "exceptions",
        "exempt": "exceptions/exempt",
        "sweep": "sweep",
        "history": "history",
        "failed": f"decisions/dg-{0:024x}",
    }.items():
        seen.go(page, path)
        if name == "now":
            expect(page.locator("#health .verdict").first).to_be_visible(timeout=WAIT)
        for closed in page.locator("details:not([open]) > summary").all():
            closed.click()
        told = Axe().run(page).response["violations"]
        found |= {
            f"{name}: {one['id']}: {node['html']}": one["impact"]
            for one in told
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        }
        kept(page, f"console-{name}-{scheme}")
        seen.go(phone, path)
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["viewport"]["width"], f"{name} is {wide} wide"
        kept(phone, f"console-{name}-phone-{scheme}")
    assert found == {}
    # The page of a decision that there is none of is an answer of its own.
    assert all("404" in said for said in seen.complaints)
    seen.complaints.clear()
