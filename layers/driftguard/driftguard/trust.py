"""What past outcomes say about a control's remedies: a Beta posterior for each kind of case.

Pure. A case is a control, a kind of remedy (its calls) and a kind of actor. Every outcome is
evidence that the remedy was right, or that it was not, with a weight; evidence fades, so that a
record has to be kept up. `earned` autonomy needs the lower end of the posterior's credible interval
above the policy's threshold and enough outcomes since the last time a person took a revert back:
one undo sets the count to nothing, and with it the autonomy, whatever came before.

Source: Gelman et al., "Bayesian Data Analysis", chapter 2 (Beta-binomial); Press et al., "Numerical
Recipes", section 6.4 (the incomplete beta function by continued fraction).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp, lgamma, log

from .model import Actor, Document, Json, Plan, amount, documents, moment, stamp
from .policy.bounds import Earning
from .trail import mapping, text

# Undecided reverts and outcomes that are kept in the note, each the newest of them.
_PENDING = 200
_HISTORY = 100


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
    """What a record is kept for: the kind of remedy, and the kind of who made the change."""

    remedy: str
    kind: str

    @property
    def name(self) -> str:
        """As the note and people name it: `RevokeSecurityGroupIngress by user`."""
        return f"{self.remedy} by {self.kind}"


@dataclass(frozen=True, slots=True)
class Record:
    """The outcomes of one kind of case, faded to the time `at`. `since`: how many since an undo."""

    good: float = 0.0
    bad: float = 0.0
    since: float = 0.0
    at: str = ""
    demoted: str = ""
    pending: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether autonomy is earned now, and the line that says why it is or is not."""

    earned: bool
    bound: float
    outcomes: float
    line: str


def kind_of(actor: Actor) -> str:
    """The kind of an actor: root, user, sso, role, service, federated, or other."""
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


def case_of(plan: Plan, actor: Actor) -> Case:
    """The kind of case that a plan against an actor's change is."""
    calls = dict.fromkeys(step.call.operation for step in plan.steps)
    return Case("+".join(calls), kind_of(actor))


# --------------------------------------------------------------------------------- standing


def standing(note: Document, case: Case, terms: Earning, now: datetime) -> Standing:
    """Whether a case's record has earned autonomy under these terms."""
    record = worth(note, case, terms, now)
    bound = lower_bound(record.good, record.bad, terms.confidence)
    earned = bound >= terms.threshold and record.since >= terms.outcomes
    line = (
        f"record of {case.name}: right in at least {bound:.0%} of cases "
        f"({terms.confidence:.0%} sure; {terms.threshold:.0%} wanted), "
        f"{record.since:.3g} outcomes since "
        + (f"the undo at {record.demoted}" if record.demoted else "the beginning")
        + f" ({terms.outcomes} wanted)"
    )
    return Standing(earned, bound, record.since, line)


def worth(note: Document, case: Case, terms: Earning, now: datetime) -> Record:
    """The record of a case as it is worth now: faded, and with the reverts that have stood."""
    return _settled(record_of(note, case), terms, now)


def lower_bound(good: float, bad: float, confidence: float) -> float:
    """The value that the share of right remedies exceeds with this confidence.

    The prior is uniform: Beta(1, 1).
    """
    a, b = 1.0 + good, 1.0 + bad
    low, high = 0.0, 1.0
    for _ in range(40):
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
    record = worth(note, case, terms, now)
    good, bad = WEIGHT[outcome]
    record = replace(
        record,
        good=record.good + good,
        bad=record.bad + bad,
        since=record.since + good + bad,
        pending=tuple(one for one in record.pending if one[0] != decision),
    )
    if outcome is Outcome.UNDONE:
        record = replace(record, since=0.0, demoted=stamp(now))
    return _with(note, case, record, outcome.value, decision, by, now)


def acted(note: Document, case: Case, terms: Earning, now: datetime, *, decision: str) -> Document:
    """The note with one revert more that is yet to be judged."""
    record = worth(note, case, terms, now)
    waiting = (*record.pending, (decision, stamp(now)))[-_PENDING:]
    records = {**mapping(note, "records"), case.name: _document(replace(record, pending=waiting))}
    return {**note, "records": records}


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
    good, bad, since = (amount(text(kept, name)) for name in ("good", "bad", "since"))
    if good is None or bad is None or since is None or moment(text(kept, "at")) is None:
        return Record()
    return Record(
        good,
        bad,
        since,
        at=text(kept, "at"),
        demoted=text(kept, "demoted"),
        pending=tuple(
            (text(one, "decision"), text(one, "at"))
            for one in documents(kept, "pending")
            if moment(text(one, "at")) is not None
        ),
    )


def history(note: Document) -> Sequence[Document]:
    """The last outcomes, oldest first: `at`, `case`, `outcome`, `decision`, `by`."""
    return documents(note, "history")


def _settled(record: Record, terms: Earning, now: datetime) -> Record:
    """The record as it is worth now: faded, and with the reverts that stood long enough."""
    due = stamp(now - timedelta(seconds=terms.settles))
    stood = sum(at <= due for _, at in record.pending)
    fade = 1.0
    if record.at:
        age = (now - datetime.fromisoformat(record.at)).total_seconds()
        fade = 0.5 ** (max(0.0, age) / terms.half_life)
    right = stood * WEIGHT[Outcome.SILENCE][0]
    return replace(
        record,
        good=record.good * fade + right,
        bad=record.bad * fade,
        since=record.since * fade + right,
        at=stamp(now),
        pending=tuple(one for one in record.pending if one[1] > due),
    )


def _with(
    note: Document,
    case: Case,
    record: Record,
    outcome: str,
    decision: str,
    by: str,
    now: datetime,
) -> Document:
    records = {**mapping(note, "records"), case.name: _document(record)}
    return _logged({**note, "records": records}, case.name, outcome, decision, by, now)


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
        "at": record.at,
        "demoted": record.demoted,
        "pending": [{"decision": one, "at": at} for one, at in record.pending],
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
