"""KMS: the key of the orders."""

from __future__ import annotations

from ..account import Account
from ..events import Event, api_call
from .model import Scenario, Staged


def _deleted_key(account: Account) -> Staged:
    kms = account.client("kms")
    key, retired = (
        kms.create_key(Description=description)["KeyMetadata"]["KeyId"]
        for description in ("orders", "retired")
    )
    kms.schedule_key_deletion(KeyId=retired, PendingWindowInDays=30)

    def state(id_: str) -> str:
        return str(kms.describe_key(KeyId=id_)["KeyMetadata"]["KeyState"])

    def strike() -> Event:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        answered = {
            "keyId": account.arn("kms", f"key/{key}"),
            "keyState": "PendingDeletion",
            "pendingWindowInDays": 7,
        }
        asked = {"keyId": key, "pendingWindowInDays": 7}
        return api_call(account, "kms", "ScheduleKeyDeletion", asked, answered)

    def siblings() -> object:
        policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        return {"policy": policy, "retired": state(retired)}

    return Staged(
        f"key {key} (orders)",
        "in use; a retired key beside it is about to go",
        strike,
        lambda: state(key) != "Enabled",
        siblings,
    )


DELETED_KEY = Scenario(
    "key-scheduled-for-deletion",
    "kms.deletion-scheduled",
    "schedules the deletion of the key that encrypts the orders",
    _deleted_key,
)
