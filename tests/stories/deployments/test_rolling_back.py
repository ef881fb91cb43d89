"""Functions with an insecure library go back to what was there before; and forth again, exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from moto.awslambda.models import LambdaFunction, lambda_backends

from driftguard.engine.errors import NotYet
from driftguard.events.commands import Undo
from driftguard.model import Autonomy, Decision, Status
from tests.support.approving import approved
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function, publish_layer
from tests.support.deployments.packages import OLD_LODASH, OLD_LOG4J, OLD_REQUESTS, package, wheel
from tests.support.deployments.serving import Shelf
from tests.support.inventory.making_zips import Content, zipped
from tests.support.records import ACCOUNT, REGION
from tests.support.world import World

CONTROL = "lambda.insecure-library"
CLEAN = package("old")
BAD = package("new", OLD_REQUESTS)


@pytest.fixture
def by(asking_osv: World) -> By:
    return By(asking_osv, CONTROL)


@pytest.fixture
def orders(by: By) -> Function:
    """A function whose version 1 is clean."""
    found = Function()
    found.create(CLEAN)
    return found


def undone(by: By, decision: Decision) -> str:
    """Takes the revert back; in words whether that was exact."""
    after = by.world.guard.undo(Undo(decision.id, "alice", "a test"))
    assert after.status is Status.UNDONE, after.reason
    return list(by.world.audit.log(decision.id))[-1].note


# -------------------------------------------------------------------------------------- aliases


@pytest.mark.parametrize(
    ("library", "named"),
    [
        (OLD_REQUESTS, "requests 2.19.0 (CVE-2018-18074)"),
        (OLD_LODASH, "lodash 4.17.15 (CVE-2020-8203)"),
        (OLD_LOG4J, "org.apache.logging.log4j:log4j-core 2.14.1 (CVE-2021-44228)"),
    ],
    ids=["a wheel", "a node module", "a jar in a jar"],
)
def test_an_alias_goes_back_to_the_version_before(
    by: By, orders: Function, library: dict[str, Content], named: str
) -> None:
    bad = orders.publish(package("new", library))
    orders.put(CLEAN)
    before = orders.snapshot
    deployed = orders.lead("live", bad)
    as_deployed = before()

    decision = by.on(deployed)

    assert decision.status is Status.REVERTED, decision.reason
    assert decision.summary == f"orders:2 (live) runs {named}"
    assert orders.leads("live") == ("1", {})
    assert undone(by, decision) == "exactly as before"
    assert orders.snapshot() == as_deployed


def test_an_alias_goes_to_the_newest_clean_version_that_is_older(by: By, orders: Function) -> None:
    orders.publish(package("newer"))
    orders.publish(package("bad", OLD_LODASH))
    bad = orders.publish(BAD)
    orders.publish(package("newest"))

    decision = by.on(orders.lead("live", bad))

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.leads("live") == ("2", {})


def test_a_version_that_lambda_could_not_set_up_is_no_way_back(by: By, orders: Function) -> None:
    """Its image was deleted, or its key disabled: who calls it gets an error."""
    failed = orders.publish(package("another"))
    bad = orders.publish(BAD)
    orders.put(CLEAN)
    lambda_backends[ACCOUNT][REGION].get_function("orders", failed).state = "Failed"

    by.on(orders.lead("live", bad))

    assert orders.leads("live") == ("1", {})


def test_the_other_aliases_stay_where_they_lead(by: By, orders: Function) -> None:
    newer = orders.publish(package("newer"))
    bad = orders.publish(BAD)
    orders.put(CLEAN)
    orders.lead("beta", newer)

    decision = by.on(orders.lead("live", bad))

    assert orders.leads("beta") == (newer, {})
    assert decision.plan.untouched == ("alias beta → 2",)


def test_an_alias_that_only_leads_a_part_of_its_calls_astray_keeps_the_rest(
    by: By, orders: Function
) -> None:
    newer = orders.publish(package("newer"))
    bad = orders.publish(BAD)
    orders.put(CLEAN)
    deployed = orders.lead("live", "1", {newer: 0.25, bad: 0.25})

    decision = by.on(deployed)

    assert orders.leads("live") == ("1", {newer: 0.25})
    assert undone(by, decision) == "exactly as before"
    assert orders.leads("live") == ("1", {newer: 0.25, bad: 0.25})


def test_an_alias_whose_main_version_is_insecure_gives_up_its_weights_for_what_it_goes_back_to(
    by: By, orders: Function
) -> None:
    bad = orders.publish(BAD)
    orders.put(CLEAN)

    by.on(orders.lead("live", bad, {"1": 0.5}))

    assert orders.leads("live") == ("1", {})


# -------------------------------------------------------------------------------------- $LATEST


def test_new_code_goes_back_to_the_newest_clean_version_and_is_kept_as_one(
    by: By, orders: Function
) -> None:
    clean = orders.sha256()
    orders.put(BAD)
    bad = orders.sha256()

    decision = by.on(orders.code_updated())

    assert decision.status is Status.REVERTED, decision.reason
    assert [one.call.operation for one in decision.plan.steps] == [
        "PublishVersion",
        "UpdateFunctionCode",
    ]
    assert orders.sha256() == clean
    assert orders.sha256("2") == bad
    assert undone(by, decision) == "exactly as before"
    assert orders.sha256() == bad


def test_what_a_version_keeps_already_is_not_published_again(by: By, orders: Function) -> None:
    orders.publish(BAD)

    decision = by.on(orders.code_updated())

    assert [one.call.operation for one in decision.plan.steps] == ["UpdateFunctionCode"]
    assert (
        orders.client.list_versions_by_function(FunctionName="orders")["Versions"][-1]["Version"]
        == "2"
    )
    assert undone(by, decision) == "exactly as before"


def test_no_code_ever_stands_in_a_plan(by: By, orders: Function) -> None:
    orders.put(BAD)

    decision = by.on(orders.code_updated())

    (step,) = [one for one in decision.plan.steps if one.call.operation == "UpdateFunctionCode"]
    assert step.call.parameters["ZipFile"] == {
        "$held": {
            "kind": "function-code",
            "function": "orders",
            "arn": orders.arn,
            "sha256": orders.sha256("1"),
        }
    }


def test_a_package_that_is_another_than_was_meant_is_refused(
    by: By, orders: Function, code: Shelf
) -> None:
    orders.put(BAD)
    bad, clean = orders.sha256(), orders.sha256("1")
    asking = by.world.with_policy(lambda given: replace(given, default=Autonomy.ASK))
    asked = by.on(orders.code_updated(), guard=asking)
    code.instead[clean] = package("somebody else's")

    decision = approved(asking, asked)

    assert decision.status is Status.FAILED
    assert decision.reason.startswith("what Lambda gave as the code of orders:1 is another")
    assert orders.sha256() == bad


def test_code_that_no_version_keeps_any_more_is_nothing_to_go_back_to(
    by: By, orders: Function
) -> None:
    orders.put(BAD)
    bad = orders.sha256()
    asking = by.world.with_policy(lambda given: replace(given, default=Autonomy.ASK))
    asked = by.on(orders.code_updated(), guard=asking)
    orders.client.delete_function(FunctionName="orders", Qualifier="1")

    decision = approved(asking, asked)

    assert decision.status is Status.FAILED
    assert "keeps the code" in decision.reason
    assert orders.sha256() == bad


def test_code_that_is_started_otherwise_cannot_stand_in_its_place(by: By, orders: Function) -> None:
    orders.client.update_function_configuration(FunctionName="orders", Handler="new.handler")
    orders.put(BAD)

    decision = by.on(orders.code_updated())

    assert decision.status is Status.ASKED
    assert [one.call.operation for one in decision.plan.steps] == ["PutFunctionConcurrency"]


def test_a_package_too_large_for_a_call_is_left_where_it_is(
    by: By, orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftguard.controls.lambda_.rollback._MOST_UPLOADED", len(CLEAN) - 1)
    bad = orders.publish(BAD)

    decision = by.on(orders.lead("live", bad))

    assert orders.leads("live") == ("1", {})
    assert decision.status is Status.FAILED
    assert "orders:$LATEST runs requests 2.19.0" in decision.reason
    assert orders.reserved() is None


def test_code_that_a_customers_key_encrypts_is_not_uploaded_again_without_it(
    by: By, orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is uploaded without naming the key is encrypted by AWS's."""
    get_code = LambdaFunction.get_code

    def encrypted(function: LambdaFunction) -> dict[str, Any]:
        answer = get_code(function)
        answer["Code"]["SourceKMSKeyArn"] = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/made-up"
        return answer

    monkeypatch.setattr(LambdaFunction, "get_code", encrypted)
    orders.put(BAD)

    decision = by.on(orders.code_updated())

    assert decision.status is Status.ASKED
    assert [one.call.operation for one in decision.plan.steps] == ["PutFunctionConcurrency"]


