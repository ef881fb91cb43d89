"""A trail that is only being made, and what of it can be cut."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.aws.permissions import grants_of
from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.model import NOT_IN_USE, Autonomy, Observation, Resource
from tests.support.answers import answering
from tests.support.records import ACCOUNT, REGION, change

CLOUDTRAIL = "cloudtrail.amazonaws.com"
TRAIL = Resource(
    "cloudtrail.trail", "all", ACCOUNT, REGION, f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all"
)
NARROW = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}
DELIVERED = {"LatestDeliveryTime": "2021-03-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("status", "risky"),
    [({}, False), ({"IsLogging": True}, False), (DELIVERED, True)],
)
def test_a_trail_that_never_delivered_lost_nothing(status: dict[str, Any], risky: bool) -> None:
    """Kind 3: Terraform makes a trail, then says what of it should be off."""
    selectors = control("cloudtrail.selectors-narrowed")
    asked = {"trailName": "all", "eventSelectors": [{"readWriteType": "WriteOnly"}]}
    weakened = control("cloudtrail.weakened")
    off = {"name": "all", "includeGlobalServiceEvents": False}
    reader = answering(
        cloudtrail__GetEventSelectors={"EventSelectors": [NARROW]},
        cloudtrail__GetTrailStatus=status,
        cloudtrail__GetTrail={"Trail": {"Name": "all", "IncludeGlobalServiceEvents": False}},
    )

    for one, name, request in (
        (selectors, "PutEventSelectors", asked),
        (weakened, "UpdateTrail", off),
    ):
        (candidate,) = one.screen(change(CLOUDTRAIL, name, request), NoSettings())
        state = one.observe(candidate, reader)
        assert state is not None
        finding = one.assess(state, None, NoSettings())
        assert (finding is not None) is risky
        if finding is not None:
            assert finding.at_most is Autonomy.ASK


@pytest.mark.parametrize(
    ("asked", "free"),
    [
        ({"isMultiRegionTrail": False}, True),
        ({"s3BucketName": "elsewhere"}, False),
        ({"isMultiRegionTrail": False, "s3BucketName": "elsewhere"}, False),
    ],
)
def test_logs_that_were_moved_may_be_read_where_they_are(asked: Any, free: bool) -> None:
    """Kind 4."""
    one = control("cloudtrail.weakened")
    (candidate,) = one.screen(
        change(CLOUDTRAIL, "UpdateTrail", {"name": "all", **asked}), NoSettings()
    )

    found = one.in_use(candidate, candidate.hint, answering())

    assert (found == NOT_IN_USE) is free


def test_tags_of_aws_are_left_out_and_told() -> None:
    """Kind 5."""
    one = control("cloudtrail.deleted")
    (candidate,) = one.screen(change(CLOUDTRAIL, "DeleteTrail", {"name": "all"}), NoSettings())
    tags = [{"Key": "aws:cloudformation:stack-id", "Value": "s"}, {"Key": "team", "Value": "t"}]
    reader = answering(
        cloudtrail__GetTrail={"Trail": {"Name": "all", "S3BucketName": "logs"}},
        cloudtrail__GetEventSelectors={},
        cloudtrail__GetInsightSelectors={},
        cloudtrail__GetTrailStatus={"IsLogging": True},
        cloudtrail__ListTags={"ResourceTagList": [{"TagsList": tags}]},
    )
    before = one.observe(candidate, reader)
    assert before is not None
    assert before["tags"] == [{"Key": "team", "Value": "t"}]
    assert before["left_out"] == ["the tag aws:cloudformation:stack-id"]


@pytest.mark.parametrize("of_organization", [True, False])
def test_only_who_changes_an_organizations_trail_is_asked_for_more(of_organization: bool) -> None:
    """Every trail's session was allowed to read roles and to list what the organization trusts."""
    one = control("cloudtrail.weakened")
    (candidate,) = one.screen(
        change(CLOUDTRAIL, "UpdateTrail", {"name": "all", "isMultiRegionTrail": False}),
        NoSettings(),
    )
    trail = {"Name": "all", "IsMultiRegionTrail": False, "IsOrganizationTrail": of_organization}
    reader = answering(cloudtrail__GetTrail={"Trail": trail}, cloudtrail__GetTrailStatus=DELIVERED)
    state = one.observe(candidate, reader)
    assert state is not None
    before = {**state, "IsMultiRegionTrail": True}
    plan = one.plan(candidate, Observation(state, "2026-01-01T00:00:00Z"), before, NoSettings())
    (step,) = plan.steps
    more = {
        "iam:CreateServiceLinkedRole",
        "iam:GetRole",
        "organizations:ListAWSServiceAccessForOrganization",
    }
    for call in (step.call, *step.undo):
        asked = {action for action, _ in grants_of(call)}
        assert asked - more == {"cloudtrail:UpdateTrail"}
        assert bool(asked & more) is of_organization
        assert ("*" in call.on) is of_organization


def test_an_organizations_trail_is_swept_in_its_own_account_and_never_made_anew() -> None:
    item = {"Name": "all", "HomeRegion": REGION, "IsOrganizationTrail": True}
    own, another = ({**item, "TrailARN": arn} for arn in (TRAIL.arn, TRAIL.arn.replace("1", "9")))
    reader = answering(cloudtrail__DescribeTrails={"trailList": [own, another]})
    assert list(control("cloudtrail.weakened").inventory(reader)) == [TRAIL]
    assert list(control("cloudtrail.deleted").inventory(reader)) == []
