"""Macie: findings hidden by a filter."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.switch import Switch
from .mechanisms.weakened import TOLD

_MACIE = "macie2.amazonaws.com"
_FILTERS = ("arn:{partition}:macie2:{region}:{account}:findings-filter/*",)


def _filtered(change: Change) -> Iterator[Candidate]:
    id_ = text(change.request, "id") or text(change.response, "id")
    action = text(change.request, "action")
    if not id_ or action == "NOOP":
        return
    where = f"macie2:{{region}}:{{account}}:findings-filter/{id_}"
    filter_ = resource(change, "macie.filter", id_, where)
    if action == "ARCHIVE":
        yield Candidate(filter_, Certainty.EVIDENT, {TOLD: ["action"]})
    elif change.name == "UpdateFindingsFilter" or omitted(change.request):
        yield Candidate(filter_, Certainty.POSSIBLE)


def _action(filter_: Resource, reader: Reader) -> Document | None:
    found = reader.read(
        "macie2", "GetFindingsFilter", id=filter_.id, absent=("ResourceNotFoundException",)
    )
    return None if found is None else {"action": text(document(found), "action")}


def _set_action(filter_: Resource, state: Document) -> Call:
    parameters = {"id": filter_.id, "action": state["action"]}
    return Call("macie2", "UpdateFindingsFilter", parameters, on=(filter_.arn,))


CONTROLS = (
    Switch(
        id="macie.suppressed",
        title="Macie's findings hidden by a filter",
        severity=65,
        references=References(attack=("T1562.001",)),
        cuts=NOTHING,
        asks=lambda state, _: (
            "" if TOLD in state else "it may have been so before: the record does not say"
        ),
        triggers=(
            Trigger(_MACIE, "CreateFindingsFilter"),
            Trigger(_MACIE, "UpdateFindingsFilter"),
        ),
        proven="stub",
        reads=("macie2:GetFindingsFilter",),
        writes={"macie2:UpdateFindingsFilter": _FILTERS},
        candidates=_filtered,
        read=_action,
        risky=lambda state, _: (
            "findings that match the filter are archived unseen"
            if state["action"] == "ARCHIVE"
            else ""
        ),
        safe=lambda state, _: {"action": "NOOP"},
        put=_set_action,
    ),
)
