"""Scenarios of the control over services that run insecure images."""

from __future__ import annotations

from functools import partial

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.deployments.services import Service, basic, push, scan_completed

CONTROL = "ecs.insecure-image"


def deployed(*, scanned_later: bool) -> Staged:
    """Of two services, one is given an image that is insecure, or found to be so afterwards."""
    orders, stock = Service("orders"), Service("stock")
    fine = orders.register(push("1"))
    orders.create(fine)
    stock.create(stock.register(push("fine")))

    def attack() -> Change:
        bad = push("2", basic("CVE-2022-3602", "CRITICAL"))
        deployment = orders.deploy(orders.register(bad))
        return scan_completed(CRITICAL=1) if scanned_later else deployment

    return Staged(attack, lambda: {one.name: one.runs() for one in (orders, stock)})


SCENARIOS = (
    Scenario(CONTROL, partial(deployed, scanned_later=False)),
    Scenario(CONTROL, partial(deployed, scanned_later=True), "scanned"),
)
