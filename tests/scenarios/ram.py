"""Scenarios of the ram controls."""

from __future__ import annotations

from typing import Any

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged
from tests.support.records import change

SHARE = f"arn:aws:ram:us-east-1:{ACCOUNT}:resource-share/7ab63972-b505-7e2a-420d-6f5d3EXAMPLE"
SISTER = "222222222222"


def shared() -> Staged:
    """A sister account of the organization stays; the account from outside goes."""
    principals = {SISTER: False}

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["resourceShareArns"] == [SHARE]
        return {
            "resourceShareAssociations": [
                {
                    "resourceShareArn": SHARE,
                    "associatedEntity": who,
                    "associationType": "PRINCIPAL",
                    "status": "ASSOCIATED",
                    "external": outside,
                }
                for who, outside in principals.items()
            ]
        }

    def described(asked: dict[str, Any]) -> dict[str, Any]:
        return {"resourceShares": [{"resourceShareArn": SHARE, "status": "ACTIVE"}]}

    def associated(asked: dict[str, Any]) -> dict[str, Any]:
        principals.update(dict.fromkeys(asked["principals"], True))
        return {}

    def disassociated(asked: dict[str, Any]) -> dict[str, Any]:
        for who in asked["principals"]:
            del principals[who]
        return {}

    def attack() -> Change:
        principals[STRANGER] = True
        asked = {"resourceShareArn": SHARE, "principals": [STRANGER, SISTER]}
        return change("ram.amazonaws.com", "AssociateResourceShare", asked)

    return Staged(
        attack,
        lambda: dict(principals),
        fakes={
            ("ram", "GetResourceShares"): described,
            ("ram", "GetResourceShareAssociations"): told,
            ("ram", "AssociateResourceShare"): associated,
            ("ram", "DisassociateResourceShare"): disassociated,
        },
    )


SCENARIOS = (Scenario("ram.external-share", shared),)
