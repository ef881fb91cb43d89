"""What a decision is made by and what it leaves behind, when several are made at the same time.

Threads against an emulator prove little: here one worker is stopped right before it writes, another
runs to its end, and then the first goes on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from driftguard.documents import Document, documents, mapping
from driftguard.engine.guard import Guard
from driftguard.engine.recording import LEASE
from driftguard.model import Autonomy, Change, Decision, Status
from driftguard.policy.bounds import Bounds, CircuitBreaker, Earning
from driftguard.policy.model import Terms
from driftguard.state import trust
from driftguard.state.exemptions import exempted
from driftguard.state.keys import (
    StateRecord,
    circuit_breaker_key,
    exemptions_key,
    grants_key,
    history_key,
    trust_key,
)
from tests.support.approving import PEOPLE, is_open, open_up
from tests.support.freezing import freeze
from tests.support.guardrails.circumstances import GRANTED
from tests.support.guardrails.groups import before_the_next_write, open_group
from tests.support.records import flat_ingress
from tests.support.world import HERE, World, new_guard

CONTROL = "ec2.open-ingress"
USERS = trust.Case("RevokeSecurityGroupIngress", "user")


def opened(group: str, **more: Any) -> Change:
    return flat_ingress(group, 22, "0.0.0.0/0", **more)


def within(world: World, **bounds: Any) -> Guard:
    return world.with_policy(lambda given: replace(given, bounds=Bounds(**bounds)))


def reverts_counted(world: World) -> int:
    return len(documents(world.state.record(circuit_breaker_key(HERE)).document, "reverts"))


# -------------------------------------------------------------------------------- the circuit break


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_of_workers_racing_for_the_last_place_exactly_as_many_revert_as_may(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Each of them saw room when it looked; each is overtaken by the next before it writes."""
    guard = within(world, circuit_breaker=CircuitBreaker(control=limit))
    changes = [opened(open_group(f"g{number}")) for number in range(limit + 1)]
    made: list[Decision] = []

    def work(*left: Change) -> None:
        if left:
            with monkeypatch.context() as patched:
                before_the_next_write(patched, lambda: work(*left[1:]))
                made.append(world.one(left[0], guard))

    work(*changes)
    assert [one.status for one in made] == [Status.REVERTED] * limit + [Status.ASKED]
    assert made[-1].reason.startswith(
        f"the circuit breaker of control {CONTROL} trips: {limit} reverts"
    )
    assert reverts_counted(world) == limit


def test_a_circuit_breaker_trips_once_and_what_is_then_asked_takes_no_place(
    world: World, group: str
) -> None:
    guard = within(world, circuit_breaker=CircuitBreaker(control=1))
    world.one(opened(group), guard)
    first = world.one(opened(open_group("second")), guard)
    second = world.one(opened(open_group("third")), guard)
    assert (first.status, second.status) == (Status.ASKED, Status.ASKED)
    tripped = mapping(world.state.record(circuit_breaker_key(HERE)).document, "tripped")
    assert mapping(tripped, f"control {CONTROL}")["decision"] == first.id
    assert reverts_counted(world) == 1


def test_a_dead_workers_revert_is_resumed_and_counted_once(world: World, group: str) -> None:
    class Dies(Exception):
        pass

    def die(*_: object, contains: bool) -> Any:
        raise Dies

    terms = Earning(threshold=0.5, outcomes=1, sampling=0.0)
    earning = replace(world.guard.policy, earned=frozenset({CONTROL}), bounds=Bounds(earning=terms))
    mortal = replace(new_guard(world.clock), policy=earning)
    document: Document = {}
    for number in range(9):
        document = trust.learned(
            document,
            replace(USERS, who=f"user{number}"),
            trust.Outcome.APPROVED,
            terms,
            world.clock.now(),
            decision=f"dg-{number}",
            by="bob",
        )
    world.state.write(StateRecord(trust_key(HERE, CONTROL), document))
    world.state.write(StateRecord(grants_key(HERE), GRANTED))
    mortal.aws.acting_on = die  # type: ignore[method-assign, assignment]
    with pytest.raises(Dies):
        list(mortal.handle(opened(group)))
    (left,) = world.audit.of_day(world.guard.stamp()[:10])
    assert left.status is Status.REVERTING
    world.clock.pass_by(seconds=LEASE.total_seconds() + 1)

    change = replace(opened(group), id=left.change_id)
    assert world.one(change, replace(mortal, aws=world.guard.aws)).status is Status.REVERTED
    assert reverts_counted(world) == 1
    record = trust.record_of(world.state.record(trust_key(HERE, CONTROL)).document, USERS)
    assert [one.decision for one in record.pending] == [left.id]
    history = world.state.record(history_key(CONTROL, left.candidate.resource))
    assert len(documents(history.document, "reverts")) == 1


