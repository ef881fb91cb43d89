"""`driftguard deny`: votes against the remediation that an approval request proposes."""

from __future__ import annotations

from driftguard.model import Choice

from ..aws_options import on_aws
from ..decisions import DecisionArgument
from ..stack import JsonOption, StackOption
from ..votes import ReasonOption, YesOption, vote


@on_aws
def deny(
    decision: DecisionArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = "driftguard",
) -> None:
    """Deny the remediation: the change stands. Another change of the resource is asked about again.

    Of a revert that failed and is tried again, this ends the tries.

    Exits 1 if the vote does not count, with the reason.

    Example: driftguard deny dg-91ab… --reason "the vendor's address"
    """
    confirmation = "Deny the remediation, so that the change STANDS?"
    vote(stack, decision, Choice.ACCEPT, confirmation, reason=reason, yes=yes, as_json=as_json)
