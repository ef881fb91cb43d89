"""Scenarios of the route53domains controls."""

from __future__ import annotations

from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.records import change

LOCKED = "clientTransferProhibited"


def unlocked() -> Staged:
    status = ["clientUpdateProhibited", LOCKED]

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        return {"DomainName": asked["DomainName"], "StatusList": list(status)}

    def locked(asked: dict[str, Any]) -> dict[str, Any]:
        status.append(LOCKED)
        return {"OperationId": "5e0f3c1a-6b7d-4d1e-9c55-000000000001"}

    def opened(asked: dict[str, Any]) -> dict[str, Any]:
        status.remove(LOCKED)
        return {"OperationId": "5e0f3c1a-6b7d-4d1e-9c55-000000000002"}

    def attack() -> Change:
        boto3.client("route53domains").disable_domain_transfer_lock(DomainName="example.com")
        asked = {"domainName": "example.com"}
        return change("route53domains.amazonaws.com", "DisableDomainTransferLock", asked)

    return Staged(
        attack,
        lambda: list(status),
        fakes={
            ("route53domains", "GetDomainDetail"): told,
            ("route53domains", "ListDomains"): lambda _: {
                "Domains": [{"DomainName": "example.com"}]
            },
            ("route53domains", "EnableDomainTransferLock"): locked,
            ("route53domains", "DisableDomainTransferLock"): opened,
        },
        baseline=True,
    )


SCENARIOS = (Scenario("route53domains.lock-off", unlocked),)
