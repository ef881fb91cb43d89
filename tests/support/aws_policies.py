"""AWS's own managed policies in the fake account, which starts without them."""

from __future__ import annotations

from typing import Any

import boto3
from moto.iam.models import AWSManagedPolicy, iam_backends

from tests.scenarios.model import ACCOUNT

_MADE = "2020-01-01T00:00:00+00:00"


def aws_policy(name: str, *statements: dict[str, Any]) -> str:
    """Puts a policy of AWS into the fake account; its ARN."""
    deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [*statements] or [deny]}
    data = {"Path": "/", "Document": document, "DefaultVersionId": "v1"}
    dated = data | {"CreateDate": _MADE, "UpdateDate": _MADE}
    policy = AWSManagedPolicy.from_data(name, ACCOUNT, "us-east-1", dated)
    iam_backends[ACCOUNT]["aws"].managed_policies[policy.arn] = policy
    return str(policy.arn)


def quarantined(user: str) -> None:
    """What AWS does to a user whose key it found in public."""
    policy = aws_policy("AWSCompromisedKeyQuarantineV3")
    boto3.client("iam").attach_user_policy(UserName=user, PolicyArn=policy)
