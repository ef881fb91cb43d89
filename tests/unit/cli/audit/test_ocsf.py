"""A decision as an OCSF Detection Finding: what schema 1.1.0 requires is there, and of its type.

Source: ocsf-schema 1.1.0: events/findings/detection_finding, events/base_event, profiles/cloud, and
the objects that they use.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from driftguard.model import Actor, Plan, Status
from driftguard_cli.commands.audit.ocsf import detection_finding, swept_finding
from tests.support.audit import a_decision, group
from tests.support.ocsf import check


@pytest.mark.parametrize("status", list(Status))
def test_a_decision_is_a_valid_detection_finding_wherever_it_stands(status: Status) -> None:
    finding = detection_finding(a_decision(status=status, head="ab"))
    check(finding)
    assert (finding["class_uid"], finding["category_uid"]) == (2004, 2)
    activity = finding["activity_id"]
    assert isinstance(activity, int)
    assert finding["type_uid"] == 200400 + activity
    json.dumps(finding)


def test_what_a_record_lacked_is_left_out() -> None:
    bare = a_decision(actor=Actor(), resource=replace(group(), region=""), plan=Plan(()), head="ab")
    check(detection_finding(bare))


@pytest.mark.parametrize(
    ("source", "endpoint"),
    [
        ("192.0.2.1", {"ip": "192.0.2.1"}),
        ("cloudformation.amazonaws.com", {"hostname": "cloudformation.amazonaws.com"}),
        ("AWS Internal", {"name": "AWS Internal"}),
    ],
)
def test_where_a_change_came_from(source: str, endpoint: dict[str, str]) -> None:
    finding: Any = detection_finding(a_decision(actor=Actor(source=source)))
    assert finding["evidences"][0]["src_endpoint"] == endpoint


@pytest.mark.parametrize(
    ("severity", "id_"), [(0, 1), (10, 2), (40, 3), (70, 4), (89, 4), (90, 5), (100, 5)]
)
def test_severities(severity: int, id_: int) -> None:
    assert detection_finding(a_decision(severity=severity))["severity_id"] == id_


def test_times_are_milliseconds() -> None:
    finding = detection_finding(a_decision(1, "1970-01-01T00:00:01.500Z"))
    assert finding["time"] == 1500


@pytest.mark.parametrize("exempt", ["", "2027-01-01T00:00:00.000Z"])
@pytest.mark.parametrize("region", ["us-east-1", ""])
def test_what_a_sweep_found_is_a_valid_detection_finding(exempt: str, region: str) -> None:
    resource = replace(group(), region=region)
    at = "2026-11-24T09:30:00.000Z"
    finding: Any = swept_finding("ec2.open-ingress", "t", "s", 85, resource, exempt, at)
    check(finding)
    assert finding["status"] == ("Suppressed" if exempt else "New")
    again: Any = swept_finding("ec2.open-ingress", "t", "s", 85, resource, "", "2026-12-01T00:00Z")
    assert again["finding_info"]["uid"] == finding["finding_info"]["uid"]
    assert again["metadata"]["uid"] != finding["metadata"]["uid"]
