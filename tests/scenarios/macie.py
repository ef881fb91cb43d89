"""Scenarios of the macie controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Fake, Scenario, Staged
from tests.support.records import change

macie = partial(change, "macie2.amazonaws.com")


NOTHING_MADE: dict[tuple[str, str], Fake] = {
    ("macie2", "ListAllowLists"): lambda _: {"allowLists": []},
    ("macie2", "ListClassificationJobs"): lambda _: {"items": []},
    ("macie2", "ListCustomDataIdentifiers"): lambda _: {"items": []},
    ("macie2", "ListFindingsFilters"): lambda _: {"findingsFilterListItems": []},
}


def session_snapshot() -> Any:
    """Whether Macie is on, and how."""
    client = boto3.client("macie2")
    try:
        found = client.get_macie_session()
    except client.exceptions.ResourceNotFoundException:
        return "off"
    return {name: found[name] for name in ("findingPublishingFrequency", "status")}


def disabled() -> Staged:
    """No emulator has what people make in Macie: fakes list none of it."""
    client = boto3.client("macie2")
    client.enable_macie(findingPublishingFrequency="ONE_HOUR", status="ENABLED")

    def attack() -> Change:
        client.disable_macie()
        return macie("DisableMacie", None)

    return Staged(attack, session_snapshot, fakes=NOTHING_MADE, baseline=True)


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
