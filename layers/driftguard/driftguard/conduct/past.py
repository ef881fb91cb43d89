"""Says whether a day of a principal may be learned from: by what was decided about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from driftguard.audit import AuditTable
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.model import Decision, Status

from .record import Pending
from .score import ASKED
from .telling import CONTROL

# People let these stand: they say nothing against whoever made the change.
_FINE = frozenset({Status.DENIED, Status.EXEMPTED, Status.UNDONE, Status.NOTED, Status.PROPOSED})
# For how many days it opens learning that people accepted a principal's unusual conduct.
_ACCEPTED = 30
# With more decisions than that in one day, nobody has said that they are all fine.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Past:
    """Reads what was decided about principals."""

    audit: AuditTable

    def is_clean(self, principal: str, over: Pending) -> bool:
        """Whether nothing speaks against what a principal did on a day.

        A day that people were asked about, or would have been, is clean only if they accepted such
        a day of the principal within the last 30.
        """
        about = [
            one
            for one in self._found(Filters(resource=_name(principal), since=_date(over.day, -30)))
            if one.candidate.resource.kind.startswith("iam.")
        ]
        if over.score >= ASKED:
            return any(_accepted(one, principal, over.day) for one in about)
        day = _date(over.day)
        by = self._found(Filters(actor=principal, since=day, until=_date(over.day)))
        that_day = [*by, *(one for one in about if one.decided[:10] == day)]
        return len(that_day) < _MOST and all(one.status in _FINE for one in that_day)

    def _found(self, filters: Filters) -> Iterator[Decision]:
        found = Finder(self.audit, Usage()).decisions(filters, plan(filters))
        return islice(found, _MOST)


def _accepted(decision: Decision, principal: str, day: int) -> bool:
    """Whether people accepted the conduct of this very principal: others may bear its name."""
    accepted = decision.control == CONTROL and decision.status is Status.DENIED
    of_it = decision.candidate.resource.arn == principal
    return accepted and of_it and decision.decided[:10] >= _date(day, -_ACCEPTED)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2].rpartition(":")[2]


def _date(day: int, shift: int = 0) -> str:
    return f"{datetime.fromtimestamp((day + shift) * 86_400, UTC):%Y-%m-%d}"
