"""An event source that invokes one version of a function is led back to an earlier one."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.events.commands import Undo
from driftguard.model import Change, Status
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function, lambda_
from tests.support.deployments.packages import OLD_REQUESTS, package
from tests.support.world import Fakes, World

UUID = "2b733adc-8ac3-4df5-af3a-1827b3b11284"
BAD = package("new", OLD_REQUESTS)


class Mapping:
    """An event source mapping: moto forgets which version one leads to."""

    def __init__(self) -> None:
        self.leads_to = ""

    def lead(self, function: Function, version: str) -> Change:
        self.leads_to = f"{function.arn}:{version}"
        return lambda_(
            "UpdateEventSourceMapping20150331",
            {"uUID": UUID, "functionName": f"{function.name}:{version}"},
            responseElements={"uUID": UUID, "functionArn": self.leads_to},
        )

    def told(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["UUID"] == UUID
        self.leads_to = asked.get("FunctionName", self.leads_to)
        return {"UUID": UUID, "FunctionArn": self.leads_to}


@pytest.fixture
def source(fakes: Fakes) -> Mapping:
    found = Mapping()
    operations = ("GetEventSourceMapping", "UpdateEventSourceMapping")
    fakes.install({("lambda", one): found.told for one in operations})
    return found


@pytest.fixture
def by(asking_osv: World) -> By:
    return By(asking_osv, "lambda.insecure-event-source")


@pytest.fixture
def orders(by: By) -> Function:
    found = Function()
    found.create(package("old"))
    return found


def test_it_goes_back_and_forth_again(by: By, orders: Function, source: Mapping) -> None:
    bad = orders.publish(BAD)

    decision = by.on(source.lead(orders, bad))

    assert decision.status is Status.REVERTED, decision.reason
    assert decision.summary == (
        "an event source invokes orders:2 with requests 2.19.0 (CVE-2018-18074)"
    )
    assert source.leads_to == f"{orders.arn}:1"
    (step,) = decision.plan.steps
    assert step.call.on == (f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{UUID}",)
    undone = by.world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE
    assert source.leads_to == f"{orders.arn}:2"


def test_without_an_earlier_version_that_is_clean_people_are_told(by: By, source: Mapping) -> None:
    stock = Function("stock")
    stock.create(BAD)

    decision = by.on(source.lead(stock, "1"))

    assert decision.status is Status.OBSERVED
    assert decision.plan.steps == ()


def test_one_that_has_gone_elsewhere_meanwhile_is_let_be(
    by: By, orders: Function, source: Mapping
) -> None:
    change = source.lead(orders, orders.publish(BAD))
    source.lead(orders, "live")

    assert by.all_on(change) == []


@pytest.mark.parametrize(
    ("function", "looked_at"),
    [
        ("orders:7", True),
        ("123456789012:function:orders:7", True),
        ("arn:aws:lambda:us-east-1:123456789012:function:orders:7", True),
        ("orders", False),
        ("orders:live", False),
        ("123456789012:function:orders", False),
        ("arn:aws:lambda:us-east-1:123456789012:function:orders", False),
        ("arn:aws:lambda:us-east-1:123456789012:function:orders:live", False),
        ("arn:aws:lambda:us-east-1:123456789012:function:123", False),
    ],
)
def test_what_leads_to_no_version_goes_back_with_its_alias(
    by: By, function: str, looked_at: bool
) -> None:
    change = lambda_(
        "CreateEventSourceMapping20150331",
        {"functionName": function, "eventSourceArn": "arn:aws:sqs:us-east-1:123456789012:orders"},
        responseElements={"uUID": UUID},
    )

    assert bool(list(by.world.guard.screen(change).cases)) is looked_at
