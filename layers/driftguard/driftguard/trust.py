"""What past outcomes say about a control's remedies: a Beta posterior for each kind of case.

Pure. A case is a control, a kind of remedy (its calls) and a kind of actor. Every outcome is
evidence that the remedy was right, or that it was not, with a weight; evidence fades, so that a
record has to be kept up. `earned` autonomy needs the lower end of the posterior's credible interval
above the policy's threshold and enough right outcomes since the last time a person took a revert
back: one undo sets the count to nothing, for every kind of actor, and with it the autonomy,
whatever came before. From then on what was right must also be the policy's share of what was
decided: a long good record says nothing of a remedy that has turned bad since.

Who makes changes that people let stand tends to make more of them. So each actor has a record of
their own within the kind's, and both are weighed together (partial pooling): a kind's record stands
in for an actor nobody knows, and an actor's own soon outweighs it. For the same reason an actor's
tenth outcome tells less about the others of their kind than their first.

Source: Gelman et al., "Bayesian Data Analysis", chapters 2 (Beta-binomial) and 5 (partial pooling);
Press et al., "Numerical Recipes", section 6.4 (the incomplete beta function by continued fraction).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import exp, inf, lgamma, log
from typing import NamedTuple

from .model import Actor, Document, Json, Plan, amount, documents, moment, stamp
from .policy.bounds import Earning
from .trail import mapping, text

_COUNTS = ("good", "bad", "since", "against")
# Undecided reverts and outcomes that are kept in the note, each the newest of them; and actors.
_PENDING = 200
_HISTORY = 100
_ACTORS = 100
# How large a note may become: DynamoDB takes 400 KB, and what else is read with it has its place.
_BYTES = 200_000
# What a kind's record says of an actor counts like so many outcomes of their own.
_OF_THEIR_KIND = 1.0
# What the records of other kinds of actor say of a kind counts like so many outcomes at most.
_OF_OTHER_KINDS = 20.0
# Reverts of one actor's changes that people have had so long to judge (s) do not hold up the next.
_TO_JUDGE = 86_400


class Outcome(StrEnum):
    """What came of a remedy: of one that was asked about, or of one that was made."""

    APPROVED = "approved"
    DENIED = "denied"
    KEPT = "kept"
    UNDONE = "undone"
    REDRIFTED = "re-drifted"
    FAILED = "verification failed"
    SILENCE = "silence"


# How much each says that the remedy was right, and that it was wrong. An approval is a considered
# word; a revert that stood is weaker, for perhaps nobody noticed. A thing that drifts back may be
# somebody's need or an attacker's loop. Silence on a question says nothing, so it is not here.
WEIGHT: dict[Outcome, tuple[float, float]] = {
    Outcome.APPROVED: (1.0, 0.0),
    Outcome.DENIED: (0.0, 1.0),
    Outcome.KEPT: (0.0, 1.0),
    Outcome.UNDONE: (0.0, 2.0),
    Outcome.REDRIFTED: (0.0, 0.25),
    Outcome.FAILED: (0.0, 1.0),
    Outcome.SILENCE: (0.5, 0.0),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What a record is kept for: the kind of remedy, and the kind of who made the change.

    `who` is the actor within the kind; "" for the kind as a whole.
    """

    remedy: str
    kind: str
    who: str = ""

    @property
    def name(self) -> str:
        """As the note and people name it: `RevokeSecurityGroupIngress by user`."""
        return f"{self.remedy} by {self.kind}"


class Own(NamedTuple):
    """The outcomes of one actor's own changes, faded to now."""

    good: float = 0.0
    bad: float = 0.0


