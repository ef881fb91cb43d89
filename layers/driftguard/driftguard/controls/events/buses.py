"""Event buses open by their policy: strangers may send events to them, or make rules on them.

Sources: Amazon EventBridge API Reference, "PutPermission" (a policy, or one statement of it) and
"RemovePermission"; Service Authorization Reference, "Actions, resources, and condition keys for
Amazon EventBridge" (neither knows resources).
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger, resource
from ..mechanisms.resource_policy import OpenPolicy
from .rules import BUSY, EVENTS, GONE

_EVERYWHERE = ("*",)


def _bus(change: Change) -> Iterator[Candidate]:
    """The bus of a record, named by its name or its ARN; the default one by neither."""
    given = text(change.request, "eventBusName")
    name = given.partition(":event-bus/")[2] if given.startswith("arn:") else given or "default"
    where = f"events:{{region}}:{{account}}:event-bus/{name}"
    yield Candidate(resource(change, "events.bus", name, where), Certainty.POSSIBLE)


def _buses(reader: Reader) -> Iterator[Resource]:
    asked: dict[str, str] = {}
    while True:
        page = document(reader.read("events", "ListEventBuses", absent=(), **asked))
        for bus in items(page.get("EventBuses")):
            name, arn = text(bus, "Name"), text(bus, "Arn")
            yield Resource("events.bus", name, reader.account, reader.region, arn)
        if not text(page, "NextToken"):
            return
        asked["NextToken"] = text(page, "NextToken")


def written(change: Change) -> Json:
    """The policy in a record, or the statement that its parameters make: `*`, or an account."""
    if policy := text(change.request, "policy"):
        return policy
    principal = text(change.request, "principal")
    if not principal:
        return None
    asked = mapping(change.request, "condition")
    kind, key = text(asked, "type"), text(asked, "key")
    condition: Document = {kind: {key: asked.get("value")}} if kind and key else {}
    statement: Document = {
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": principal},
        "Action": text(change.request, "action") or "events:PutEvents",
        **({"Condition": condition} if condition else {}),
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _policy(bus: Resource, reader: Reader) -> Document | None:
    found = reader.read("events", "DescribeEventBus", Name=bus.id, absent=GONE)
    return None if found is None else {"policy": text(document(found), "Policy")}


def _put(bus: Resource, written: str, _: Document) -> Call:
    parameters: Document = {"EventBusName": bus.id, "Policy": written}
    return Call("events", "PutPermission", parameters, on=_EVERYWHERE)


def _remove(bus: Resource, _: Document) -> Call:
    parameters: Document = {"EventBusName": bus.id, "RemoveAllPermissions": True}
    return Call("events", "RemovePermission", parameters, on=_EVERYWHERE, settled_by=GONE)


PUBLIC_BUS = OpenPolicy(
    id="events.public-bus",
    title="Event bus open by its policy",
    severity=78,
    cuts=NOTHING,
    busy=BUSY,
    references=References(attack=("T1098", "T1537")),
    triggers=(Trigger(EVENTS, "PutPermission"),),
    reads=("events:DescribeEventBus", "events:ListEventBuses"),
    writes={"events:PutPermission": _EVERYWHERE, "events:RemovePermission": _EVERYWHERE},
    # moto merges the statements of a policy into those that are there; AWS replaces them.
    proven="stub",
    found_by=_buses,
    service="eventbridge",
    candidates=_bus,
    written=written,
    read=_policy,
    put=_put,
    delete=_remove,
)

CONTROLS = (PUBLIC_BUS,)
