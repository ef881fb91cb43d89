"""CloudTrail Lake: event data stores deleted, stopped or weakened."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import NOTHING, Busy, References, Trigger, resource
from ..mechanisms.declared import evident, listed
from ..mechanisms.switch import Switch
from ..mechanisms.weakened import MADE, Weakened, told, weaker_than_before
from .trail import CLOUDTRAIL

_STORES = ("arn:{partition}:cloudtrail:{region}:{account}:eventdatastore/*",)
_GONE = ("EventDataStoreNotFoundException",)
# Source: AWS CloudTrail API Reference, "StartEventDataStoreIngestion", errors: a store that is
# starting or stopping takes neither call until it has.
_BUSY = (Busy("ConflictException"), Busy("InvalidEventDataStoreStatusException"))
_REFERENCES = References(attack=("T1562.008",))
_PENDING = "PENDING_DELETION"


def _store(change: Change) -> Resource | None:
    """The store that a change names, by its ARN or by its id alone."""
    id_ = text(change.request, "eventDataStore").rpartition("/")[2]
    if not id_:
        return None
    where = f"cloudtrail:{{region}}:{{account}}:eventdatastore/{id_}"
    return resource(change, "cloudtrail.event-data-store", id_, where)


def _stores(reader: Reader) -> Iterator[Resource]:
    """All stores, those that wait for their deletion too. This listing has no paginator."""
    asked: dict[str, str] = {}
    while True:
        page = document(reader.read("cloudtrail", "ListEventDataStores", absent=(), **asked))
        for store in items(page.get("EventDataStores")):
            arn = text(store, "EventDataStoreArn")
            id_ = arn.rpartition("/")[2]
            kind = "cloudtrail.event-data-store"
            yield Resource(kind, id_, reader.account, reader.region, arn)
        if not text(page, "NextToken"):
            return
        asked["NextToken"] = text(page, "NextToken")


def _described(store: Resource, reader: Reader) -> Document | None:
    found = reader.read("cloudtrail", "GetEventDataStore", EventDataStore=store.arn, absent=_GONE)
    return None if found is None else document(found)


def _call(store: Resource, operation: str, more: Document | None = None) -> Call:
    parameters: Document = {"EventDataStore": store.arn, **(more or {})}
    return Call("cloudtrail", operation, parameters, on=(store.arn,))


# ------------------------------------------------------------------------ deleted and stopped


def _deletion(store: Resource, reader: Reader) -> Document | None:
    found = _described(store, reader)
    return None if found is None else {"deleted": text(found, "Status") == _PENDING}


def _ingestion(store: Resource, reader: Reader) -> Document | None:
    found = _described(store, reader)
    status = text(found or {}, "Status")
    if status in ("", _PENDING):
        return None
    return {"ingesting": status in ("CREATED", "ENABLED", "STARTING_INGESTION")}


STORE_DELETED = Switch(
    id="cloudtrail.store-deleted",
    title="Event data store deleted",
    severity=90,
    references=_REFERENCES,
    cuts=NOTHING,
    busy=_BUSY,
    triggers=(
        Trigger(CLOUDTRAIL, "DeleteEventDataStore"),
        Trigger(CLOUDTRAIL, "RestoreEventDataStore"),
    ),
    proven="stub",
    reads=("cloudtrail:GetEventDataStore", "cloudtrail:ListEventDataStores"),
    writes={
        "cloudtrail:DeleteEventDataStore": _STORES,
        "cloudtrail:RestoreEventDataStore": _STORES,
    },
    found_by=_stores,
    candidates=evident(_store, "DeleteEventDataStore"),
    read=_deletion,
    risky=lambda state, _: (
        "the store and all its events are deleted within seven days" if state["deleted"] else ""
    ),
    safe=lambda state, _: {"deleted": False},
    put=lambda store, state: _call(
        store, "DeleteEventDataStore" if state["deleted"] else "RestoreEventDataStore"
    ),
)

STORE_STOPPED = Switch(
    id="cloudtrail.store-stopped",
    title="Event data store takes no more events",
    severity=85,
    references=_REFERENCES,
    cuts=NOTHING,
    busy=_BUSY,
    triggers=(
        Trigger(CLOUDTRAIL, "StopEventDataStoreIngestion"),
        Trigger(CLOUDTRAIL, "StartEventDataStoreIngestion"),
    ),
    proven="stub",
    reads=("cloudtrail:GetEventDataStore",),
    writes={
        "cloudtrail:StartEventDataStoreIngestion": _STORES,
        "cloudtrail:StopEventDataStoreIngestion": _STORES,
    },
    candidates=evident(_store, "StopEventDataStoreIngestion"),
    read=_ingestion,
    risky=lambda state, _: (
        "" if state["ingesting"] else "what happens from now on is not in the store"
    ),
    safe=lambda state, _: {"ingesting": True},
    put=lambda store, state: _call(
        store,
        "StartEventDataStoreIngestion" if state["ingesting"] else "StopEventDataStoreIngestion",
    ),
)


# ----------------------------------------------------------------------------------- weakened

_SWITCHES = {
    "MultiRegionEnabled": "it records one region only",
    "TerminationProtectionEnabled": "it can be deleted",
}
_MEASURED = ("AdvancedEventSelectors", "RetentionPeriod")


def _asked(name: str) -> str:
    return f"{name[0].lower()}{name[1:]}"


def _updated(change: Change) -> Iterator[Candidate]:
    store = _store(change)
    if store is None:
        return
    off = [name for name in _SWITCHES if flag(change.request.get(_asked(name))) is False]
    if off:
        yield told(store, *off)
    elif omitted(change.request) or any(_asked(name) in change.request for name in _MEASURED):
        yield Candidate(store, Certainty.POSSIBLE)


def _settings(store: Resource, reader: Reader) -> Document | None:
    found = _described(store, reader)
    if found is None or text(found, "Status") == _PENDING:
        return None
    return {
        **{name: flag(found.get(name)) is True for name in _SWITCHES},
        "RetentionPeriod": found.get("RetentionPeriod"),
        "AdvancedEventSelectors": listed(found, "AdvancedEventSelectors"),
        MADE: text(found, "CreatedTimestamp"),
    }


def _off(state: Document) -> dict[str, str]:
    return {name: why for name, why in _SWITCHES.items() if state[name] is False}


def _weaker(state: Document, baseline: Document | None) -> dict[str, str]:
    weak = weaker_than_before(_off)(state, baseline)
    if baseline is None:
        return dict(weak)
    now, before = state["RetentionPeriod"], baseline["RetentionPeriod"]
    shorter = isinstance(now, int) and isinstance(before, int) and now < before
    kept = {"RetentionPeriod": f"it keeps events for {now} days, and no longer {before}"}
    selectors = listed(state, "AdvancedEventSelectors")
    lost = [one for one in listed(baseline, "AdvancedEventSelectors") if one not in selectors]
    narrowed = {"AdvancedEventSelectors": "it no longer selects all the events from before"}
    return {**weak, **(kept if shorter else {}), **(narrowed if lost else {})}


STORE_WEAKENED = Weakened(
    id="cloudtrail.store-weakened",
    title="Event data store weakened",
    severity=75,
    references=_REFERENCES,
    cuts=NOTHING,
    busy=_BUSY,
    triggers=(Trigger(CLOUDTRAIL, "UpdateEventDataStore"),),
    proven="stub",
    reads=("cloudtrail:GetEventDataStore", "cloudtrail:ListEventDataStores"),
    writes={"cloudtrail:UpdateEventDataStore": _STORES},
    found_by=_stores,
    candidates=_updated,
    read=_settings,
    weaker=_weaker,
    default={"TerminationProtectionEnabled": True},
    put=lambda store, state, names: _call(
        store, "UpdateEventDataStore", {name: state[name] for name in names}
    ),
    advice="Events that a shorter retention has deleted already do not come back.",
)

CONTROLS = (STORE_DELETED, STORE_STOPPED, STORE_WEAKENED)
