"""What could not be read, or nobody could say, is never taken for clean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from driftguard.analysis import vulnerabilities
from driftguard.audit.items import decision_id
from driftguard.engine.errors import NotYet
from driftguard.model import Status
from tests.support.advisories.stand_in import Habit, Handler, StandIn
from tests.support.deployments.deploying import By, with_settings
from tests.support.deployments.functions import Function, publish_layer
from tests.support.deployments.packages import OLD_REQUESTS, package, wheel
from tests.support.deployments.serving import Shelf
from tests.support.inventory.making_zips import Raw, raw_zip, zeros_deflated, zipped
from tests.support.world import World

CONTROL = "lambda.insecure-library"
FINE = package("fine", wheel("requests", "2.32.3"))


@pytest.fixture
def by(asking_osv: World, monkeypatch: pytest.MonkeyPatch) -> By:
    """A guard that is short of patience, so that the tests are not."""
    monkeypatch.setattr(vulnerabilities, "_ADVISORIES_SECONDS", 0.5)
    return By(asking_osv, CONTROL)


@pytest.fixture
def orders(by: By) -> Function:
    found = Function()
    found.create(FINE)
    return found


def refuses(handler: Handler, _: Any) -> bool:
    handler.answer({"message": "slow down"}, 429)
    return True


def breaks(handler: Handler, _: Any) -> bool:
    handler.answer({"message": "out of order"}, 500)
    return True


def babbles(handler: Handler, _: Any) -> bool:
    handler.raw(b'{"results": [')
    return True


def tells_of_nothing_asked(handler: Handler, _: Any) -> bool:
    handler.answer({"results": []})
    return True


def lies_about_its_length(handler: Handler, _: Any) -> bool:
    handler.raw(b'{"results": [{}]}', length=1000)
    return True


def hangs_up(handler: Handler, _: Any) -> bool:
    handler.connection.close()
    return True


ANOMALIES: list[Habit] = [
    refuses,
    breaks,
    babbles,
    tells_of_nothing_asked,
    lies_about_its_length,
    hangs_up,
]
every_habit = pytest.mark.parametrize("habit", ANOMALIES, ids=lambda one: one.__name__)


@every_habit
def test_an_answer_that_does_not_come_is_waited_for_and_told_of_in_the_end(
    by: By, orders: Function, osv: StandIn, habit: Habit
) -> None:
    osv.always = habit
    change = orders.code_updated()

    with pytest.raises(NotYet, match="OSV could not be asked"):
        by.on(change)
    decision = by.on(change, last=True)

    assert decision.status is Status.OBSERVED
    assert decision.summary.startswith("orders could not be checked: OSV could not be asked")
    assert decision.plan.steps == ()
    assert [one.guardrail for one in decision.rulings] == ["no-remediation", "uncertain"]


@every_habit
def test_policy_may_have_it_observed_instead(
    by: By, orders: Function, osv: StandIn, habit: Habit
) -> None:
    osv.always = habit
    guard = with_settings(by.world.guard, CONTROL, unknown="observe")

    decision = by.on(orders.code_updated(), last=True, guard=guard)

    assert decision.status is Status.OBSERVED


def test_nobody_at_the_address_is_no_all_clear(
    by: By, orders: Function, osv: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = by.world.guard.aws
    nowhere = replace(aws.surroundings, advisories="http://127.0.0.1:9")
    monkeypatch.setattr(aws, "surroundings", nowhere)

    with pytest.raises(NotYet, match="Connection refused"):
        by.on(orders.code_updated())


def test_an_answer_that_comes_at_last_is_the_answer(by: By, orders: Function, osv: StandIn) -> None:
    orders.put(package("new", OLD_REQUESTS))
    change = orders.code_updated()
    osv.always = breaks
    with pytest.raises(NotYet):
        by.on(change)
    osv.always = None

    assert by.on(change).status is Status.REVERTED


def test_what_was_found_counts_though_there_may_be_more(
    by: By, orders: Function, osv: StandIn
) -> None:
    """One advisory of two cannot be had: the other is reason enough."""
    osv.always = lambda handler, _: (
        handler.path.endswith("GHSA-p6mc-m468-83gw") and breaks(handler, _)
    )
    both = {"node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.15"}'}
    orders.put(package("new", OLD_REQUESTS, dict(both)))

    decision = by.on(orders.code_updated())

    assert decision.status is Status.REVERTED
    assert "requests 2.19.0" in decision.summary


def test_an_earlier_version_that_may_be_clean_is_waited_for(by: By, osv: StandIn) -> None:
    """To stop the function is no choice as long as there may be something to go back to."""
    orders = Function("stock")
    orders.create(package("old", wheel("idna", "2.7")))
    bad = orders.publish(package("new", OLD_REQUESTS))
    change = orders.lead("live", bad)

    def asked_about_idna(handler: Handler, body: Any) -> bool:
        names = [one["package"]["name"] for one in (body or {}).get("queries", [])]
        return "idna" in names and breaks(handler, body)

    osv.always = asked_about_idna
    with pytest.raises(NotYet):
        by.on(change)
    asked = by.on(change, last=True)

    assert asked.status is Status.ASKED
    assert asked.plan.drastic
    assert orders.leads("live") == (bad, {})


def bomb() -> bytes:
    size = 100 << 20
    data, crc = zeros_deflated(size)
    return raw_zip([Raw("app.py", b"x"), Raw("lib.jar", data=data, size=size, crc=crc)])


def too_deep() -> bytes:
    archive = zipped({"requirements.txt": "requests==2.19.0\n"})
    for depth in range(6):
        archive = zipped({f"{depth}.jar": archive})
    return archive


def cut_off() -> bytes:
    return FINE[:-30]


@pytest.mark.parametrize("archive", [bomb, too_deep, cut_off], ids=lambda one: one.__name__)
def test_an_archive_that_cannot_be_read_to_its_end_is_told_of(
    by: By, orders: Function, archive: Callable[[], bytes]
) -> None:
    orders.put(archive())
    change = orders.code_updated()

    with pytest.raises(NotYet):
        by.on(change)
    decision = by.on(change, last=True)

    assert decision.status is Status.OBSERVED
    assert "orders could not be checked: not all of orders:$LATEST could be read" in (
        decision.summary
    )


def test_code_that_is_not_what_lambda_says_it_is_is_not_judged(
    by: By, orders: Function, code: Shelf
) -> None:
    orders.put(package("new"))
    code.instead[orders.sha256()] = FINE

    with pytest.raises(NotYet, match="is another code"):
        by.on(orders.code_updated())


def test_a_layer_that_cannot_be_read_is_doubted_like_code(
    by: By, orders: Function, code: Shelf
) -> None:
    layer = publish_layer("http", cut_off())

    with pytest.raises(NotYet, match=r"layer:http:1"):
        by.on(orders.layers_updated(layer))


def test_whether_a_revert_helped_is_waited_for(
    by: By, orders: Function, osv: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advisories go silent between the revert and the look after it."""
    orders.put(package("new", OLD_REQUESTS))
    change = orders.code_updated()
    world = by.world

    def silent_once_reverted(handler: Handler, body: Any) -> bool:
        return orders.sha256() == orders.sha256("1") and breaks(handler, body)

    osv.always = silent_once_reverted
    # Nothing that was asked before answers for it.
    aws = world.guard.aws
    monkeypatch.setattr(aws, "surroundings", replace(aws.surroundings, state_table=""))
    with pytest.raises(NotYet):
        by.on(change)
    decision = world.audit.get(decision_id(change, CONTROL, orders.resource))
    assert decision is not None
    assert decision.status is Status.REVERTING

    osv.always = None
    assert by.on(change).status is Status.REVERTED
    assert world.log(decision) == ["decided", "waiting", "resumed", "reverted"]


def test_what_there_was_no_time_for_is_read_at_the_next_delivery(
    by: By, orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.put(package("new", OLD_REQUESTS))
    change = orders.code_updated()

    with monkeypatch.context() as hurried:
        hurried.setattr("driftguard.controls.lambda_.versions._SECONDS", -1.0)
        with pytest.raises(NotYet, match="was not read yet"):
            by.on(change)

    assert by.on(change).status is Status.REVERTED


def test_versions_beyond_those_that_are_read_are_no_all_clear(
    by: By, orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftguard.controls.lambda_.versions._MOST_LOOKED", 1)

    with pytest.raises(NotYet, match="version 1 was not read: 1 others were"):
        by.on(orders.lead("live", "1"))


def test_aliases_beyond_those_that_are_kept_are_no_all_clear(
    by: By, orders: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driftguard.controls.lambda_.libraries._MOST_ALIASES", 0)

    with pytest.raises(NotYet, match="more than 0 aliases"):
        by.on(orders.lead("live", "1"))
