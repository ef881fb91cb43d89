"""The first page: what waits for people, what is contained, what was decided last, and health."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from starlette.responses import Response

from driftguard.approvals.contained import contained
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
# Where what waits is found, and how many of it are looked at: of the reverts that failed, only
# those wait that are tried again.
_WAITING = (
    (Status.ASKED, _REQUESTS + 1),
    (Status.PROPOSED, _REQUESTS + 1),
    (Status.FAILED, 50),
)


def overview(visit: Visit) -> Response:
    """The whole page. What takes several calls of other services is read after it is shown."""
    with ThreadPoolExecutor() as pool:
        last = pool.submit(_last, visit)
        values = {"title": "Now", "here": "", **_waiting(visit.site), **last.result()}
    return page(visit, "now", values)


def requests(visit: Visit) -> Response:
    """What waits for people, again."""
    return page(visit, "parts/requests", _waiting(visit.site))


def decided(visit: Visit) -> Response:
    """The last decisions, again."""
    return page(visit, "parts/decided", _last(visit))


def held(visit: Visit) -> Response:
    """What is contained: one query a control that contains."""
    found = contained(Finder(visit.site.stack.audit, Usage()))
    return page(visit, "parts/contained", {"contained": [presentable(one) for one in found]})


def health(visit: Visit) -> Response:
    """What `driftguard doctor` finds."""
    return page(visit, "parts/health", {"findings": examined(visit.site.stack)})


def _waiting(site: Site) -> dict[str, object]:
    # Side by side: each takes two round trips, and the page waits for all of them.
    with ThreadPoolExecutor() as pool:
        found = [one for some in pool.map(lambda one: _open(site, *one), _WAITING) for one in some]
    found.sort(key=lambda one: (one.expires or "~", one.decided))
    return {
        "open": [presentable(one) for one in found[:_REQUESTS]],
        "more": len(found) > _REQUESTS,
    }


def _open(site: Site, status: Status, most: int) -> list[Decision]:
    """The decisions of a status that wait for people."""
    filters = Filters(status=status.value)
    finder = Finder(site.stack.audit, Usage())
    found = islice(finder.decisions(filters, plan(filters), page=most), most)
    return [one for one in found if one.status is Status.PROPOSED or is_open(one)]


def _last(visit: Visit) -> dict[str, object]:
    shown = asked_for(visit.site, Visit(visit.site), _LAST)
    return {"decisions": shown.decisions, "since": shown.filters.since}
