"""Every control comes with a risky event and its harmless twin, and both would reach the guard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from driftguard import controls
from driftguard.controls.control import AnyControl
from driftguard.events.cloudtrail import change_from_event
from driftguard.events.sighting import DENIED_PREFIXES, DENIED_SUFFIXES
from driftguard.model import Candidate, Change
from tests.support.conduct import read
from tests.support.each import each
from tests.support.template import of_type
from tests.support.world import ROOT, shipped_policy

EVENTS = ROOT / "events"

every_control = each("control", controls.every(), ids=lambda one: one.id)


def event(control: AnyControl, kind: str) -> Any:
    """One of a control's two events: `risky` or `harmless`."""
    return json.loads((EVENTS / control.id / f"{kind}.json").read_text())


def candidates(control: AnyControl, change: Change) -> list[Candidate]:
    """What the control would look at, as the shipped policy sets it."""
    settings = shipped_policy().settings_of(control.id, control.settings)
    return list(control.screen(change, settings))


@every_control
def test_the_risky_event_makes_a_candidate(control: AnyControl) -> None:
    change = change_from_event(event(control, "risky"))

    assert control in controls.watching(change)
    found = candidates(control, change)
    assert found
    assert {one.resource.account for one in found} == {change.account}


@every_control
def test_the_harmless_event_wakes_the_control_and_yields_nothing(control: AnyControl) -> None:
    change = change_from_event(event(control, "harmless"))

    assert control in controls.watching(change)
    assert candidates(control, change) == []


@every_control
@each("kind", ["risky", "harmless"])
def test_a_rule_of_the_template_lets_the_event_through(control: AnyControl, kind: str) -> None:
    passed = [
        name for name, pattern in patterns().items() if matches(pattern, event(control, kind))
    ]
    # What a function of the stack sends comes by no rule, and no rule lets its like through.
    assert bool(passed) != (control.id == "containment.unusual-conduct")


@every_control
@each("kind", ["risky", "harmless"])
def test_no_rule_lets_a_failed_call_through(control: AnyControl, kind: str) -> None:
    failed = event(control, kind)
    if "eventName" not in failed["detail"]:
        pytest.skip("a finding is no call that could fail")
    failed["detail"]["errorCode"] = "AccessDenied"

    assert not [name for name, pattern in patterns().items() if matches(pattern, failed)]


def test_there_are_no_events_of_unknown_controls() -> None:
    folders = {one.name for one in EVENTS.iterdir() if one.is_dir()}

    assert folders == {one.id for one in controls.every()}


# ------------------------------------------------------------------------- the template's rules


def patterns() -> dict[str, Any]:
    """The event pattern of every rule in the template that wakes the guard, by the rule's name."""
    rules = of_type("AWS::Events::Rule").items()
    return {name: one["EventPattern"] for name, one in rules if name != "ConductEvents"}


def of_conduct(*, every: bool) -> dict[str, Any]:
    """The event pattern of the rule for conduct: for all management events, or the denied ones."""
    pattern = json.loads(json.dumps(of_type("AWS::Events::Rule")["ConductEvents"]["EventPattern"]))
    condition, nothing, denied = pattern["detail"].pop("errorCode")
    assert (condition, nothing) == ("HasAllConduct", "AWS::NoValue")
    detail = pattern["detail"] if every else {**pattern["detail"], "errorCode": denied}
    return {**pattern, "detail": detail}


def matches(pattern: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """EventBridge's matching, as far as our rules use it.

    That is: literals, `exists`, `prefix`, `suffix`, `anything-but` one of them, nested objects.

    Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns".
    """
    return all(
        matches(wanted, value.get(key, {}))
        if isinstance(wanted, Mapping)
        else any(_fits(one, value, key) for one in wanted)
        for key, wanted in pattern.items()
    )


def _fits(wanted: Any, value: Mapping[str, Any], key: str) -> bool:
    if isinstance(wanted, Mapping):
        ((operator, operand),) = wanted.items()
        known = ("anything-but", "exists", "prefix", "suffix")
        assert operator in known, f"teach this test to match {wanted}"
        if operator == "prefix":
            return str(value.get(key, "")).startswith(operand)
        if operator == "suffix":
            return str(value.get(key, "")).endswith(operand)
        if operator == "anything-but":
            return key in value and not _fits(operand, value, key)
        return (key in value) is operand
    return key in value and value[key] == wanted


def test_every_rule_takes_only_what_aws_sends() -> None:
    """PutEvents takes any source but AWS's, and any detail-type and detail."""
    functions = of_type("AWS::Serverless::Function").values()
    mapped = [one for function in functions for one in function.get("Events", {}).values()]
    taken = [
        *(one["EventPattern"] for one in of_type("AWS::Events::Rule").values()),
        *(one["Properties"]["Pattern"] for one in mapped if "Pattern" in one["Properties"]),
    ]
    assert len(taken) > len(patterns()) + 1
    for pattern in taken:
        named = [one["prefix"] if isinstance(one, dict) else one for one in pattern["source"]]
        assert named
        assert all(one.startswith("aws.") for one in named), pattern


@each(
    ("shown", "denied", "every"),
    [
        (read("ec2", "DescribeInstances"), False, True),
        (read("ec2", "GetPasswordData", error="Client.UnauthorizedOperation"), True, True),
        (read("s3", "ListBuckets", error="AccessDenied"), True, True),
        (read("ec2", "DescribeInstances", error="Client.InvalidInstanceID.NotFound"), False, True),
        # Most of what there is: a service by itself, and in somebody's name; data events.
        (read("ec2", "DescribeInstances", who={"type": "AWSService"}), False, False),
        (read("kms", "Decrypt", address="s3.amazonaws.com"), False, False),
        (read("s3", "GetObject", managementEvent=False), False, False),
        # What anybody can put who may put events.
        (
            {**read("s3", "ListBuckets", error="AccessDenied"), "source": "driftguard.x"},
            False,
            False,
        ),
    ],
)
def test_the_rule_of_conduct_lets_through_what_shows_conduct(
    shown: Any, denied: bool, every: bool
) -> None:
    assert matches(of_conduct(every=False), shown) is denied
    assert matches(of_conduct(every=True), shown) is every


def test_the_rule_of_conduct_and_the_watcher_know_the_same_codes_of_denied_calls() -> None:
    codes = of_conduct(every=False)["detail"]["errorCode"]
    begin = tuple(one["prefix"] for one in codes if "prefix" in one)
    end = tuple(one["suffix"] for one in codes if "suffix" in one)
    assert (begin, end) == (DENIED_PREFIXES, DENIED_SUFFIXES)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ({"a": ["x", "y"]}, {"a": "y"}, True),
        ({"a": ["x"]}, {"a": "y"}, False),
        ({"a": ["x"]}, {}, False),
        ({"a": [{"prefix": "Add"}]}, {"a": "AddPermission20150331v2"}, True),
        ({"a": [{"prefix": "Add"}]}, {"a": "RemovePermission20150331v2"}, False),
        ({"a": [{"prefix": "Add"}]}, {}, False),
        ({"d": {"e": [{"exists": False}]}}, {"d": {}}, True),
        ({"d": {"e": [{"exists": False}]}}, {"d": {"e": "AccessDenied"}}, False),
    ],
)
def test_the_matcher_agrees_with_eventbridge(pattern: Any, value: Any, fits: bool) -> None:
    assert matches(pattern, value) is fits
