"""The first page: what waits for people, what was decided last, and whether the stack works."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from starlette.responses import Response

from driftguard.approvals.rules import is_open
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.channels.wording import presentable
from driftguard.model import Decision, Status

from ..doctor import examined
from .listing import asked_for
from .rendering import page
from .site import Site, Visit

# What is shown; the page of decisions has the others.
_REQUESTS, _LAST = 50, 10
# A revert that failed is open only while it is tried again: so many failed ones are looked at.
_FAILED = 50


def overview(visit: Visit) -> Response:
    """The whole page. What takes several calls of other services is read after it is shown."""
    values = {"title": "Now", "here": "", **_waiting(visit.site), **_last(visit)}
    return page(visit, "now", values)


def requests(visit: Visit) -> Response:
    """What waits for people, again."""
    return page(visit, "parts/requests", _waiting(visit.site))


def decided(visit: Visit) -> Response:
    """The last decisions, again."""
    return page(visit, "parts/decided", _last(visit))


def health(visit: Visit) -> Response:
    """What `driftguard doctor` finds."""
    return page(visit, "parts/health", {"findings": examined(visit.site.stack)})


def _waiting(site: Site) -> dict[str, object]:
    found = list(islice(_open(site), _REQUESTS + 1))
    shown = sorted(found[:_REQUESTS], key=lambda one: (one.expires or "~", one.decided))
    return {
        "open": [presentable(one) for one in shown],
        "more": len(found) > _REQUESTS,
    }


def _open(site: Site) -> Iterator[Decision]:
    finder = Finder(site.stack.audit, Usage())
    for status, most in (
        (Status.ASKED, _REQUESTS + 1),
        (Status.PROPOSED, _REQUESTS + 1),
        (Status.FAILED, _FAILED),
    ):
        filters = Filters(status=status.value)
        found = islice(finder.decisions(filters, plan(filters), page=most), most)
        yield from (one for one in found if one.status is Status.PROPOSED or is_open(one))


def _last(visit: Visit) -> dict[str, object]:
    shown = asked_for(visit.site, Visit(visit.site), _LAST)
    return {"decisions": shown.decisions, "since": shown.filters.since}
