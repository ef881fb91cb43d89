"""Where nothing earlier is clean, people are asked; a function stands still only if they say so."""

from __future__ import annotations

import pytest

from driftguard.events.commands import Undo
from driftguard.model import Status
from tests.support.approving import approved
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function, lambda_
from tests.support.deployments.packages import OLD_LODASH, OLD_REQUESTS, package
from tests.support.world import World

BAD = package("new", OLD_REQUESTS)


@pytest.fixture
def by(asking_osv: World) -> By:
    return By(asking_osv, "lambda.insecure-library")


@pytest.fixture
def orders(by: By) -> Function:
    """A function that never was without an insecure library."""
    found = Function()
    found.create(package("old", OLD_LODASH))
    return found


def test_people_are_asked_whether_it_shall_stand_still(by: By, orders: Function) -> None:
    bad = orders.publish(BAD)

    asked = by.on(orders.lead("live", bad))

    assert asked.status is Status.ASKED
    assert asked.plan.drastic == "there is nothing to go back to, and orders would stand still"
    assert [one.guardrail for one in asked.rulings] == ["drastic"]
    (step,) = asked.plan.steps
    assert step.call.operation == "PutFunctionConcurrency"
    assert step.call.parameters["ReservedConcurrentExecutions"] == 0
    assert "Fixed in requests 2.20.0" in asked.plan.advice
    assert orders.reserved() is None


@pytest.mark.parametrize("reserved", [None, 5])
def test_it_stands_still_once_somebody_says_so_and_runs_again_when_that_is_undone(
    by: By, orders: Function, reserved: int | None
) -> None:
    if reserved is not None:
        orders.client.put_function_concurrency(
            FunctionName="orders", ReservedConcurrentExecutions=reserved
        )
    asked = by.on(orders.lead("live", orders.publish(BAD)))

    stopped = approved(by.world.guard, asked)

    assert stopped.status is Status.REVERTED, stopped.reason
    assert orders.reserved() == 0
    undone = by.world.guard.undo(Undo(stopped.id, "alice", "a test"))
    assert undone.status is Status.UNDONE
    assert orders.reserved() == reserved
    assert list(by.world.audit.log(stopped.id))[-1].note == "exactly as before"


def test_a_function_that_stands_still_is_no_risk_until_it_may_run_again(
    by: By, orders: Function
) -> None:
    orders.client.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    assert by.all_on(orders.code_updated()) == []

    orders.client.delete_function_concurrency(FunctionName="orders")
    freed = lambda_("DeleteFunctionConcurrency20171031", {"functionName": "orders"})

    assert by.on(freed).status is Status.ASKED


def test_what_is_left_after_a_revert_never_makes_it_stand_still(by: By, orders: Function) -> None:
    """An old alias has nothing to go back to, another one has: that is done, and nothing more."""
    orders.publish(package("clean"))
    bad = orders.publish(BAD)
    orders.lead("old", "1")

    decision = by.on(orders.lead("live", bad))

    assert decision.status is Status.FAILED
    assert orders.leads("live") == ("2", {})
    assert orders.sha256() == orders.sha256("2")
    assert orders.leads("old") == ("1", {})
    assert orders.reserved() is None
    assert decision.reason == (
        "still risky after the remediation: orders:1 (old) runs lodash 4.17.15 (CVE-2020-8203); "
        "there is nothing to go back to, and orders would stand still: a person must say so first"
    )


def test_what_was_done_of_it_can_be_undone(by: By, orders: Function) -> None:
    orders.publish(package("clean"))
    bad = orders.publish(BAD)
    orders.lead("old", "1")
    deployed = orders.lead("live", bad)
    as_deployed = orders.snapshot()
    decision = by.on(deployed)

    undone = by.world.guard.undo(Undo(decision.id, "alice", "a test"))

    assert undone.status is Status.UNDONE
    assert orders.snapshot() == as_deployed
