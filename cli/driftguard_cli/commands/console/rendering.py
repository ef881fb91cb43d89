"""Renders pages: everything is escaped, and what would act on a reader is shown harmless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

import anyio
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from driftguard.channels.wording import moment, severity_name, told
from driftguard.documents import moment as time_of

from ...decisions import status_in_words
from ...terminal import shown
from ..audit.shared import now
from .site import Visit

_HERE = Path(__file__).parent
# The pages of the console, as its navigation lists them.
PAGES = (
    ("", "Now"),
    ("decisions", "Decisions"),
    ("controls", "Controls"),
    ("exceptions", "Exemptions and freezes"),
    ("sweep", "Sweep"),
    ("history", "Replay"),
)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "minute": lambda at: f"{at[:16].replace('T', ' ')}",
        "moment": moment,
        "left": left,
        "part": lambda name: quote(str(name), safe=""),
        "severity": severity_name,
        "stands": status_in_words,
        "words": told,
        "document": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "percent": lambda share: f"{share:.0%}",
    }
    return made


def prepare() -> None:
    """Compiles every template, so that the first page does not wait for it.

    In a thread, as pages are answered: what that takes is loaded as well.
    """
    anyio.run(run_in_threadpool, _compile)


def _compile() -> None:
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


def _as_shown(value: object) -> object:
    """A text that others may have chosen as it may be shown; markup of a template as it is."""
    return shown(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def page(visit: Visit, template: str, values: Mapping[str, object], status: int = 200) -> Response:
    """A whole page, or a part of one, of a template."""
    site = visit.site
    said = site.notices.take(visit.asked("said"))
    rendered = _environment().get_template(f"{template}.html.jinja")
    return HTMLResponse(
        rendered.render(site=site, base=site.base, pages=PAGES, said=said, **values), status
    )


def redirected(visit: Visit, path: str, said: str = "") -> Response:
    """Sends the browser on to a page of the console, which shows a sentence once."""
    query = f"?said={visit.site.notices.keep(said)}" if said else ""
    return RedirectResponse(f"{visit.site.base}/{path}{query}", 303)


def left(until: str) -> str:
    """How much time is left until then (ISO 8601), for people: `2 h 5 min`; `over` after it."""
    end = time_of(until)
    if end is None:
        return ""
    return length((end - now()).total_seconds())


def length(seconds: float) -> str:
    """A length of time in its two largest units: `3 d 4 h`, `2 h 5 min`, `40 s`."""
    if seconds <= 0:
        return "over"
    whole = int(seconds)
    parts = [
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]
    first = next((place for place, (count, _) in enumerate(parts) if count), 3)
    told = " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)
    return told or "0 s"
