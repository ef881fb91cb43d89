"""Decisions of which people are only told."""

from __future__ import annotations

from driftguard.model import Actor, Autonomy, Candidate, Certainty, Decision, Plan, Resource, Status
from tests.support.world import ACCOUNT, REGION


def observed(number: int, status: Status = Status.OBSERVED, severity: int = 40) -> Decision:
    """A decision on a new key pair, without a remediation; told apart by its number."""
    name = f"key-{number}"
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:key-pair/{name}"
    resource = Resource("ec2.key-pair", name, ACCOUNT, REGION, arn)
    return Decision(
        id=f"dg-{number:024x}",
        control="ec2.key-imported",
        title="Key pair imported or created",
        severity=severity,
        candidate=Candidate(resource, Certainty.EVIDENT),
        change_id=f"change-{number}",
        change_name="ImportKeyPair",
        change_time="2026-11-24T12:00:00Z",
        actor=Actor("arn:aws:iam::123456789012:user/alice"),
        status=status,
        summary="whoever holds the private key can log in",
        granted=Autonomy.OBSERVE,
        autonomy=Autonomy.OBSERVE,
        rulings=(),
        plan=Plan((), advice="Delete it."),
        state={"key": name},
        before="0123456789abcdef",
        decided="2026-11-24T12:00:01.000Z",
        updated="2026-11-24T12:00:01.000Z",
    )
