"""A report with something of everything: times, names and figures are fixed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from driftguard.approvals.act import CONTROL as OPERATOR
from driftguard.documents import stamp
from driftguard.model import Actor, Choice, Decision, Resource, Status, Vote
from driftguard.policy.bounds import Exemption
from driftguard_cli.commands.exempt import Listed
from driftguard_cli.commands.report.compliance import CIS, NONE, Requirement
from driftguard_cli.commands.report.model import (
    Decided,
    Recorded,
    Report,
    Risk,
    Swept,
    Unread,
)
from driftguard_cli.commands.trust import Row
from tests.support.audit import ACCOUNT, a_decision, group

MADE = "2026-11-24T09:30:00.000Z"
REQUIREMENTS = (
    Requirement("EC2.13", CIS["EC2.13"], ("ec2.open-ingress",)),
    Requirement("EC2.18", NONE, ("ec2.open-ingress",)),
    Requirement("EC2.19", NONE, ("ec2.open-egress", "ec2.open-ingress")),
    Requirement("IAM.5", CIS["IAM.5"], ("iam.mfa-deactivated",)),
    Requirement("KMS.4", CIS["KMS.4"], ("kms.rotation", "kms.rotation-off")),
    Requirement("S3.3", NONE, ("s3.public-acl", "s3.public-policy")),
    Requirement("S3.8", CIS["S3.8"], ("s3.public-acl", "s3.public-policy")),
    Requirement("WAF.11", NONE, ("waf.logging-off",)),
)
ROLE = "arn:aws:iam::123456789012:role/deployer"
# What a name in an account may be, if somebody means to harm whoever reads it.
HOSTILE = "</td></style><script>alert(1)</script>‮=cmd|' /C calc'!A0"


def bucket(name: str) -> Resource:
    return Resource("bucket", name, ACCOUNT, "", f"arn:aws:s3:::{name}")


def a_risk(**fields: Any) -> Risk:
    """An open security group in us-east-1."""
    given = {
        "control": "ec2.open-ingress",
        "title": "A security group is open to the internet",
        "severity": 85,
        "resource": group("sg-0a1b2c3d4e5f60718"),
        "summary": "sg-0a1b2c3d4e5f60718 lets the internet in: tcp 22 from 0.0.0.0/0",
        "security_hub": ("EC2.13", "EC2.14"),
    }
    return Risk(**{**given, **fields})


def decided(number: int, at: str, took: float | None = None, **fields: Any) -> Decided:
    """A decision; `took` is how many seconds after its change its revert was verified."""
    if took is None:
        return Decided(a_decision(number, at, **{"status": Status.OBSERVED, **fields}))
    ended = stamp(datetime.fromisoformat(at) + timedelta(seconds=took))
    decision = a_decision(number, at, **{"status": Status.REVERTED, "done": 1, **fields})
    return Decided(decision, ended)


def voted(choice: Choice, *people: str) -> dict[str, Any]:
    """What a decision has that people were asked about."""
    votes = tuple(Vote(name, choice, "api", MADE, "before") for name in people)
    return {"expires": "2026-11-25T00:00:00.000Z", "votes": votes}


def a_trust_record(control: str, bound: float, *, earned: bool) -> Row:
    return Row(
        control=control,
        case="RevokeSecurityGroupIngress by role",
        bound=bound,
        threshold=0.9,
        outcomes=24.5,
        good=24.0,
        bad=0.5,
        pending=1,
        earned=earned,
        granted="earned",
        demoted="",
        first_grant="2026-10-01T00:00:00.000Z",
    )


def an_exemption(resource: str, until: str, source: str = "run time", **fields: Any) -> Listed:
    given = {
        "control": "s3.public-acl",
        "resource": resource,
        "until": until,
        "reason": "a launch",
        "by": "alice" if source == "run time" else "",
        "id": "ex-1" if source == "run time" else "",
    }
    return Listed(Exemption(**{**given, **fields}), source)


def swept() -> Swept:
    """Two regions: risks of three severities and two services, an exempted one, a failed read."""
    public = {
        "control": "s3.public-policy",
        "title": "A bucket policy lets everybody in",
        "security_hub": ("S3.2", "S3.3", "S3.8"),
    }
    return Swept(
        places=((ACCOUNT, "eu-west-1"), (ACCOUNT, "us-east-1")),
        controls=("ec2.open-ingress", "s3.public-policy", "s3.public-acl", "kms.rotation"),
        looked_at=1204,
        risks=(
            a_risk(),
            a_risk(severity=45, resource=group("sg-2", region="eu-west-1"), summary="sg-2 is open"),
            a_risk(
                **public,
                severity=95,
                resource=bucket("orders-and-invoices-of-the-shop"),
                summary="everybody may read what is in the bucket",
            ),
            a_risk(
                **public,
                severity=95,
                resource=bucket("website"),
                summary="everybody may read what is in the bucket",
                exempt="2027-01-01T00:00:00.000Z",
            ),
            a_risk(resource=group(HOSTILE), summary=f"{HOSTILE} is open"),
        ),
        unread=(
            Unread(
                ACCOUNT,
                "eu-west-1",
                "s3.public-acl",
                "arn:aws:s3:::locked",
                "s3:GetBucketAcl was refused: AccessDenied",
            ),
        ),
    )


def recorded() -> Recorded:
    """A fortnight: reverts quick and slow, every answer, a find of the sweep, an operator's act."""
    day = "2026-11-{:02}T10:00:00.000Z".format
    alice, both = voted(Choice.REVERT, "alice"), voted(Choice.ACCEPT, "alice", "bob")
    unattributed = Actor.unattributed()
    hostile = Actor(session=f"arn:aws:sts::{ACCOUNT}:assumed-role/x/{HOSTILE}", kind="AssumedRole")
    quick = [decided(number, day(11 + number), 2.0 + number) for number in range(9)]
    return Recorded(
        stack="driftguard",
        account=ACCOUNT,
        region="us-east-1",
        since="2026-11-11",
        until="2026-11-24",
        decided=(
            *quick,
            decided(20, day(20), 340.0, **alice),
            decided(21, day(20), 5400.0, control="s3.public-acl", severity=95, **alice),
            decided(22, day(21), 12.0, status=Status.UNDONE),
            decided(23, day(21), status=Status.DENIED, **both),
            decided(24, day(22), status=Status.EXPIRED, expires=MADE),
            decided(25, day(23), status=Status.ASKED, expires=MADE, actor=hostile),
            decided(26, day(23), 1.0, actor=unattributed),
            decided(27, day(23), 1.0, done=0, **voted(Choice.REVERT)),
            decided(28, day(24), severity=20),
            decided(29, day(24), control=OPERATOR, status=Status.NOTED, summary="freeze by bob"),
        ),
        trust=(
            a_trust_record("ec2.open-ingress", 0.947, earned=True),
            a_trust_record("s3.public-acl", 0.61, earned=False),
        ),
        exemptions=(an_exemption("website", "2026-12-01T00:00:00.000Z"),),
        contained=(a_containment(),),
    )


def a_containment() -> Decision:
    """An instance that was contained long before the period, and never released."""
    return a_decision(
        30,
        "2026-09-01T10:00:00.000Z",
        control="containment.instance",
        title="An instance is compromised",
        severity=80,
        status=Status.REVERTED,
        done=1,
        remind="2026-11-25T10:00:00.000Z",
    )


def a_report(**fields: Any) -> Report:
    """All of it."""
    given = {
        "made": MADE,
        "policy": "policies/guard.yaml",
        "swept": swept(),
        "recorded": recorded(),
        "requirements": REQUIREMENTS,
        "exemptions": (
            an_exemption("website", "2026-12-01T00:00:00.000Z"),
            an_exemption("bait-*", "2027-01-01T00:00:00.000Z", "policies/guard.yaml", actor=ROLE),
        ),
    }
    return Report(**{**given, **fields})
