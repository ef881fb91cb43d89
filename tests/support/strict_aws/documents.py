"""Documents that are put whole: how long they may be, what they must leave, what takes their place.

A put replaces all that was there. What is left out of it is gone, and where a policy is deleted,
the service's default takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .policies import allows, statements
from .rule import Account, Proceed, Refusal, Request, Response, Rule, of, refuses, surrounds

# -------------------------------------------------------------------------------- how long


def _too_long(
    id_: str,
    source: str,
    operations: frozenset[tuple[str, str]],
    document: Callable[[Request], str | None],
    most: int,
    refusal: Callable[[Request], Refusal],
    *,
    spaces: bool = True,
) -> Rule:
    def check(request: Request, account: Account) -> None:
        written = document(request) or ""
        counted = written if spaces else "".join(written.split())
        if len(counted.encode()) > most:
            raise refusal(request)

    return refuses(id_, source, operations)(check)


_IAM_QUOTAS = (
    "IAM User Guide, “IAM and AWS STS quotas”: IAM doesn't count white space when it calculates "
    "the size of a policy; "
)


def _inline(kind: str, most: int) -> Rule:
    return _too_long(
        f"iam.{kind.lower()}-inline-size",
        f"{_IAM_QUOTAS}{kind.lower()} policy size cannot exceed {most:,} characters.",
        of("iam", f"Put{kind}Policy"),
        lambda request: request.get("PolicyDocument"),
        most,
        lambda request: Refusal(
            "LimitExceeded",
            f"Maximum policy size of {most} bytes exceeded for {kind.lower()} "
            f"{request.get(f'{kind}Name')}",
            409,
        ),
        spaces=False,
    )


USER_INLINE = _inline("User", 2048)
GROUP_INLINE = _inline("Group", 5120)
ROLE_INLINE = _inline("Role", 10240)

TRUST_SIZE = _too_long(
    "iam.trust-size",
    _IAM_QUOTAS + "role trust policy length: 2,048 characters.",
    of("iam", "UpdateAssumeRolePolicy"),
    lambda request: request.get("PolicyDocument"),
    2048,
    lambda _: Refusal("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409),
)

BUCKET_POLICY_SIZE = _too_long(
    "s3.policy-size",
    "S3 User Guide, “Bucket policies”: bucket policies are limited to 20 KB in size.",
    of("s3", "PutBucketPolicy"),
    lambda request: request.get("Policy"),
    20 * 1024,
    lambda _: Refusal("PolicyTooLarge", "Policy exceeds the maximum allowed document size."),
)

FILE_SYSTEM_POLICY_SIZE = _too_long(
    "efs.policy-size",
    "EFS API Reference, PutFileSystemPolicy: policies have a 20,000 character limit.",
    of("efs", "PutFileSystemPolicy"),
    lambda request: request.get("Policy"),
    20_000,
    lambda _: Refusal("InvalidPolicyException", "Policy is longer than 20000 characters"),
)

TABLE_POLICY_SIZE = _too_long(
    "dynamodb.policy-size",
    "DynamoDB API Reference, PutResourcePolicy: at most 20 KB, white space counted.",
    of("dynamodb", "PutResourcePolicy"),
    lambda request: request.get("Policy"),
    20 * 1024,
    lambda _: Refusal(
        "LimitExceededException", "Resource-based policy size cannot exceed 20480 bytes"
    ),
)

# --------------------------------------------------------------------------- what it must leave


@refuses(
    "kms.lockout-safety-check",
    "KMS API Reference, PutKeyPolicy: the policy “must allow the calling principal to make a "
    "subsequent PutKeyPolicy request”, unless BypassPolicyLockoutSafetyCheck is true.",
    of("kms", "PutKeyPolicy"),
)
def key_lockout(request: Request, account: Account) -> None:
    if request.get("BypassPolicyLockoutSafetyCheck"):
        return
    written = statements(request.get("Policy"))
    if not any(allows(statement, "kms:PutKeyPolicy") for statement in written):
        raise Refusal(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        )


@refuses(
    "efs.lockout-safety-check",
    "EFS API Reference, PutFileSystemPolicy: the check determines whether the policy will lock out "
    "the principal that makes the request, unless BypassPolicyLockoutSafetyCheck is true.",
    of("efs", "PutFileSystemPolicy"),
)
def file_system_lockout(request: Request, account: Account) -> None:
    if request.get("BypassPolicyLockoutSafetyCheck"):
        return
    for statement in statements(request.get("Policy")):
        shut = {**statement, "Effect": "Allow"}
        if (
            statement.get("Effect") == "Deny"
            and not statement.get("Condition")
            and allows(shut, "elasticfilesystem:PutFileSystemPolicy")
        ):
            raise Refusal(
                "InvalidPolicyException",
                "The policy would lock out the principal that makes the request",
            )


@refuses(
    "dynamodb.expected-revision",
    "DynamoDB API Reference, PutResourcePolicy, ExpectedRevisionId: if it doesn't match, or no "
    "policy is attached, PolicyNotFoundException; NO_POLICY where none may exist.",
    of("dynamodb", "PutResourcePolicy"),
)
def expected_revision(request: Request, account: Account) -> None:
    expected = request.get("ExpectedRevisionId")
    if expected is None:
        return
    there = account.ask("dynamodb", "GetResourcePolicy", ResourceArn=request.get("ResourceArn"))
    revision = (there or {}).get("RevisionId", "NO_POLICY")
    if expected != revision:
        raise Refusal(
            "PolicyNotFoundException",
            f"Resource-based policy not found for the provided ResourceArn: Requested RevisionId "
            f"{expected} does not match",
        )


@refuses(
    "organizations.one-scp-stays",
    "Organizations API Reference, DetachPolicy: “Every root, OU, and account must have at least "
    "one SCP attached”; MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED.",
    of("organizations", "DetachPolicy"),
)
def one_scp_stays(request: Request, account: Account) -> None:
    told = account.ask(
        "organizations",
        "ListPoliciesForTarget",
        TargetId=request.get("TargetId"),
        Filter="SERVICE_CONTROL_POLICY",
    )
    attached = [policy["Id"] for policy in (told or {}).get("Policies", [])]
    if attached == [request.get("PolicyId")]:
        raise Refusal(
            "ConstraintViolationException",
            "You attempted to detach a policy from an entity that would cause the entity to have "
            "fewer than the minimum number of policies of a certain type required.",
        )


@refuses(
    "cloudtrail.one-kind-of-selectors",
    "CloudTrail API Reference, PutEventSelectors: “either AdvancedEventSelectors or "
    "EventSelectors, but not both”.",
    of("cloudtrail", "PutEventSelectors"),
)
def one_kind_of_selectors(request: Request, account: Account) -> None:
    if request.get("EventSelectors") and request.get("AdvancedEventSelectors"):
        raise Refusal(
            "InvalidEventSelectorsException",
            "Specify either EventSelectors or AdvancedEventSelectors, but not both.",
        )


# ----------------------------------------------------------------------------- what a put replaces


@surrounds(
    "cloudtrail.selectors-overwrite",
    "CloudTrail API Reference, PutEventSelectors: applying one kind of selectors overwrites any "
    "existing of the other.",
    of("cloudtrail", "PutEventSelectors", "GetEventSelectors"),
)
def selectors_overwrite(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("cloudtrail.selectors", str(request.get("TrailName")).rpartition("/")[2])
    response = proceed(request)
    if request.operation == "PutEventSelectors":
        advanced = bool(request.get("AdvancedEventSelectors"))
        account.memory[key] = "EventSelectors" if advanced else "AdvancedEventSelectors"
        return response
    gone = account.memory.get(key)
    return {name: value for name, value in response.items() if name != gone or not value}


_GUARDRAIL = {
    "topicPolicyConfig": "topicPolicy",
    "contentPolicyConfig": "contentPolicy",
    "wordPolicyConfig": "wordPolicy",
    "sensitiveInformationPolicyConfig": "sensitiveInformationPolicy",
    "contextualGroundingPolicyConfig": "contextualGroundingPolicy",
    "automatedReasoningPolicyConfig": "automatedReasoningPolicy",
    "crossRegionConfig": "crossRegionDetails",
    "kmsKeyId": "kmsKeyArn",
    "description": "description",
}


@surrounds(
    "bedrock.update-replaces-guardrail",
    "Bedrock API Reference, UpdateGuardrail: “Updates a guardrail with the values you specify”; a "
    "policy that is left out is no part of the guardrail any more.",
    of("bedrock", "UpdateGuardrail", "GetGuardrail"),
)
def update_replaces_guardrail(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("bedrock.guardrail", str(request.get("guardrailIdentifier")).rpartition("/")[2])
    response = proceed(request)
    if request.operation == "UpdateGuardrail":
        left_out = [told for asked, told in _GUARDRAIL.items() if asked not in request.parameters]
        account.memory[key] = left_out
        return response
    gone = account.memory.get(key, ())
    return {name: value for name, value in response.items() if name not in gone}


_PASSWORD_DEFAULTS: dict[str, Any] = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}


@surrounds(
    "iam.password-policy-reverts-to-defaults",
    "IAM API Reference, UpdateAccountPasswordPolicy: “does not support partial updates”; a "
    "parameter that is not specified “reverts to its default value”.",
    of("iam", "UpdateAccountPasswordPolicy"),
)
def password_policy_defaults(request: Request, account: Account, proceed: Proceed) -> Response:
    return proceed(request.with_parameters(**{**_PASSWORD_DEFAULTS, **request.parameters}))


@surrounds(
    "ec2.metadata-options-are-kept",
    "EC2 API Reference, ModifyInstanceMetadataOptions: “If no parameter is specified, the existing "
    "state is maintained.”",
    of("ec2", "ModifyInstanceMetadataOptions"),
)
def metadata_options_are_kept(request: Request, account: Account, proceed: Proceed) -> Response:
    told = account.ask("ec2", "DescribeInstances", InstanceIds=[request.get("InstanceId")]) or {}
    found = [i for r in told.get("Reservations", []) for i in r.get("Instances", [])]
    there = found[0].get("MetadataOptions", {}) if found else {}
    members = ("HttpTokens", "HttpPutResponseHopLimit", "HttpEndpoint", "InstanceMetadataTags")
    kept = {name: there[name] for name in (*members, "HttpProtocolIpv6") if name in there}
    return proceed(request.with_parameters(**{**kept, **request.parameters}))


# --------------------------------------------------------------------- what takes a policy's place


def everybody_may_mount(arn: str) -> str:
    """The policy that a file system has while none is put."""
    actions = ("ClientMount", "ClientWrite", "ClientRootAccess")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"elasticfilesystem:{action}" for action in actions],
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def owner_may_use(arn: str) -> str:
    """The policy that a topic is made with."""
    actions = (
        *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission"),
        *("DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish"),
    )
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": arn.split(":")[4]}},
    }
    return json.dumps(
        {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    )


def file_system_policy_in_effect(account: Account, file_system: str) -> str:
    """The policy that decides who may mount: the one that was put, else EFS's default.

    Source: EFS User Guide, “Using IAM to control access to file systems”: the default policy
    grants full access to any anonymous client that can connect by a mount target, and is in effect
    whenever no policy is set, at creation too; DescribeFileSystemPolicy answers PolicyNotFound.
    """
    told = account.ask("efs", "DescribeFileSystemPolicy", FileSystemId=file_system)
    return told["Policy"] if told and told.get("Policy") else everybody_may_mount(file_system)


@surrounds(
    "efs.default-policy-after-deletion",
    "EFS User Guide, “Default EFS file system policy”: in effect whenever no policy is set; "
    "DescribeFileSystemPolicy then answers PolicyNotFound.",
    of("efs", "DeleteFileSystemPolicy", "DescribeFileSystemPolicy", "PutFileSystemPolicy"),
)
def efs_default(request: Request, account: Account, proceed: Proceed) -> Response:
    key = ("efs.deleted", str(request.get("FileSystemId")))
    if request.operation == "DescribeFileSystemPolicy" and key in account.memory:
        raise Refusal(
            "PolicyNotFound", f"No policy found for file system {request.get('FileSystemId')}.", 404
        )
    if request.operation == "DeleteFileSystemPolicy":
        account.memory[key] = True
        return proceed(request)
    if request.operation == "PutFileSystemPolicy":
        account.memory.pop(key, None)
    return proceed(request)


@surrounds(
    "sns.policy-is-never-empty",
    "SNS Developer Guide, “Default values for access control”: a topic has the owner's default "
    "policy, __default_policy_ID, with the condition AWS:SourceOwner. There is no call that takes "
    "a policy away: an empty one is refused.",
    of("sns", "SetTopicAttributes"),
)
def sns_policy_is_never_empty(request: Request, account: Account, proceed: Proceed) -> Response:
    named = request.get("AttributeName") == "Policy"
    if named and not statements(request.get("AttributeValue")):
        raise Refusal("InvalidParameter", "Invalid parameter: Policy Error: null")
    return proceed(request)


RULES = (
    USER_INLINE,
    GROUP_INLINE,
    ROLE_INLINE,
    TRUST_SIZE,
    BUCKET_POLICY_SIZE,
    FILE_SYSTEM_POLICY_SIZE,
    TABLE_POLICY_SIZE,
    key_lockout,
    file_system_lockout,
    expected_revision,
    one_scp_stays,
    one_kind_of_selectors,
    selectors_overwrite,
    update_replaces_guardrail,
    password_policy_defaults,
    metadata_options_are_kept,
    efs_default,
    sns_policy_is_never_empty,
)