def test_a_package_that_cannot_be_had_just_now_is_had_at_the_next_delivery(
    by: By, orders: Function, code: Shelf
) -> None:
    orders.put(BAD)
    by.on(orders.code_updated())
    clean = orders.sha256()
    orders.put(BAD)
    code.away.add(clean)
    change = orders.code_updated()

    with pytest.raises(NotYet, match="answered with status 503"):
        by.on(change)

    code.away.clear()
    assert by.on(change).status is Status.REVERTED
    assert orders.sha256() == clean


# -------------------------------------------------------------------------------------- layers


def layer(*libraries: dict[str, Content]) -> bytes:
    files: dict[str, Content] = {"python/common.py": ""}
    for one in libraries:
        files |= {f"python/{name}": content for name, content in one.items()}
    return zipped(files)


def test_a_layer_goes_back_to_its_newest_clean_version_and_the_others_stay(
    by: By, orders: Function
) -> None:
    tools = publish_layer("tools", layer())
    publish_layer("http", layer(wheel("requests", "2.31.0")))
    fine = publish_layer("http", layer(wheel("requests", "2.32.3")))
    publish_layer("http", layer(OLD_REQUESTS, wheel("idna", "2.7")))
    bad = publish_layer("http", layer(OLD_REQUESTS))
    deployed = orders.layers_updated(tools, bad)

    decision = by.on(deployed)

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.layers() == [tools, fine]
    assert undone(by, decision) == "exactly as before"
    assert orders.layers() == [tools, bad]


