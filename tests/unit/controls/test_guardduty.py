"""What of a detector is weaker than before, and what is sent to set it back."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.controls import control
from driftguard.controls.control import NoSettings
from driftguard.documents import Document
from driftguard.model import Autonomy, Candidate, Certainty, Observation, Resource
from tests.support.records import ACCOUNT, REGION, change

GUARDDUTY = "guardduty.amazonaws.com"
DETECTOR = Resource(
    "guardduty.detector", "d", ACCOUNT, REGION, f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/d"
)
NEWER, OLDER = "RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        # To move on to the newer one, the older is switched off: that is no loss.
        ({OLDER: True, NEWER: False}, {OLDER: False, NEWER: True}, None),
        ({OLDER: False, NEWER: True}, {OLDER: False, NEWER: False}, [NEWER]),
        ({OLDER: True, NEWER: False}, {OLDER: False, NEWER: False}, [OLDER]),
        ({OLDER: True, NEWER: True}, {OLDER: False, NEWER: False}, [NEWER]),
        # A feature that GuardDuty came to have after the baseline was never on.
        ({}, {"LAMBDA_NETWORK_LOGS": False}, None),
    ],
)
def test_one_runtime_monitoring_is_enough(
    before: Document, now: Document, sent: list[str] | None
) -> None:
    """Kinds 5 and 10: AWS recommends the move, and refuses both in one call."""
    one = control("guardduty.disabled")
    on: Document = {"Enable": True}
    seen, was = {**on, **now}, {**on, **before}

    assert (one.assess(seen, was, NoSettings()) is not None) is (sent is not None)
    if sent:
        candidate = Candidate(DETECTOR, Certainty.EVIDENT)
        (step,) = one.plan(candidate, Observation(seen, ""), was, NoSettings()).steps
        for call in (step.call, *step.undo):
            features: Any = call.parameters["Features"]
            assert [feature["Name"] for feature in features] == sent


def test_a_detector_that_is_off_is_a_risk_whatever_it_was_before() -> None:
    """Kind 8: that the features' before is unknown does not leave the detector off."""
    one = control("guardduty.disabled")
    features = [{"name": "S3_DATA_EVENTS", "status": "DISABLED"}]
    request = {"detectorId": "d", "enable": False, "features": features}
    (candidate,) = one.screen(change(GUARDDUTY, "UpdateDetector", request), NoSettings())
    seen: Document = {"Enable": False, "S3_DATA_EVENTS": False, **candidate.hint}

    finding = one.assess({"Enable": False}, None, NoSettings())
    assert finding is not None
    assert finding.at_most is Autonomy.REVERT
    plan = one.plan(candidate, Observation(seen, ""), None, NoSettings())

    assert [step.call.parameters for step in plan.steps] == [{"DetectorId": "d", "Enable": True}]
    assert "S3_DATA_EVENTS" in plan.advice


@pytest.mark.parametrize(
    ("id_", "name", "request_", "state", "asked"),
    [
        (
            "guardduty.suppressed",
            "UpdateFilter",
            {"filterName": "f", "action": "ARCHIVE"},
            {"action": "ARCHIVE"},
            False,
        ),
        (
            "guardduty.suppressed",
            "UpdateFilter",
            {"filterName": "f", "description": "d"},
            {"action": "ARCHIVE"},
            True,
        ),
        (
            "guardduty.addresses-trusted",
            "UpdateIPSet",
            {"ipSetId": "i", "activate": True},
            {"active": True},
            False,
        ),
        (
            "guardduty.addresses-trusted",
            "UpdateIPSet",
            {"ipSetId": "i", "location": "s3://lists/office.txt"},
            {"active": True},
            True,
        ),
    ],
)
def test_what_may_have_been_so_for_long_is_asked_about(
    id_: str, name: str, request_: Document, state: Document, asked: bool
) -> None:
    """Kind 1: an edit of a filter or a list did not make it hide findings."""
    one = control(id_)
    by = change(GUARDDUTY, name, {"detectorId": "d", **request_})
    (candidate,) = one.screen(by, NoSettings())

    finding = one.assess({**state, **candidate.hint}, None, NoSettings())

    assert finding is not None
    assert (finding.at_most is Autonomy.ASK) is asked
