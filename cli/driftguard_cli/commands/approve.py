"""`driftguard approve`: votes to carry out the remediation that an approval request proposes."""

from __future__ import annotations

from driftguard.model import Choice

from ..aws_options import on_aws
from ..decisions import DecisionsArgument
from ..stack import JsonOption, StackOption
from ..votes import ReasonOption, YesOption, vote_on_all


@on_aws
def approve(
    decisions: DecisionsArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Approve the remediation: the change is reverted.

    Several decisions are voted on one after the other, each on its own state.
    Exits 1 if a vote does not count, with the reason.

    Example: driftguard approve dg-91ab… --reason "nobody ordered this"
    """
    confirmation = "Approve the remediation, so that the change is REVERTED?"
    vote_on_all(
        stack, decisions, Choice.REVERT, confirmation, reason=reason, yes=yes, as_json=as_json
    )
