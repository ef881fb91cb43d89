"""Reads what one management event shows of a principal's conduct: who called what, and how.

What AWS services do by themselves is left out, and so is what others than the account's own
principals did, and what a stranger can have written about a principal without its credentials (a
sign-in that failed).

Sources: AWS CloudTrail User Guide, "CloudTrail record contents", "CloudTrail userIdentity element",
"AWS Management Console sign-in events"; AWS Security Hub User Guide, "Security Hub CSPM controls
for CloudWatch" (CloudWatch.2: the error codes of calls that were denied); Amazon EventBridge API
Reference, "PutEventsResultEntry" (`NotAuthorizedForSourceException`).
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from driftguard.documents import Document, Json, digest, mapping, text
from driftguard.model import Actor

from .cloudtrail import Unparsable, change_from_event

# How the error codes of denied calls begin and end: `AccessDenied`, `AccessDeniedException`,
# `Client.UnauthorizedOperation` of EC2, `AuthorizationError` of SNS and others' own.
DENIED_PREFIXES = (
    "AccessDenied",
    "AuthorizationError",
    "Forbidden",
    "NotAuthorized",
    "Unauthorized",
)
DENIED_SUFFIXES = ("UnauthorizedOperation", "UnauthorizedAccess")
_OF_AWS = "aws."
# The types of identities whose credentials somebody else can have.
_OF_PEOPLE = frozenset({"AssumedRole", "FederatedUser", "IAMUser", "IdentityCenterUser", "Root"})
# Whose reads hand out what they name: each target counts, not each operation.
_BY_TARGET = frozenset({"secretsmanager", "ssm"})
_LONGEST = 64


class Sighting(NamedTuple):
    """What one event shows. `principal` is the lasting identity's ARN, `id` its unique id.

    `operation` is `service:Name`; `network` a /24, a /48 or a service's host name; `client` the
    agent's first word. `read` and `denied` are digests of what counts as one different read, or one
    different denied call; "" for what is none. `first` is the hour's tenth in which it happened:
    whole windows of ten minutes since 1970.
    """

    actor: Actor
    id: str
    account: str
    time: str
    service: str
    operation: str
    network: str
    client: str
    read: str
    denied: str


def is_denied(code: str) -> bool:
    """Whether an error code says that the caller may not make the call."""
    return code.startswith(DENIED_PREFIXES) or code.endswith(DENIED_SUFFIXES)


def sighting_of(event: Json) -> Sighting | None:
    """What an EventBridge envelope shows of a principal's conduct; None if it shows none.

    Raises `Unparsable` for what is no CloudTrail record in an envelope that agrees with it, and for
    what AWS itself did not send: PutEvents takes any source but those that begin with `aws.`.
    """
    change = change_from_event(event)
    envelope = event if isinstance(event, dict) else {}
    record = mapping(envelope, "detail")
    if not text(envelope, "source").startswith(_OF_AWS):
        raise Unparsable("the event has no source of AWS's: anybody can have put it")
    identity = mapping(record, "userIdentity")
    if not text(record, "eventName"):
        raise Unparsable("the event holds no CloudTrail record")
    service = change.source.removesuffix(".amazonaws.com")[:_LONGEST]
    ours = text(identity, "accountId") in ("", change.account)
    failed = text(mapping(record, "responseElements"), "ConsoleLogin") == "Failure"
    if change.actor.kind not in _OF_PEOPLE or not ours or failed or not change.actor.principal:
        return None
    operation = f"{service}:{change.name}"[: 2 * _LONGEST]
    targeted = _short([operation, change.request])
    return Sighting(
        actor=change.actor,
        id=_unique_id(identity),
        account=change.account,
        time=change.time,
        service=service,
        operation=operation,
        network=network_of(change.actor.source)[:_LONGEST],
        client=client_of(change.actor.agent),
        read=(targeted if service in _BY_TARGET else _short(operation)) if change.read_only else "",
        denied=targeted if is_denied(change.error) else "",
    )


def _unique_id(identity: Document) -> str:
    issuer = mapping(mapping(identity, "sessionContext"), "sessionIssuer")
    said = text(issuer, "principalId") or text(identity, "principalId")
    return said.partition(":")[0][:_LONGEST]


def _short(value: Json) -> str:
    return digest(value)[:8]


def network_of(source: str) -> str:
    """The /24 or /48 of an address; a service's host name stands for itself."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 80 << 80)}/48"
    return f"{source.rpartition('.')[0]}.0/24"


def client_of(agent: str) -> str:
    """What an agent calls itself, without its version: `aws-cli`, `console.amazonaws.com`."""
    return agent.partition("/")[0].strip(" [")[:40]