class Pending(NamedTuple):
    """A revert by earned autonomy that is yet to be judged, and whose change it took back."""

    decision: str
    at: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """The outcomes of one kind of case, faded to the time `at`.

    `since` and `against` are the right and the wrong ones since an undo, the one at `demoted`.
    `own` are those of each actor, as they are kept: `own_of` reads them.
    """

    good: float = 0.0
    bad: float = 0.0
    since: float = 0.0
    against: float = 0.0
    at: str = ""
    demoted: str = ""
    pending: tuple[Pending, ...] = ()
    own: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether autonomy is earned now, and the line that says why it is or is not.

    `unjudged`: so many reverts of the same actor's changes are too fresh for one more, 0 where that
    does not matter.
    """

    earned: bool
    bound: float
    outcomes: float
    line: str
    unjudged: int = 0


def kind_of(actor: Actor) -> str:
    """The kind of an actor: root, user, sso, role, service, federated, nobody, or other."""
    if actor.is_nobody:
        return "nobody"
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
    """Who is behind a change, the same one in all accounts where AWS vouches for that.

    A role's sessions are named by whoever takes the role; those of single sign-on by AWS. Nobody is
    one of their own: what the sweep finds is taken back one by one, until people have judged that.
    """
    if actor.is_nobody:
        return kind_of(actor)
    if kind_of(actor) == "sso":
        return actor.session.rpartition("/")[2]
    return actor.principal or actor.session


def case_of(plan: Plan, actor: Actor) -> Case:
    """The kind of case that a plan against an actor's change is."""
    calls = dict.fromkeys(step.call.operation for step in plan.steps)
    return Case("+".join(calls), kind_of(actor), who_of(actor))


# --------------------------------------------------------------------------------- standing


def standing(note: Document, case: Case, terms: Earning, now: datetime) -> Standing:
    """Whether a case's record has earned autonomy under these terms.

    For an actor it is their own record, on top of what the kind's says of them. Of somebody with no
    record one revert at a time waits to be judged: what they make a row of may well be meant.
    """
    record = worth(note, case, terms, now)
    others = [worth(note, one, terms, now) for one in _other_kinds(note, case)]
    kind = _bound(record, others, terms)
    own = own_of(record, case.who, terms, now)
    bound = _together(kind, own)
    outcomes = record.since + sum(one.since for one in others)
    against = record.against + sum(one.against for one in others)
    lately = outcomes / (outcomes + against) if record.demoted and against else 1.0
    earned = min(bound, lately) >= terms.threshold and outcomes >= terms.outcomes
    unjudged = _unjudged(record, case.who, now)
    line = (
        f"record of {case.name}: right in at least {kind:.0%} of cases "
        f"({terms.confidence:.0%} sure; {terms.threshold:.0%} wanted), "
        f"{outcomes:.3g} outcomes since "
        + (f"the undo at {record.demoted}" if record.demoted else "the beginning")
        + f" ({terms.outcomes} wanted)"
    )
    if own.good or own.bad:
        line += f"; with {own.good:.3g} right and {own.bad:.3g} wrong of their own: {bound:.0%}"
    if lately < terms.threshold:
        line += f"; since the undo only {lately:.0%} were right"
    return Standing(earned, bound, outcomes, line, unjudged if unjudged > own.good else 0)


def worth(note: Document, case: Case, terms: Earning, now: datetime) -> Record:
    """The record of a case as it is worth now: faded, and with the reverts that have stood."""
    return _settled(record_of(note, case), terms, now)


def own_of(record: Record, who: str, terms: Earning, now: datetime) -> Own:
    """What an actor's own outcomes are worth now; what cannot be read may be all against them."""
    if who not in record.own:
        return Own()
    kept = mapping(record.own, who)
    good, bad = (amount(text(kept, name)) for name in ("good", "bad"))
    at = moment(text(kept, "at"))
    if good is None or bad is None or at is None:
        return Own(0.0, inf)
    fade = _fade(at, terms, now)
    return Own(good * fade, bad * fade)


def _other_kinds(note: Document, case: Case) -> list[Case]:
    """The cases of the same remedy and other kinds of actor."""
    return [one for one in cases(note) if one.remedy == case.remedy and one.kind != case.kind]


def _bound(record: Record, others: Sequence[Record], terms: Earning) -> float:
    """What a kind's record is good for at least; where it is thin, other kinds' stand in for it."""
    good, bad = sum(one.good for one in others), sum(one.bad for one in others)
    share = min(1.0, _OF_OTHER_KINDS / (good + bad)) if good + bad else 0.0
    return lower_bound(record.good + share * good, record.bad + share * bad, terms.confidence)


def _together(kind: float, own: Own) -> float:
    """What is right for this actor: what is known of the kind, and their own outcomes."""
    return (_OF_THEIR_KIND * kind + own.good) / (_OF_THEIR_KIND + own.good + own.bad)


