"""Macie: paused or switched off."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of
from .mechanisms.declared import evident
from .mechanisms.switch import Switch

_MACIE = "macie2.amazonaws.com"
# Macie's API of the session knows no resources.
_SESSION = ("*",)
_REFERENCES = References(security_hub=("Macie.1",), attack=("T1562.001",))


def _session(change: Change) -> Resource:
    """The account's session in a region. AWS has no ARN for it; this only names it."""
    return _session_of(change.account, change.region)


def _session_of(account: str, region: str) -> Resource:
    arn = f"arn:{partition_of(region)}:macie2:{region}:{account}:session"
    return Resource("macie.session", "session", account, region, arn)


def _sessions(reader: Reader) -> Iterator[Resource]:
    if _settings(reader):
        yield _session_of(reader.account, reader.region)


def _settings(reader: Reader) -> Document:
    """What EnableMacie takes; nothing where Macie is off: it then refuses every call, saying so.

    Source: Amazon Macie API Reference, "Macie session administration".
    """
    try:
        found = reader.read("macie2", "GetMacieSession", absent=("ResourceNotFoundException",))
    except Refused as error:
        if "not enabled" in str(error):
            return {}
        raise
    told = document(found)
    names = ("findingPublishingFrequency", "status")
    return {name: told[name] for name in names if told.get(name)}


# ------------------------------------------------------------------------------- switched off


# What people make in Macie, and DisableMacie deletes: listing → the key of its elements.
_MADE = {
    "ListAllowLists": "allowLists",
    "ListClassificationJobs": "items",
    "ListCustomDataIdentifiers": "items",
    "ListFindingsFilters": "findingsFilterListItems",
}


def _enabled(session: Resource, reader: Reader) -> Document:
    """Whether Macie is on, and how; and how much people have made in it.

    To switch Macie off deletes all that. So an undo, which does, has to find as much as the revert
    left: nothing. Source: Amazon Macie API Reference, "DisableMacie".
    """
    settings = _settings(reader)
    made: dict[str, Json] = {
        operation: sum(1 for _ in reader.pages("macie2", operation, key))
        for operation, key in (_MADE.items() if settings else ())
    }
    return {"enabled": bool(settings), "settings": settings, "made": made}


def _as_before(state: Document, baseline: Document | None) -> Document:
    return {**state, "enabled": True, "settings": mapping(baseline or {}, "settings")}


def _set_enabled(session: Resource, state: Document) -> Call:
    if state["enabled"]:
        settings = mapping(state, "settings")
        on, settled = _SESSION, ("ConflictException",)
        return Call("macie2", "EnableMacie", settings, on=on, settled_by=settled)
    return Call("macie2", "DisableMacie", {}, on=_SESSION)


# ------------------------------------------------------------------------------------- paused


def _paused(change: Change) -> Iterator[Candidate]:
    if text(change.request, "status") == "PAUSED":
        yield Candidate(_session(change), Certainty.EVIDENT)


def _running(session: Resource, reader: Reader) -> Document | None:
    status = text(_settings(reader), "status")
    return {"status": status} if status else None


def _set_status(session: Resource, state: Document) -> Call:
    return Call("macie2", "UpdateMacieSession", {"status": state["status"]}, on=_SESSION)


CONTROLS = (
    Switch(
        id="macie.disabled",
        title="Macie switched off",
        severity=70,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(Trigger(_MACIE, "DisableMacie"), Trigger(_MACIE, "EnableMacie")),
        proven="stub",
        baselined=True,
        vanishing=True,
        momentary=frozenset({"made"}),
        found_by=_sessions,
        reads=("macie2:GetMacieSession", *(f"macie2:{operation}" for operation in _MADE)),
        writes={"macie2:DisableMacie": _SESSION, "macie2:EnableMacie": _SESSION},
        candidates=evident(_session, "DisableMacie"),
        read=_enabled,
        risky=lambda state, _: "" if state["enabled"] else "Macie looks at nothing any more",
        safe=_as_before,
        put=_set_enabled,
        advice="Its jobs, lists, identifiers and filters were deleted with it, and where it "
        "exports to is forgotten: make those anew. Once some are, an undo is refused, which would "
        "delete them.",
    ),
    Switch(
        id="macie.paused",
        title="Macie paused",
        severity=65,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(Trigger(_MACIE, "UpdateMacieSession"),),
        proven="stub",
        reads=("macie2:GetMacieSession",),
        writes={"macie2:UpdateMacieSession": _SESSION},
        candidates=_paused,
        read=_running,
        risky=lambda state, _: "Macie is paused" if state["status"] == "PAUSED" else "",
        safe=lambda state, _: {"status": "ENABLED"},
        put=_set_status,
    ),
)
