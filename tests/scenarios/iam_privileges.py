"""Scenarios of the iam controls about who becomes an administrator."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged, policy_of
from tests.support.records import iam

READS = {"Sid": "Reads", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
EVERYTHING = {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}
ESCALATES = {
    "Sid": "Escalates",
    "Effect": "Allow",
    "Action": ["iam:Get*", "iam:PutRole*"],
    "Resource": f"arn:aws:iam::{ACCOUNT}:role/*",
}
KINDS = ("User", "Role", "Group")


def make(kind: str, name: str = "builder") -> dict[str, str]:
    """Makes a user, role or group below a path; answers the parameter that names it."""
    client = boto3.client("iam")
    more = {"AssumeRolePolicyDocument": policy_of()} if kind == "Role" else {}
    create = getattr(client, f"create_{kind.lower()}")
    create(**{f"{kind}Name": name}, Path="/team/", **more)
    return {f"{kind}Name": name}


def powers(kind: str, named: dict[str, str]) -> Any:
    """The policies of a user, role or group."""
    client, what = boto3.client("iam"), kind.lower()
    inline = getattr(client, f"list_{what}_policies")(**named)["PolicyNames"]
    get = getattr(client, f"get_{what}_policy")
    attached = getattr(client, f"list_attached_{what}_policies")(**named)["AttachedPolicies"]
    return {
        "inline": {one: get(PolicyName=one, **named)["PolicyDocument"] for one in inline},
        "attached": sorted(one["PolicyArn"] for one in attached),
    }


def in_record(named: dict[str, str]) -> dict[str, str]:
    """`{"userName": …}`, as CloudTrail spells it."""
    return {name[0].lower() + name[1:]: value for name, value in named.items()}


def attached(kind: str) -> Staged:
    client = boto3.client("iam")
    named = make(kind)
    attach = getattr(client, f"attach_{kind.lower()}_policy")

    def own(name: str, statement: dict[str, Any]) -> str:
        made = client.create_policy(PolicyName=name, PolicyDocument=policy_of(statement))
        return str(made["Policy"]["Arn"])

    attach(PolicyArn=own("Fine", READS), **named)
    admin = own("Innocent", EVERYTHING)

    def attack() -> Change:
        attach(PolicyArn=admin, **named)
        return iam(f"Attach{kind}Policy", {**in_record(named), "policyArn": admin})

    return Staged(attack, lambda: powers(kind, named))


def put_inline(kind: str, named: dict[str, str], *statements: dict[str, Any]) -> Change:
    """Writes the inline policy `work`, and answers the change in the record."""
    put = getattr(boto3.client("iam"), f"put_{kind.lower()}_policy")
    written = policy_of(*statements)
    put(PolicyName="work", PolicyDocument=written, **named)
    asked = {**in_record(named), "policyName": "work", "policyDocument": written}
    return iam(f"Put{kind}Policy", asked)


def new_inline(kind: str) -> Staged:
    named = make(kind)
    getattr(boto3.client("iam"), f"put_{kind.lower()}_policy")(
        PolicyName="fine", PolicyDocument=policy_of(READS), **named
    )
    return Staged(lambda: put_inline(kind, named, EVERYTHING), lambda: powers(kind, named))


def overwritten_inline() -> Staged:
    named = make("Role")
    put_inline("Role", named, READS, READS | {"Sid": "More", "Action": "sqs:*"})
    return Staged(
        lambda: put_inline("Role", named, ESCALATES),
        lambda: powers("Role", named),
        baseline=True,
    )


def mixed_inline() -> Staged:
    """Without a baseline, what makes an administrator goes and the rest of the policy stays."""
    named = make("User")
    return Staged(
        lambda: put_inline("User", named, READS, ESCALATES),
        lambda: powers("User", named),
        lambda before: before | {"inline": {"work": json.loads(policy_of(READS))}},
    )


def default_version(policy: str) -> Any:
    """A policy's default version, and what all its versions say."""
    client = boto3.client("iam")
    versions = client.list_policy_versions(PolicyArn=policy)["Versions"]
    default = [one["VersionId"] for one in versions if one["IsDefaultVersion"]]
    return {"default": default}


