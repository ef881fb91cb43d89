"""The pages: what they link to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.each import each
from tests.support.world import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """What its headings are linked by, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def links() -> Iterator[Any]:
    """Each page with a link of its that leads to another, or to a place in one."""
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if not link.startswith("http"):
                yield pytest.param(page, link, id=f"{page.name}: {link}")


@each(("page", "link"), list(links()))
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    to = page.parent / path if path else page
    assert to.exists()
    assert not anchor or anchor in anchors(to)


def test_the_readme_names_every_parameter_of_the_template() -> None:
    template = (ROOT / "template.yaml").read_text()
    block = template[template.index("\nParameters:\n") : template.index("\nConditions:\n")]
    parameters = re.findall(r"^  (\w+):$", block, re.M)
    assert len(parameters) > 5
    readme = (ROOT / "README.md").read_text()
    assert [one for one in parameters if f"`{one}`" not in readme] == []
