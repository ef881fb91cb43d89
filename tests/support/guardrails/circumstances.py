"""Circumstances made small: everything allows a revert, unless a test says otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from driftguard.aws.dynamodb import Key
from driftguard.documents import Document, stamp
from driftguard.guardrails import registry
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.guardrail import Check
from driftguard.model import Actor, Autonomy, Call, Place, Plan, Resource, Step
from driftguard.policy.bounds import Bounds
from driftguard.policy.model import Policy
from driftguard.state.keys import StateRecord, StateRecords, grants_key, trust_key

ACCOUNT, REGION = "123456789012", "us-east-1"
HERE = Place(ACCOUNT, REGION)
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


# What all controls share, once this control was granted its reverts.
GRANTED: Document = {
    "answers": {CONTROL: {"right": 60, "wrong": 0, "granted": "2026-01-05T12:00:00.000Z"}}
}


def trusting(stored: Document, shared: Document = GRANTED) -> StateRecords:
    """A memory of a control's record of outcomes, its reverts being granted."""
    return remembered({trust_key(HERE, CONTROL): stored, grants_key(HERE): shared})


def remembered(records: Mapping[Key, Document]) -> StateRecords:
    """A memory of these notes."""
    return StateRecords(
        HERE, {key: StateRecord(key, document, 1) for key, document in records.items()}
    )


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
        remembered=StateRecords(HERE),
        now=NOW,
        own_roles=(REMEDIATOR,),
    )
    return replace(usual, **changes)


def ago(**time: float) -> str:
    """So long before now."""
    return stamp(NOW - timedelta(**time))


def ahead(**time: float) -> str:
    """So long after now."""
    return stamp(NOW + timedelta(**time))


def name_of(check: Check) -> str:
    """The name of the guardrail whose check this is."""
    (name,) = (one.name for one in registry.GUARDRAILS if one.check is check)
    return name


# Which tests show what a guardrail's check answers.
TESTS: defaultdict[Check, list[Callable[..., None]]] = defaultdict(list)

T = TypeVar("T", bound=Callable[..., None])


def of(check: Check) -> Callable[[T], T]:
    """Marks a test as one of this check of a guardrail."""

    def marked(test: T) -> T:
        TESTS[check].append(test)
        return test

    return marked
