"""What the policy says of libraries: which are flagged, and which are accepted for a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from driftguard.controls.mechanisms.vulnerable_library import Judge, LibrarySettings
from driftguard.model import Resource, Status
from driftguard.policy import model
from driftguard.policy.compiled import from_compiled
from driftguard_cli.policy_file import loader
from driftguard_cli.policy_file.loader import PolicyError
from tests.support.advisories.stand_in import StandIn
from tests.support.deployments.deploying import By
from tests.support.deployments.functions import Function
from tests.support.deployments.packages import OLD_REQUESTS, package
from tests.support.world import World

CONTROL = "lambda.insecure-library"


def compiled(settings: str, control: str = CONTROL) -> model.Policy:
    """The policy of a file with these settings of the control."""
    indented = "".join(f"      {line}\n" for line in settings.strip("\n").splitlines())
    written = f"version: 1\ncontrols:\n  {control}:\n    settings:\n{indented}"
    return from_compiled(loader.compiled(written))


def settings(written: str) -> LibrarySettings:
    return compiled(written).settings_of(CONTROL, LibrarySettings)


def test_a_policy_that_is_silent_minds_what_is_severe() -> None:
    found = from_compiled(loader.compiled("version: 1\n"))

    assert found.settings_of(CONTROL, LibrarySettings) == LibrarySettings()


def test_everything_that_can_be_set_reaches_the_control() -> None:
    found = settings(
        """
min_severity: 90
fix_available: true
unknown: observe
allowed:
  - id: CVE-2018-18074
    until: 2026-12-31
    reason: We never follow redirects.
    resource: "arn:aws:lambda:*:*:function:batch-*"
    tags: {team: reports}
  - id: GHSA-p6mc-m468-83gw
    until: 2027-01-31
    reason: Only at build time.
"""
    )

    assert (found.min_severity, found.fix_available, found.unknown) == (90, True, "observe")
    first, second = found.allowed
    assert first == {
        "id": "CVE-2018-18074",
        "until": "2026-12-31",
        "reason": "We never follow redirects.",
        "resource": "arn:aws:lambda:*:*:function:batch-*",
        "tags": {"team": "reports"},
    }
    assert second == {
        "id": "GHSA-p6mc-m468-83gw",
        "until": "2027-01-31",
        "reason": "Only at build time.",
    }


@pytest.mark.parametrize(
    "control",
    [CONTROL, "lambda.insecure-layer", "lambda.insecure-event-source", "ecs.insecure-image"],
)
def test_every_control_over_libraries_takes_the_same_settings(control: str) -> None:
    found = compiled("min_severity: 40", control).settings_of(control, LibrarySettings)

    assert found.min_severity == 40


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("allowed: [{id: CVE-1, reason: none}]", "until"),
        ("allowed: [{id: CVE-1, until: soon, reason: none}]", "must be a day"),
        ("allowed: [{id: CVE-1, until: 2026-12-31}]", "reason"),
        ("allowed: [{id: CVE-1, until: 2026-12-31, reason: r, account: '1'}]", "account"),
        ("unknown: revert", "ask"),
        ("min_severity: high", "must be a whole number"),
    ],
)
def test_a_mistake_is_named(written: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        compiled(written)


# -------------------------------------------------------------------------------------- judging

ORDERS = Resource("lambda.function", "orders", "1", "us-east-1", "arn:aws:lambda:::function:orders")


def finding(**more: Any) -> dict[str, Any]:
    return {
        "ecosystem": "PyPI",
        "package": "requests",
        "version": "2.19.0",
        "id": "CVE-2018-18074",
        "ids": ["CVE-2018-18074", "GHSA-x84v-xcm2-53pg"],
        "severity": 75,
        "fixed_in": ["2.20.0"],
        "summary": "",
        "places": [],
        **more,
    }


def minds(terms: LibrarySettings, today: str = "2026-11-24", **tags: str) -> bool:
    return bool(Judge(terms, ORDERS, today, tags).flagged({"findings": [finding()]}))


def allowing(**more: Any) -> LibrarySettings:
    one: Any = {"id": "CVE-2018-18074", "until": "2026-11-24", "reason": "none", **more}
    return LibrarySettings(allowed=(one,))


def test_an_advisory_is_accepted_through_its_last_day() -> None:
    assert not minds(allowing(), "2026-11-24")
    assert minds(allowing(), "2026-11-25")


def test_an_advisory_is_accepted_under_any_of_its_names() -> None:
    assert not minds(allowing(id="GHSA-x84v-xcm2-53pg"))
    assert minds(allowing(id="CVE-2018-1807"))


@pytest.mark.parametrize(
    ("pattern", "accepted"),
    [("orders", True), ("ord*", True), ("*:function:orders", True), ("stock", False), ("*", True)],
)
def test_an_advisory_is_accepted_of_the_resources_that_it_names(
    pattern: str, accepted: bool
) -> None:
    assert minds(allowing(resource=pattern)) is not accepted


def test_an_advisory_is_accepted_of_resources_with_all_of_its_tags() -> None:
    terms = allowing(tags={"team": "reports", "stage": "test"})

    assert minds(terms)
    assert minds(terms, team="reports")
    assert not minds(terms, team="reports", stage="test", more="of them")


def test_what_was_not_kept_is_not_judged_by_what_was() -> None:
    """All that is kept is accepted; of what did not fit nobody knows."""
    judge = Judge(allowing(), ORDERS, "2026-11-24")

    full = {"findings": [finding()], "more": 3, "unknown": ""}
    assert judge.flagged(full) == []
    assert judge.unknown(full) == "3 findings more than can be kept were not judged"
    assert not judge.clears(full)
    # But none of them is worse than what is too mild to mind.
    mild = {"findings": [finding(severity=40)], "more": 3, "unknown": ""}
    assert judge.clears(mild)


# -------------------------------------------------------------------------------------- end to end


@pytest.mark.parametrize(("until", "accepted"), [(1, True), (-1, False)])
def test_a_function_with_an_accepted_library_is_left_alone_until_its_day(
    asking_osv: World, osv: StandIn, until: int, accepted: bool
) -> None:
    orders = Function()
    orders.create(package("old"))
    orders.put(package("new", OLD_REQUESTS))
    bad = orders.sha256()
    day = f"{datetime.now(UTC) + timedelta(days=until):%Y-%m-%d}"
    written = f"allowed: [{{id: CVE-2018-18074, until: {day}, reason: a test}}]"
    given = asking_osv.guard.policy
    guard = replace(asking_osv.guard, policy=replace(given, settings=compiled(written).settings))

    found = By(asking_osv, CONTROL).all_on(orders.code_updated(), guard=guard)

    assert [one.status for one in found] == ([] if accepted else [Status.REVERTED])
    assert (orders.sha256() == bad) is accepted


def test_the_tags_of_a_function_count(asking_osv: World, osv: StandIn) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    written = (
        f"allowed: [{{id: CVE-2018-18074, until: {day}, reason: a test, tags: {{stage: test}}}}]"
    )
    policy_ = replace(asking_osv.guard.policy, settings=compiled(written).settings)
    guard = replace(asking_osv.guard, policy=policy_)
    by = By(asking_osv, CONTROL)
    tested, live = Function("tested"), Function("live")
    tested.create(package("new", OLD_REQUESTS), Tags={"stage": "test"})
    live.create(package("new", OLD_REQUESTS), Tags={"stage": "live"})

    assert by.all_on(tested.code_updated(), guard=guard) == []
    assert by.on(live.code_updated(), guard=guard).status is Status.ASKED
