"""What siblings of alarms, of registries and of access points lead to, as read from AWS."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from driftguard.controls import control
from driftguard.model import Candidate, Certainty, Change, Observation, Resource
from tests.scenarios.model import policy_of
from tests.support.records import ACCOUNT, change
from tests.support.world import REGION, Fakes, World

# ------------------------------------------------------------------------------- mute rules


def muting(*alarms: str) -> Change:
    request = {
        "name": "maintenance",
        "rule": {"schedule": {"expression": "cron(0 0 * * *)", "duration": "P1D"}},
        "muteTargets": {"alarmNames": [*alarms]},
    }
    return change("monitoring.amazonaws.com", "PutAlarmMuteRule", request)


def make_alarm(name: str, namespace: str) -> None:
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName="Count",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )


@pytest.mark.parametrize(
    ("alarms", "status", "muted"),
    [
        (["root-login", "no-orders"], "ACTIVE", ["root-login"]),
        (["root-login"], "SCHEDULED", ["root-login"]),
        (["root-login"], "EXPIRED", None),
        (["no-orders"], "ACTIVE", None),
        (["gone"], "ACTIVE", None),
    ],
)
def test_a_rule_that_mutes_a_watching_alarm_is_told_of(
    world: World, fakes: Fakes, alarms: list[str], status: str, muted: list[str] | None
) -> None:
    make_alarm("root-login", "CloudTrailMetrics")
    make_alarm("no-orders", "Shop")

    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked == {"AlarmMuteRuleName": "maintenance"}
        return {"Name": "maintenance", "MuteTargets": {"AlarmNames": alarms}, "Status": status}

    fakes.install({("cloudwatch", "GetAlarmMuteRule"): get})
    judge = control("cloudwatch.alarm-muted")
    (candidate,) = judge.screen(muting(*alarms), judge.settings())
    state = judge.observe(candidate, world.guard.aws.reader(ACCOUNT, REGION))
    assert state == (None if muted is None else {"muted": muted})


# ------------------------------------------------------------- multi-Region access points


def let_in(principal: Any) -> str:
    return policy_of(
        {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3::{ACCOUNT}:accesspoint/mfzwi23gnjvgw.mrap/object/*",
        }
    )


OURS, ANYBODY = let_in({"AWS": ACCOUNT}), let_in("*")


@pytest.mark.parametrize(
    ("proposed", "established", "told"),
    [
        # AWS is at work on it: what counts is what it leads to.
        (ANYBODY, OURS, True),
        (ANYBODY, ANYBODY, True),
        (OURS, ANYBODY, False),
        (OURS, OURS, False),
        ("", ANYBODY, True),
    ],
)
def test_an_open_multi_region_access_point_is_told_of_and_left_to_people(
    world: World, fakes: Fakes, proposed: str, established: str, told: bool
) -> None:
    def get(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked == {"AccountId": ACCOUNT, "Name": "everywhere"}
        policies = {"Established": {"Policy": established}, "Proposed": {"Policy": proposed}}
        return {"Policy": {name: one for name, one in policies.items() if one["Policy"]}}

    fakes.install({("s3control", "GetMultiRegionAccessPointPolicy"): get})
    details = {"Name": "everywhere", "Policy": ANYBODY}
    made = change(
        "s3.amazonaws.com",
        "PutMultiRegionAccessPointPolicy",
        {"PutMultiRegionAccessPointPolicyRequest": {"ClientToken": "1", "Details": details}},
    )
    judge = control("s3.public-access-point")
    (candidate,) = judge.screen(made, judge.settings())
    state = judge.observe(candidate, world.guard.aws.reader(ACCOUNT, REGION))
    assert state is not None
    assert (judge.assess(state, None, judge.settings()) is not None) == told
    if told:
        plan = judge.plan(candidate, Observation(state, ""), None, judge.settings())
        assert plan.steps == ()
        assert "multi-Region" in plan.advice


# ------------------------------------------------------------------------ a registry's scans

REGISTRY = Resource(
    "ecr.registry-scanning",
    ACCOUNT,
    ACCOUNT,
    REGION,
    f"arn:aws:ecr:{REGION}:{ACCOUNT}:registry-scanning",
)


def scanning(kind: str, **frequencies: str) -> dict[str, Any]:
    """A configuration: `shop` is the filter `shop*`, `all` everything."""
    rules = [
        {
            "scanFrequency": frequency,
            "repositoryFilters": [
                {"filter": "*" if name == "all" else f"{name}*", "filterType": "WILDCARD"}
            ],
        }
        for name, frequency in frequencies.items()
    ]
    return {"scanning": {"scanType": kind, "rules": rules}}


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        (
            scanning("BASIC", shop="SCAN_ON_PUSH"),
            scanning("BASIC"),
            "images of shop* are scanned less often than before",
        ),
        (
            scanning("BASIC", shop="SCAN_ON_PUSH"),
            scanning("BASIC", shop="MANUAL"),
            "images of shop* are scanned less often than before",
        ),
        (
            scanning("ENHANCED", all="CONTINUOUS_SCAN"),
            scanning("ENHANCED", shop="CONTINUOUS_SCAN"),
            "images of * are scanned less often than before",
        ),
        (
            scanning("ENHANCED", all="SCAN_ON_PUSH"),
            scanning("BASIC", all="SCAN_ON_PUSH"),
            "Amazon Inspector scans them no longer",
        ),
        (
            scanning("ENHANCED", shop="CONTINUOUS_SCAN"),
            scanning("ENHANCED", all="SCAN_ON_PUSH"),
            "images of shop* are scanned less often than before",
        ),
        (scanning("BASIC", shop="SCAN_ON_PUSH"), scanning("ENHANCED", all="CONTINUOUS_SCAN"), ""),
        (
            scanning("BASIC", shop="SCAN_ON_PUSH"),
            scanning("BASIC", shop="SCAN_ON_PUSH", bank="SCAN_ON_PUSH"),
            "",
        ),
        (scanning("BASIC"), scanning("BASIC"), ""),
        # Nobody knows what it was before, and the record does not say that nothing is scanned.
        (None, scanning("BASIC"), ""),
    ],
)
def test_a_registry_that_scans_less_than_before_is_weaker(
    before: dict[str, Any] | None, now: dict[str, Any], why: str
) -> None:
    judge = control("ecr.scanning-off")
    found = judge.assess(now, before, judge.settings())
    assert (found.summary if found else "") == why


def test_a_registry_that_scans_nothing_is_told_of_where_no_baseline_is_known() -> None:
    judge = control("ecr.scanning-off")
    asked = {"scanType": "BASIC", "rules": []}
    made = change("ecr.amazonaws.com", "PutRegistryScanningConfiguration", asked)
    (candidate,) = judge.screen(made, judge.settings())
    state = {**scanning("BASIC"), **candidate.hint}
    found = judge.assess(state, None, judge.settings())
    assert found is not None
    plan = judge.plan(candidate, Observation(state, ""), None, judge.settings())
    assert plan.steps == ()


def test_a_registry_gets_its_own_configuration_back_and_nothing_else() -> None:
    judge = control("ecr.scanning-off")
    before, now = scanning("BASIC", shop="SCAN_ON_PUSH"), scanning("BASIC")
    candidate = Candidate(REGISTRY, Certainty.EVIDENT)
    (step,) = judge.plan(candidate, Observation(now, ""), before, judge.settings()).steps
    assert (step.call.operation, step.call.parameters) == (
        "PutRegistryScanningConfiguration",
        before["scanning"],
    )
    assert [undo.parameters for undo in step.undo] == [now["scanning"]]
