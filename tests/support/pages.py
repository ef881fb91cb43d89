"""The commands that pages show: each line of a block for a shell that begins with `driftguard`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.support.world import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def lines(page: str) -> Iterator[str]:
    """The commands of a page, without what continues them on another line."""
    for block in re.findall(r"^ *```(?:console|bash|sh)\n(.*?)^ *```", page, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip().startswith("driftguard "):
                yield line.strip()


def every_line() -> list[str]:
    """The commands of all pages, each once."""
    return sorted({line for page in PAGES for line in lines(page.read_text())})
