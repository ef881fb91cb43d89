"""For every guardrail: its reason stands in the decision, in its rulings, and in the log.

Run against an account in moto, from the record of a change to the entries of the audit table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from driftguard.controls import control
from driftguard.documents import Document
from driftguard.events.commands import LookAt
from driftguard.guardrails import (
    actors,
    declared,
    plans,
    registry,
    track_record,
)
from driftguard.guardrails.guardrail import Check
from driftguard.model import Autonomy, Resource, Status
from driftguard.policy.bounds import (
    Anomalies,
    Baselines,
    Bounds,
    BreakGlass,
    ChangeWindow,
    CircuitBreaker,
    Earning,
    Exemption,
    Flapping,
    Limit,
    Ownership,
    Rollout,
    Scope,
)
from driftguard.state import anomaly_baseline, trust
from driftguard.state.keys import anomaly_baseline_key, grants_key, trust_key
from driftguard.sweep.look import sweep
from tests.support.freezing import freeze
from tests.support.guardrails.circumstances import GRANTED, name_of
from tests.support.guardrails.held import ACTOR, CONTROL, Held, opened, shows
from tests.support.records import change, s3
from tests.support.world import ACCOUNT, HERE, REGION

# --------------------------------------------------------------------- each guardrail's case


def exempt(held: Held) -> str:
    one = Exemption(CONTROL, held.group, "2999-01-01", "a honeypot", tags={"use": "honey*"})
    held.tagged(use="honeypot")
    held.policy(exemptions=(one,))
    return "exempted until 2999-01-01: a honeypot"


def frozen(held: Held) -> str:
    freeze(held.world.state, "alice", "migration", scope=f"account#{ACCOUNT}")
    return f"frozen by alice (account {ACCOUNT}): migration"


def capped(held: Held) -> str:
    held.guard = replace(held.guard, ceiling=Autonomy.OBSERVE)
    return "the stack's AutonomyCeiling is observe"


def in_an_emergency(held: Held) -> str:
    held.within(break_glass=(BreakGlass(ACTOR.principal, "the runbook's user"),))
    return "break-glass: alice acts in an emergency (the runbook's user)"


def production(held: Held) -> str:
    held.tagged(env="production")
    held.within(protected=(Limit(Scope(tags={"env": "prod*"}), Autonomy.ASK, "production"),))
    return "protected: production"


def at_work(held: Held) -> str:
    always = ChangeWindow("release", Scope(), Autonomy.ASK, opens=0, closes=1440)
    held.within(change_windows=(always,))
    return "within the change window `release`: at most ask"


def deployed(held: Held) -> str:
    held.within(ownership=Ownership(tags={"managed-by": "terraform"}))
    held.tagged(**{"managed-by": "terraform"})
    return "owned by the pipeline that tags it managed-by=terraform: mend it there"


def advice_only(held: Held) -> str:
    """What the deleted policy denied is not recorded: nobody can put it back."""
    boto3.client("s3").create_bucket(Bucket="wares")
    held.policy(autonomy={"s3.policy-deleted": Autonomy.REVERT})
    held.change = s3("DeleteBucketPolicy", {"bucketName": "wares"})
    return "there is no safe remediation: What the policy denied is not recorded."


def long_unseen(held: Held) -> str:
    held.policy(default=Autonomy.REVERT, bounds=Bounds(baselines=Baselines(max_age=30 * 86_400)))
    client = boto3.client("logs")
    client.create_log_group(logGroupName="shop")
    client.put_retention_policy(logGroupName="shop", retentionInDays=30)
    list(sweep(held.guard, REGION, only=[control("logs.retention-shortened")]))
    held.world.clock.pass_by(days=31)
    client.put_retention_policy(logGroupName="shop", retentionInDays=14)
    request = {"logGroupName": "shop", "retentionInDays": 14}
    held.change = change("logs.amazonaws.com", "PutRetentionPolicy", request)
    return "the baseline it restores was last seen 31 days ago"


def new_here(held: Held) -> str:
    held.within(rollout=Rollout(observe=3600, ask=3600))
    return f"new here since {held.world.guard.stamp()}: at most observe for 1.0 h more"


def unearned(held: Held) -> str:
    held.policy(earned=frozenset({CONTROL}))
    return "not earned yet: record of RevokeSecurityGroupIngress by user: right in at least"


def _earned(held: Held, terms: Earning) -> None:
    """The control's record, and its first grant, are enough for a revert."""
    held.policy(earned=frozenset({CONTROL}), bounds=Bounds(earning=terms))
    stored: Document = {}
    for number in range(60):
        stored = trust.learned(
            stored,
            trust.Case("RevokeSecurityGroupIngress", "user", f"user{number}"),
            trust.Outcome.APPROVED,
            terms,
            held.guard.now(),
            decision=str(number),
            by="bob",
        )
    held.remembers(trust_key(HERE, CONTROL), stored)
    held.remembers(grants_key(HERE), GRANTED)


