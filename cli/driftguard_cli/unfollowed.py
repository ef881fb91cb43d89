"""What the publisher gave up: the decisions that nobody may have followed, found again by status.

Lambda parks a batch of the table's stream as where it stood in the stream, and not what it held
(AWS Lambda Developer Guide, "Retaining discarded batches for a DynamoDB event source"). The guard
cannot read that. But the record knows what may be missing: an approval that nobody carries out, a
question whose time is up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from driftguard.audit import AuditTable
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.model import Decision, Status
from driftguard.verdicts import carry_out_message, expire_message

_MARK = "DDBStreamBatchInfo"


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Messages that wake the guard for what was missed, and questions that may have no timer."""

    messages: tuple[Mapping[str, str], ...]
    open: tuple[Decision, ...]


def is_of_the_stream(body: str) -> bool:
    """Whether a parked message is a batch of the audit table's stream."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, Mapping) and _MARK in parsed


def unfollowed(audit: AuditTable, now: str) -> Unfollowed:
    """What waits in the record at this time; repeated, it changes nothing."""
    asked = list(_standing(audit, Status.ASKED))
    messages = [carry_out_message(one.id) for one in _standing(audit, Status.APPROVED)]
    messages += [expire_message(one.id) for one in asked if one.expires <= now]
    return Unfollowed(tuple(messages), tuple(one for one in asked if one.expires > now))


def _standing(audit: AuditTable, status: Status) -> Iterator[Decision]:
    filters = Filters(status=status.value)
    return Finder(audit, Usage()).decisions(filters, plan(filters))
