"""How long reverts took, and how many decisions wait: what the guard's metrics count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driftguard.audit import AuditTable
from driftguard.audit.queries import how_many
from driftguard.audit.times import until_reverted
from driftguard.model import Actor, Decision, Status
from tests.support.audit import a_decision, decided, moved

CHANGED = "2026-11-20T10:00:00Z"


def reverted(**fields: object) -> Decision:
    made = a_decision(
        change_time=CHANGED, updated="2026-11-20T10:01:30.500Z", status=Status.REVERTED, done=1
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_revert_took_from_its_change_until_it_was_verified() -> None:
    assert until_reverted(reverted()) == 90.5


def test_a_clock_that_is_ahead_makes_no_negative_time() -> None:
    assert until_reverted(reverted(updated="2026-11-20T09:59:59.900Z")) == 0.0


@pytest.mark.parametrize(
    "fields",
    [
        {"status": Status.REVERTING},
        {"status": Status.FAILED},
        {"status": Status.UNDONE},
        {"done": 0},
        {"actor": Actor.unattributed()},
        {"change_time": ""},
        {"updated": "soon"},
    ],
)
def test_what_was_not_reverted_or_began_nobody_knows_when_has_no_time(
    fields: dict[str, object],
) -> None:
    assert until_reverted(reverted(**fields)) is None


def test_open_requests_are_counted_by_the_index(table: AuditTable) -> None:
    at = "2026-11-20T10:00:0{}.000Z".format
    for number in range(1, 4):
        decided(table, a_decision(number, at(number), status=Status.ASKED))
    closed = decided(table, a_decision(4, at(4), status=Status.ASKED))
    moved(table, closed, Status.DENIED, at(5))
    assert how_many(table, Status.ASKED) == 3
    assert how_many(table, Status.EXPIRED) == 0
