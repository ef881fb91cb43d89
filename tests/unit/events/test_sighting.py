"""What one management event shows of a principal's conduct."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.events.cloudtrail import Unparsable
from driftguard.events.sighting import is_denied, network_of, sighting_of
from tests.support.conduct import by_role, read, sightings
from tests.support.each import each
from tests.support.records import envelope, record
from tests.support.world import ACCOUNT


def test_a_read_shows_who_by_what_and_from_where() -> None:
    (seen,) = sightings([read("secretsmanager", "ListSecrets")])
    assert seen.actor.principal == f"arn:aws:iam::{ACCOUNT}:role/web"
    assert seen.actor.session.endswith(":assumed-role/web/i-0abc")
    assert (seen.id, seen.account) == ("AROAEXAMPLEWEB", ACCOUNT)
    assert (seen.service, seen.operation) == ("secretsmanager", "secretsmanager:ListSecrets")
    assert (seen.network, seen.client) == ("198.51.100.0/24", "aws-cli")
    assert seen.read
    assert seen.denied == ""


@each(
    ("code", "denied"),
    [
        ("AccessDenied", True),
        ("AccessDeniedException", True),
        ("Client.UnauthorizedOperation", True),
        ("UnauthorizedOperation", True),
        ("AuthorizationErrorException", True),
        ("ForbiddenException", True),
        ("NotAuthorizedException", True),
        ("", False),
        ("ThrottlingException", False),
        ("NoSuchBucket", False),
        ("EntityTemporarilyUnmodifiableException", False),
        ("AuthFailure", False),
    ],
)
def test_a_call_is_denied_by_the_codes_of_each_service(code: str, denied: bool) -> None:
    assert is_denied(code) is denied


def test_different_targets_count_where_each_is_a_secret_and_where_a_call_was_denied() -> None:
    first, same, other = sightings(
        read("ec2", "DescribeInstances", {"id": id_}) for id_ in ("a", "a", "b")
    )
    assert first.read == same.read == other.read
    first, same, other = sightings(
        read("secretsmanager", "GetSecretValue", {"secretId": id_}) for id_ in ("a", "a", "b")
    )
    assert first.read == same.read != other.read
    first, same, other = sightings(
        read("ec2", "GetPasswordData", {"id": id_}, error="Client.UnauthorizedOperation")
        for id_ in ("a", "a", "b")
    )
    assert first.denied == same.denied != other.denied


def sign_in(outcome: str) -> dict[str, Any]:
    said = record(
        "signin.amazonaws.com",
        "ConsoleLogin",
        None,
        responseElements={"ConsoleLogin": outcome},
        eventType="AwsConsoleSignIn",
    )
    return {**envelope(said), "detail-type": "AWS Console Sign In via CloudTrail"}


@each(
    "event",
    [
        pytest.param(
            read("ec2", "RunInstances", who={"type": "AWSService", "invokedBy": "x.amazonaws.com"}),
            id="an AWS service",
        ),
        pytest.param(
            read("s3", "GetBucketAcl", who={**by_role(), "accountId": "999999999999"}),
            id="another account's role",
        ),
        pytest.param(
            read("sts", "AssumeRoleWithSAML", who={"type": "SAMLUser", "principalId": "x"}),
            id="a federated caller without credentials of ours",
        ),
        pytest.param(sign_in("Failure"), id="a sign-in that failed, which needs no credentials"),
    ],
)
def test_what_shows_nothing_of_a_principal_is_left_out(event: Any) -> None:
    assert sighting_of(event) is None


def test_a_sign_in_shows_where_somebody_is() -> None:
    (seen,) = sightings([sign_in("Success")])
    assert (seen.service, seen.network, seen.read) == ("signin", "203.0.113.0/24", "")


@each(
    "event",
    [
        None,
        [],
        {},
        {"detail": {}},
        {**read("ec2", "DescribeInstances"), "source": "aws.iam"},
        {**read("ec2", "DescribeInstances"), "account": "999999999999"},
        {name: said for name, said in read("ec2", "DescribeInstances").items() if name != "source"},
        {"source": "aws.guardduty", "id": "1", "detail-type": "GuardDuty Finding", "detail": {}},
    ],
)
def test_what_is_no_management_event_or_contradicts_itself_is_unparsable(event: Any) -> None:
    with pytest.raises(Unparsable):
        sighting_of(event)


@each("source", ["driftguard.x", "driftguard.conduct", "x.aws.ec2", "aws", ""])
def test_what_anybody_can_put_shows_nothing(source: str) -> None:
    """PutEvents takes any source, and refuses those that begin with `aws.`."""
    put = read("ec2", "DescribeInstances")
    made_up = source if source.startswith("driftguard.") else "ec2.amazonaws.com"
    detail = {**put["detail"], "eventSource": made_up}
    with pytest.raises(Unparsable):
        sighting_of({**put, "source": source, "detail": detail})


@each(
    ("source", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:12:3400::1", "2001:db8:12::/48"),
        ("AWS Internal", "AWS Internal"),
        ("", ""),
    ],
)
def test_a_network_is_what_an_address_is_in(source: str, network: str) -> None:
    assert network_of(source) == network
