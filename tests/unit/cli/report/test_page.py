"""The page of a report: self-contained, escaped, and with the structure that assistive tools read.

tests/e2e/test_report_page.py looks at it in a browser.
"""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest

from driftguard_cli.commands.report.model import Report
from driftguard_cli.commands.report.page import as_html, content_policy
from tests.support.golden import assert_golden
from tests.support.reporting import HOSTILE, a_report, a_risk, recorded, swept

GOLDEN = Path(__file__).with_name("golden") / "report.html"
# What has no end tag.
_VOID = frozenset({"meta", "br", "rect", "link", "img", "input", "hr"})


class Read(HTMLParser):
    """What a page consists of. Raises where elements do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def without_record() -> Report:
    return a_report(recorded=None, why_no_record="There is no stack `driftguard` in us-east-1.")


def record_only() -> Report:
    return a_report(swept=None)


def empty() -> Report:
    nothing = replace(recorded(), decided=(), trust=(), exemptions=())
    return a_report(swept=replace(swept(), risks=(), unread=()), recorded=nothing, exemptions=())


EVERY = [a_report, without_record, record_only, empty]
report = pytest.mark.parametrize("report", [made() for made in EVERY], ids=lambda _: "")


def test_the_page_looks_as_somebody_last_looked_at_it() -> None:
    assert_golden(GOLDEN, as_html(a_report()).replace(version("driftguard"), "VERSION"))


@report
def test_nothing_is_loaded_run_or_sent(report: Report) -> None:
    page = Read(as_html(report))
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "form", "base"})
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attributes), (
            tag
        )
        assert attributes.get("href", "#").startswith("#")
    (policy,) = [
        one["content"]
        for one in page.named("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = re.findall(r"<style>(.*?)</style>", as_html(report), re.S)
    assert policy == content_policy(style)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "url(" not in style
    assert "@import" not in style


def test_what_others_chose_is_text_and_turns_nothing_around() -> None:
    page = as_html(a_report())
    assert "<script>" not in page
    assert "‮" not in page
    shown = Read(page).words()
    assert HOSTILE.replace("‮", "�") in shown


@report
def test_assistive_tools_find_landmarks_headings_and_named_tables(report: Report) -> None:
    page = Read(as_html(report))
    assert page.named("html") == [{"lang": "en"}]
    assert [len(page.named(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {one.get("aria-labelledby", "") for _, one in page.elements} - {""}
    linked = {one["href"].removeprefix("#") for one in page.named("a")}
    assert named | linked <= set(ids)
    assert all(one.get("aria-labelledby") for one in page.named("section"))
    assert len(page.named("caption")) == len(page.named("table")) > 0
    assert all(one.get("scope") in ("row", "col") for one in page.named("th"))


@report
def test_a_drawing_is_either_beside_its_figures_or_says_them(report: Report) -> None:
    for drawing in Read(as_html(report)).named("svg"):
        if drawing.get("aria-hidden") != "true":
            assert drawing["role"] == "img"
            assert re.match(r"\d+ approval requests in \d+ days", drawing["aria-label"])


def test_a_bar_is_as_long_as_its_figure_says() -> None:
    risks = tuple(a_risk(severity=severity) for severity in (95, 50, 50, 50, 50))
    page = as_html(a_report(swept=replace(swept(), risks=risks)))
    table = page[page.index("Risks by severity") :].partition("</table>")[0]
    assert re.findall(r'<rect class="([a-z]+)" x="([\d.]+)" y="0" width="([\d.]+)"', table) == [
        ("critical", "0.0", "25.0"),
        ("medium", "0.0", "100.0"),
    ]


def test_what_is_missing_is_said() -> None:
    assert (
        "This report has no decisions. There is no stack `driftguard`"
        in Read(as_html(without_record())).words()
    )
    shown = Read(as_html(a_report())).words()
    assert "Not complete: 1 read failed" in shown
    assert "s3:GetBucketAcl was refused" in shown
    assert "1 revert of what a sweep found, changed at an unknown time" in shown
    assert "Risky now" not in Read(as_html(record_only())).words().partition("Accepted risks")[0]


def test_an_empty_report_says_that_there_is_nothing() -> None:
    shown = Read(as_html(empty())).words()
    assert "Nothing that these controls can see is risky." in shown
    assert "The guard decided nothing in this period." in shown
    unread = replace(swept(), risks=())
    shown = Read(as_html(a_report(swept=unread))).words()
    assert "is risky, in what could be read." in shown


def test_a_long_list_is_cut_and_says_so() -> None:
    many = tuple(replace(one, reverted="") for one in recorded().decided[:1]) * 501
    page = Read(as_html(a_report(recorded=replace(recorded(), decided=many)))).words()
    assert "Decisions, newest first: 500 of 501; CSV and JSON have all" in page
