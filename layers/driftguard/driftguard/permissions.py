"""Which IAM actions an API call needs. Mostly the call's own name; the exceptions are listed.

Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service.
"""

from __future__ import annotations

from .model import Call

# boto3's service name → the prefix of its IAM actions, where they differ.
_PREFIX = {
    "s3control": "s3",
}

# (service, operation) → actions, where they are not the operation's own name.
_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("s3", "HeadBucket"): ("s3:ListBucket",),
    ("s3", "PutPublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3", "GetPublicAccessBlock"): ("s3:GetBucketPublicAccessBlock",),
    ("s3", "DeletePublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3control", "GetPublicAccessBlock"): ("s3:GetAccountPublicAccessBlock",),
    ("s3control", "PutPublicAccessBlock"): ("s3:PutAccountPublicAccessBlock",),
    ("s3control", "DeletePublicAccessBlock"): ("s3:PutAccountPublicAccessBlock",),
}


def actions_of(service: str, operation: str) -> tuple[str, ...]:
    """The IAM actions of an API call: `("s3", "GetPublicAccessBlock")` → one S3 action."""
    known = _ACTIONS.get((service, operation))
    return known or (f"{_PREFIX.get(service, service)}:{operation}",)


def permissions_of(call: Call) -> tuple[str, ...]:
    """The IAM actions that one planned call needs, tagging what it makes included."""
    actions = actions_of(call.service, call.operation)
    if call.service == "ec2" and "TagSpecifications" in call.parameters:
        return (*actions, "ec2:CreateTags")
    return actions
