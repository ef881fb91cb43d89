"""A decision as an OCSF Detection Finding: what schema 1.1.0 requires is there, and of its type.

Source: ocsf-schema 1.1.0: events/findings/detection_finding, events/base_event, profiles/cloud, and
the objects that they use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from driftguard.model import Actor, Plan, Status
from driftguard_cli.audit.ocsf import detection_finding
from tests.audit.factories import a_decision, group

# Required attribute → its type, by object; nested objects by name.
REQUIRED: dict[str, dict[str, Any]] = {
    "": {
        "activity_id": int,
        "category_uid": int,
        "class_uid": int,
        "cloud": "cloud",
        "finding_info": "finding_info",
        "metadata": "metadata",
        "severity_id": int,
        "time": int,
        "type_uid": int,
    },
    "cloud": {"provider": str},
    "finding_info": {"title": str, "uid": str},
    "metadata": {"product": "product", "version": str},
    "product": {"vendor_name": str},
    "analytic": {"type_id": int},
    "remediation": {"desc": str},
    "api": {"operation": str},
    "request": {"uid": str},
}
AT_LEAST_ONE = {
    "evidences": {"actor", "api", "connection_info", "data", "process", "src_endpoint"},
    "actor": {"process", "user", "invoked_by", "session"},
    "user": {"account", "name", "uid"},
    "resources": {"name", "uid"},
    "account": {"name", "uid"},
    "src_endpoint": {"ip", "uid", "name", "hostname"},
}
ENUMS = {
    "activity_id": {0, 1, 2, 3, 99},
    "severity_id": {0, 1, 2, 3, 4, 5, 6, 99},
    "status_id": {0, 1, 2, 3, 4, 99},
}


def check(value: object, name: str = "") -> None:
    """The value has what the schema requires of an object of this name, all the way down."""
    if isinstance(value, list):
        for one in value:
            check(one, name)
    if not isinstance(value, Mapping):
        return
    for attribute, kind in REQUIRED.get(name, {}).items():
        assert attribute in value, f"{name}.{attribute} is required"
        if isinstance(kind, type):
            assert isinstance(value[attribute], kind), f"{name}.{attribute}"
    if name in AT_LEAST_ONE:
        assert AT_LEAST_ONE[name] & set(value), f"{name} has none of {AT_LEAST_ONE[name]}"
    for attribute, inner in value.items():
        assert inner not in (None, "", [], {}), f"{name}.{attribute} is empty"
        assert inner in ENUMS.get(attribute, {inner}) if isinstance(inner, int) else True
        check(inner, attribute)


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
