"""Secrets Manager: the database's password."""

from __future__ import annotations

from ..account import STRANGER, Account
from ..events import Event, api_call
from .model import Scenario, Staged, allow, by_policy, policy_of


def _open_secret(account: Account) -> Staged:
    secrets, name = account.client("secretsmanager"), "shop/database"
    arn = secrets.create_secret(Name=name, SecretString="an-example-only")["ARN"]
    read = "secretsmanager:GetSecretValue"
    good = allow("Shop", {"AWS": account.arn("iam", "role/shop")}, read, resource="*")
    secrets.put_resource_policy(SecretId=name, ResourcePolicy=policy_of(good))

    def strike() -> Event:
        stranger = {"AWS": f"arn:aws:iam::{STRANGER}:root"}
        written = policy_of(good, allow("Backup", stranger, read, resource="*"))
        secrets.put_resource_policy(SecretId=name, ResourcePolicy=written, BlockPublicPolicy=False)
        asked = {"secretId": name, "resourcePolicy": written, "blockPublicPolicy": False}
        answered = {"aRN": arn, "name": name}
        return api_call(account, "secretsmanager", "PutResourcePolicy", asked, answered)

    return by_policy(
        f"secret {name}",
        "for the shop's own role",
        lambda: str(secrets.get_resource_policy(SecretId=name)["ResourcePolicy"]),
        strike,
    )


OPEN_SECRET = Scenario(
    "shared-secret",
    "secretsmanager.public-policy",
    "lets a strange account read the database's password",
    _open_secret,
)
