"""The `[[package]]` blocks of a lock file in TOML, as Poetry, uv, PDM, pip and Cargo write them.

Line by line, and not by `tomllib`: these files are written by programs and have one layout, and a
hostile one makes `tomllib` take time that grows with the square of its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# pip's pylock.toml calls them `packages`. A formatter may have indented what a program wrote.
_BLOCK = re.compile(r"\s*\[\[\s*packages?\s*\]\]\s*")
_TABLE = re.compile(r"\s*\[\[?\s*[A-Za-z][^\]]*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z-]{1,40})\s*=\s*(.+)")
_TEXT = re.compile(r"""(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?""")


def packages_of(data: bytes) -> Iterator[dict[str, str]]:
    """The keys of each block. A text is without its quotes; any other value is as written."""
    package: dict[str, str] | None = None
    for raw in data.decode("utf-8").splitlines():
        if _BLOCK.fullmatch(raw):
            if package is not None:
                yield package
            package = {}
        elif package is not None and _TABLE.fullmatch(raw):
            # A table of the package's, or of the file's: its keys are not the package's own.
            yield package
            package = None
        elif package is not None and (key := _KEY.fullmatch(raw)):
            text = _TEXT.fullmatch(key[2])
            package.setdefault(key[1], (text[1] or text[2] or "") if text else key[2])
    if package is not None:
        yield package
