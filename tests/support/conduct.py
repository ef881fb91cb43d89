"""Management events of principals, as EventBridge gives them, and what they show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from driftguard.conduct.memory import Memory, Seen, learned
from driftguard.conduct.watcher import Batch
from driftguard.documents import Document
from driftguard.events.sighting import Sighting, sighting_of
from tests.support.records import envelope, record
from tests.support.world import ACCOUNT

NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
OFFICE, ELSEWHERE = "203.0.113.9", "198.51.100.7"


def by_role(name: str = "web", session: str = "i-0abc", path: str = "/") -> dict[str, Any]:
    """The identity of a role's session, as CloudTrail writes it."""
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE{name.upper()}:{session}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}",
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": f"AROAEXAMPLE{name.upper()}",
                "arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}",
                "accountId": ACCOUNT,
                "userName": name,
            },
            "attributes": {"creationDate": "2026-11-24T11:00:00Z", "mfaAuthenticated": "false"},
        },
    }


def read(
    service: str,
    name: str,
    request: Any = None,
    *,
    who: Mapping[str, Any] | None = None,
    at: datetime = NOW,
    address: str = ELSEWHERE,
    agent: str = "aws-cli/2.17.0 md/prompt#off",
    error: str = "",
    **more: Any,
) -> dict[str, Any]:
    """The event of one read."""
    said = {"errorCode": error, "errorMessage": "not authorized"} if error else {}
    return envelope(
        record(
            f"{service}.amazonaws.com",
            name,
            request,
            readOnly=True,
            userIdentity=who or by_role(),
            eventTime=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            sourceIPAddress=address,
            userAgent=agent,
            **said,
            **more,
        )
    )


def looking_around(count: int = 40, **more: Any) -> list[dict[str, Any]]:
    """What somebody does first with credentials that are not theirs."""
    services = ("sts", "iam", "secretsmanager", "s3", "ec2")
    return [
        read(services[number % len(services)], f"List{number}", {"n": number}, **more)
        for number in range(count)
    ]


def sightings(events: Iterable[Mapping[str, Any]]) -> list[Sighting]:
    """What events show; each has to show something."""
    found = [sighting_of(event) for event in events]
    assert None not in found
    return [one for one in found if one is not None]


def batch(events: Iterable[Mapping[str, Any]]) -> Batch:
    """A batch of messages, as Lambda gives them."""
    records: list[Document] = [
        {"messageId": f"m{number}", "body": json.dumps(event)}
        for number, event in enumerate(events)
    ]
    return Batch.of(records, ACCOUNT)


def usual(last: int, days: int, **values: Iterable[str]) -> Memory:
    """A memory of so many days, the last of them this one, that all showed the same."""
    memory: Memory = {}
    seen = Seen({kind: frozenset(shown) for kind, shown in values.items()})
    for day in range(last - days + 1, last + 1):
        memory = learned(memory, seen, day)
    return memory


def earlier(days: float) -> datetime:
    """So many days before now."""
    return NOW - timedelta(days=days)
