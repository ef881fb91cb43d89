"""What belongs together: the requests that one caller's changes led to within minutes. Pure.

A script that goes wrong, or an attacker, makes many changes at once, and ten questions about them
are one to whoever answers. Only the exact caller, as AWS wrote it, joins changes: all sessions of a
role may be many people, and two unrelated callers are never joined. Whoever splits their changes
over many sessions gains nothing by it: each is asked about all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from driftguard.documents import Document, Json, documents, moment, stamp, text
from driftguard.frozen import dataclass
from driftguard.model import Actor, Decision

# Changes of one caller in one account that are no further apart than this belong together.
WINDOW = timedelta(minutes=15)
# As many requests of an incident are remembered; what comes later is still asked about.
MOST = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One approval request of an incident: its decision, when it was made, and about what."""

    decision: str
    at: str
    title: str
    resource: str


def who(actor: Actor) -> str:
    """The one caller that changes are joined by; "" where it is not known."""
    return "" if actor.is_unattributed else actor.session or actor.principal


def open_requests(stored: Document, now: datetime) -> tuple[Request, ...]:
    """The requests of a caller's current incident, oldest first; none if the last is long ago."""
    found = tuple(
        Request(*(text(one, name) for name in ("decision", "at", "title", "resource")))
        for one in documents(stored, "requests")
    )
    last = moment(found[-1].at) if found else None
    return found if last is not None and now - last < WINDOW else ()


def with_request(stored: Document, decision: Decision, now: datetime) -> Document | None:
    """The state record with one request more; None where the incident has enough of them.

    So a flood of changes by one caller does not have every worker write the same item.
    """
    known = open_requests(stored, now)
    if len(known) >= MOST or any(one.decision == decision.id for one in known):
        return None
    listed: Sequence[Json] = [
        {"decision": one.decision, "at": one.at, "title": one.title, "resource": one.resource}
        for one in (*known, _request(decision, now))
    ]
    return {"requests": list(listed)}


def _request(decision: Decision, now: datetime) -> Request:
    resource = decision.candidate.resource.id
    return Request(decision.id, stamp(now), decision.title, resource[:200])
