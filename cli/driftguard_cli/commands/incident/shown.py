"""Incidents for people and for programs: the list, one incident, and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.text import Text

from driftguard.approvals.incident_order import phase_of
from driftguard.approvals.incidents import Incident
from driftguard.channels.wording import first_by_actor
from driftguard.model import Decision

from ...decisions import as_json_whole, status_in_words
from ...rows import Rows, severity_in_words
from ..audit.shared import COLOR, counted


class Listed(NamedTuple):
    """One incident of the list, with its decisions as they stand."""

    id: str
    began: str
    decisions: tuple[Decision, ...]


def brief(listed: Listed) -> dict[str, object]:
    incident = Incident(listed.id, listed.decisions)
    return {
        "incident": listed.id,
        "began": listed.began,
        "by": first_by_actor(listed.decisions).actor.name,
        "decisions": [one.id for one in listed.decisions],
        "waiting": [one.id for one in incident.waiting],
        "releasable": [one.id for one in incident.releasable],
        "severity": max(one.severity for one in listed.decisions),
    }


def whole(found: Incident) -> dict[str, object]:
    return {
        "incident": found.id,
        "by": first_by_actor(found.members).actor.name,
        "fingerprint": found.fingerprint,
        "waiting": [one.id for one in found.waiting],
        "releasable": [one.id for one in found.releasable],
        "decisions": [as_json_whole(one) for one in found.members],
    }


def list_rows(shown: Sequence[Listed]) -> Rows:
    rows = Rows(
        *("began", "severity", "decisions", "wait", "what", "by", "incident"),
        heading=("began", "severity"),
        whole=("began", "severity", "decisions", "wait", "incident"),
    )
    for one in shown:
        incident = Incident(one.id, one.decisions)
        rows.add(
            one.began[:16].replace("T", " "),
            severity_in_words(max(decision.severity for decision in one.decisions)),
            str(len(one.decisions)),
            str(len(incident.waiting)),
            "; ".join(dict.fromkeys(decision.title for decision in one.decisions)),
            first_by_actor(one.decisions).actor.name,
            one.id,
        )
    return rows


def title(found: Incident) -> str:
    by = first_by_actor(found.members).actor
    alone = "" if len(found.members) > 1 else ", so that it is no more than that decision"
    count = counted(len(found.members), "decision")
    return f"incident {found.id}: {count} about {by.name}{alone}\n"


def rows(found: Incident) -> Rows:
    rows = Rows(
        *("decided", "severity", "status", "control", "what", "resource", "order", "decision"),
        heading=("severity", "status", "control"),
        whole=("decided", "severity", "status", "control", "order", "decision"),
    )
    places = {one.id: number for number, one in enumerate(found.answerable, 1)}
    for one in sorted(found.members, key=lambda one: (one.decided, one.id)):
        phase = phase_of(one.control)
        order = f"{places[one.id]}, {phase.name if phase else 'last'}" if one.id in places else ""
        rows.add(
            one.decided[:19].replace("T", " "),
            severity_in_words(one.severity),
            Text(status_in_words(one), COLOR.get(one.status, "")),
            one.control,
            one.summary,
            one.candidate.resource.id,
            order,
            one.id,
        )
    return rows


def what_next(found: Incident) -> Iterator[str]:
    """What can be done now."""
    yield ""
    if waiting := len(found.waiting):
        verb = "waits" if waiting == 1 else "wait"
        yield f"{waiting} {verb} for an answer: driftguard incident contain {found.id}"
    if underway := len(found.underway):
        verb = "is" if underway == 1 else "are"
        yield f"{underway} {verb} being carried out: nothing is released until that has ended."
    elif releasable := len(found.releasable):
        yield f"{releasable} can be undone: driftguard incident release {found.id} --reason …"
    elif not waiting:
        yield "Nothing waits for an answer, and nothing can be undone."
