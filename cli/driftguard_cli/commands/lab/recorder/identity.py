"""Who made a call, as records name them: what the guarded account's STS says of an access key.

Source: AWS CloudTrail User Guide, "CloudTrail userIdentity element".
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from driftguard.documents import Document

# Returns a client of the guarded account (`sts`, `iam`) for an access key.
ClientFor = Callable[[str, str], Any]


class Identities:
    """Identities by access key. Each is asked for once: a key never changes its owner."""

    def __init__(self, client_for: ClientFor) -> None:
        self._client_for = client_for
        self._known: dict[str, Document] = {}
        self._one_at_a_time = Lock()

    def of(self, access_key: str) -> Document:
        """The identity behind an access key."""
        with self._one_at_a_time:
            if access_key not in self._known:
                self._known[access_key] = self._asked(access_key)
            return self._known[access_key]

    def _asked(self, access_key: str) -> Document:
        told = self._client_for("sts", access_key).get_caller_identity()
        account, arn = str(told["Account"]), str(told["Arn"])
        tail = arn.split(":", 5)[5]
        identity: dict[str, Any] = {
            "type": "IAMUser",
            "principalId": str(told["UserId"]),
            "arn": arn,
            "accountId": account,
            "accessKeyId": access_key,
        }
        if tail == "root":
            return {**identity, "type": "Root"}
        kind, _, name = tail.partition("/")
        if kind != "assumed-role":
            # moto gives a key that it does not know to a user of STS's.
            user = f"arn:aws:iam::{account}:user/{name}" if kind == "user" else arn
            return {**identity, "arn": user, "userName": name.rpartition("/")[2]}
        role = name.partition("/")[0]
        issuer = {
            "type": "Role",
            "principalId": str(told["UserId"]).partition(":")[0],
            "arn": self._role(access_key, role, account),
            "accountId": account,
            "userName": role,
        }
        return {**identity, "type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}}

    def _role(self, access_key: str, role: str, account: str) -> str:
        """A role's ARN with its path, which a session's ARN leaves out."""
        from botocore.exceptions import ClientError

        try:
            return str(self._client_for("iam", access_key).get_role(RoleName=role)["Role"]["Arn"])
        except ClientError:
            return f"arn:aws:iam::{account}:role/{role}"