def sampled(held: Held) -> str:
    _earned(held, Earning(sampling=1.0))
    return "earned, but 100% are asked about nevertheless"


def unseen(held: Held) -> str:
    _earned(held, Earning(sampling=0.0, unseen=0, severe=0))
    return (
        "earned, but nobody has looked at any of the last 0 reverts of this kind, which can cut "
        "somebody off"
    )


def usual(held: Held) -> str:
    anomalies = Anomalies(routine=True)
    held.within(anomalies=anomalies)
    stored: Document = {}
    for day in range(30, 0, -1):
        at = held.guard.now() - timedelta(days=day)
        traits = anomaly_baseline.traits_of(ACTOR, "2026-11-24T12:00:00Z")
        stored = anomaly_baseline.learned(stored, traits, anomalies, at) or stored
    held.remembers(anomaly_baseline_key(HERE, ACCOUNT, CONTROL), stored)
    return "routine for alice: anomaly score "


def fought(held: Held) -> str:
    """Alice opens it again each time the guard has closed it."""
    held.within(flapping=Flapping(reverts=2, keep_safe=False))
    for _ in range(2):
        assert held.decided().status is Status.REVERTED
    return "flapping: alice made it and Driftguard took it back 2 times since"


def illegible(held: Held) -> str:
    """Somebody has written over the table of trust."""
    pk, sk = trust_key(HERE, CONTROL)
    junk = {"pk": {"S": pk}, "sk": {"S": sk}, "format": {"N": "1"}, "v": {"N": "1"}}
    boto3.client("dynamodb").put_item(TableName="state", Item=junk | {"doc": {"S": "[]"}})
    return f"the state record {pk} {sk} cannot be read: "


def tripped(held: Held) -> str:
    held.within(circuit_breaker=CircuitBreaker(control=0))
    return f"the circuit breaker of control {CONTROL} trips: 0 reverts within 3600 s are the most"


CASES: dict[Check, tuple[Callable[[Held], str], Status]] = {
    declared.exemption: (exempt, Status.EXEMPTED),
    declared.freeze: (frozen, Status.OBSERVED),
    declared.ceiling: (capped, Status.OBSERVED),
    actors.break_glass: (in_an_emergency, Status.OBSERVED),
    declared.protected: (production, Status.ASKED),
    declared.change_window: (at_work, Status.ASKED),
    actors.ownership: (deployed, Status.ASKED),
    plans.no_remediation: (advice_only, Status.OBSERVED),
    plans.baseline: (long_unseen, Status.ASKED),
    track_record.rollout: (new_here, Status.OBSERVED),
    track_record.insufficient_record: (unearned, Status.ASKED),
    track_record.sampling: (sampled, Status.ASKED),
    track_record.unseen: (unseen, Status.ASKED),
    track_record.routine: (usual, Status.ASKED),
    track_record.unreadable_record: (illegible, Status.ASKED),
    track_record.flapping: (fought, Status.ASKED),
    track_record.circuit_breaker: (tripped, Status.ASKED),
}
# These are shown by tests of their own below, in `engine/test_preparing.py`, and in
# `test_rulings_on_tags.py`.
ELSEWHERE = {
    actors.own_change,
    plans.irreversible,
    plans.drastic,
    plans.preparation,
    plans.uncertain,
    plans.in_use,
    plans.cuts,
    actors.unattributed,
    declared.unread_tags,
}


@pytest.mark.parametrize("check", CASES, ids=name_of)
def test_what_a_guardrail_says_is_recorded(held: Held, check: Check) -> None:
    arrange, status = CASES[check]
    why = arrange(held)
    decision = held.decided()
    assert decision.status is status
    shows(held.world, decision, check, why)


def test_every_guardrail_is_shown_here() -> None:
    assert {*CASES, *ELSEWHERE} == {one.check for one in registry.GUARDRAILS}


def test_every_ruling_is_recorded_and_the_lowest_is_the_reason(held: Held) -> None:
    why = [at_work(held), frozen(held)]
    held.guard = replace(held.guard, ceiling=Autonomy.ASK)
    decision = held.decided()
    named = [one.guardrail for one in decision.rulings]
    assert named == ["freeze", "ceiling", "change-window"]
    assert [one.reason for one in decision.rulings][::2] == why[::-1]
    assert decision.reason == why[1]


def test_that_nobody_is_known_to_have_made_it_is_recorded(held: Held) -> None:
    opened(held.group)
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{held.group}"
    resource = Resource("ec2.security-group", held.group, ACCOUNT, REGION, arn)
    decision = held.guard.look_at(LookAt(CONTROL, resource))
    assert decision is not None
    assert decision.status is Status.OBSERVED
    shows(held.world, decision, actors.unattributed, "found by the sweep, actor and time unknown")
