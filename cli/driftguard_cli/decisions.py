"""A decision on the command line: the argument that names it, and all of it as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from driftguard.approvals.rules import inverse
from driftguard.channels.wording import as_json, said
from driftguard.model import Decision, Status

from .errors import Trouble

DecisionArgument = Annotated[str, typer.Argument(help="The decision's id: dg-…")]
DecisionsArgument = Annotated[
    list[str], typer.Argument(metavar="DECISION…", help="The ids of decisions: dg-…")
]


def known(found: Decision | None, decision: str) -> Decision:
    """Return the decision that was looked up. Raises `Trouble` where there is none of this id."""
    if found is None:
        raise Trouble(
            f"There is no decision {decision}. `driftguard audit list` names those there are."
        )
    return found


def status_in_words(decision: Decision) -> str:
    """Return the status, and whether the decision waits for AWS to settle what was set."""
    underway = decision.status in (Status.REVERTING, Status.UNDOING)
    waits = ", waiting for AWS" if underway and decision.settles_by else ""
    return f"{decision.status.value}{waits}"


def as_json_whole(decision: Decision) -> dict[str, object]:
    """Return everything that is recorded of a decision, for programs."""
    return {
        **as_json(decision),
        "certainty": decision.candidate.certainty.value,
        "done": decision.done,
        "settles_by": decision.settles_by,
        "attempt": decision.attempt,
        "next_try": decision.next_try,
        "retries": decision.retries,
        "remind": decision.remind,
        "state": decision.state,
        "lost": decision.lost,
        "undo": [said(step.call) for step in inverse(decision.plan, decision.done).steps],
        "before": decision.before,
        "after": decision.after,
        "head": decision.head,
    }
