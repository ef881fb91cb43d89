"""Scenarios of the containments: GuardDuty reports what is compromised, and still says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.iam import user_snapshot
from tests.scenarios.model import Fake, Scenario, Staged
from tests.support.records import finding_of_guardduty, sequence_of_guardduty, told_by_guardduty

POLICY = "DriftguardContainment"
EXFILTRATED = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
SEQUENCE = "AttackSequence:IAM/CompromisedCredentials"
READS_LOGS = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/*"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def role_snapshot(name: str) -> Any:
    """A role's trust, policies and boundary."""
    client = boto3.client("iam")
    role = client.get_role(RoleName=name)["Role"]
    inline = client.list_role_policies(RoleName=name)["PolicyNames"]
    return {
        "id": role["RoleId"],
        "trust": role["AssumeRolePolicyDocument"],
        "inline": {
            one: client.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]
            for one in inline
        },
        "attached": client.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
    }


def make_role(name: str = "web") -> str:
    """A role of an instance with a policy of its own; its unique id."""
    client = boto3.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    made = client.create_role(
        RoleName=name, Path="/shop/", AssumeRolePolicyDocument=document(trust)
    )
    client.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=document(READS_LOGS))
    return str(made["Role"]["RoleId"])


def exfiltrated(role_id: str, type_: str = EXFILTRATED, **more: Any) -> Change:
    """GuardDuty saw the credentials of an instance's role outside of AWS."""
    principal = f"{role_id}:i-0abcdef1234567890"
    return finding_of_guardduty(
        type_, "ASIAIOSFODNN7EXAMPLE", "web", kind="AssumedRole", principal=principal, **more
    )


def answering(found: Callable[[], dict[str, Any]]) -> dict[tuple[str, str], Fake]:
    """GuardDuty, as it tells the finding, and CloudTrail, whose history has nothing of its key."""
    return {
        ("guardduty", "GetFindings"): lambda _: found(),
        ("cloudtrail", "LookupEvents"): lambda _: {"Events": []},
    }


def denial(until: str) -> dict[str, Any]:
    """The policy that denies everything to sessions issued before a time."""
    statement = {
        "Sid": "DenyOlderSessions",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": until}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


# What stands for any time after GuardDuty last saw the credentials used.
SINCE = "after GuardDuty saw it"
_SEEN = "2026-11-24T11:58:22Z"


def with_sessions_denied(roles: dict[str, Any], name: str = "web") -> dict[str, Any]:
    """The roles, by name, with the sessions of one of them denied that GuardDuty saw."""
    inline = roles[name]["inline"] | {POLICY: denial(SINCE)}
    return roles | {name: roles[name] | {"inline": inline}}


def whenever_denied(roles: dict[str, Any], name: str = "web") -> dict[str, Any]:
    """The roles, by name, with `SINCE` for the time from which on a role's sessions work."""
    held = roles[name]["inline"].get(POLICY)
    if held is None:
        return roles
    until = held["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
    if until <= _SEEN or held != denial(until):
        return roles
    return with_sessions_denied(roles, name)


def two_roles() -> dict[str, Any]:
    """Two roles as they are, by their names."""
    return {name: role_snapshot(name) for name in ("web", "worker")}


def role_sessions() -> Staged:
    """A stranger uses the credentials of an instance; the role's own policy is let alone."""
    found = exfiltrated(make_role())
    make_role("worker")
    fakes = answering(lambda: told_by_guardduty(found))
    return Staged(lambda: found, two_roles, with_sessions_denied, whenever_denied, fakes=fakes)


def denied_before() -> Staged:
    """The role bears an older containment of ours: the undo puts that one back."""
    found = exfiltrated(make_role())
    make_role("worker")
    older = json.dumps(denial("2026-11-01T00:00:00Z"))
    boto3.client("iam").put_role_policy(RoleName="web", PolicyName=POLICY, PolicyDocument=older)
    fakes = answering(lambda: told_by_guardduty(found))
    return Staged(lambda: found, two_roles, with_sessions_denied, whenever_denied, fakes=fakes)


def sequence_of(user: str, id_: str) -> tuple[Change, dict[str, Any]]:
    """An attack sequence by a user's credentials: the event, and what GuardDuty tells."""
    actor = {
        "id": f"USER:{id_}",
        "user": {"name": user, "uid": id_, "type": "IAMUser", "account": {"uid": "123456789012"}},
    }
    change = sequence_of_guardduty(SEQUENCE, [actor])
    told = told_by_guardduty(change)
    (finding,) = told["Findings"]
    finding["Resource"] = {"ResourceType": "AttackSequence"}
    finding["Service"]["Detection"] = {
        "Sequence": {
            "Uid": "s-1",
            "Description": "A sequence.",
            "Actors": [
                {
                    "Id": f"USER:{id_}",
                    "User": {
                        "Name": user,
                        "Uid": id_,
                        "Type": "IAMUser",
                        "Account": {"Uid": "123456789012"},
                    },
                }
            ],
            "Signals": [
                {
                    "Uid": "S1",
                    "Type": "CLOUD_TRAIL",
                    "Name": "cloudtrail:DeleteTrail",
                    "CreatedAt": datetime(2026, 11, 24, 11, 41, tzinfo=UTC),
                    "UpdatedAt": datetime(2026, 11, 24, 11, 58, tzinfo=UTC),
                    "FirstSeenAt": datetime(2026, 11, 24, 11, 41, tzinfo=UTC),
                    "LastSeenAt": datetime(2026, 11, 24, 11, 58, tzinfo=UTC),
                    "Count": 1,
                }
            ],
        }
    }
    return change, told


def make_user(name: str) -> dict[str, Any]:
    """A user with a policy of its own and an active key, as IAM describes it."""
    client: Any = boto3.client("iam")
    made: dict[str, Any] = client.create_user(UserName=name, Path="/robots/")["User"]
    client.create_access_key(UserName=name)
    client.put_user_policy(UserName=name, PolicyName="logs", PolicyDocument=document(READS_LOGS))
    return made


def two_users() -> dict[str, Any]:
    """Two users as they are, by their names."""
    return {name: user_snapshot(name) for name in ("deploy", "backup")}


def with_user_denied(users: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The users, by name, with one of them denied everything, and `more` of it changed."""
    deny = {"Sid": "DenyEverything", "Effect": "Deny", "Action": "*", "Resource": "*"}
    held = users["deploy"]
    inline = held["inline"] | {POLICY: {"Version": "2012-10-17", "Statement": [deny]}}
    return users | {"deploy": held | {"inline": inline, **more}}


def user() -> Staged:
    """An attack sequence by a user with two keys, one of them inactive before."""
    client = boto3.client("iam")
    made = make_user("deploy")
    make_user("backup")
    spare = client.create_access_key(UserName="deploy")["AccessKey"]["AccessKeyId"]
    client.update_access_key(UserName="deploy", AccessKeyId=spare, Status="Inactive")
    change, told = sequence_of("deploy", made["UserId"])

    def reverted(before: Any) -> Any:
        return with_user_denied(before, keys=dict.fromkeys(before["deploy"]["keys"], "Inactive"))

    return Staged(lambda: change, two_users, reverted, fakes=answering(lambda: told))


SCENARIOS = (
    Scenario("containment.role-sessions", role_sessions),
    Scenario("containment.role-sessions", denied_before, "denied before", asked=True),
    Scenario("containment.user", user, settings={"revert": ["AttackSequence:*"]}),
)
