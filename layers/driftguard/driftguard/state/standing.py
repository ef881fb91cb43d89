"""Says whether the record of outcomes has earned a case autonomy, and why.

Pure. `earned` autonomy needs the lower end of the posterior's credible interval above the policy's
threshold, and enough right outcomes since the last time a person undid a revert. Since that undo,
the share of right outcomes must reach the threshold too: a long good record says nothing of a
remediation that has turned bad since.

Each actor has a record of their own within that of the kind, and both are weighed together (partial
pooling): the record of the kind stands in for an unknown actor, and an actor's own record soon
outweighs it.

Source: Gelman et al., "Bayesian Data Analysis", chapters 2 (Beta-binomial) and 5 (partial pooling);
Press et al., "Numerical Recipes", section 6.4 (the incomplete beta function by continued fraction).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp, lgamma, log

from driftguard.documents import Document, stamp
from driftguard.policy.bounds import Earning

from .trust import OF_THEIR_KIND, Case, Own, Record, other_kinds, own_of, worth

# What the records of other kinds of actor say of a kind counts like so many outcomes at most.
_OF_OTHER_KINDS = 20.0
# Reverts of one actor's changes that people have had so long to judge (s) do not hold up the next.
_TO_JUDGE = 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether autonomy is earned now, and the line that says why it is or is not.

    `unjudged`: how many recent reverts of the actor's changes are too fresh to allow one more, 0
    where that does not matter.
    """

    earned: bool
    bound: float
    outcomes: float
    line: str
    unjudged: int = 0


def standing(stored: Document, case: Case, terms: Earning, now: datetime) -> Standing:
    """Whether a case's record has earned autonomy under these terms.

    An actor's own record counts on top of what the record of their kind says of them. For an
    actor without a record, only one revert at a time may wait to be judged: they may well intend
    a change that they repeat.
    """
    record = worth(stored, case, terms, now)
    others = [worth(stored, other, terms, now) for other in other_kinds(stored, case)]
    kind = _bound(record, others, terms)
    own = own_of(record, case.who, terms, now)
    bound = _together(kind, own)
    outcomes = record.since + sum(other.since for other in others)
    against = record.against + sum(other.against for other in others)
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


def _bound(record: Record, others: Sequence[Record], terms: Earning) -> float:
    """The lower bound of a kind's record; where it is thin, the records of other kinds help out."""
    good, bad = sum(other.good for other in others), sum(other.bad for other in others)
    share = min(1.0, _OF_OTHER_KINDS / (good + bad)) if good + bad else 0.0
    return lower_bound(record.good + share * good, record.bad + share * bad, terms.confidence)


def _together(kind: float, own: Own) -> float:
    """The evidence for this actor: the record of the kind, and their own outcomes."""
    return (OF_THEIR_KIND * kind + own.good) / (OF_THEIR_KIND + own.good + own.bad)


def _unjudged(record: Record, who: str, now: datetime) -> int:
    """How many reverts of an actor's changes are too recent for people to have judged."""
    lately = stamp(now - timedelta(seconds=_TO_JUDGE))
    return (
        sum(pending.who == who and pending.at > lately for pending in record.pending) if who else 0
    )


@lru_cache(maxsize=256)
def lower_bound(good: float, bad: float, confidence: float) -> float:
    """The value that the share of right remediations exceeds with this confidence.

    The prior is uniform: Beta(1, 1).
    """
    a, b = 1.0 + good, 1.0 + bad
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, a, b) < 1 - confidence else (low, middle)
    return low


def is_sampled(decision: str, share: float) -> bool:
    """Whether an earned decision is sampled: decided by its id, so always the same."""
    return int(decision[-8:], 16) < share * 16**8


# ----------------------------------------------------------------------- the incomplete beta


def _below(x: float, a: float, b: float) -> float:
    """How much of Beta(a, b) lies below x: the regularized incomplete beta function."""
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
