"""Keeps the record of outcomes of a control's remediations, and fades it over time.

Pure. A case is a control, a kind of remediation (its calls) and a kind of actor. Every outcome is
evidence that the remediation was right, or that it was not, with a weight. Evidence fades, so that
a record has to be kept up. One undo sets the right outcomes of every kind of actor to nothing, and
with them the autonomy, whatever came before. (`standing` says what a record amounts to.)

An actor whose changes people accept tends to make more of them. So each actor has a record of their
own within that of the kind, and the tenth outcome of one actor tells less about the others of their
kind than the first. Twenty approvals in a row are one look at one thing: of right outcomes at most
one counts for an actor, a day and an approver. Wrong ones all count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from driftguard.documents import Document, mapping, stamp, text
from driftguard.model import Actor, Plan
from driftguard.policy.bounds import Earning

from .trust_record import (
    Doubt,
    Own,
    Pending,
    Record,
    faded_since,
    fitting,
    history,
    logged,
    own_of,
    record_in,
    with_own,
    with_record,
)

# What a kind's record says of an actor counts like so many outcomes of their own.
OF_THEIR_KIND = 1.0
GUARD = "guard"


class Outcome(StrEnum):
    """What came of a remediation that was asked about, or that was carried out."""

    APPROVED = "approved"
    DENIED = "denied"
    ACCEPTED = "accepted"
    UNDONE = "undone"
    REDRIFTED = "re-drifted"
    FAILED = "verification failed"
    UNCHALLENGED = "unchallenged"


# How much each says that the remediation was right, and that it was wrong. An approval is a
# considered word; a revert that stood is weaker, for perhaps nobody noticed. A resource that
# drifts back may be somebody's need or an attacker's loop. An approval request that nobody votes
# on says nothing, so it is not here.
WEIGHT: dict[Outcome, tuple[float, float]] = {
    Outcome.APPROVED: (1.0, 0.0),
    Outcome.DENIED: (0.0, 1.0),
    Outcome.ACCEPTED: (0.0, 1.0),
    Outcome.UNDONE: (0.0, 2.0),
    Outcome.REDRIFTED: (0.0, 0.25),
    Outcome.FAILED: (0.0, 1.0),
    Outcome.UNCHALLENGED: (0.5, 0.0),
}
# What only a person says: they have looked at a case of this kind.
_OF_PEOPLE = (Outcome.APPROVED, Outcome.DENIED, Outcome.ACCEPTED, Outcome.UNDONE)
_AGAINST = (Outcome.DENIED, Outcome.ACCEPTED, Outcome.UNDONE)


@dataclass(frozen=True, slots=True)
class Case:
    """What a record is kept for: the kind of remediation and the kind of actor.

    `who` is the actor within the kind; "" for the kind as a whole.
    """

    remediation: str
    kind: str
    who: str = ""

    @property
    def name(self) -> str:
        """As the state record and people name it: `RevokeSecurityGroupIngress by user`."""
        return f"{self.remediation} by {self.kind}"


def kind_of(actor: Actor) -> str:
    """The kind of an actor: root, user, sso, role, service, federated, unattributed, or other."""
    if actor.is_unattributed:
        return "unattributed"
    if actor.kind == "Root":
        return "root"
    if actor.kind == "IAMUser":
        return "user"
    if actor.kind == "AssumedRole":
        return "sso" if "/AWSReservedSSO_" in actor.principal else "role"
    if actor.kind in ("AWSService", "AWSAccount"):
        return "service"
    if actor.kind in ("FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser"):
        return "federated"
    return "other"


def who_of(actor: Actor) -> str:
    """The actor behind a change, the same name in all accounts where AWS vouches for it.

    The caller names a role's session; AWS names the sessions of single sign-on. Unattributed
    changes count as one actor: what the sweep finds is reverted one by one, until people have
    judged that.
    """
    if actor.is_unattributed:
        return kind_of(actor)
    if kind_of(actor) == "sso":
        return actor.session.rpartition("/")[2]
    return actor.principal or actor.session


def case_of(plan: Plan, actor: Actor) -> Case:
    """The kind of case that a plan against an actor's change is."""
    calls = dict.fromkeys(step.call.operation for step in plan.steps)
    return Case("+".join(calls), kind_of(actor), who_of(actor))


def cases(stored: Document) -> list[Case]:
    """The cases that a state record tells of."""
    parted = [name.rsplit(" by ", 1) for name in sorted(mapping(stored, "records"))]
    return [Case(*parts) for parts in parted if len(parts) == 2]


def other_kinds(stored: Document, case: Case) -> list[Case]:
    """The cases of the same remediation and other kinds of actor."""
    return [
        other
        for other in cases(stored)
        if other.remediation == case.remediation and other.kind != case.kind
    ]


def record_of(stored: Document, case: Case) -> Record:
    """The record of a case as it was last written; an empty one where it cannot be read."""
    return record_in(stored, case.name)


def worth(stored: Document, case: Case, terms: Earning, now: datetime) -> Record:
    """The record of a case as it is worth now: faded, and with the reverts that have stood."""
    return _settled(record_of(stored, case), terms, now)


def was_undone(stored: Document, decision: str) -> bool:
    """Whether an undo of this decision is among the last outcomes."""
    undone = {"decision": decision, "outcome": Outcome.UNDONE.value}
    return any(undone.items() <= line.items() for line in history(stored))


def answers(stored: Document) -> tuple[int, int]:
    """How many of the last outcomes were people's: for the revert, and for the change."""
    said = [text(line, "outcome") for line in history(stored)]
    return said.count(Outcome.APPROVED), sum(said.count(outcome) for outcome in _AGAINST)


