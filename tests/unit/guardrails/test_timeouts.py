"""Silence is nobody's word: whatever holds a revert back holds it back against silence too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from driftguard.documents import Document, documents
from driftguard.engine.errors import NotYet
from driftguard.engine.guard import Guard
from driftguard.model import Autonomy, Decision, Ruling, Status
from driftguard.policy.bounds import (
    Anomalies,
    Bounds,
    ChangeWindow,
    CircuitBreaker,
    Exemption,
    Limit,
    Ownership,
    Scope,
)
from driftguard.policy.model import Terms
from driftguard.state import anomaly_baseline
from driftguard.state.keys import StateRecord, anomaly_baseline_key, circuit_breaker_key
from tests.support.approving import PEOPLE, Asked, is_open
from tests.support.freezing import freeze, unfreeze
from tests.support.guardrails.groups import before_the_next_write, open_group
from tests.support.records import flat_ingress
from tests.support.world import HERE, Fakes, World


def reverting_on_timeout(world: World, **changes: Any) -> Guard:
    """A guard that asks about everything, and takes back what nobody answers."""
    terms = (Terms(timeout_action="revert"),)
    usual: dict[str, Any] = {"autonomy": {}, "default": Autonomy.ASK, "people": PEOPLE}
    return world.with_policy(lambda given: replace(given, approvals=terms, **(usual | changes)))


def asked(guard: Guard, group: str) -> Decision:
    (decision,) = guard.handle(flat_ingress(group, 22, "0.0.0.0/0"))
    assert decision.status is Status.ASKED
    return decision


def counted(world: World) -> int:
    return len(documents(world.state.record(circuit_breaker_key(HERE)).document, "reverts"))


def tagged(group: str, name: str, value: str) -> None:
    tags = [{"Key": name, "Value": value}]
    boto3.client("ec2").create_tags(Resources=[group], Tags=tags)


# ------------------------------------------------------------------------------ the circuit breaker


def test_a_revert_by_silence_counts_against_the_circuit_breaker(world: World, group: str) -> None:
    guard = reverting_on_timeout(world)
    decision = asked(guard, group)
    assert counted(world) == 0
    world.clock.pass_by(days=2)
    assert guard.expire(decision.id).status is Status.REVERTED
    assert counted(world) == 1


def test_a_revert_that_a_person_approved_does_not(world: World, group: str) -> None:
    question = Asked(world, group)
    question.vote("bob")
    assert question.carried_out().status is Status.REVERTED
    assert counted(world) == 0


def test_of_two_timeouts_racing_for_the_last_place_one_reverts(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = reverting_on_timeout(world, bounds=Bounds(circuit_breaker=CircuitBreaker(control=1)))
    one, other = (asked(guard, where) for where in (group, open_group("other")))
    world.clock.pass_by(days=2)
    before_the_next_write(monkeypatch, lambda: guard.expire(other.id))
    with pytest.raises(NotYet, match="the circuit breaker of"):
        guard.expire(one.id)
    assert counted(world) == 1
    expired = guard.expire(one.id)
    assert expired.status is Status.EXPIRED
    assert "the timeout action would revert it, but the circuit breaker of" in expired.reason
    assert is_open(group)


# -------------------------------------------------------------------- what holds against it


def protected(held: dict[str, Any], group: str) -> str:
    tagged(group, "env", "production")
    limit = Limit(Scope(tags={"env": "prod*"}), Autonomy.ASK, "production")
    held["bounds"] = Bounds(protected=(limit,))
    return "protected: production"


def exempted(held: dict[str, Any], group: str) -> str:
    tagged(group, "use", "honeypot")
    one = Exemption("ec2.open-ingress", "*", "2999-01-01", "a honeypot", tags={"use": "honeypot"})
    held["exemptions"] = (one,)
    return "exempted until 2999-01-01: a honeypot"


def owned(held: dict[str, Any], group: str) -> str:
    tagged(group, "managed-by", "terraform")
    held["bounds"] = Bounds(ownership=Ownership(tags={"managed-by": "terraform"}))
    return "owned by the pipeline that tags it"


def watched_hours(held: dict[str, Any], group: str) -> str:
    always = ChangeWindow("release", Scope(), Autonomy.OBSERVE, opens=0, closes=1440)
    held["bounds"] = Bounds(change_windows=(always,))
    return "within the change window `release`: at most observe"


def no_longer_granted(held: dict[str, Any], group: str) -> str:
    held["default"] = Autonomy.OBSERVE
    return "policy grants observe"


@pytest.mark.parametrize("arrange", [protected, exempted, owned, watched_hours, no_longer_granted])
def test_silence_reverts_nothing_that_something_holds_back_by_then(
    world: World, group: str, arrange: Callable[[dict[str, Any], str], str]
) -> None:
    decision = asked(reverting_on_timeout(world), group)
    held: dict[str, Any] = {}
    why = arrange(held, group)
    guard = reverting_on_timeout(world, **held)
    world.clock.pass_by(days=2)
    expired = guard.expire(decision.id)
    assert expired.status is Status.EXPIRED
    assert f"the timeout action would revert it, but {why}" in expired.reason
    assert is_open(group)


def test_silence_reverts_nothing_that_is_in_use_by_then(
    world: World, group: str, fakes: Fakes
) -> None:
    looking = Bounds(in_use=(Limit(Scope(), Autonomy.ASK, "look first"),))
    guard = reverting_on_timeout(world, bounds=looking)
    decision = asked(guard, group)
    attached = {
        "NetworkInterfaceId": "eni-1",
        "RequesterId": "amazon-elb",
        "Description": "ELB app/shop/50dc6c495c0c9188",
    }
    answer: Any = {"NetworkInterfaces": [attached]}
    fakes.install({("ec2", "DescribeNetworkInterfaces"): lambda _: answer})
    world.clock.pass_by(days=2)
    assert guard.expire(decision.id).status is Status.EXPIRED
    assert is_open(group)


def test_silence_reverts_nothing_that_was_a_mere_suspicion(world: World, group: str) -> None:
    guard = reverting_on_timeout(world)
    decision = asked(guard, group)
    unsure = Ruling("uncertain", Autonomy.ASK, "whether there is a risk could not be told")
    suspected = replace(decision, rulings=(unsure,))
    world.audit.append(suspected, event="refused", note="")
    world.clock.pass_by(days=2)
    expired = guard.expire(decision.id)
    assert expired.status is Status.EXPIRED
    assert is_open(group)


def test_what_was_asked_about_for_being_unusual_is_never_reverted_by_silence(
    world: World, group: str
) -> None:
    """Policy lets it only be observed: novelty makes a question of it, and never a revert."""
    anomalies = Anomalies(unusual=True, unusual_over=0)
    guard = reverting_on_timeout(
        world, default=Autonomy.OBSERVE, bounds=Bounds(anomalies=anomalies)
    )
    familiar(world, guard, anomalies)
    decision = asked(guard, group)
    assert decision.reason.startswith("policy asks about what is unusual")
    world.clock.pass_by(days=2)
    assert guard.expire(decision.id).status is Status.EXPIRED
    assert is_open(group)


def familiar(world: World, guard: Guard, anomalies: Anomalies) -> None:
    """Somebody else made such changes on each of ten days."""
    stored: Document = {}
    for day in range(10, 0, -1):
        at = guard.now() - timedelta(days=day)
        stored = anomaly_baseline.learned(stored, {"actor": "somebody"}, anomalies, at) or stored
    world.state.write(
        StateRecord(anomaly_baseline_key(HERE, guard.account, "ec2.open-ingress"), stored)
    )


def test_a_freeze_stops_what_only_silence_approved(
    world: World, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between the silence and the revert; then somebody freezes the guard."""

    class Dies(Exception):
        pass

    guard = reverting_on_timeout(world)
    decision = asked(guard, group)
    world.clock.pass_by(days=2)
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    looks: list[str] = []

    def dying(client: BaseClient, operation: str, parameters: Any) -> Any:
        # The first look says that the risk still stands; the second is before the revert.
        if operation == "DescribeSecurityGroupRules":
            looks.append(operation)
            if len(looks) == 2:
                raise Dies
        return original(client, operation, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", dying)
        with pytest.raises(Dies):
            guard.expire(decision.id)
    freeze(world.state, "alice", "it goes wild")
    with pytest.raises(NotYet, match="frozen by alice"):
        guard.expire(decision.id)
    assert is_open(group)
    unfreeze(world.state, "alice")
    assert guard.expire(decision.id).status is Status.REVERTED


def test_a_freeze_does_not_stop_what_people_approved(world: World, group: str) -> None:
    question = Asked(world, group)
    question.vote("bob")
    freeze(world.state, "alice", "it goes wild")
    assert question.carried_out().status is Status.REVERTED
