"""`driftguard deny`: votes against the remediation that an approval request proposes."""

from __future__ import annotations

from driftguard.model import Choice

from ..aws_options import on_aws
from ..decisions import DecisionsArgument
from ..stack import JsonOption, StackOption
from ..votes import ReasonOption, YesOption, vote_on_all


@on_aws
def deny(
    decisions: DecisionsArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Deny the remediation: the change stands. Another change of the resource is asked about again.

    Of a revert that failed and is tried again, this ends the tries.

    Several decisions are voted on one after the other, each on its own state.
    Exits 1 if a vote does not count, with the reason.

    Example: driftguard deny dg-91ab… --reason "the vendor's address"
    """
    confirmation = "Deny the remediation, so that the change STANDS?"
    vote_on_all(
        stack, decisions, Choice.ACCEPT, confirmation, reason=reason, yes=yes, as_json=as_json
    )