# -------------------------------------------------------------------- what is given in between


def test_a_freeze_given_while_others_wrote_counts(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = opened(open_group("other"))

    def meanwhile() -> None:
        assert world.one(other).status is Status.REVERTED
        freeze(world.state, "alice", "it goes wild")

    before_the_next_write(monkeypatch, meanwhile)
    decision = world.one(opened(group))
    assert decision.status is Status.OBSERVED
    assert decision.reason == "frozen by alice: it goes wild"
    assert is_open(group)


def test_an_exemption_given_while_others_wrote_counts(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = opened(open_group("other"))

    def meanwhile() -> None:
        assert world.one(other).status is Status.REVERTED
        entry = {"resource": group, "until": "2999-01-01", "reason": "a honeypot", "by": "bob"}
        stored = world.state.record(exemptions_key(HERE, CONTROL))
        world.state.write(exempted(stored, "ex-1", entry, world.clock.now()))

    before_the_next_write(monkeypatch, meanwhile)
    decision = world.one(opened(group))
    assert decision.status is Status.EXEMPTED
    assert is_open(group)


def test_the_same_change_decided_by_another_worker_meanwhile_is_decided_once(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change = opened(group)
    before_the_next_write(monkeypatch, lambda: world.one(change))
    with pytest.raises(Exception, match="another worker has just decided"):
        world.handle(change)
    assert reverts_counted(world) == 1
    assert world.one(change).status is Status.REVERTED


# ------------------------------------------------------------------------------ one question


def asking(world: World, **terms: Any) -> Guard:
    return world.with_policy(
        lambda given: replace(
            given, autonomy={}, default=Autonomy.ASK, people=PEOPLE, approvals=(Terms(**terms),)
        )
    )


def test_the_same_state_made_again_joins_the_open_question(world: World, group: str) -> None:
    guard = asking(world)
    first, second = (world.one(opened(group), guard) for _ in range(2))
    third = opened(group)
    assert world.one(third, guard).id == second.id == first.id
    assert world.log(first) == ["decided", "again", "again"]
    (*_, last) = world.audit.log(first.id)
    assert last.note == f"made again by AuthorizeSecurityGroupIngress ({third.id}) by alice"
    assert len(list(world.audit.of_day(guard.stamp()[:10]))) == 1


def test_another_state_or_a_closed_question_is_a_question_of_its_own(
    world: World,
    group: str,
) -> None:
    guard = asking(world)
    first = world.one(opened(group), guard)
    open_up(group, 3389)
    second = world.one(flat_ingress(group, 3389, "0.0.0.0/0"), guard)
    assert second.id != first.id
    world.clock.pass_by(days=2)
    third = world.one(opened(group), guard)
    assert third.id not in (first.id, second.id)
    assert len(list(world.audit.of_day(second.decided[:10]))) == 2


def test_a_question_is_remembered_for_as_long_as_it_is_open(world: World, group: str) -> None:
    """Forgotten, its state could become a baseline while people are still being asked about it."""
    decision = world.one(opened(group), asking(world, seconds=90 * 86_400))
    stored = world.state.record(history_key(CONTROL, decision.candidate.resource))
    assert stored.expires > datetime.fromisoformat(decision.expires).timestamp()


def test_two_workers_with_the_same_state_ask_once(
    world: World,
    group: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard, asked = asking(world), []
    before_the_next_write(monkeypatch, lambda: asked.append(world.one(opened(group), guard)))
    second = world.one(opened(group), guard)
    assert second.id == asked[0].id
    assert world.log(second) == ["decided", "again"]