def test_a_layer_that_never_was_clean_gives_way_to_the_layers_of_a_version_that_is(
    by: By, orders: Function
) -> None:
    bad = publish_layer("http", layer(OLD_REQUESTS))

    decision = by.on(orders.layers_updated(bad))

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.layers() == []


def test_the_same_code_is_fine_again_with_the_layers_that_it_had(by: By) -> None:
    orders = Function()
    fine = publish_layer("http", layer(wheel("requests", "2.32.3")))
    orders.create(CLEAN, Layers=[fine])
    orders.layers_updated(publish_layer("http", layer(OLD_REQUESTS)))
    bad = orders.publish()

    decision = by.on(orders.lead("live", bad))

    assert decision.status is Status.REVERTED, decision.reason
    assert orders.leads("live") == ("1", {})
    assert orders.layers() == [fine]


def test_code_and_layer_go_back_together(by: By, orders: Function) -> None:
    fine = publish_layer("http", layer(wheel("requests", "2.32.3")))
    bad = publish_layer("http", layer(OLD_REQUESTS))
    orders.put(package("new", OLD_LODASH))
    deployed = orders.layers_updated(bad)
    as_deployed = orders.snapshot()

    decision = by.on(deployed)

    assert decision.status is Status.REVERTED, decision.reason
    assert (orders.sha256(), orders.layers()) == (orders.sha256("1"), [fine])
    assert undone(by, decision) == "exactly as before"
    assert orders.snapshot() == as_deployed


# -------------------------------------------------------------------------------------- delivery


def test_a_second_delivery_finds_its_own_decision(by: By, orders: Function) -> None:
    deployed = orders.lead("live", orders.publish(BAD))

    first, second = by.on(deployed), by.on(deployed)

    assert first == second
    assert by.world.log(first) == ["decided", "reverted"]


def test_a_later_change_finds_nothing_to_do(by: By, orders: Function) -> None:
    bad = orders.publish(BAD)
    by.on(orders.lead("live", bad))

    assert by.all_on(orders.code_updated()) == []


def test_a_package_is_read_once_however_often_it_is_looked_at(
    by: By, orders: Function, code: Shelf
) -> None:
    bad = orders.publish(BAD)

    by.on(orders.lead("live", bad))

    # Once to be judged; and the clean one once more, to be put back.
    assert sorted(code.asked) == sorted(
        [orders.sha256("1"), orders.sha256("1"), orders.sha256(bad)]
    )


def test_without_anybody_to_ask_nothing_is_looked_at(reverting: World, code: Shelf) -> None:
    orders = Function()
    orders.create(BAD)

    assert By(reverting, CONTROL).all_on(orders.code_updated()) == []
    assert code.asked == []
