"""Says how much an operator's act covers, and so who must agree to it. Pure.

An act that accepts changes needs whoever approving would need, for the widest thing it covers:
each of the policy's terms that may be for what it covers must have its own quorum of its own
approvers. To lift somebody's freeze has the guard change what they wanted left alone, and needs
whoever approving these reverts would need. What an exemption covers is told by what its pattern
matches, not by its spelling.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from driftguard.documents import Document, text
from driftguard.frozen import dataclass
from driftguard.policy.makers import principal_of
from driftguard.policy.model import Policy, Terms

# What only makes the guard judge for itself again needs nobody's agreement.
_FURTHER = "unexempt"


@dataclass(frozen=True, slots=True)
class Need:
    """`quorum` of the `approvers` must agree; where it names none, of the policy's people.

    `seconds` is how long they have for it.
    """

    quorum: int
    approvers: tuple[str, ...]
    seconds: int

    def counts(self, voter: str) -> bool:
        """Whether the agreement of a voter counts for this."""
        return not self.approvers or voter in self.approvers


def needs(kind: str, said: Document, policy: Policy) -> tuple[Need, ...]:
    """What an act of this kind and content needs; nothing to take an exemption away.

    A freeze is held to be somebody else's: whoever set it may lift it alone.
    """
    if kind == _FURTHER:
        return ()
    control = text(said, "control")
    if kind == "rearm":
        control = text(said, "scope").removeprefix("control ")
    found = (
        _need(terms, control, policy, accepts=kind != "unfreeze")
        for terms in _terms(control, policy)
    )
    return tuple(dict.fromkeys(found))


def lacking(wanted: Collection[Need], voters: Collection[str]) -> str:
    """Who must still agree, in words; "" where enough have."""
    for need in wanted:
        missing = need.quorum - sum(need.counts(voter) for voter in voters)
        if missing > 0:
            others = [name for name in need.approvers if name not in voters]
            return f"{missing} more must agree" + (f", of {', '.join(others)}" if others else "")
    return ""


def voter_of(person: str, identity: str) -> str:
    """What a voter is counted as: a person of the policy, or else the lasting identity.

    Whoever may choose the name of a role's session is one voter under all of them.
    """
    return person or principal_of(identity)


def _terms(control: str, policy: Policy) -> Iterator[Terms]:
    """The terms that may be for a decision of the control, or of any if it is none's id."""
    from driftguard import controls

    if not controls.is_known(control):
        yield from policy.approvals
        return
    severity, bounds = controls.control(control).severity, policy.bounds.anomalies
    lower, higher = (bounds.lower_by, bounds.raise_by) if bounds is not None else (0, 0)
    for possible in range(max(0, severity - lower), min(100, severity + higher) + 1):
        yield policy.terms(control, possible)


def _need(terms: Terms, control: str, policy: Policy, *, accepts: bool) -> Need:
    """What the terms ask for; to accept what may be earned, two people, where there are two."""
    quorum = terms.quorum
    if accepts and (policy.earns(control) or (policy.earned_by_default and not control)):
        quorum = max(quorum, min(2, len(terms.approvers or policy.people)))
    return Need(quorum, terms.approvers, terms.seconds)
