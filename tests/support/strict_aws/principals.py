"""A policy that names a deleted user or role is refused when it is put.

When a user or role is deleted, AWS shows its unique id (`AIDA…`, `AROA…`) in the policies that
named it. Such a document cannot be put back: every service refuses it in its own words.
"""

from __future__ import annotations

from collections.abc import Callable

from .policies import is_unique_id, unique_ids
from .rule import Account, Refusal, Request, Rule, of, refuses

_ELEMENT = (
    "IAM User Guide, “IAM JSON policy elements: Principal”: when a named user or role is deleted, "
    "the principal is shown as its unique ID, and no longer matches anybody. "
)


def _alive(account: Account) -> set[str]:
    roles = account.ask("iam", "ListRoles") or {}
    users = account.ask("iam", "ListUsers") or {}
    return {role["RoleId"] for role in roles.get("Roles", [])} | {
        user["UserId"] for user in users.get("Users", [])
    }


def _dead(document: str | None, account: Account) -> str | None:
    found = unique_ids(document)
    alive = _alive(account) if found else set()
    return next((id_ for id_ in found if id_ not in alive), None)


def _in_documents(
    id_: str,
    source: str,
    operations: frozenset[tuple[str, str]],
    document: Callable[[Request], str | None],
    refusal: Callable[[str], Refusal],
) -> Rule:
    def check(request: Request, account: Account) -> None:
        if dead := _dead(document(request), account):
            raise refusal(dead)

    return refuses(id_, _ELEMENT + source, operations)(check)


BUCKET = _in_documents(
    "s3.policy-names-dead-principal",
    "re:Post, “Invalid principal in policy” (S3): confirm that the user or role was not deleted.",
    of("s3", "PutBucketPolicy"),
    lambda request: request.get("Policy"),
    lambda _: Refusal("MalformedPolicy", "Invalid principal in policy"),
)

TRUST = _in_documents(
    "iam.trust-names-dead-principal",
    "re:Post, “Failed to update trust policy. Invalid principal in policy”: a deleted identity in "
    "the trust policy is refused.",
    of("iam", "UpdateAssumeRolePolicy", "CreateRole"),
    lambda request: request.get("PolicyDocument") or request.get("AssumeRolePolicyDocument"),
    lambda dead: Refusal("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{dead}"'),
)

KEY = _in_documents(
    "kms.policy-names-dead-principal",
    "KMS API Reference, PutKeyPolicy: “The principals in the key policy must exist and be visible "
    "to KMS”; re:Post, MalformedPolicyDocumentException: remove orphaned unique IDs.",
    of("kms", "PutKeyPolicy", "CreateKey"),
    lambda request: request.get("Policy"),
    lambda _: Refusal(
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    ),
)

QUEUE = _in_documents(
    "sqs.policy-names-dead-principal",
    "SQS answers InvalidAttributeValue (message as terraform-provider-aws waits it out).",
    of("sqs", "SetQueueAttributes", "CreateQueue"),
    lambda request: request.get("Attributes", {}).get("Policy"),
    lambda _: Refusal("InvalidAttributeValue", "Invalid value for the parameter Policy."),
)

TOPIC = _in_documents(
    "sns.policy-names-dead-principal",
    "SNS answers PrincipalNotFound (message as AWS's own CloudFormation handler matches it).",
    of("sns", "SetTopicAttributes"),
    lambda request: (
        request.get("AttributeValue") if request.get("AttributeName") == "Policy" else None
    ),
    lambda _: Refusal("InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound"),
)

SECRET = _in_documents(
    "secretsmanager.policy-names-dead-principal",
    "Secrets Manager answers “This resource policy contains an unsupported principal” for a "
    "principal that does not exist.",
    of("secretsmanager", "PutResourcePolicy"),
    lambda request: request.get("ResourcePolicy"),
    lambda _: Refusal(
        "MalformedPolicyDocumentException",
        "This resource policy contains an unsupported principal.",
    ),
)

REPOSITORY = _in_documents(
    "ecr.policy-names-dead-principal",
    "re:Post, ECR cross-account access: where the role does not exist the policy is an invalid "
    "repository policy.",
    of("ecr", "SetRepositoryPolicy"),
    lambda request: request.get("policyText"),
    lambda _: Refusal(
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
        "'Invalid repository policy provided'",
    ),
)

FILE_SYSTEM = _in_documents(
    "efs.policy-names-dead-principal",
    "EFS API Reference, PutFileSystemPolicy: InvalidPolicyException (message as "
    "terraform-provider-aws waits it out).",
    of("efs", "PutFileSystemPolicy"),
    lambda request: request.get("Policy"),
    lambda _: Refusal("InvalidPolicyException", "Policy contains invalid Principal block"),
)


def _check_function(request: Request, account: Account) -> None:
    principal = request.get("Principal", "")
    if is_unique_id(principal) and principal not in _alive(account):
        raise Refusal(
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        )


FUNCTION = refuses(
    "lambda.permission-names-dead-principal",
    _ELEMENT + "Lambda API Reference, AddPermission: Principal is a service, an account or an ARN.",
    of("lambda", "AddPermission", "AddLayerVersionPermission"),
)(_check_function)


def _check_entry(request: Request, account: Account) -> None:
    arn = request.get("principalArn", "")
    if is_unique_id(arn) or ":assumed-role/" in arn:
        raise Refusal(
            "InvalidParameterException",
            "The specified principalArn is invalid: invalid principal.",
        )


ENTRY = refuses(
    "eks.access-entry-names-dead-principal",
    "EKS API Reference, CreateAccessEntry, principalArn: an IAM principal for an existing access "
    "entry; “You can't specify an STS session principal type”.",
    of("eks", "CreateAccessEntry"),
)(_check_entry)

RULES = (
    BUCKET,
    TRUST,
    KEY,
    QUEUE,
    TOPIC,
    SECRET,
    REPOSITORY,
    FILE_SYSTEM,
    FUNCTION,
    ENTRY,
)
