"""Writes the generated blocks of pages; people write the rest of these pages.

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of a page. `page` is its path in the checkout; `make` gets the checkout's root."""

    page: str
    name: str
    make: Callable[[Path], str]


def with_blocks(root: Path, blocks: Sequence[PageBlock]) -> dict[Path, str]:
    """Return each page that has such blocks, with all of them written anew."""
    pages: dict[Path, str] = {}
    for block in blocks:
        path = root / block.page
        page = pages[path] if path in pages else path.read_text()
        pages[path] = _with_block(page, block, block.make(root))
    return pages


def _with_block(page: str, block: PageBlock, content: str) -> str:
    begin, end = f"<!-- generated: {block.name} -->", "<!-- end -->"
    place = re.compile(rf"^{re.escape(begin)}\n.*?^{re.escape(end)}$", re.M | re.S)
    if place.search(page) is None:
        raise ValueError(f"{block.page} has lost its block `{begin}`")
    return place.sub(lambda _: f"{begin}\n{content.rstrip()}\n{end}", page, count=1)
