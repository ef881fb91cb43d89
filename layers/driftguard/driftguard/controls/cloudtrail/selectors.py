"""A trail's event selectors: which events it records."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger
from ..mechanisms.switch import Switch
from ..mechanisms.weakened import TOLD, told
from .trail import BUSY, CLOUDTRAIL, GONE, TRAILS, capitalised, made, own_trails, trail_of

_KINDS = ("EventSelectors", "AdvancedEventSelectors")
MANAGEMENT: Document = {"Field": "eventCategory", "Equals": ["Management"]}


def selectors_asked(change: Change) -> Iterator[Candidate]:
    """The trail whose selectors changed; leaving out management events is proof of a loss."""
    trail = trail_of(change)
    if trail is None:
        return
    asked = _selectors(capitalised(change.request))
    if omitted(change.request) or not asked:
        yield Candidate(trail, Certainty.POSSIBLE)
    elif gaps(asked):
        yield told(trail, "selectors")
    elif not _of_data(asked):
        yield Candidate(trail, Certainty.POSSIBLE)


def gaps(selectors: Document) -> frozenset[str]:
    """The management events not recorded, in words. A trail without selectors records all.

    Reads and writes are looked at apart: a selector for each covers both.
    """
    found: set[str] = set()
    for side in ("read", "write"):
        excluded = [
            set(left_out) for sides, left_out in map(_management, _all(selectors)) if side in sides
        ]
        if not excluded:
            found.add(f"{side} events")
        else:
            found.update(f"{side} events of {source}" for source in set.intersection(*excluded))
    return frozenset(found)


def _management(selector: Document) -> tuple[tuple[str, ...], list[str]]:
    """Which sides of the management events a selector takes, and the sources that it leaves out.

    Source: AWS CloudTrail API Reference, "EventSelector" and "AdvancedFieldSelector".
    """
    if "FieldSelectors" not in selector:
        if flag(selector.get("IncludeManagementEvents")) is False:
            return (), []
        reach = text(selector, "ReadWriteType")
        excluded = _texts(selector.get("ExcludeManagementEventSources"))
    else:
        fields = {text(item, "Field"): item for item in items(selector["FieldSelectors"])}
        if "Management" not in _texts(fields.get("eventCategory", {}).get("Equals")):
            return (), []
        only = _texts(fields.get("readOnly", {}).get("Equals"))
        reach = {"true": "ReadOnly", "false": "WriteOnly"}.get("".join(only), "")
        excluded = _texts(fields.get("eventSource", {}).get("NotEquals"))
        if set(fields) - {"eventCategory", "readOnly", "eventSource"} or (
            "eventSource" in fields and not excluded
        ):
            excluded = [*excluded, "all but some sources or callers"]
    sides = {"ReadOnly": ("read",), "WriteOnly": ("write",)}.get(reach, ("read", "write"))
    return sides, excluded


def _of_data(selectors: Document) -> bool:
    """Whether any selector takes data events."""
    return any(
        _texts(mapping(fields, "eventCategory").get("Equals")) == ["Data"]
        if (fields := {text(item, "Field"): item for item in items(selector.get("FieldSelectors"))})
        else any(True for _ in items(selector.get("DataResources")))
        for selector in _all(selectors)
    )


def recorded(trail: Resource, reader: Reader) -> Document | None:
    found = reader.read("cloudtrail", "GetEventSelectors", TrailName=trail.id, absent=GONE)
    return None if found is None else _selectors(document(found))


def _recorded_since(trail: Resource, reader: Reader) -> Document | None:
    """What is recorded, and whether the trail is only being made."""
    found = recorded(trail, reader)
    return None if found is None else {**found, **({"new": True} if made(trail, reader) else {})}


def _narrower(state: Document, baseline: Document | None) -> str:
    """What is no longer recorded. Without a baseline only what the record told counts: a trail may
    be there for data events alone, or leave out the noise of some service. A trail that is only
    being made records no less than before.
    """
    if baseline is None and (TOLD not in state or "new" in state):
        return ""
    lost = gaps(state) - (gaps(baseline) if baseline else frozenset())
    if baseline and _of_data(baseline) and not _of_data(state):
        lost |= {"data events"}
    return f"the trail no longer records {', '.join(sorted(lost))}" if lost else ""


def _widened(state: Document, baseline: Document | None) -> Document:
    """The baseline's selectors; without one, those of the state, and all management events."""
    if baseline:
        return baseline
    if state.get("AdvancedEventSelectors"):
        others = [
            dict(item)
            for item in items(state["AdvancedEventSelectors"])
            if not _management(item)[0]
        ]
        managing: Document = {"Name": "Management events", "FieldSelectors": [MANAGEMENT]}
        return {"AdvancedEventSelectors": [managing, *others]}
    data = [dict(item) for selector in _all(state) for item in items(selector.get("DataResources"))]
    every: Document = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": data,
        "ExcludeManagementEventSources": [],
    }
    return {"EventSelectors": [every]}


def put_selectors(trail: Resource, state: Document) -> Call:
    selectors = _selectors(state) or {"EventSelectors": []}
    parameters = {"TrailName": trail.id, **selectors}
    return Call("cloudtrail", "PutEventSelectors", parameters, on=(trail.arn,))


def _selectors(found: Document) -> Document:
    """The one kind of selectors that a trail has."""
    return {kind: [dict(item) for item in items(found[kind])] for kind in _KINDS if found.get(kind)}


def _all(selectors: Document) -> Iterator[Document]:
    for kind in _KINDS:
        yield from items(selectors.get(kind))


def _texts(value: Json) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


CONTROLS = (
    Switch(
        id="cloudtrail.selectors-narrowed",
        title="Trail records fewer events",
        severity=85,
        references=References(
            security_hub=("CloudTrail.1",),
            attack=("T1562.008",),
            stratus=("aws.defense-evasion.cloudtrail-event-selectors",),
        ),
        cuts=NOTHING,
        busy=BUSY,
        triggers=(Trigger(CLOUDTRAIL, "PutEventSelectors"),),
        reads=(
            "cloudtrail:DescribeTrails",
            "cloudtrail:GetEventSelectors",
            "cloudtrail:GetTrailStatus",
        ),
        # A trail stops being new by itself.
        volatile=frozenset({"new"}),
        writes={"cloudtrail:PutEventSelectors": TRAILS},
        baselined=True,
        found_by=own_trails,
        candidates=selectors_asked,
        read=_recorded_since,
        risky=_narrower,
        asks=lambda _, baseline: (
            "" if baseline else "whether the trail recorded them before is not recorded"
        ),
        safe=_widened,
        put=put_selectors,
    ),
)
