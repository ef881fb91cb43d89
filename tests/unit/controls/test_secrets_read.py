"""Which secrets a key read, by CloudTrail's event history, and what is said if it cannot tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftguard.aws.client import Reader
from driftguard.controls.containment import secrets_read
from driftguard.model import Status
from tests.scenarios.containment import answering, exfiltrated, make_role
from tests.support.each import each
from tests.support.records import told_by_guardduty
from tests.support.world import ACCOUNT, REGION, Fakes, World

KEY = "ASIAIOSFODNN7EXAMPLE"
CMK = "arn:aws:kms:us-east-1:123456789012:key/0a1b"


def event(name: str, asked: Any = None, **more: Any) -> dict[str, Any]:
    """An event as LookupEvents tells it."""
    record = {"eventName": name, "requestParameters": asked, **more}
    return {"EventName": name, "CloudTrailEvent": json.dumps(record)}


def told(world: World, fakes: Fakes, *pages: list[dict[str, Any]]) -> str:
    """What people are told where CloudTrail has these pages of events."""

    def looked_up(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["LookupAttributes"] == [{"AttributeKey": "AccessKeyId", "AttributeValue": KEY}]
        number = int(asked.get("NextToken", 0))
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
        return {"Events": pages[number], **more}

    fakes.install({("cloudtrail", "LookupEvents"): looked_up})
    reader = Reader(world.guard.aws, ACCOUNT, REGION)
    return " ".join(secrets_read.by_keys([KEY], reader))


@each(
    "found, said",
    [
        (
            event("GetSecretValue", {"secretId": "prod/db"}),
            "secret prod/db (aws secretsmanager rotate-secret --secret-id prod/db)",
        ),
        (
            event("BatchGetSecretValue", {"secretIdList": ["a", "b"]}),
            "secret a (aws secretsmanager",
        ),
        (
            event("GetParameter", {"name": "/app/token", "withDecryption": True}),
            "parameter /app/token (aws ssm put-parameter --overwrite --name /app/token --value …)",
        ),
        (event("GetParameters", {"names": ["/a", "/b"], "withDecryption": True}), "parameter /b ("),
        (event("GetParametersByPath", {"path": "/app/", "withDecryption": True}), "'/app/*'"),
        (
            event("Decrypt", None, resources=[{"ARN": CMK, "type": "AWS::KMS::Key"}]),
            f"KMS key {CMK}",
        ),
        # A name that a shell would read stands quoted.
        (event("GetSecretValue", {"secretId": "x; rm -rf ~"}), "--secret-id 'x; rm -rf ~'"),
    ],
)
def test_what_was_read_is_named_with_how_to_rotate_it(
    world: World, fakes: Fakes, found: dict[str, Any], said: str
) -> None:
    lines = told(world, fakes, [event("DescribeInstances", {}), found])
    assert lines.startswith(f"Rotate what {KEY} read")
    assert said in lines


@each(
    "found",
    [
        event("GetSecretValue", {"secretId": "prod/db"}, errorCode="AccessDenied"),
        event("GetParameter", {"name": "/app/flag"}),
        event("GetParameter", {"name": "/app/flag", "withDecryption": False}),
        event("ListSecrets", {}),
        event("Decrypt", None),
        {"EventName": "GetSecretValue", "CloudTrailEvent": "{"},
        {"EventName": "GetSecretValue", "CloudTrailEvent": "[]"},
    ],
)
def test_what_was_refused_or_is_no_secret_is_not_named(
    world: World, fakes: Fakes, found: dict[str, Any]
) -> None:
    assert told(world, fakes, [found]).startswith(f"No secret that {KEY} read")


def test_a_few_pages_are_read_and_the_rest_is_said(world: World, fakes: Fakes) -> None:
    pages = [[event("GetSecretValue", {"secretId": f"s{number}"})] for number in range(9)]
    lines = told(world, fakes, *pages)
    assert "only the newest 200 events were read" in lines
    assert "secret s3 (" in lines and "secret s4 (" not in lines
    assert "only the newest" not in told(world, fakes, *pages[:4])


def test_a_secret_is_named_once_and_ten_at_most(world: World, fakes: Fakes) -> None:
    read = [event("GetSecretValue", {"secretId": f"s{number}"}) for number in range(12)]
    lines = told(world, fakes, [*read, *read])
    assert lines.count("secret s0 (") == 1
    assert "; and 2 more." in lines


@each("code", ["AccessDeniedException", "ThrottlingException", "InvalidTimeRangeException"])
def test_where_cloudtrail_does_not_tell_that_is_said(world: World, fakes: Fakes, code: str) -> None:
    fakes.install({("cloudtrail", "LookupEvents"): lambda _: {"Error": {"Code": code}}})
    (line,) = secrets_read.by_keys([KEY], Reader(world.guard.aws, ACCOUNT, REGION))
    assert "could not be looked up" in line
    assert f"AttributeKey=AccessKeyId,AttributeValue={KEY}" in line


@pytest.mark.parametrize("refused", [False, True], ids=["told", "refused"])
def test_sessions_are_contained_at_once_whatever_cloudtrail_says_and_the_record_names_secrets(
    world: World, fakes: Fakes, refused: bool
) -> None:
    change = exfiltrated(make_role(), severity=8)
    asked: list[Any] = []

    def looked_up(of: dict[str, Any]) -> dict[str, Any]:
        asked.append(of)
        if refused:
            return {"Error": {"Code": "ThrottlingException"}}
        return {"Events": [event("GetSecretValue", {"secretId": "prod/db"})]}

    fakes.install(answering(lambda: told_by_guardduty(change)))
    fakes.install({("cloudtrail", "LookupEvents"): looked_up})
    decision = world.one(change)
    assert decision.status is Status.REVERTED, decision.reason
    said = "could not be looked up" if refused else "--secret-id prod/db"
    assert said in decision.plan.advice
    # Once, when it is decided.
    assert len(asked) == 1


INSTANCE = "i-0abcdef1234567890"


def handed_out(name: str, asked: Any = None, version: str = "2.0") -> dict[str, Any]:
    """An event of credentials that the metadata service handed out, as CloudTrail writes it."""
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/{INSTANCE}"
    context = {"attributes": {"mfaAuthenticated": "false"}, "ec2RoleDelivery": version}
    identity = {"type": "AssumedRole", "arn": arn, "sessionContext": context}
    return event(name, asked, userIdentity=identity)


def called_so(name: str, asked: Any = None) -> dict[str, Any]:
    """The same of somebody who assumed a role, and called their session like the instance."""
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/any/{INSTANCE}"
    identity = {"type": "AssumedRole", "arn": arn, "sessionContext": {"attributes": {}}}
    return event(name, asked, userIdentity=identity)


def told_of_instance(
    world: World, fakes: Fakes, pages: list[list[dict[str, Any]]], stops: int = 0
) -> tuple[str, int]:
    """What people are told of an instance, and how many pages were asked for.

    `stops`: from which page on CloudTrail answers no more.
    """
    asked_for = 0

    def looked_up(asked: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked_for
        asked_for += 1
        (attribute,) = asked["LookupAttributes"]
        assert attribute == {"AttributeKey": "Username", "AttributeValue": INSTANCE}
        number = int(asked.get("NextToken", 0))
        if stops and number >= stops:
            return {"Error": {"Code": "ThrottlingException"}}
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
        return {"Events": pages[number], **more}

    fakes.install({("cloudtrail", "LookupEvents"): looked_up})
    reader = Reader(world.guard.aws, ACCOUNT, REGION)
    (line,) = secrets_read.by_session(INSTANCE, reader)
    return line, asked_for


@each("version", ["1.0", "2.0"])
def test_an_instance_is_known_by_the_name_of_its_sessions(
    world: World, fakes: Fakes, version: str
) -> None:
    read = handed_out("GetSecretValue", {"secretId": "prod/db"}, version)
    line, _ = told_of_instance(world, fakes, [[read]])
    assert line.startswith(f"Rotate what {INSTANCE} read")
    assert "secret prod/db (" in line
    assert "others" not in line


def test_whoever_calls_their_session_like_an_instance_names_no_secret_of_it(
    world: World, fakes: Fakes
) -> None:
    false = called_so("GetSecretValue", {"secretId": "dont/care"})
    line, _ = told_of_instance(world, fakes, [[false, handed_out("DescribeInstances")]])
    assert line.startswith(f"No secret that {INSTANCE} read")
    assert "1 event of the name is of a session that somebody else called so" in line


def test_what_others_fill_the_history_with_does_not_count(world: World, fakes: Fakes) -> None:
    noise = [called_so("GetCallerIdentity") for _ in range(50)]
    own = [handed_out("GetSecretValue", {"secretId": "prod/db"})]
    line, _ = told_of_instance(world, fakes, [*[noise] * 6, own])
    assert "secret prod/db (" in line
    assert "300 events of the name are of sessions that others called so" in line
    # At some time it is enough, and people are told where else to look.
    line, pages = told_of_instance(world, fakes, [*[noise] * 40, own])
    assert pages == 12
    assert line.startswith(f"No secret that {INSTANCE} read")
    assert "only the newest 600 events were read" in line
    assert "look in the logs of a trail, for `ec2RoleDelivery`" in line


def test_what_was_found_before_cloudtrail_answers_no_more_is_told(
    world: World, fakes: Fakes
) -> None:
    own = [handed_out("GetSecretValue", {"secretId": "prod/db"})]
    line, _ = told_of_instance(world, fakes, [own, own], stops=1)
    assert "secret prod/db (" in line
    assert "only the newest 50 events were read" in line
