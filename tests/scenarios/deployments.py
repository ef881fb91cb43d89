"""Scenarios of the controls over insecure libraries in functions.

Mostly nobody is asked for advisories: it is Inspector that says what is insecure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.deployments.functions import (
    REQUESTS,
    Function,
    inspector_finding,
    lambda_,
    publish_layer,
    vulnerable,
)
from tests.support.deployments.packages import OLD_REQUESTS, package, wheel
from tests.support.deployments.serving import osv
from tests.support.inventory.making_zips import zipped

CONTROL = "lambda.insecure-library"
OLD = package("old")
BAD = package("new", OLD_REQUESTS)


def deployed(*, publish: bool) -> Staged:
    """Version 2 with old requests behind an alias; or the same in `$LATEST` alone."""
    orders = Function()
    orders.create(OLD)
    orders.lead("live", "1")

    def attack() -> Change:
        if not publish:
            orders.put(BAD)
            return inspector_finding(orders, "$LATEST", REQUESTS)
        version = orders.publish(BAD)
        orders.lead("live", version)
        return inspector_finding(orders, version, REQUESTS)

    return Staged(attack, orders.snapshot)


def layered() -> Staged:
    """A layer's new version with old requests."""
    orders = Function()
    fine = publish_layer("http", zipped(_in_python(wheel("requests", "2.32.3"))))
    orders.create(OLD, Layers=[fine])
    bad = publish_layer("http", zipped(_in_python(OLD_REQUESTS)))

    def attack() -> Change:
        orders.layers_updated(bad)
        told = vulnerable("requests", "2.19.0", "2.20.0", "PYTHONPKG", sourceLambdaLayerArn=bad)
        return inspector_finding(orders, "$LATEST", told)

    return Staged(attack, orders.snapshot)


def nothing_before() -> Staged:
    """A function that never was without old requests: it can only stand still."""
    orders = Function()

    def attack() -> Change:
        return inspector_finding(orders, "$LATEST", REQUESTS)

    def stands_still(before: Any) -> Any:
        return {**before, "reserved": 0}

    orders.create(BAD)
    return Staged(attack, orders.snapshot, reverted=stands_still)


def reserved_before() -> Staged:
    """The same, of a function whose concurrency was reserved."""
    staged = nothing_before()
    Function().client.put_function_concurrency(
        FunctionName="orders", ReservedConcurrentExecutions=5
    )
    return staged


def source_of_a_version() -> Staged:
    """A queue that invokes one version. moto forgets which one, and cannot change it."""
    orders = Function()
    orders.create(OLD)
    bad = orders.publish(BAD)
    uuid = "2b733adc-8ac3-4df5-af3a-1827b3b11284"
    leads = {"to": f"{orders.arn}:1"}

    def told() -> dict[str, Any]:
        return {"UUID": uuid, "FunctionArn": leads["to"], "State": "Enabled"}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        assert set(asked) == {"UUID", "FunctionName"}
        leads["to"] = asked["FunctionName"]
        return told()

    def attack() -> Change:
        leads["to"] = f"{orders.arn}:{bad}"
        return lambda_(
            "UpdateEventSourceMapping20150331",
            {"uUID": uuid, "functionName": leads["to"]},
            responseElements={"uUID": uuid, "functionArn": leads["to"]},
        )

    fakes: dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, Any]]] = {
        ("lambda", "GetEventSourceMapping"): lambda _: told(),
        ("lambda", "UpdateEventSourceMapping"): update,
    }
    return Staged(attack, lambda: dict(leads), fakes=fakes, advisories=osv())


def _in_python(files: dict[str, Any]) -> dict[str, Any]:
    return {f"python/{name}": content for name, content in files.items()}


SCENARIOS = (
    Scenario(CONTROL, partial(deployed, publish=True), "alias"),
    Scenario(CONTROL, partial(deployed, publish=False), "latest"),
    Scenario(CONTROL, layered, "layer"),
    Scenario(CONTROL, nothing_before, "nothing-before", asked=True),
    Scenario(CONTROL, reserved_before, "reserved", asked=True),
    Scenario("lambda.insecure-event-source", source_of_a_version),
)
