"""The account that the demo guards: a small web shop, without risks until the intruder comes."""

from __future__ import annotations

from dataclasses import dataclass

from ..lab.record import Client, Lab

# A company whose access the demo's policy trusts, and one that nobody knows.
PARTNER = "111122223333"
STRANGER = "999999999999"


@dataclass(frozen=True, slots=True)
class Account:
    """The guarded account, seen and changed by its own APIs as anybody else would."""

    lab: Lab

    @property
    def id(self) -> str:
        return self.lab.account_id

    @property
    def region(self) -> str:
        return self.lab.region

    def client(self, service: str) -> Client:
        """The account's client of a service."""
        return self.lab.client(service)

    def arn(self, service: str, rest: str) -> str:
        """`arn:aws:kms:us-east-1:123456789012:key/…`; IAM's are of no region."""
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.id}:{rest}"
