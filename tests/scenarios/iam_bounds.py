"""Scenarios of the iam controls about what bounds people."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.iam_privileges import EVERYTHING, READS
from tests.scenarios.model import Fake, Scenario, Staged, policy_of
from tests.support.records import iam

FIELDS = {
    "MinimumPasswordLength": 16,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": True,
    "MaxPasswordAge": 365,
    "PasswordReusePrevention": 20,
}


def boundary(name: str, statement: dict[str, Any]) -> str:
    made = boto3.client("iam").create_policy(PolicyName=name, PolicyDocument=policy_of(statement))
    return str(made["Policy"]["Arn"])


def bounded(kind: str) -> tuple[dict[str, Any], dict[tuple[str, str], Fake]]:
    """A user or role with a boundary, and IAM's calls about it, which the emulator lacks."""
    name = f"{kind}Name"
    kept: dict[str, Any] = {"PermissionsBoundary": boundary("bounds", READS), name: "builder"}

    def described(asked: dict[str, Any]) -> dict[str, Any]:
        from datetime import UTC, datetime

        arn = f"arn:aws:iam::123456789012:{kind.lower()}/team/builder"
        one: dict[str, Any] = {
            name: "builder",
            f"{kind}Id": "AIDAEXAMPLE0000000001",
            "Arn": arn,
            "Path": "/team/",
            "CreateDate": datetime(2026, 11, 24, tzinfo=UTC),
        }
        if kept["PermissionsBoundary"]:
            one["PermissionsBoundary"] = {
                "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
                "PermissionsBoundaryArn": kept["PermissionsBoundary"],
            }
        return one

    def listed(asked: dict[str, Any]) -> dict[str, Any]:
        return {f"{kind}DetailList": [described({})]} if asked["Filter"] == [kind] else {}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        kept["PermissionsBoundary"] = asked["PermissionsBoundary"]
        return {}

    def deleted(asked: dict[str, Any]) -> dict[str, Any]:
        kept["PermissionsBoundary"] = ""
        return {}

    return kept, {
        ("iam", "GetAccountAuthorizationDetails"): listed,
        ("iam", f"Get{kind}"): lambda asked: {kind: described(asked)},
        ("iam", f"Put{kind}PermissionsBoundary"): put,
        ("iam", f"Delete{kind}PermissionsBoundary"): deleted,
    }


def boundary_removed(kind: str) -> Staged:
    kept, fakes = bounded(kind)

    def attack() -> Change:
        kept["PermissionsBoundary"] = ""
        return iam(f"Delete{kind}PermissionsBoundary", {f"{kind.lower()}Name": "builder"})

    return Staged(attack, lambda: dict(kept), fakes=fakes, baseline=True)


def boundary_widened(kind: str) -> Staged:
    kept, fakes = bounded(kind)
    wide = boundary("wide", EVERYTHING)

    def attack() -> Change:
        kept["PermissionsBoundary"] = wide
        asked = {f"{kind.lower()}Name": "builder", "permissionsBoundary": wide}
        return iam(f"Put{kind}PermissionsBoundary", asked)

    return Staged(attack, lambda: dict(kept), fakes=fakes, baseline=True)


def password_policy() -> Any:
    client = boto3.client("iam")
    try:
        return client.get_account_password_policy()["PasswordPolicy"]
    except client.exceptions.NoSuchEntityException:
        return None


def in_record(fields: dict[str, Any]) -> dict[str, Any]:
    return {name[0].lower() + name[1:]: value for name, value in fields.items()}


def weakened() -> Staged:
    """Fields that the call does not name fall back to AWS's defaults."""
    client = boto3.client("iam")
    client.update_account_password_policy(**FIELDS)
    asked = {"RequireSymbols": True, "AllowUsersToChangePassword": True, "MaxPasswordAge": 365}

    def attack() -> Change:
        client.update_account_password_policy(**asked)
        return iam("UpdateAccountPasswordPolicy", in_record(asked))

    return Staged(attack, password_policy, baseline=True)


def deleted() -> Staged:
    client = boto3.client("iam")
    client.update_account_password_policy(**FIELDS)

    def attack() -> Change:
        client.delete_account_password_policy()
        return iam("DeleteAccountPasswordPolicy", None)

    return Staged(attack, password_policy, baseline=True)


def unrecorded() -> Staged:
    """Without a baseline, what the call lowered below the floor is put at the floor."""
    client = boto3.client("iam")
    client.update_account_password_policy(**FIELDS)

    def attack() -> Change:
        asked = FIELDS | {"MinimumPasswordLength": 6}
        client.update_account_password_policy(**asked)
        return iam("UpdateAccountPasswordPolicy", in_record(asked))

    def reverted(before: Any) -> Any:
        floor = {"RequireLowercaseCharacters": True, "PasswordReusePrevention": 24}
        return before | floor | {"MinimumPasswordLength": 14}

    return Staged(attack, password_policy, reverted)


SCENARIOS = (
    *(
        Scenario("iam.boundary-removed", partial(boundary_removed, one), one.lower())
        for one in ("User", "Role")
    ),
    Scenario("iam.boundary-removed", partial(boundary_widened, "Role"), "widened"),
    Scenario("iam.password-policy-weakened", weakened),
    Scenario("iam.password-policy-weakened", deleted, "deleted"),
    Scenario("iam.password-policy-weakened", unrecorded, "unrecorded", asked=True),
)
