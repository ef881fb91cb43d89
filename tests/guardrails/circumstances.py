"""Circumstances made small: everything allows a revert, unless a test says otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from driftguard.guardrails import Circumstances, Guardrail
from driftguard.model import Actor, Autonomy, Call, Document, Plan, Resource, Step, stamp
from driftguard.policy import Policy
from driftguard.policy.bounds import Bounds
from driftguard.state import Key, Memory, Note

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
CONTROL = "ec2.open-ingress"
REMEDIATOR = f"arn:aws:iam::{ACCOUNT}:role/driftguard-remediator"


def group(id_: str) -> Resource:
    """A security group."""
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{id_}"
    return Resource("ec2.security-group", id_, ACCOUNT, REGION, arn)


def user(name: str, **more: str) -> Actor:
    """An IAM user at work."""
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    known = Actor(arn, arn, "IAMUser", ACCOUNT, "203.0.113.9", "aws-cli/2.31")
    return replace(known, **more)


def session(role: str, name: str, **more: str) -> Actor:
    """A role's session at work."""
    lasting = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    logged = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"
    known = Actor(lasting, logged, "AssumedRole", ACCOUNT, "203.0.113.9", "Boto3/1.43")
    return replace(known, **more)


WEB = group("sg-web")
ALICE = user("alice")


def call(operation: str) -> Call:
    """One of EC2's calls on the group."""
    return Call("ec2", operation, {"GroupId": WEB.id}, on=(WEB.arn,))


REVOKE = Plan((Step(call("RevokeSecurityGroupIngress"), (call("AuthorizeSecurityGroupIngress"),)),))
FOR_GOOD = Plan((Step(call("DeleteSecurityGroup"), ()),))
ADVICE = Plan((), advice="Sign in as the root user and delete the key.")


def allowing(autonomy: Autonomy = Autonomy.REVERT, **bounds: Any) -> Policy:
    """A policy that grants every control this much, within these bounds."""
    return Policy(default=autonomy, bounds=Bounds(**bounds))


def earning(**bounds: Any) -> Policy:
    """A policy under which every control has to earn its reverts."""
    return replace(allowing(**bounds), earned_by_default=True)


def remembered(notes: Mapping[Key, Document]) -> Memory:
    """A memory of these notes."""
    return Memory({key: Note(key, document, 1) for key, document in notes.items()})


def circumstances(**changes: Any) -> Circumstances:
    """Alice opened a group; policy lets it be reverted, and nothing is remembered."""
    usual = Circumstances(
        decision="dg-00000000000000000000ffffffff",
        control=CONTROL,
        severity=70,
        resource=WEB,
        actor=ALICE,
        time=stamp(NOW),
        plan=REVOKE,
        policy=allowing(),
        ceiling=Autonomy.REVERT,
        memory=Memory(),
        now=NOW,
        remediator=REMEDIATOR,
    )
    return replace(usual, **changes)


def ago(**time: float) -> str:
    """So long before now."""
    return stamp(NOW - timedelta(**time))


def ahead(**time: float) -> str:
    """So long after now."""
    return stamp(NOW + timedelta(**time))


# Which tests show which guardrail's ruling.
TESTS: defaultdict[Guardrail, list[Callable[..., None]]] = defaultdict(list)

T = TypeVar("T", bound=Callable[..., None])


def of(guardrail: Guardrail) -> Callable[[T], T]:
    """Marks a test as one of this guardrail's ruling."""

    def marked(test: T) -> T:
        TESTS[guardrail].append(test)
        return test

    return marked
