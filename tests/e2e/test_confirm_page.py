"""The confirmation page in a real browser: headless Chromium, the size of a phone, no JavaScript.

DRIFTGUARD_SCREENSHOT=page.png keeps what the page looks like, as page-light.png and page-dark.png.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.asking import Question, ask
from tests.e2e.world import World, eventually
from tests.support.browser import CHROMIUM, POOR, launched

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def phone(browser: Browser, scheme: Any) -> Iterator[Page]:
    """A phone's screen, without JavaScript; whatever the page complains of fails the test."""
    context = browser.new_context(**PHONE, java_script_enabled=False, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("requestfailed", lambda failed: complaints.append(failed.url))
    yield page
    assert complaints == []
    context.close()


@pytest.fixture
def question(asking: World) -> Question:
    return ask(asking)


def test_a_change_is_reverted_from_a_phone(phone: Page, scheme: str, question: Question) -> None:
    loaded: list[str] = []
    phone.on("request", lambda request: loaded.append(f"{request.method} {request.url}"))
    phone.goto(question.link)
    if path := os.environ.get("DRIFTGUARD_SCREENSHOT"):
        phone.screenshot(path=path.replace(".png", f"-{scheme}.png"), full_page=True)

    assert phone.get_by_role("heading", level=1).inner_text() == "Revert this change?"
    assert phone.get_by_role("main").get_by_text(question.group).first.is_visible()
    assert phone.get_by_text("ec2:RevokeSecurityGroupIngress").is_visible()
    assert question.is_open()

    button = phone.get_by_role("button", name="Revert it")
    box = button.bounding_box()
    assert box
    assert box["height"] >= 44
    assert box["width"] >= 300
    button.press("Enter")

    assert phone.get_by_role("heading", level=1).inner_text() == "It is being reverted"
    eventually(lambda: not question.is_open(), "the group closed", also=question.lab.log_tail)
    question.lab.decision(question.group, "reverted")
    phone.get_by_role("link", name="See how it stands").click()
    assert phone.get_by_text("Already reverted, by link via link").is_visible()
    addresses = {one.partition("?")[0] for one in loaded}
    here = question.link.partition("?")[0]
    assert addresses <= {f"GET {here}", f"POST {here}", f"GET {here.rpartition('/')[0]}/answer"}


def test_nothing_is_wider_than_a_small_phone(browser: Browser, question: Question) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 568})
    page = context.new_page()
    page.goto(question.link)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


def test_every_text_can_be_read(browser: Browser, question: Question, scheme: Any) -> None:
    """Contrast of at least 4.5 to 1, as WCAG 2.2 asks (1.4.3)."""
    context = browser.new_context(**PHONE, color_scheme=scheme)
    page = context.new_page()
    page.goto(question.link)
    poor = page.evaluate(POOR)
    assert poor == []
    context.close()
