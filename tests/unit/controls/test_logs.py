"""When a retention is shorter than before, and when a missing filter is missed."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.controls.logs import RetentionSettings
from driftguard.model import Autonomy, Candidate, Certainty, Resource
from tests.support.answers import answering, refused_with
from tests.support.records import ACCOUNT, REGION, change

SETTINGS = RetentionSettings()
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:app"


@pytest.mark.parametrize(
    ("before", "now", "shorter"),
    [
        (None, 365, False),
        (None, 400, False),
        (None, 364, True),
        (None, 30, True),
        (90, 30, True),
        (3653, 400, True),
        (30, 90, False),
        (30, None, False),
        (1, 1, False),
    ],
)
def test_a_group_that_kept_everything_may_come_to_keep_a_year(
    before: int | None, now: int | None, shorter: bool
) -> None:
    """Kind 10: nobody chose to keep events for good; AWS makes every group so."""
    one = control("logs.retention-shortened")

    assert bool(one.assess({"days": now}, {"days": before}, SETTINGS)) is shorter


@pytest.mark.parametrize(
    ("group", "risky"),
    [
        ({"creationTime": 1795521540000}, False),
        ({"creationTime": 1700000000000}, True),
        ({}, True),
        ({"creationTime": 1700000000000, "logGroupClass": "DELIVERY"}, False),
    ],
)
def test_a_group_made_minutes_ago_was_made_with_its_retention(
    group: dict[str, Any], risky: bool
) -> None:
    """Kind 3; kind 5: a group of the class DELIVERY takes no retention."""
    one = control("logs.retention-shortened")
    by = change(
        "logs.amazonaws.com", "PutRetentionPolicy", {"logGroupName": "app", "retentionInDays": 1}
    )
    (candidate,) = one.screen(by, SETTINGS)
    told = {"logGroupName": "app", "retentionInDays": 1, **group}

    state = one.observe(candidate, answering(logs__DescribeLogGroups={"logGroups": [told]}))

    finding = None if state is None else one.assess(state, None, SETTINGS)
    assert (finding is not None) is risky
    if finding is not None:
        assert finding.at_most is Autonomy.ASK


@pytest.mark.parametrize(
    ("id_", "operation", "kind"),
    [
        ("logs.metric-filter-deleted", "DescribeMetricFilters", "metric-filter"),
        ("logs.subscription-filter-deleted", "DescribeSubscriptionFilters", "subscription-filter"),
    ],
)
def test_a_filter_is_not_missed_where_its_log_group_is_gone(
    id_: str, operation: str, kind: str
) -> None:
    """Kind 10: there is nothing left to filter, and no group to put the filter on."""
    one = control(id_)
    filter_ = Resource(f"logs.{kind}", "one", ACCOUNT, REGION, f"{GROUP}:{kind}:one")
    candidate = Candidate(filter_, Certainty.EVIDENT)

    gone = answering(**{f"logs__{operation}": refused_with("ResourceNotFoundException")})
    assert one.observe(candidate, gone) is None

    there = answering(**{f"logs__{operation}": {}})
    state = one.observe(candidate, there)
    assert state == {"exists": False}
    assert one.assess(state, None, NoSettings())