def _unjudged(record: Record, who: str, now: datetime) -> int:
    """How many reverts of an actor's changes people have hardly had the time to judge."""
    lately = stamp(now - timedelta(seconds=_TO_JUDGE))
    return sum(one.who == who and one.at > lately for one in record.pending) if who else 0


@lru_cache(maxsize=256)
def lower_bound(good: float, bad: float, confidence: float) -> float:
    """The value that the share of right remedies exceeds with this confidence.

    The prior is uniform: Beta(1, 1).
    """
    a, b = 1.0 + good, 1.0 + bad
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, a, b) < 1 - confidence else (low, middle)
    return low


def is_probe(decision: str, share: float) -> bool:
    """Whether an earned decision is asked about nevertheless: by its id, so always the same."""
    return int(decision[-8:], 16) < share * 16**8


# --------------------------------------------------------------------------------- learning


def learned(
    note: Document,
    case: Case,
    outcome: Outcome,
    terms: Earning,
    now: datetime,
    *,
    decision: str,
    by: str,
) -> Document:
    """The note with one outcome more."""
    record = _counted(worth(note, case, terms, now), case.who, outcome, terms, now)
    waiting = tuple(one for one in record.pending if one.decision != decision)
    note = _with(note, case, replace(record, pending=waiting))
    if outcome is Outcome.UNDONE:
        # What went wrong may be the remedy itself: so no kind of actor meets it unasked.
        for one in (case, *_other_kinds(note, case)):
            demoted = replace(
                worth(note, one, terms, now), since=0.0, against=0.0, demoted=stamp(now)
            )
            note = _with(note, one, demoted)
    return _fitting(_logged(note, case.name, outcome.value, decision, by, now))


def acted(note: Document, case: Case, terms: Earning, now: datetime, *, decision: str) -> Document:
    """The note with one revert more that is yet to be judged."""
    record = worth(note, case, terms, now)
    waiting = (*record.pending, Pending(decision, stamp(now), case.who))[-_PENDING:]
    return _fitting(_with(note, case, replace(record, pending=waiting)))


def reset(note: Document, case_name: str, by: str, now: datetime) -> Document:
    """The note without what it knew of a case: a person wants it earned anew."""
    records = {name: one for name, one in mapping(note, "records").items() if name != case_name}
    return _logged({**note, "records": records}, case_name, "reset", "", by, now)


def cases(note: Document) -> list[Case]:
    """The cases that a note has a record of."""
    parted = [name.rsplit(" by ", 1) for name in sorted(mapping(note, "records"))]
    return [Case(*parts) for parts in parted if len(parts) == 2]


def record_of(note: Document, case: Case) -> Record:
    """The record of a case as it was last written; an empty one where it cannot be read."""
    kept = mapping(mapping(note, "records"), case.name)
    counts = [one for name in _COUNTS if (one := amount(text(kept, name))) is not None]
    if len(counts) < len(_COUNTS) or moment(text(kept, "at")) is None:
        return Record()
    good, bad, since, against = counts
    return Record(
        good,
        bad,
        since,
        against,
        at=text(kept, "at"),
        demoted=text(kept, "demoted"),
        pending=tuple(
            Pending(text(one, "decision"), at, text(one, "who"))
            for one in documents(kept, "pending")
            if moment(at := text(one, "at")) is not None
        ),
        own=mapping(kept, "own"),
    )


def history(note: Document) -> Sequence[Document]:
    """The last outcomes, oldest first: `at`, `case`, `outcome`, `decision`, `by`."""
    return documents(note, "history")


def was_undone(note: Document, decision: str) -> bool:
    """Whether an undo of this decision is among the last outcomes."""
    undone = {"decision": decision, "outcome": Outcome.UNDONE.value}
    return any(undone.items() <= line.items() for line in history(note))


