"""Events as the account's own services put them on the event bus.

Neither emulator makes CloudTrail events of the calls it gets, so the demo writes what CloudTrail
would: the record of the call, in the shape of real records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from .account import Account

# Somebody who got hold of a session of the build role, from an address of a documentation range.
INTRUDER = "ci-build/i-0a1b2c3d4e5f60718"
_ADDRESS = "198.51.100.23"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that a service puts on the account's event bus."""

    source: str
    kind: str
    detail: Mapping[str, object]


def send(account: Account, event: Event) -> None:
    """Puts the event on the account's bus."""
    account.client("events").put_events(
        Entries=[
            {
                "Source": event.source,
                "DetailType": event.kind,
                "Detail": json.dumps(event.detail),
            }
        ]
    )


def api_call(
    account: Account,
    service: str,
    name: str,
    request: Mapping[str, object],
    response: Mapping[str, object] | None = None,
) -> Event:
    """The CloudTrail record of an API call that the intruder has made."""
    role, session = INTRUDER.split("/")
    record = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLEBUILDROLE:{session}",
            "arn": f"arn:aws:sts::{account.id}:assumed-role/{INTRUDER}",
            "accountId": account.id,
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "arn": f"arn:aws:iam::{account.id}:role/{role}",
                    "accountId": account.id,
                    "userName": role,
                }
            },
        },
        "eventTime": _now(),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": account.region,
        "sourceIPAddress": _ADDRESS,
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": request,
        "responseElements": response,
        "requestID": str(uuid4()),
        "eventID": str(uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account.id,
        "eventCategory": "Management",
    }
    return Event(f"aws.{service}", "AWS API Call via CloudTrail", record)


def exposed_key(account: Account, key: str) -> Event:
    """The AWS Health event for an access key that AWS found in public."""
    code = "AWS_RISK_CREDENTIALS_EXPOSED"
    detail = {
        "eventArn": f"arn:aws:health:{account.region}::event/RISK/{code}/{code}-{uuid4()}",
        "service": "RISK",
        "eventTypeCode": code,
        "eventTypeCategory": "issue",
        "eventScopeCode": "ACCOUNT_SPECIFIC",
        "startTime": _now(),
        "eventDescription": [
            {"language": "en_US", "latestDescription": "An access key was found in public."}
        ],
        "affectedEntities": [{"entityValue": key, "status": "IMPAIRED"}],
    }
    return Event("aws.health", "AWS Health Event", detail)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
