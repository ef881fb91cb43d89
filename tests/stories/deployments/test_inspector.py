"""Amazon Inspector says what is insecure, with or without advisories of our own."""

from __future__ import annotations

import pytest

from driftguard.events.commands import Undo
from driftguard.model import Status
from tests.support.advisories.stand_in import StandIn
from tests.support.deployments.deploying import By, with_settings
from tests.support.deployments.functions import (
    REQUESTS,
    Function,
    inspector_finding,
    publish_layer,
    vulnerable,
)
from tests.support.deployments.packages import OLD_LOG4J, OLD_REQUESTS, package, wheel
from tests.support.inventory.making_zips import zipped
from tests.support.world import World

CONTROL = "lambda.insecure-library"
BAD = package("new", OLD_REQUESTS)


@pytest.fixture
def by(reverting: World) -> By:
    """A guard without advisories."""
    return By(reverting, CONTROL)


@pytest.fixture
def orders(by: By) -> Function:
    found = Function()
    found.create(package("old"))
    return found


def test_its_finding_alone_has_an_alias_go_back(by: By, orders: Function) -> None:
    bad = orders.publish(BAD)
    orders.put(package("old"))
    orders.lead("live", bad)

    decision = by.on(inspector_finding(orders, bad, REQUESTS))

    assert decision.status is Status.REVERTED, decision.reason
    assert decision.summary == "orders:2 (live) runs requests 2.19.0 (CVE-2018-18074)"
    assert orders.leads("live") == ("1", {})
    undone = by.world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert undone.status is Status.UNDONE
    assert orders.leads("live") == (bad, {})


def test_what_it_tells_of_is_known_though_the_code_could_not_be_read(
    by: By, orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = orders.publish(BAD)
    orders.put(package("old"))
    orders.lead("live", bad)
    monkeypatch.setattr("driftguard.controls.lambda_.versions._SECONDS", -1.0)

    decision = by.on(inspector_finding(orders, bad, REQUESTS), last=True)

    assert decision.status is Status.ASKED
    assert decision.summary == "orders:2 (live) runs requests 2.19.0 (CVE-2018-18074)"


def test_a_finding_about_latest_is_about_its_code_and_not_about_what_came_after(
    by: By, orders: Function
) -> None:
    orders.put(BAD)
    finding = inspector_finding(orders, "$LATEST", REQUESTS)
    orders.put(package("newer"))

    assert by.all_on(finding) == []


def test_whatever_else_holds_that_package_is_no_way_back(by: By, orders: Function) -> None:
    """Inspector has told of version 3 only; but version 2 holds the same library."""
    orders.publish(package("another", OLD_REQUESTS))
    bad = orders.publish(BAD)
    orders.lead("live", bad)

    by.on(inspector_finding(orders, bad, REQUESTS))

    assert orders.leads("live") == ("1", {})


def test_a_package_is_known_by_the_name_that_inspector_gives_it(by: By, orders: Function) -> None:
    orders.publish(package("another", OLD_LOG4J))
    bad = orders.publish(package("new", OLD_LOG4J, wheel("idna", "2.7")))
    orders.lead("live", bad)
    told = vulnerable("log4j-core", "2.14.1", "2.15.0", "JAR")

    by.on(inspector_finding(orders, bad, told, id_="CVE-2021-44228", score=10.0))

    assert orders.leads("live") == ("1", {})


def test_a_finding_in_a_layer_has_the_layer_go_back(by: By, orders: Function) -> None:
    fine = publish_layer("http", zipped({"python/requests.py": ""}))
    bad = publish_layer(
        "http", zipped({f"python/{name}": content for name, content in OLD_REQUESTS.items()})
    )
    orders.layers_updated(bad)
    told = {**REQUESTS, "sourceLambdaLayerArn": bad}

    decision = by.on(inspector_finding(orders, "$LATEST", told))

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.layers() == [fine]


def test_what_both_know_is_told_once(asking_osv: World, osv: StandIn, orders: Function) -> None:
    bad = orders.publish(BAD)
    orders.lead("live", bad)

    decision = By(asking_osv, CONTROL).on(inspector_finding(orders, bad, REQUESTS))

    assert decision.summary == (
        "orders:$LATEST, orders:2 (live) runs requests 2.19.0 (CVE-2018-18074)"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"status": "CLOSED"},
        {"status": "SUPPRESSED"},
        {"type": "CODE_VULNERABILITY", "packageVulnerabilityDetails": None},
        {"inspectorScore": 6.9},
        {"inspectorScore": None, "severity": "MEDIUM"},
        {"resources": []},
        {"resources": [{"type": "AWS_EC2_INSTANCE", "id": "i-0a1b2c3d4e5f60718"}]},
    ],
    ids=lambda one: str(one)[:40],
)
def test_the_record_alone_proves_a_finding_to_be_none_of_ours(
    by: By, orders: Function, more: dict[str, object]
) -> None:
    finding = inspector_finding(orders, "1", REQUESTS, **more)

    assert list(by.world.guard.screen(finding).cases) == []


def test_a_members_function_is_the_members_business(by: By, orders: Function) -> None:
    """An administrator's account hears of its members' findings too."""
    arn = "arn:aws:lambda:us-east-1:999999999999:function:orders:1"
    finding = inspector_finding(
        orders, "1", REQUESTS, resources=[{"type": "AWS_LAMBDA_FUNCTION", "id": arn}]
    )

    assert list(by.world.guard.screen(finding).cases) == []


def test_what_nobody_has_triaged_counts_as_severe(by: By, orders: Function) -> None:
    bad = orders.publish(BAD)
    orders.lead("live", bad)
    untriaged = {"inspectorScore": None, "severity": "UNTRIAGED"}

    decision = by.on(inspector_finding(orders, bad, REQUESTS, **untriaged))

    assert decision.status is Status.REVERTED


def test_only_what_is_fixed_is_minded_where_policy_says_so(by: By, orders: Function) -> None:
    guard = with_settings(by.world.guard, CONTROL, fix_available=True)
    unfixed = {**REQUESTS, "fixedInVersion": "NotAvailable"}

    assert list(guard.screen(inspector_finding(orders, "1", unfixed)).cases) == []
    assert list(guard.screen(inspector_finding(orders, "1", REQUESTS)).cases) != []
