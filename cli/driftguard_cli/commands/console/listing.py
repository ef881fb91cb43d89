"""The page of decisions: filters, a search by whatever one has at hand, and pages.

A page reads as many decisions as it shows, from the index that the filters pick, as
`driftguard audit list` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote, urlencode

from starlette.responses import Response

from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.channels.wording import presentable
from driftguard.controls import every, is_known
from driftguard.model import Decision, Status

from ...errors import Misuse
from ..audit.shared import filters_of
from .rendering import page, redirected
from .site import Site, Visit

_PAGE = 50
# The fields of the form: a name in the query, and what it is called.
FIELDS = (
    ("since", "From"),
    ("until", "To"),
    ("resource", "Resource"),
    ("actor", "By"),
    ("account", "Account"),
    ("region", "Region"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of decisions; `next` is the query of the page after it, "" for the last."""

    filters: Filters
    decisions: tuple[Decision, ...]
    next: str


def decisions(visit: Visit) -> Response:
    """One page of decisions that match the filters."""
    if found := _searched(visit.asked("search")):
        name, value = found
        if name == "decision":
            return redirected(visit, f"decisions/{quote(value, safe='')}")
        visit = Visit(visit.site, query={**visit.query, name: value, "search": ""})
    complaint = ""
    shown = Shown(Filters(), (), "")
    try:
        shown = asked_for(visit.site, visit, _PAGE)
    except Misuse as error:
        complaint = str(error)
    return page(
        visit,
        "decisions",
        {
            "title": "Decisions",
            "here": "decisions",
            "complaint": complaint,
            "decisions": shown.decisions,
            "since": shown.filters.since,
            "next": shown.next,
            "fields": [(name, label, visit.asked(name)) for name, label in FIELDS],
            "status": visit.asked("status"),
            "statuses": [status.value for status in Status],
            "control": visit.asked("control"),
            "controls": [control.id for control in every()],
            "severity": visit.asked("severity"),
            "severities": (("90", "critical"), ("70", "high"), ("40", "medium"), ("1", "low")),
        },
        400 if complaint else 200,
    )


def asked_for(site: Site, visit: Visit, most: int) -> Shown:
    """A page of the decisions that a query asks for. Raises `Misuse` for what is no filter."""
    severity = visit.asked("severity") or "0"
    if not severity.isdecimal() or int(severity) > 100:
        raise Misuse("A severity is a number from 0 to 100.")
    filters = filters_of(
        **{
            name: visit.asked(name)
            for name in ("since", "until", "account", "region", "resource", "actor", "control")
        },
        status=visit.asked("status"),
        min_severity=int(severity),
        days=0,
    )
    # Of the time that the page ends at, these were on the page before.
    seen = set(filter(None, visit.asked("seen").split(",")))
    wanted = most + len(seen) + 1
    found = Finder(site.stack.audit, Usage()).decisions(filters, plan(filters), page=wanted)
    fresh = [one for one in islice(found, wanted) if one.id not in seen]
    shown = fresh[:most]
    more = ""
    if len(fresh) > most:
        last = shown[-1].decided
        same = {one.id for one in shown if one.decided == last}
        same |= seen if filters.until == last.removesuffix("Z") else set()
        given = {name: value for name, value in visit.query.items() if value and name != "search"}
        # The first page says since when: the next one must not begin later.
        given |= {"since": filters.since} if filters.since else {}
        more = urlencode({**given, "until": last, "seen": ",".join(sorted(same))})
    return Shown(filters, tuple(presentable(one) for one in shown), more)


def _searched(words: str) -> tuple[str, str] | None:
    """The filter that a search stands for, by the shape of what was typed; None for nothing."""
    if not words:
        return None
    if words.startswith("dg-"):
        return "decision", words
    if words.startswith("arn:"):
        who = any(part in words for part in (":user/", ":assumed-role/", ":role/"))
        return ("actor" if who else "resource"), words
    if is_known(words):
        return "control", words
    if len(words) == 12 and words.isdigit():
        return "account", words
    if words in set(Status):
        return "status", words
    # People, and sessions that are named after them.
    return ("actor" if "@" in words else "resource"), words
