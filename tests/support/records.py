"""CloudTrail records and events as AWS writes them, made small."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from driftguard.events.cloudtrail import change_from_event, change_from_record
from driftguard.model import Change

ACCOUNT = "123456789012"
REGION = "us-east-1"
ALICE = {
    "type": "IAMUser",
    "principalId": "AIDAEXAMPLE",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/alice",
    "accountId": ACCOUNT,
    "userName": "alice",
}


def session_of(role: str) -> dict[str, Any]:
    """A role session's identity."""
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:session",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/session",
        "accountId": ACCOUNT,
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": role, "accountId": ACCOUNT},
        },
    }


def record(source: str, name: str, request: Any, **more: Any) -> dict[str, Any]:
    """A CloudTrail record of one management event."""
    return {
        "eventVersion": "1.10",
        "userIdentity": ALICE,
        "eventTime": "2026-11-24T12:00:00Z",
        "eventSource": source,
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2.31",
        "requestParameters": request,
        "responseElements": None,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    } | more


def envelope(detail: dict[str, Any]) -> dict[str, Any]:
    """The EventBridge event that carries a CloudTrail record."""
    service = detail["eventSource"].removesuffix(".amazonaws.com")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": service if service.startswith("driftguard.") else f"aws.{service}",
        "account": ACCOUNT,
        "time": detail["eventTime"],
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def change(source: str, name: str, request: Any, **more: Any) -> Change:
    """The change in such a record."""
    return change_from_record(record(source, name, request, **more))


def ec2(name: str, request: Any, **more: Any) -> Change:
    return change("ec2.amazonaws.com", name, request, **more)


def s3(name: str, request: Any, **more: Any) -> Change:
    return change("s3.amazonaws.com", name, request, **more)


def iam(name: str, request: Any, **more: Any) -> Change:
    return change("iam.amazonaws.com", name, request, **more)


def flat_ingress(group: str, port: int, cidr: str, **more: Any) -> Change:
    """AuthorizeSecurityGroupIngress in the flat form: `ipPermissions` is empty."""
    return ec2(
        "AuthorizeSecurityGroupIngress",
        {
            "groupId": group,
            "ipPermissions": {},
            "ipProtocol": "tcp",
            "fromPort": port,
            "toPort": port,
            "cidrIp": cidr,
        },
        **more,
    )


def nested_ingress(group: str, *permissions: dict[str, Any], **more: Any) -> Change:
    """AuthorizeSecurityGroupIngress in the nested form."""
    return ec2(
        "AuthorizeSecurityGroupIngress",
        {"groupId": group, "ipPermissions": {"items": list(permissions)}},
        **more,
    )


def permission(
    port: int | None, *v4: str, v6: tuple[str, ...] = (), protocol: str = "tcp"
) -> dict[str, Any]:
    """One permission of the nested form; empty lists are `{}` there."""
    ports = {} if port is None else {"fromPort": port, "toPort": port}
    return {
        "ipProtocol": protocol,
        **ports,
        "groups": {},
        "ipRanges": {"items": [{"cidrIp": one} for one in v4]} if v4 else {},
        "ipv6Ranges": {"items": [{"cidrIpv6": one} for one in v6]} if v6 else {},
        "prefixListIds": {},
    }


def exposed_key(key: str, *, account: str = ACCOUNT) -> Change:
    """AWS Health's event for a key found in public."""
    return change_from_event(exposed_key_event(key, account=account))


def exposed_key_event(key: str, *, account: str = ACCOUNT) -> dict[str, Any]:
    """The EventBridge event of AWS Health for a key found in public."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS Health Event",
        "source": "aws.health",
        "account": account,
        "time": "2026-11-24T12:00:00Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventArn": f"arn:aws:health:{REGION}::event/AWS_RISK_CREDENTIALS_EXPOSED_1",
            "service": "RISK",
            "eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED",
            "eventTypeCategory": "issue",
            "startTime": "Tue, 24 Nov 2026 12:00:00 GMT",
            "eventDescription": [{"language": "en_US", "latestDescription": "A key is exposed."}],
            "affectedEntities": [{"entityValue": key}],
        },
    }


def finding_of_guardduty(
    type_: str,
    key: str,
    user: str,
    *,
    kind: str = "IAMUser",
    principal: str = "",
    severity: float = 5,
    **service: Any,
) -> Change:
    """GuardDuty's finding about an access key, as EventBridge brings it."""
    event = exposed_key_event(key) | {"detail-type": "GuardDuty Finding", "source": "aws.guardduty"}
    caller = {"remoteIpDetails": {"ipAddressV4": "198.51.100.7"}, "callerType": "Remote IP"}
    event["detail"] = {
        "schemaVersion": "2.0",
        "accountId": ACCOUNT,
        "region": REGION,
        "partition": "aws",
        "id": uuid.uuid4().hex,
        "type": type_,
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {
                "accessKeyId": key,
                "principalId": principal,
                "userType": kind,
                "userName": user,
            },
        },
        "service": {
            "serviceName": "guardduty",
            "detectorId": "12abc34d567e8fa901bc2d34e56789f0",
            "action": {"actionType": "AWS_API_CALL", "awsApiCallAction": caller},
            "archived": False,
            "count": 1,
            **service,
        },
        "severity": severity,
        "title": f"API calls were made by {user} from an unusual place.",
    }
    return change_from_event(event)


def sequence_of_guardduty(type_: str, actors: list[dict[str, Any]], **service: Any) -> Change:
    """GuardDuty's finding about an attack sequence, as EventBridge brings it."""
    change = finding_of_guardduty(type_, "", "", severity=9.1, **service)
    detection = {"sequence": {"uid": "s-1", "description": "A sequence.", "actors": actors}}
    found: Any = change.request
    service = {**found["service"], "detection": detection}
    del service["action"]
    resource = {"resourceType": "AttackSequence"}
    return replace(change, request={**found, "resource": resource, "service": service})


def told_by_guardduty(change: Change) -> dict[str, Any]:
    """GetFindings' answer about the finding that an event claims."""
    claimed: Any = change.request
    key = claimed["resource"].get("accessKeyDetails", {})
    names = ("accessKeyId", "principalId", "userName", "userType")
    found = {
        "AccountId": claimed["accountId"],
        "Arn": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/d/finding/{claimed['id']}",
        "CreatedAt": "2026-11-24T12:00:00Z",
        "Id": claimed["id"],
        "Region": REGION,
        "Resource": {
            "AccessKeyDetails": {
                name[:1].upper() + name[1:]: key[name] for name in names if name in key
            }
        },
        "SchemaVersion": "2.0",
        "Service": {"Archived": False, "EventLastSeen": "2026-11-24T11:58:22Z"},
        "Severity": claimed["severity"],
        "Type": claimed["type"],
        "UpdatedAt": "2026-11-24T12:00:00Z",
    }
    return {"Findings": [found]}