# --------------------------------------------------------------------------------- learning


def is_news(
    stored: Document, case: Case, outcome: Outcome, terms: Earning, now: datetime, *, by: str
) -> bool:
    """Whether an outcome counts: a right one only once for an actor, a day and an approver."""
    own = own_of(record_of(stored, case), case.who, terms, now)
    return _is_news(own, outcome, by, stamp(now))


def learned(
    stored: Document,
    case: Case,
    outcome: Outcome,
    terms: Earning,
    now: datetime,
    *,
    decision: str,
    by: str,
    by_maker: bool = False,
) -> Document:
    """The state record with one outcome more.

    `by_maker`: whoever made the change undid its revert themselves. That demotes only their own
    kind of actor, until a second person speaks against the same remediation: else anybody could
    stop a control for all by undoing what hit them.
    """
    record = _counted(worth(stored, case, terms, now), case.who, outcome, terms, now, by)
    waiting = tuple(pending for pending in record.pending if pending.decision != decision)
    record = replace(record, pending=waiting)
    if outcome in _OF_PEOPLE:
        record = replace(record, unseen=0.0)
    stored = with_record(stored, case.name, record)
    for demoted in demotes(stored, case, outcome, terms, now, by=by, by_maker=by_maker):
        doubt = Doubt(by, stamp(now), case.who) if by_maker else Doubt()
        worse = replace(
            worth(stored, demoted, terms, now),
            since=0.0,
            against=0.0,
            demoted=stamp(now),
            doubt=doubt,
        )
        stored = with_record(stored, demoted.name, worse)
    return fitting(logged(stored, case.name, outcome.value, decision, by, now))


def acted(
    stored: Document, case: Case, terms: Earning, now: datetime, *, decision: str
) -> Document:
    """The state record with one revert more that is yet to be judged."""
    record = worth(stored, case, terms, now)
    waiting = (*record.pending, Pending(decision, stamp(now), case.who))
    record = replace(record, pending=waiting, unseen=record.unseen + 1)
    return fitting(with_record(stored, case.name, record))


def reset(stored: Document, case_name: str, by: str, now: datetime) -> Document:
    """The state record without what it knew of a case: a person wants it earned anew."""
    records = {
        name: other for name, other in mapping(stored, "records").items() if name != case_name
    }
    return logged({**stored, "records": records}, case_name, "reset", "", by, now)


def demotes(
    stored: Document,
    case: Case,
    outcome: Outcome,
    terms: Earning,
    now: datetime,
    *,
    by: str,
    by_maker: bool = False,
) -> tuple[Case, ...]:
    """The kinds of case that an outcome demotes, this one first.

    What went wrong may be the remediation itself: so after an undo no kind of actor meets it
    unasked. The maker's own undo does so only once somebody else has spoken against it as well.
    """
    every = (case, *other_kinds(stored, case))
    if by_maker:
        return every[:1]
    confirmed = confirms(stored, case, outcome, terms, now, by=by)
    return every if outcome is Outcome.UNDONE or confirmed else ()


def confirms(
    stored: Document, case: Case, outcome: Outcome, terms: Earning, now: datetime, *, by: str
) -> bool:
    """Whether an outcome is a second person's word for what a maker undid themselves.

    It must be about a change of the same maker: what others do is another matter.
    """
    since = stamp(now - timedelta(seconds=terms.settles))
    doubt = record_of(stored, case).doubt
    about_them = doubt.by not in ("", by) and doubt.who == case.who and doubt.at > since
    return outcome in _AGAINST and about_them


def _is_news(own: Own, outcome: Outcome, by: str, at: str) -> bool:
    return WEIGHT[outcome][0] == 0.0 or text(own.days, by) < at[:10]


def _counted(
    record: Record,
    who: str,
    outcome: Outcome,
    terms: Earning,
    now: datetime,
    by: str,
    made: str = "",
) -> Record:
    """The record with one outcome more, of this actor's change.

    `made` is when the revert was made that has now stood long enough. If that was before an undo,
    it says nothing of what was learned from the undo.
    """
    own = own_of(record, who, terms, now)
    at = made or stamp(now)
    if not _is_news(own, outcome, by, at):
        return record
    good, bad = WEIGHT[outcome]
    lately = 0.0 if made and made <= record.demoted else good
    share = OF_THEIR_KIND / (OF_THEIR_KIND + own.good + own.bad)
    days = {**own.days, by: at[:10]} if good else own.days
    mine = Own(own.good + good, own.bad + bad, own.since + lately, days)
    return replace(
        record,
        good=record.good + share * good,
        bad=record.bad + share * bad,
        since=record.since + share * lately,
        against=record.against + share * bad,
        own=with_own(record, who, mine, now),
    )


def _settled(record: Record, terms: Earning, now: datetime) -> Record:
    """The record as it is worth now: faded, and with the reverts that stood long enough."""
    due = stamp(now - timedelta(seconds=terms.settles))
    fade = faded_since(datetime.fromisoformat(record.at), terms, now) if record.at else 1.0
    faded = replace(
        record,
        good=record.good * fade,
        bad=record.bad * fade,
        since=record.since * fade,
        against=record.against * fade,
        at=stamp(now),
        pending=tuple(pending for pending in record.pending if pending.at > due),
    )
    for pending in record.pending:
        if pending.at <= due:
            faded = _counted(
                faded, pending.who, Outcome.UNCHALLENGED, terms, now, GUARD, pending.at
            )
    return faded
