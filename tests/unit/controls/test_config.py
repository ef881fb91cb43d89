"""The recorder and its channel come back together; rules that AWS's services own are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.documents import Document
from driftguard.model import Candidate, Certainty, Observation, Resource
from tests.support.answers import answering
from tests.support.records import ACCOUNT, REGION, change

CONFIG = "config.amazonaws.com"
RECORDER: Document = {"name": "default", "roleARN": f"arn:aws:iam::{ACCOUNT}:role/recorder"}
CHANNEL: Document = {"name": "default", "s3BucketName": "history"}
NO: Document = {"ConfigurationRecordersStatus": []}


def resource(kind: str) -> Resource:
    arn = f"arn:aws:config:{REGION}:{ACCOUNT}:{kind}/default"
    return Resource(f"config.{kind}", "default", ACCOUNT, REGION, arn)


def whole(recorder: bool, channel: bool, recording: bool, lately: bool = False) -> Document:
    return {
        "exists": recorder and channel,
        "recorder": RECORDER if recorder else None,
        "channel": CHANNEL if channel else None,
        "recording": recording,
        "stopped_lately": lately,
    }


@pytest.mark.parametrize("id_", ["config.recorder-deleted", "config.delivery-removed"])
@pytest.mark.parametrize(
    ("now", "before", "calls"),
    [
        ((False, False, False), (True, True, True), "PutR PutD Start"),
        ((True, False, False), (True, True, True), "PutD Start"),
        ((False, True, False), (True, True, True), "PutR Start"),
        ((False, True, False), (True, True, False, True), "PutR Start"),
        ((False, True, False), (True, True, False), "PutR"),
        ((True, False, True), (True, True, True), "PutD"),
    ],
)
def test_each_brings_back_all_that_is_missing(
    id_: str, now: tuple[bool, ...], before: tuple[bool, ...], calls: str
) -> None:
    """Kind 2: a channel needs a recorder, and a recorder starts only with a channel."""
    candidate = Candidate(resource("configuration-recorder"), Certainty.EVIDENT)
    seen = Observation(whole(*now), "")

    plan = control(id_).plan(candidate, seen, whole(*before), NoSettings())

    short = {
        "PutConfigurationRecorder": "PutR",
        "PutDeliveryChannel": "PutD",
        "StartConfigurationRecorder": "Start",
    }
    assert " ".join(short[step.call.operation] for step in plan.steps) == calls
    # Undone in the inverse order, the recorder is stopped before its channel is deleted.
    assert all(step.undo for step in plan.steps)


def test_a_recorder_under_another_name_is_no_less_a_recorder() -> None:
    """Kind 10: a region has one recorder of the customer's."""
    reader = answering(
        config__DescribeConfigurationRecorders={
            "ConfigurationRecorders": [{**RECORDER, "name": "everything"}]
        },
        config__DescribeDeliveryChannels={"DeliveryChannels": [CHANNEL]},
        config__DescribeConfigurationRecorderStatus=NO,
    )
    one = control("config.recorder-deleted")
    state = one.observe(Candidate(resource("configuration-recorder"), Certainty.EVIDENT), reader)

    assert state is not None
    assert one.assess(state, None, NoSettings()) is None


def test_a_recorder_without_a_channel_is_not_started() -> None:
    """Kind 5: NoAvailableDeliveryChannelException."""
    one = control("config.recorder-stopped")
    seen = Observation({"recording": False, "channel": False}, "")

    plan = one.plan(
        Candidate(resource("configuration-recorder"), Certainty.EVIDENT), seen, None, NoSettings()
    )

    assert plan.steps == ()
    assert "config.delivery-removed" in plan.advice


@pytest.mark.parametrize(("started", "risky"), [("", False), ("2021-03-01T00:00:00+00:00", True)])
def test_a_recorder_that_never_started_records_no_less_than_before(
    started: str, risky: bool
) -> None:
    """Kind 3."""
    one = control("config.recording-narrowed")
    group = {"allSupported": False, "resourceTypes": ["AWS::S3::Bucket"]}
    asked = {"configurationRecorder": {"name": "default", "recordingGroup": group}}
    (candidate,) = one.screen(change(CONFIG, "PutConfigurationRecorder", asked), NoSettings())
    status = {"name": "default", **({"lastStartTime": started} if started else {})}
    reader = answering(
        config__DescribeConfigurationRecorders={
            "ConfigurationRecorders": [{**RECORDER, "recordingGroup": group}]
        },
        config__DescribeConfigurationRecorderStatus={"ConfigurationRecordersStatus": [status]},
    )

    state = one.observe(candidate, reader)

    assert state is not None
    assert (one.assess(state, None, NoSettings()) is not None) is risky


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("versioned", True),
        ("securityhub-iam-root-access-key-check-f2d9b9a2", False),
        ("OrgConfigRule-versioned-rx3k1bqa", False),
        ("s3-versioned-conformance-pack-0ol7d5dpp", False),
        ("my-conformance-pack-rules", True),
    ],
)
def test_rules_that_services_make_are_theirs(name: str, ours: bool) -> None:
    """Kind 10: packs and organizations make and delete rules as they go."""
    found = control("config.rule-deleted").screen(
        change(CONFIG, "DeleteConfigRule", {"configRuleName": name}), NoSettings()
    )

    assert bool(list(found)) is ours


def test_a_custom_policy_comes_back_with_its_text() -> None:
    """Kind 5: DescribeConfigRules leaves the text out, and PutConfigRule requires it."""
    details = {"PolicyRuntime": "guard-2.x.x"}
    rule: dict[str, Any] = {
        "ConfigRuleName": "default",
        "ConfigRuleArn": "arn",
        "Source": {"Owner": "CUSTOM_POLICY", "CustomPolicyDetails": details},
    }
    reader = answering(
        config__DescribeConfigRules={"ConfigRules": [rule]},
        config__ListTagsForResource={"Tags": [{"Key": "aws:x", "Value": "y"}]},
        config__GetCustomRulePolicy={"PolicyText": "rule a { }"},
    )
    one = control("config.rule-deleted")
    candidate = Candidate(resource("config-rule"), Certainty.EVIDENT)
    before = one.observe(candidate, reader)
    assert before is not None

    (step,) = one.plan(candidate, Observation({"exists": False}, ""), before, NoSettings()).steps

    sent: Any = step.call.parameters
    text = sent["ConfigRule"]["Source"]["CustomPolicyDetails"]
    assert text == {**details, "PolicyText": "rule a { }"}
    assert "Tags" not in sent
