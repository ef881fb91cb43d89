"""The `[[package]]` blocks of a lock file in TOML, as Poetry, uv and Cargo write them.

Line by line, and not by `tomllib`: these files are written by programs and have one layout, and a
hostile one makes `tomllib` take time that grows with the square of its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEY = re.compile(r"([A-Za-z-]{1,40}) = (.+)")
_TEXT = re.compile(r'"([^"\\]*)"')


def packages_of(data: bytes) -> Iterator[dict[str, str]]:
    """The keys of each block. A text is without its quotes; any other value is as written."""
    package: dict[str, str] | None = None
    for raw in data.decode("utf-8").splitlines():
        if raw.rstrip() == "[[package]]":
            if package is not None:
                yield package
            package = {}
        elif raw.startswith("[") and package is not None:
            # A table of the package's, or of the file's: its keys are not the package's own.
            yield package
            package = None
        elif package is not None and (key := _KEY.fullmatch(raw)):
            text = _TEXT.fullmatch(key[2])
            package.setdefault(key[1], text[1] if text else key[2])
    if package is not None:
        yield package
