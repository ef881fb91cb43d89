"""Which calls are recorded: those that wake a control, under the names that CloudTrail gives."""

from __future__ import annotations

from functools import cache

from driftguard import controls

# The event sources whose first word is not botocore's name of the service.
# Source: AWS Service Authorization Reference; AWS CloudTrail User Guide, "Supported services".
_SOURCES = {
    "accessanalyzer": "access-analyzer",
    "cloudwatch": "monitoring",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "opensearch": "es",
    "s3control": "s3",
    "sso-admin": "sso",
}
# Source: Amazon S3 User Guide, "Amazon S3 CloudTrail events".
_OF_S3 = {
    ("s3", "DeletePublicAccessBlock"): "DeleteBucketPublicAccessBlock",
    ("s3", "PutBucketLifecycleConfiguration"): "PutBucketLifecycle",
    ("s3", "PutBucketNotificationConfiguration"): "PutBucketNotification",
    ("s3", "PutPublicAccessBlock"): "PutBucketPublicAccessBlock",
    ("s3control", "DeletePublicAccessBlock"): "DeleteAccountPublicAccessBlock",
    ("s3control", "PutPublicAccessBlock"): "PutAccountPublicAccessBlock",
}
# The first calls of Lambda's API: their events have the API's date and version in their names.
# Source: AWS Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail".
_OF_LAMBDA = {
    "AddLayerVersionPermission": "20181031",
    "AddPermission": "20150331v2",
    "CreateEventSourceMapping": "20150331",
    "CreateFunction": "20150331",
    "PublishLayerVersion": "20181031",
    "PublishVersion": "20150331",
    "UpdateEventSourceMapping": "20150331",
    "UpdateFunctionCode": "20150331v2",
    "UpdateFunctionConfiguration": "20150331v2",
}


def event_of(service: str, operation: str) -> tuple[str, str]:
    """The event source and name of a service's operation."""
    source = f"{_SOURCES.get(service, service)}.amazonaws.com"
    if service == "lambda":
        return source, operation + _OF_LAMBDA.get(operation, "")
    return source, _OF_S3.get((service, operation), operation)


def is_recorded(service: str, operation: str) -> bool:
    """Whether a control watches an operation."""
    source, name = event_of(service, operation)
    return (source, operation if service == "lambda" else name) in _watched()


@cache
def _watched() -> frozenset[tuple[str, str]]:
    return frozenset(
        (trigger.source, trigger.name)
        for control in controls.every()
        for trigger in control.triggers
    )
