"""Kind 4: AWS's own accounts that deliver logs are no strangers to a bucket."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from driftguard.access import log_delivery
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


@pytest.mark.parametrize(
    ("account", "action", "answer"),
    [
        ("arn:aws:iam::086441151436:root", "SNS:Publish", "closed"),
        ("arn:aws:iam::086441151436:root", "sns:Subscribe", "external"),
        ("127311923021", "sns:Publish", "external"),
    ],
)
def test_cloudtrail_alone_tells_topics_of_its_files(account: str, action: str, answer: str) -> None:
    assert verdict(account, action, service="sns") == answer


# -------------------------------------------------------------------------- are they current?

# The Regions in which a service delivers as its service principal, and has no account of its own.
# For a Region that is new in botocore: look its account up in the service's document, or name it.
PRINCIPAL = {
    "ELASTIC_LOAD_BALANCING": """
        ap-east-2 ap-south-2 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-west-1
        eu-central-2 eu-south-2 eusc-de-east-1 il-central-1 me-central-1 mx-central-1
    """,
    "REDSHIFT": """
        ap-east-2 ap-south-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6
        ap-southeast-7 ca-west-1 eu-central-2 eu-south-2 eusc-de-east-1 il-central-1 me-central-1
        mx-central-1
    """,
    "CLOUDTRAIL": """
        ap-east-2 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-west-1 eusc-de-east-1 mx-central-1
    """,
}
# Those of which AWS publishes nothing.
SECRET = ("aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")


def regions() -> set[str]:
    """Every Region that botocore knows, of the partitions that AWS publishes accounts of."""
    data = botocore.session.Session().get_component("data_loader").load_data("endpoints")
    return {
        region
        for partition in data["partitions"]
        if partition["partition"] not in SECRET
        for region in partition["regions"]
    }


@pytest.mark.parametrize("table", sorted(PRINCIPAL))
def test_every_region_has_an_account_or_delivers_as_a_principal(table: str) -> None:
    known = log_delivery.by_region(getattr(log_delivery, table))
    named = set(PRINCIPAL[table].split())
    assert known.keys() & named == set()
    assert known.keys() | named == regions()
    assert all(len(account) == 12 and account.isdigit() for account in known.values())
