"""Amazon Detective: its graph deleted, or accounts taken out of it."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.documents import Document, text
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger
from .mechanisms.advice import Advice
from .mechanisms.declared import listed, not_done

_DETECTIVE = "detective.amazonaws.com"


def _graph(change: Change) -> Iterator[Candidate]:
    arn = text(change.request, "graphArn", "GraphArn")
    if arn and change.name in ("DeleteGraph", "DeleteMembers", "DisassociateMembership"):
        graph = Resource("detective.graph", arn, change.account, change.region, arn)
        ids = listed(change.request, "accountIds") or listed(change.request, "AccountIds")
        refused = not_done(change.response, "UnprocessedAccounts", "AccountId")
        removed = [str(id_) for id_ in ids if str(id_) not in refused]
        if removed or not ids:
            hint: Document = {"by": change.name, "removed": [*removed]}
            yield Candidate(graph, Certainty.EVIDENT, hint)


CONTROLS = (
    Advice(
        id="detective.deleted",
        title="Detective's graph deleted, or an account taken out of it",
        severity=65,
        references=References(attack=("T1562.001", "T1070")),
        cuts=NOTHING,
        triggers=(
            Trigger(_DETECTIVE, "DeleteGraph"),
            Trigger(_DETECTIVE, "DeleteMembers"),
            Trigger(_DETECTIVE, "DisassociateMembership"),
            Trigger(_DETECTIVE, "CreateGraph"),
        ),
        revert="a new graph has none of the old one's data, and a member gives its consent anew",
        candidates=_graph,
        why="what accounts did can no longer be looked into for as long back as before",
        advice="Enable Detective again, or invite the account again, and see who took it away.",
    ),
)
