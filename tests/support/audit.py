"""Decisions as a guard would record them, made without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from driftguard.audit import AuditTable
from driftguard.model import (
    Actor,
    Autonomy,
    Call,
    Candidate,
    Certainty,
    Decision,
    Plan,
    Resource,
    Ruling,
    Status,
    Step,
)

ACCOUNT = "123456789012"
ALICE = Actor(
    principal="arn:aws:iam::123456789012:role/deployer",
    session="arn:aws:sts::123456789012:assumed-role/deployer/alice@example.com",
    kind="AssumedRole",
    account=ACCOUNT,
    source="192.0.2.1",
    agent="console.amazonaws.com",
)


def group(id_: str = "sg-1", account: str = ACCOUNT, region: str = "us-east-1") -> Resource:
    arn = f"arn:aws:ec2:{region}:{account}:security-group/{id_}"
    return Resource("security-group", id_, account, region, arn)


def a_decision(number: int = 1, at: str = "2026-11-20T10:00:00.000Z", **fields: Any) -> Decision:
    """A decision that was just made: an open group, to be reverted."""
    resource = fields.pop("resource", group())
    revoke = Call("ec2", "RevokeSecurityGroupIngress", {"GroupId": resource.id}, on=(resource.arn,))
    allow = Call(
        "ec2", "AuthorizeSecurityGroupIngress", {"GroupId": resource.id}, on=(resource.arn,)
    )
    made = Decision(
        id=f"dg-{number:024x}",
        control="ec2.open-ingress",
        title="A security group is open to the internet",
        severity=80,
        candidate=Candidate(resource, Certainty.EVIDENT),
        change_id=f"event-{number}",
        change_name="AuthorizeSecurityGroupIngress",
        change_time=at,
        actor=ALICE,
        status=Status.REVERTING,
        summary=f"{resource.id} lets the internet in on port 22",
        granted=Autonomy.REVERT,
        autonomy=Autonomy.REVERT,
        rulings=(Ruling("ceiling", Autonomy.REVERT, "the stack's ceiling is revert"),),
        plan=Plan((Step(revoke, (allow,)),), untouched=("port 443 from everywhere",)),
        state={"rules": [{"port": 22, "from": "0.0.0.0/0"}]},
        before="before",
        decided=at,
        updated=at,
        reason="policy grants revert",
        attempt=1,
    )
    return replace(made, **fields)


def decided(table: AuditTable, decision: Decision) -> Decision:
    return table.append(decision, event="decided", note=decision.reason)


def moved(table: AuditTable, decision: Decision, status: Status, at: str, **how: str) -> Decision:
    """The decision's next step, recorded."""
    how = {"event": status.value, "note": "verified"} | how
    return table.append(replace(decision, status=status, updated=at), **how)
