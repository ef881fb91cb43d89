"""Kind 4: AWS's own accounts that deliver logs are no strangers to a bucket."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.access.policy import judge

OWN = "123456789012"


def verdict(account: str, *actions: str, service: str = "s3", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": [*actions],
        "Resource": "*",
        **more,
    }
    return judge(service, {"Statement": [statement]}, account=OWN).answer


@pytest.mark.parametrize(
    ("account", "actions"),
    [
        ("arn:aws:iam::127311923021:root", ["s3:PutObject"]),
        ("127311923021", ["s3:PutObject"]),
        ("arn:aws-us-gov:iam::048591011584:root", ["s3:PutObject"]),
        ("arn:aws-cn:iam::638102146993:root", ["s3:PutObject"]),
        ("arn:aws:iam::193672423079:user/logs", ["s3:PutObject", "s3:GetBucketAcl"]),
        ("arn:aws:iam::086441151436:root", ["s3:GetBucketAcl"]),
        ("386209384616", ["s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:PutObject"]),
    ],
)
def test_kind_4_a_delivery_into_a_bucket_is_no_opening(account: str, actions: list[str]) -> None:
    assert verdict(account, *actions) == "closed"


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:*", "s3:Put*", "*"])
def test_more_than_a_delivery_takes_is_one(action: str) -> None:
    assert verdict("127311923021", "s3:PutObject", action) == "external"


def test_elsewhere_such_an_account_is_a_stranger() -> None:
    assert verdict("127311923021", "sqs:SendMessage", service="sqs") == "external"


def test_a_delivery_for_somebody_else_beside_it_is_one() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["127311923021", "999999999999"]},
        "Action": "s3:PutObject",
        "Resource": "*",
    }
    found = judge("s3", {"Statement": [statement]}, account=OWN)
    assert [opening.principals for opening in found.openings] == [("999999999999",)]
