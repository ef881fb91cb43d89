"""Scenarios of the macie controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.records import change

macie = partial(change, "macie2.amazonaws.com")


def session_snapshot() -> Any:
    """Whether Macie is on."""
    client = boto3.client("macie2")
    try:
        return client.get_macie_session()["status"]
    except client.exceptions.ResourceNotFoundException:
        return "off"


def disabled() -> Staged:
    client = boto3.client("macie2")
    client.enable_macie()

    def attack() -> Change:
        client.disable_macie()
        return macie("DisableMacie", None)

    return Staged(attack, session_snapshot)


def paused() -> Staged:
    session = {"status": "ENABLED"}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        session["status"] = asked["status"]
        return {}

    def attack() -> Change:
        session["status"] = "PAUSED"
        return macie("UpdateMacieSession", {"status": "PAUSED"})

    fakes = {
        ("macie2", "GetMacieSession"): lambda _: dict(session),
        ("macie2", "UpdateMacieSession"): update,
    }
    return Staged(attack, lambda: dict(session), fakes=fakes)


SCENARIOS = (Scenario("macie.disabled", disabled), Scenario("macie.paused", paused))
