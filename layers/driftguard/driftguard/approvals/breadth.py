"""Says how much an operator's act covers, and so who must agree to it. Pure.

An act that accepts changes needs whoever approving would need, for the widest thing it covers:
each of the policy's terms that may be for what it covers must have its own quorum of its own
approvers. To lift somebody's freeze has the guard change what they wanted left alone, and needs
whoever approving these reverts would need. What an exemption covers is told by what its pattern
matches, not by its spelling.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from itertools import chain

from driftguard.documents import Document, text
from driftguard.frozen import dataclass
from driftguard.model import Place
from driftguard.policy.bounds import fits
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


# ------------------------------------------------------------------------ what a pattern matches

# How AWS begins the ids of what it names itself.
# Source: Amazon EC2 User Guide, "Resource IDs"; each service's API reference, for the others.
_GIVEN = re.compile(
    r"(sg|sgr|vpc|subnet|i|vol|snap|ami|eni|rtb|acl|igw|eigw|nat|vpce|vpce-svc|pl|lt|pcx|dopt|tgw|"
    r"tgw-attach|tgw-rtb|tmf|tmt|tms|cgw|vgw|vpn|fl|fs|fsap|fsmt|eipalloc|r|rslvr-qlc|rslvr-rr|"
    r"rslvr-fdomain|rslvr-frg|ou|p|ps|ssoins|j|d|key|app|cvpn-endpoint|cr)-"
)
_ARN = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:")
_TYPE = re.compile(r"[A-Za-z-]+[/:]")
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_everything(pattern: str, shapes: Collection[str] = ()) -> bool:
    """Whether a pattern matches what nobody can have meant by name.

    It is held against names that nobody chose, each as AWS would write it: alone, as the id of what
    AWS names itself, as the end of an ARN that begins as the pattern does, and in ARNs of these
    `shapes`, where `*` stands for the name. A pattern that names a part of a name (`prod-*`)
    matches none of them.
    """
    if not any(wildcard in pattern for wildcard in "*?"):
        return False
    return any(fits(pattern, made_up) for made_up in chain(_made_up(pattern), _in(shapes, pattern)))


def shapes_of(control: str, place: Place) -> tuple[str, ...]:
    """The ARNs of what a control looks at in an account and region; `*` stands for the name."""
    # Only for an exemption: no vote waits for the control.
    from driftguard import controls
    from driftguard.controls.control import partition_of

    known, partition = controls.control(control), partition_of(place.region)
    where = {"partition": partition, "region": place.region, "account": place.account}
    shapes = [arn.format(**where) for arns in known.writes.values() for arn in arns if "*" in arn]
    told = (known.id, *known.reads, *(trigger.source for trigger in known.triggers))
    for service in sorted({re.split("[.:]", name)[0] for name in told}):
        shapes += [
            f"arn:{partition}:{service}:{region}:{account}:*"
            for region, account in ((place.region, place.account), ("", place.account), ("", ""))
        ]
    placed = (shape.split(":", 5) for shape in shapes)
    return tuple(
        dict.fromkeys(
            ":".join((*start[:4], place.account if start[4] == "*" else start[4], start[5]))
            for start in placed
            if len(start) == 6
        )
    )


def _in(shapes: Collection[str], pattern: str) -> Iterator[str]:
    """ARNs of these shapes whose names nobody chose."""
    for name in _names(re.split("[:/]", pattern)[-1]):
        for shape in shapes:
            yield shape.replace("*", name)


def _made_up(pattern: str) -> Iterator[str]:
    """Names, ids and ARNs of resources that do not exist, in the form that the pattern is about."""
    head = _ARN.match(pattern)
    if head is None and not pattern.startswith("arn:"):
        yield from _names(pattern)
        # `*` and `?` may stand for the beginning of an ARN too.
        kind = _TYPE.match(pattern.rpartition(":")[2])
        for name in _names("sg-"):
            yield ":".join((*_USUAL, name))
            yield ":".join((*_USUAL, (kind[0] if kind else "") + name))
        return
    # Only its wildcards are filled in, each with what may stand there.
    fields = pattern.split(":", 5)
    start = [
        field if field and not any(sign in field for sign in "*?") else usual
        for field, usual in zip(fields[:5], _USUAL, strict=False)
    ]
    start += _USUAL[len(start) :]
    if head is not None:
        start[3:5] = [
            field if not any(sign in field for sign in "*?") else usual
            for field, usual in zip(fields[3:5], _USUAL[3:5], strict=True)
        ]
    end = fields[5] if len(fields) == 6 else "*"
    kind = _TYPE.match(end)
    typed = kind[0] if kind else ""
    for name in _names(end.removeprefix(typed)):
        yield ":".join((*start, typed + name))
        yield ":".join((*start, f"{typed}type/{name}"))


_USUAL = ["arn", "aws", "ec2", "us-east-1", "111122223333"]


def _names(pattern: str) -> Iterator[str]:
    """Names that nobody chose: one for each sign that they may begin and end with."""
    given = _GIVEN.match(pattern)
    for number, sign in enumerate(_SIGNS):
        hexadecimal = hashlib.sha256(f"nobody's {number}".encode()).hexdigest()
        long, short = hexadecimal[:16], hexadecimal[16:24]
        yield f"{sign}{long}{_SIGNS[-number]}"
        for between in "-_./":
            yield f"{sign}{short}{between}{long}{_SIGNS[-number]}"
        yield f"/{short}/{long}"
        for prefix in (given[0] if given else "sg-", "sg-", "app/x/", "net/x/"):
            yield f"{prefix}0{long}"
            yield f"{prefix}{short}"
