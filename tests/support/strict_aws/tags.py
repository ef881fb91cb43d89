"""Tags that only AWS gives: their keys begin with `aws:`.

CloudFormation and others put them on what they make. Whatever is made again from what was read
must leave them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .rule import Account, Refusal, Request, Rule, of, refuses

_RESERVED = (
    "Tagging AWS Resources User Guide: the prefix `aws:` is reserved for AWS; keys with it cannot "
    "be added or changed."
)
_NOT_ALLOWED = "aws: prefixed tag key names are not allowed for external use."


def _reserved_tags(
    service: str, code: str, message: str, keys: Callable[[Request], Iterable[str]], *names: str
) -> Rule:
    def check(request: Request, account: Account) -> None:
        if any(key.lower().startswith("aws:") for key in keys(request)):
            raise Refusal(code, message)

    return refuses(f"{service}.reserved-tag", _RESERVED, of(service, *names))(check)


def _keys(*members: str) -> Callable[[Request], Iterator[str]]:
    def found(request: Request) -> Iterator[str]:
        for member in members:
            tags: Any = request.get(member) or []
            for tag in tags:
                yield tag if isinstance(tag, str) else tag.get("Key") or tag.get("key") or ""

    return found


def _keys_in_specifications(request: Request) -> Iterator[str]:
    yield from _keys("Tags")(request)
    for specification in request.get("TagSpecifications") or []:
        yield from (tag["Key"] for tag in specification.get("Tags", []))


EC2_TAGS = _reserved_tags(
    "ec2",
    "InvalidParameterValue",
    "Tag keys starting with 'aws:' are reserved for internal use",
    _keys_in_specifications,
    "CreateTags",
    "CreateSecurityGroup",
    "CreateTrafficMirrorSession",
    "CreateVpcBlockPublicAccessExclusion",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
)
CLOUDTRAIL_TAGS = _reserved_tags(
    "cloudtrail",
    "InvalidTagParameterException",
    _NOT_ALLOWED,
    _keys("TagsList"),
    "AddTags",
    "CreateTrail",
)
EVENTS_TAGS = _reserved_tags(
    "events", "ValidationException", _NOT_ALLOWED, _keys("Tags"), "TagResource", "PutRule"
)
CONFIG_TAGS = _reserved_tags(
    "config", "ValidationException", _NOT_ALLOWED, _keys("Tags"), "TagResource", "PutConfigRule"
)
CLOUDWATCH_TAGS = _reserved_tags(
    "cloudwatch", "ValidationError", _NOT_ALLOWED, _keys("Tags"), "TagResource", "PutMetricAlarm"
)
EKS_TAGS = _reserved_tags(
    "eks",
    "InvalidParameterException",
    _NOT_ALLOWED,
    _keys("tags"),
    "TagResource",
    "CreateAccessEntry",
)
IAM_TAGS = _reserved_tags(
    "iam",
    "InvalidInput",
    _NOT_ALLOWED,
    _keys("Tags"),
    "TagSAMLProvider",
    "TagOpenIDConnectProvider",
    "CreateSAMLProvider",
    "CreateOpenIDConnectProvider",
    "TagRole",
    "TagUser",
)

RULES = (
    EC2_TAGS,
    CLOUDTRAIL_TAGS,
    EVENTS_TAGS,
    CONFIG_TAGS,
    CLOUDWATCH_TAGS,
    EKS_TAGS,
    IAM_TAGS,
)
