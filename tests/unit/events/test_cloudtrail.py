"""What real records look like: every shape that has broken a parser written from the docs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard import controls
from driftguard.documents import flag, items, text
from driftguard.events.cloudtrail import (
    Unparsable,
    change_from_event,
    change_from_record,
    unwrapped,
)
from tests.support.json_values import json_values
from tests.support.records import envelope, record, session_of


@pytest.mark.parametrize(
    ("logged", "name"),
    [
        ("AddPermission20150331v2", "AddPermission"),
        ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
        ("CreateFunctionUrlConfig20211031", "CreateFunctionUrlConfig"),
        ("CreateFunctionUrlConfig", "CreateFunctionUrlConfig"),
        ("PutBucketPolicy", "PutBucketPolicy"),
    ],
)
def test_lambdas_version_suffix_is_dropped(logged: str, name: str) -> None:
    assert change_from_record(record("lambda.amazonaws.com", logged, {})).name == name


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        ({"EnableSerialConsoleAccessRequest": ""}, {}),
        ({"DeleteFlowLogsRequest": {"FlowLogId": {"tag": 1}}}, {"FlowLogId": {"tag": 1}}),
        ({"DelTGwVpcAttachReq": {"Id": "x"}}, {"Id": "x"}),
        ({"groupId": "sg-1"}, {"groupId": "sg-1"}),
        ({"Name": "x"}, {"Name": "x"}),
        ({"DeleteFlowLogsRequest": {"a": 1}, "beside": 2}, {"a": 1, "beside": 2}),
    ],
)
def test_the_wrapper_of_newer_ec2_calls_is_taken_off(wrapped: Any, expected: Any) -> None:
    assert unwrapped(wrapped) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"items": [{"a": 1}, {"b": 2}]}, [{"a": 1}, {"b": 2}]),
        ({}, []),
        (None, []),
        ([{"a": 1}], [{"a": 1}]),
        ({"a": 1}, [{"a": 1}]),
        ("HIDDEN_DUE_TO_SECURITY_REASONS", []),
        ({"items": {"a": 1}}, [{"a": 1}]),
        ({"item": {"a": 1}}, [{"a": 1}]),
        ({"item": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"item": "text"}, [{"item": "text"}]),
        ({"item": {"a": 1}, "b": 2}, [{"item": {"a": 1}, "b": 2}]),
    ],
)
def test_a_list_is_found_in_every_spelling(value: Any, expected: Any) -> None:
    assert list(items(value)) == expected


def test_text_is_found_behind_one_element_lists_and_numbers() -> None:
    container = {"a": ["x"], "b": 443, "c": "", "d": None, "e": True}
    assert [text(container, name) for name in "abcde"] == ["x", "443", "", "", ""]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("true", True), ({"value": False}, False), ("", None), (None, None)],
)
def test_a_flag_is_found_in_every_spelling(value: Any, expected: bool | None) -> None:
    assert flag(value) is expected


def test_a_role_session_is_known_by_its_role() -> None:
    role = "arn:aws:iam::123456789012:role/deployer"
    change = change_from_record(record("s3.amazonaws.com", "X", {}, userIdentity=session_of(role)))
    assert change.actor.principal == role
    assert change.actor.session.endswith("assumed-role/deployer/session")


def test_a_service_without_an_arn_is_known_by_its_host_name() -> None:
    identity = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    change = change_from_record(record("ec2.amazonaws.com", "X", {}, userIdentity=identity))
    assert change.actor.principal == "ec2.amazonaws.com"


def test_an_event_without_identity_is_still_a_change() -> None:
    change = change_from_record(record("ec2.amazonaws.com", "X", None, userIdentity=None))
    assert (change.actor.principal, change.request) == ("", {})


def test_what_a_forged_record_says_of_its_actor_is_no_longer_than_a_key() -> None:
    identity = {"type": "AssumedRole", "arn": "ä" * 3_000}
    change = change_from_record(record("s3.amazonaws.com", "X", {}, userIdentity=identity))
    assert len(change.actor.principal.encode()) <= 1_024


@given(json_values)
def test_any_json_is_a_change_or_unparsable_and_nothing_else(value: Any) -> None:
    try:
        change_from_event(value)
    except Unparsable as error:
        assert str(error)


@given(json_values, st.sampled_from(controls.every()))
def test_no_control_chokes_on_any_request(value: Any, control: Any) -> None:
    for trigger in control.triggers:
        event = envelope(record(trigger.source, trigger.name, value, responseElements=value))
        list(control.screen(change_from_event(event), control.settings()))