def held(policy: str) -> None:
    """Attaches a policy to a user: one that nobody has grants nothing."""
    make("User", "holder")
    boto3.client("iam").attach_user_policy(UserName="holder", PolicyArn=policy)


def version(*, recorded: bool) -> Staged:
    client = boto3.client("iam")
    made = client.create_policy(PolicyName="work", PolicyDocument=policy_of(READS))
    policy = made["Policy"]["Arn"]
    held(policy)
    if recorded:
        more = READS | {"Sid": "More", "Action": "s3:ListBucket"}
        client.create_policy_version(PolicyArn=policy, PolicyDocument=policy_of(READS, more))

    def attack() -> Change:
        written = policy_of(EVERYTHING)
        client.create_policy_version(PolicyArn=policy, PolicyDocument=written, SetAsDefault=True)
        asked = {"policyArn": policy, "policyDocument": written, "setAsDefault": True}
        return iam("CreatePolicyVersion", asked)

    return Staged(attack, lambda: default_version(policy), baseline=recorded)


def version_switched() -> Staged:
    client = boto3.client("iam")
    made = client.create_policy(PolicyName="work", PolicyDocument=policy_of(READS))
    policy = made["Policy"]["Arn"]
    held(policy)
    client.create_policy_version(PolicyArn=policy, PolicyDocument=policy_of(EVERYTHING))

    def attack() -> Change:
        client.set_default_policy_version(PolicyArn=policy, VersionId="v2")
        return iam("SetDefaultPolicyVersion", {"policyArn": policy, "versionId": "v2"})

    return Staged(attack, lambda: default_version(policy))


def member(give: Callable[[], None]) -> Staged:
    client = boto3.client("iam")
    for group in ("admins", "readers"):
        make("Group", group)
    for user in ("alice", "mallory"):
        make("User", user)
    give()
    client.add_user_to_group(GroupName="admins", UserName="alice")
    client.add_user_to_group(GroupName="readers", UserName="mallory")

    def attack() -> Change:
        client.add_user_to_group(GroupName="admins", UserName="mallory")
        return iam("AddUserToGroup", {"groupName": "admins", "userName": "mallory"})

    def snapshot() -> Any:
        return {
            group: sorted(one["UserName"] for one in client.get_group(GroupName=group)["Users"])
            for group in ("admins", "readers")
        }

    return Staged(attack, snapshot)


def admins_by_inline_policy() -> None:
    boto3.client("iam").put_group_policy(
        GroupName="admins", PolicyName="all", PolicyDocument=policy_of(EVERYTHING)
    )


def admins_by_attached_policy() -> None:
    client = boto3.client("iam")
    made = client.create_policy(PolicyName="all", PolicyDocument=policy_of(EVERYTHING))
    client.attach_group_policy(GroupName="admins", PolicyArn=made["Policy"]["Arn"])


SCENARIOS = (
    *(Scenario("iam.admin-attached", partial(attached, one), one.lower()) for one in KINDS),
    *(Scenario("iam.admin-inline", partial(new_inline, one), one.lower()) for one in KINDS),
    Scenario("iam.admin-inline", overwritten_inline, "overwritten"),
    Scenario("iam.admin-inline", mixed_inline, "mixed"),
    Scenario("iam.policy-version-admin", partial(version, recorded=False)),
    Scenario("iam.policy-version-admin", partial(version, recorded=True), "recorded"),
    Scenario("iam.policy-version-admin", version_switched, "switched"),
    Scenario("iam.group-admin-member", partial(member, admins_by_attached_policy)),
    Scenario("iam.group-admin-member", partial(member, admins_by_inline_policy), "inline"),
)