def _counted(record: Record, who: str, outcome: Outcome, terms: Earning, now: datetime) -> Record:
    """The record with one outcome more, of this actor's change."""
    good, bad = WEIGHT[outcome]
    share, each = 1.0, record.own
    if who:
        own = own_of(record, who, terms, now)
        share = _OF_THEIR_KIND / (_OF_THEIR_KIND + own.good + own.bad)
        mine: Document = {
            "good": round(own.good + good, 6),
            "bad": round(own.bad + bad, 6),
            "at": stamp(now),
        }
        # What cannot be read is not written over: it may have been all against them.
        each = each if own.bad == inf else _remembered({**each, who: mine})
    return replace(
        record,
        good=record.good + share * good,
        bad=record.bad + share * bad,
        since=record.since + good,
        against=record.against + share * bad,
        own=each,
    )


def _remembered(own: Document, most: int = _ACTORS) -> Document:
    """So many actors at most: those with the most against them, then the latest."""
    if len(own) <= most:
        return own

    def weight(who: str) -> tuple[float, str]:
        kept = mapping(own, who)
        return amount(text(kept, "bad")) or 0.0, text(kept, "at")

    return {who: own[who] for who in sorted(own, key=weight, reverse=True)[:most]}


def _settled(record: Record, terms: Earning, now: datetime) -> Record:
    """The record as it is worth now: faded, and with the reverts that stood long enough."""
    due = stamp(now - timedelta(seconds=terms.settles))
    fade = _fade(datetime.fromisoformat(record.at), terms, now) if record.at else 1.0
    faded = replace(
        record,
        good=record.good * fade,
        bad=record.bad * fade,
        since=record.since * fade,
        against=record.against * fade,
        at=stamp(now),
        pending=tuple(one for one in record.pending if one.at > due),
    )
    for one in record.pending:
        if one.at <= due:
            stood = _counted(faded, one.who, Outcome.SILENCE, terms, now)
            # One that was made before an undo says nothing of what was learned from that.
            faded = stood if one.at > record.demoted else replace(stood, since=faded.since)
    return faded


def _fade(since: datetime, terms: Earning, now: datetime) -> float:
    """What is left of evidence from then."""
    fade: float = 0.5 ** (max(0.0, (now - since).total_seconds()) / terms.half_life)
    return fade


def _with(note: Document, case: Case, record: Record) -> Document:
    return {**note, "records": {**mapping(note, "records"), case.name: _document(record)}}


def _fitting(note: Document) -> Document:
    """The note, small enough to be written: a note that is not would stop its control for good.

    The largest record loses half of its actors and of its undecided reverts, until all fit; where
    nothing of that is left to lose, the record that was heard of least lately goes.
    """
    while records := mapping(note, "records"):
        if len(json.dumps(note, ensure_ascii=False).encode()) <= _BYTES:
            break
        largest = max(records, key=lambda name: len(json.dumps(records[name])))
        kept = mapping(records, largest)
        own, pending = mapping(kept, "own"), documents(kept, "pending")
        if len(own) <= 1 and len(pending) <= 1:
            stalest = min(records, key=lambda name: text(mapping(records, name), "at"))
            left = {name: one for name, one in records.items() if name != stalest}
        else:
            fewer: Document = {
                **kept,
                "own": _remembered(own, len(own) // 2),
                "pending": pending[len(pending) - len(pending) // 2 :],
            }
            left = {**records, largest: fewer}
        note = {**note, "records": left}
    return note


def _logged(
    note: Document, case: str, outcome: str, decision: str, by: str, now: datetime
) -> Document:
    line: Document = {
        "at": stamp(now),
        "case": case,
        "outcome": outcome,
        "decision": decision,
        "by": by,
    }
    earlier: list[Json] = [*documents(note, "history")]
    return {**note, "history": [*earlier, line][-_HISTORY:]}


def _document(record: Record) -> Document:
    return {
        "good": round(record.good, 6),
        "bad": round(record.bad, 6),
        "since": round(record.since, 6),
        "against": round(record.against, 6),
        "at": record.at,
        "demoted": record.demoted,
        "pending": [one._asdict() for one in record.pending],
        "own": record.own,
    }


# ----------------------------------------------------------------------- the incomplete beta


def _below(x: float, a: float, b: float) -> float:
    """How much of Beta(a, b) lies below x: the regularised incomplete beta function."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1.0 - x))
    # The fraction converges fast on one side of the mean; the other side is its complement.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or tiny)
    found = d
    for m in range(1, 300):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / (1.0 + numerator * d or tiny)
            c = 1.0 + numerator / c or tiny
            found *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return found
