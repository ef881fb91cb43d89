"""CloudWatch Logs: destinations and policies by which strangers may write to the account's logs.

Sources: Amazon CloudWatch Logs API Reference, "PutDestinationPolicy" (a destination's policy can be
replaced, and not be deleted), "PutResourcePolicy" and "DescribeResourcePolicies".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy

_LOGS = "logs.amazonaws.com"
_DESTINATIONS = ("arn:{partition}:logs:{region}:{account}:destination:*",)
_EVERYWHERE = ("*",)
_BUSY = (Busy("OperationAbortedException"),)

# ------------------------------------------------------------------------------- destinations


def _destination(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "destinationName")
    if name:
        where = f"logs:{{region}}:{{account}}:destination:{name}"
        yield Candidate(resource(change, "logs.destination", name, where), Certainty.POSSIBLE)


def _destinations(reader: Reader) -> Iterator[Resource]:
    for destination in map(document, reader.pages("logs", "DescribeDestinations", "destinations")):
        name, arn = text(destination, "destinationName"), text(destination, "arn")
        yield Resource("logs.destination", name, reader.account, reader.region, arn)


def _destination_policy(destination: Resource, reader: Reader) -> Document | None:
    listing = reader.pages(
        "logs", "DescribeDestinations", "destinations", DestinationNamePrefix=destination.id
    )
    for found in map(document, listing):
        if text(found, "destinationName") == destination.id:
            return {"policy": text(found, "accessPolicy")}
    return None


PUBLIC_DESTINATION = OpenPolicy(
    id="logs.public-destination",
    title="Log destination open by its policy",
    severity=65,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(attack=("T1565.001",)),
    triggers=(Trigger(_LOGS, "PutDestinationPolicy"),),
    reads=("logs:DescribeDestinations",),
    writes={"logs:PutDestinationPolicy": _DESTINATIONS},
    found_by=_destinations,
    service="logs-destination",
    candidates=_destination,
    written=lambda change: change.request.get("accessPolicy"),
    read=_destination_policy,
    put=lambda destination, written, _: Call(
        "logs",
        "PutDestinationPolicy",
        {"destinationName": destination.id, "accessPolicy": written},
        on=(destination.arn,),
    ),
)

# --------------------------------------------------------------------------- account's policies


def _named(change: Change) -> Iterator[Candidate]:
    """The policy of the account and region that a record puts. This ARN only names it.

    A policy of one log group is put with the revision that it replaces, and so cannot be put back
    by calls that are known beforehand: it is none of this control's.
    """
    name = text(change.request, "policyName")
    if name and not text(change.request, "resourceArn"):
        where = f"logs:{{region}}:{{account}}:resource-policy:{name}"
        yield Candidate(resource(change, "logs.resource-policy", name, where), Certainty.POSSIBLE)


def _policies(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:logs:{reader.region}:{reader.account}"
    for policy in map(
        document, reader.pages("logs", "DescribeResourcePolicies", "resourcePolicies")
    ):
        name = text(policy, "policyName")
        arn = f"{where}:resource-policy:{name}"
        yield Resource("logs.resource-policy", name, reader.account, reader.region, arn)


def _resource_policy(policy: Resource, reader: Reader) -> Document | None:
    listing = reader.pages("logs", "DescribeResourcePolicies", "resourcePolicies")
    for found in map(document, listing):
        if text(found, "policyName") == policy.id:
            return {"policy": text(found, "policyDocument")}
    return None


PUBLIC_POLICY = OpenPolicy(
    id="logs.public-policy",
    title="Logs open to strangers by a policy of the account",
    severity=70,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(attack=("T1565.001", "T1530")),
    triggers=(Trigger(_LOGS, "PutResourcePolicy"),),
    reads=("logs:DescribeResourcePolicies",),
    writes={"logs:PutResourcePolicy": _EVERYWHERE, "logs:DeleteResourcePolicy": _EVERYWHERE},
    found_by=_policies,
    service="logs",
    candidates=_named,
    written=lambda change: change.request.get("policyDocument"),
    read=_resource_policy,
    put=lambda policy, written, _: Call(
        "logs",
        "PutResourcePolicy",
        {"policyName": policy.id, "policyDocument": written},
        on=_EVERYWHERE,
    ),
    delete=lambda policy, _: Call(
        "logs",
        "DeleteResourcePolicy",
        {"policyName": policy.id},
        on=_EVERYWHERE,
        settled_by=("ResourceNotFoundException",),
    ),
)

CONTROLS = (PUBLIC_DESTINATION, PUBLIC_POLICY)
