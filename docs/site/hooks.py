"""What MkDocs does beside its own: the pages at the repository's top are pages of the site too.

README.md is the first page. Links between these pages and docs/ are written for the repository,
where people read them first; here they are turned to where the site has the page. A link to a file
that is no page becomes its path, as code.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
# Each page of the repository's top, and what the site calls it.
TOP = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages of the repository's top."""
    for source, page in TOP.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Any, files: Any, **_: Any) -> str:
    """Turns the links of a page from the repository's paths to the site's."""
    here = page.file.src_uri
    source = next((name for name, site in TOP.items() if site == here), f"docs/{here}")
    return _LINK.sub(lambda link: _turned(link, source, here, files), markdown)


def _turned(link: re.Match[str], source: str, here: str, files: Any) -> str:
    mark, text, target = link.groups()
    if re.match(r"[a-z]+:|#", target):
        return link.group()
    path, _, anchor = target.partition("#")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    page = TOP.get(wanted, wanted.removeprefix("docs/") if wanted.startswith("docs/") else "")
    if page and files.get_file_from_path(page) is not None:
        there = posixpath.relpath(page, posixpath.dirname(here) or ".")
        return f"{mark}[{text}]({there}{f'#{anchor}' if anchor else ''})"
    if (ROOT / wanted).exists():
        return f"{text} (`{wanted}`)"
    # Nothing is there: MkDocs says so, and the build fails.
    return link.group()
