"""Scenarios of the rolesanywhere controls."""

from __future__ import annotations

from typing import Any

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Scenario, Staged
from tests.support.records import change

ANCHOR = "7f4d3b2a-0d6c-4b7e-9a55-1c2d3e4f5a6b"


def anchor(*, enabled: bool) -> Staged:
    source = {
        "sourceType": "CERTIFICATE_BUNDLE",
        "sourceData": {"x509CertificateData": "-----BEGIN CERTIFICATE-----"},
    }
    described: dict[str, Any] = {
        "trustAnchorId": ANCHOR,
        "trustAnchorArn": f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:trust-anchor/{ANCHOR}",
        "name": "build-machines",
        "source": source,
        "enabled": False,
    }

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["trustAnchorId"] == ANCHOR
        return {"trustAnchor": dict(described)}

    def switched(to: bool) -> Any:
        def answer(asked: dict[str, Any]) -> dict[str, Any]:
            described["enabled"] = to
            return told(asked)

        return answer

    def attack() -> Change:
        described["enabled"] = True
        name = "EnableTrustAnchor" if enabled else "CreateTrustAnchor"
        asked = (
            {"trustAnchorId": ANCHOR}
            if enabled
            else {"name": "build-machines", "enabled": True, "source": source}
        )
        made = {"trustAnchor": {**described, "createdAt": "2026-11-24T12:00:00.482702201Z"}}
        return change("rolesanywhere.amazonaws.com", name, asked, responseElements=made)

    return Staged(
        attack,
        lambda: dict(described),
        fakes={
            ("rolesanywhere", "GetTrustAnchor"): told,
            ("rolesanywhere", "EnableTrustAnchor"): switched(True),
            ("rolesanywhere", "DisableTrustAnchor"): switched(False),
        },
    )


SCENARIOS = (
    Scenario("rolesanywhere.trust-anchor-created", lambda: anchor(enabled=False)),
    Scenario("rolesanywhere.trust-anchor-created", lambda: anchor(enabled=True), "enabled"),
)
