"""Answers that mean “somebody else is at it, try again”: given when a test asks for them.

These come by chance on AWS, so no state leads to them. `Gate.answer_busy(id, times)` makes the next
calls meet one.
"""

from __future__ import annotations

from .rule import Account, Refusal, Request, Rule, of, refuses


def _busy(
    id_: str, source: str, operations: frozenset[tuple[str, str]], code: str, said: str, status: int
) -> Rule:
    def check(request: Request, account: Account) -> None:
        left = account.by_chance.get(id_, 0)
        if left:
            account.by_chance[id_] = left - 1
            raise Refusal(code, said, status)

    return refuses(id_, source, operations)(check)


RULES = (
    _busy(
        "s3.conflicting-operation",
        "S3 API Reference, error responses, OperationAborted: “A conflicting conditional operation "
        "is currently in progress against this resource. Try again.”",
        of(
            "s3",
            *("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketAcl", "PutPublicAccessBlock"),
            *("PutBucketOwnershipControls", "PutBucketEncryption", "PutBucketVersioning"),
            *("PutBucketLogging", "PutBucketReplication", "PutBucketWebsite"),
            "PutBucketLifecycleConfiguration",
        ),
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource. "
        "Please try again.",
        409,
    ),
    _busy(
        "iam.concurrent-modification",
        "IAM API Reference, ConcurrentModification: “multiple requests to change this object were "
        "submitted simultaneously. Wait a few minutes and submit your request again.”",
        of(
            "iam",
            *("CreateOpenIDConnectProvider", "CreateSAMLProvider", "UpdateSAMLProvider"),
            *("TagSAMLProvider", "TagOpenIDConnectProvider", "TagRole", "TagUser"),
        ),
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted "
        "simultaneously. Wait a few minutes and submit your request again.",
        409,
    ),
    _busy(
        "organizations.concurrent-modification",
        "Organizations API Reference, ConcurrentModificationException: “The target of the "
        "operation is currently being modified by a different request. Try again later.”",
        of("organizations", "AttachPolicy", "DetachPolicy"),
        "ConcurrentModificationException",
        "The target of the operation is currently being modified by a different request. Try again "
        "later.",
        400,
    ),
    _busy(
        "events.concurrent-modification",
        "EventBridge API Reference, ConcurrentModificationException: “There is concurrent "
        "modification on a rule, target, archive, or replay.”",
        of(
            "events",
            *("PutRule", "DeleteRule", "EnableRule", "DisableRule", "PutTargets", "RemoveTargets"),
        ),
        "ConcurrentModificationException",
        "There is concurrent modification on a rule, target, archive, or replay.",
        400,
    ),
    _busy(
        "cloudtrail.not-ready",
        "CloudTrail API Reference, ConflictException: “another operation is modifying the "
        "resource … wait a few minutes, and then try the operation again”.",
        of("cloudtrail", "CreateTrail", "UpdateTrail", "DeleteTrail", "PutEventSelectors"),
        "ConflictException",
        "The specified resource is not ready for an operation. Wait a few minutes, and then try "
        "the operation again.",
        400,
    ),
    _busy(
        "logs.conflicting-requests",
        "CloudWatch Logs API Reference, OperationAbortedException: “Multiple concurrent requests "
        "to update the same resource were in conflict.”",
        of(
            "logs",
            *("PutRetentionPolicy", "DeleteRetentionPolicy", "PutMetricFilter"),
            *("PutSubscriptionFilter", "DeleteSubscriptionFilter", "DeleteMetricFilter"),
        ),
        "OperationAbortedException",
        "A conflicting operation is currently in progress against this resource. Please try again.",
        400,
    ),
    _busy(
        "ssm.too-many-updates",
        "Systems Manager API Reference, TooManyUpdates: “There are concurrent updates for a "
        "resource that supports one update at a time.”",
        of("ssm", "PutParameter"),
        "TooManyUpdates",
        "There are concurrent updates for a resource that supports one update at a time.",
        400,
    ),
    _busy(
        "wafv2.unavailable-entity",
        "WAF API Reference, WAFUnavailableEntityException: a resource that was just made cannot be "
        "retrieved yet; “retry your request”.",
        of("wafv2", "AssociateWebACL", "PutLoggingConfiguration"),
        "WAFUnavailableEntityException",
        "AWS WAF couldn’t retrieve the resource that you requested. Retry your request.",
        400,
    ),
)
