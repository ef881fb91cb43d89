"""Macie: paused or switched off."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import Refused, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import References, Trigger, resource
from .mechanisms.declared import evident
from .mechanisms.switch import Switch

_MACIE = "macie2.amazonaws.com"
# Macie's API of the session knows no resources.
_SESSION = ("*",)
_REFERENCES = References(security_hub=("Macie.1",), attack=("T1562.001",))


def _session(change: Change) -> Resource:
    """The account's session in a region. AWS has no ARN for it; this only names it."""
    return resource(change, "macie.session", "session", "macie2:{region}:{account}:session")


def _status(reader: Reader) -> str:
    """ENABLED, PAUSED, or "" where Macie is off: it then refuses every call, saying so.

    Source: Amazon Macie API Reference, "Macie session administration".
    """
    try:
        found = reader.read("macie2", "GetMacieSession", absent=("ResourceNotFoundException",))
    except Refused as error:
        if "not enabled" in str(error):
            return ""
        raise
    return text(document(found), "status")


# ------------------------------------------------------------------------------- switched off


def _enabled(session: Resource, reader: Reader) -> Document:
    return {"enabled": bool(_status(reader))}


def _set_enabled(session: Resource, state: Document) -> Call:
    if state["enabled"]:
        return Call("macie2", "EnableMacie", {}, on=_SESSION, settled_by=("ConflictException",))
    return Call("macie2", "DisableMacie", {}, on=_SESSION)


# ------------------------------------------------------------------------------------- paused


def _paused(change: Change) -> Iterator[Candidate]:
    if text(change.request, "status") == "PAUSED":
        yield Candidate(_session(change), Certainty.EVIDENT)


def _running(session: Resource, reader: Reader) -> Document | None:
    status = _status(reader)
    return {"status": status} if status else None


def _set_status(session: Resource, state: Document) -> Call:
    return Call("macie2", "UpdateMacieSession", {"status": state["status"]}, on=_SESSION)


CONTROLS = (
    Switch(
        id="macie.disabled",
        title="Macie switched off",
        severity=70,
        references=_REFERENCES,
        triggers=(Trigger(_MACIE, "DisableMacie"), Trigger(_MACIE, "EnableMacie")),
        reads=("macie2:GetMacieSession",),
        writes={"macie2:DisableMacie": _SESSION, "macie2:EnableMacie": _SESSION},
        candidates=evident(_session, "DisableMacie"),
        read=_enabled,
        risky=lambda state, _: "" if state["enabled"] else "Macie looks at nothing any more",
        safe=lambda state, _: {"enabled": True},
        put=_set_enabled,
        advice="Its jobs and allow lists were deleted with it: make those anew.",
    ),
    Switch(
        id="macie.paused",
        title="Macie paused",
        severity=65,
        references=_REFERENCES,
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
