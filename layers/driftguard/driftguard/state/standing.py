"""Says whether the record of outcomes has earned a case autonomy, and why.

Pure. `earned` autonomy needs four things: the control was granted its reverts (`granting`); the
score of the case reaches the guard's threshold (`threshold`); enough outcomes were right since a
person last undid a revert; and of what was decided since that undo enough was right. A long good
record says nothing of a remediation that has turned bad since.

The score is a lower bound, not an average: the share of right remediations that is exceeded with
the policy's confidence. It comes from a hierarchy of beliefs. What is known of the control's other
kinds of actor is the belief about this kind, corrected by the kind's own outcomes; that is the
belief about the actor, corrected by the actor's own outcomes:

    other kinds ~ Beta(1 + right, 1 + wrong)
    kind        ~ the other kinds' belief about a member, after the kind's outcomes
    actor       ~ the kind's belief about a member, after their own outcomes

Source: Gelman et al., "Bayesian Data Analysis", chapter 5 (hierarchical models).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from driftguard.documents import Document, stamp
from driftguard.policy.bounds import Earning

from .beta import Beta
from .granting import answers_of, stake
from .threshold import threshold_of
from .trust import Case, other_kinds, worth
from .trust_record import Own, Record, own_of

# How like each other the kinds of actor are, and the actors of one kind: what is known of all of
# them weighs for one like so many outcomes of its own.
KINDS_ALIKE = 20.0
ACTORS_ALIKE = 2.0
# Reverts of one actor's changes that people have had so long to judge (s) do not hold up the next.
_TO_JUDGE = 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether autonomy is earned now, and the line that says why it is or is not.

    `bound` is the score, and `threshold` what it must reach. `unjudged`: how many recent reverts of
    the actor's changes are too fresh to allow one more, 0 where that does not matter. `unseen`: how
    many reverts of this kind the guard made since a person last judged one.
    """

    earned: bool
    bound: float
    threshold: float
    outcomes: float
    line: str
    unjudged: int = 0
    unseen: int = 0


def standing(
    stored: Document, shared: Document, control: str, case: Case, terms: Earning, now: datetime
) -> Standing:
    """Whether a case's record has earned autonomy under these terms.

    `stored` is the control's record, `shared` that of all controls. For an actor without a record,
    only one revert at a time may wait to be judged: they may well intend a change that they repeat.
    """
    record = worth(stored, case, terms, now)
    others = [worth(stored, other, terms, now) for other in other_kinds(stored, case)]
    own = own_of(record, case.who, terms, now)
    bound = score(record, others, own).lower_bound(terms.confidence)
    wanted = threshold_of(shared, terms).value
    # After an undo by the maker only this kind begins anew, so that no other can stand in for it.
    together = [record] if record.doubt.by else [record, *others]
    right = sum(kind.since for kind in together)
    against = sum(kind.against for kind in together)
    lately = right / (right + against) if record.demoted and against else 1.0
    # One busy actor earns it by their own outcomes, and not for all.
    outcomes = max(right, own.since)
    answers = answers_of(shared, control)
    earned = (
        bool(answers.granted)
        and bound >= wanted
        and lately >= terms.threshold
        and outcomes >= terms.outcomes
    )
    line = (
        f"record of {case.name}: right in at least {bound:.0%} of cases "
        f"({terms.confidence:.0%} sure; {wanted:.1%} wanted), "
        f"{outcomes:.3g} outcomes since "
        + (f"the undo at {record.demoted}" if record.demoted else "the beginning")
        + f" ({terms.outcomes} wanted)"
    )
    if own.good or own.bad:
        line += f"; with {own.good:.3g} right and {own.bad:.3g} wrong of their own"
    if lately < terms.threshold:
        line += f"; since the undo only {lately:.0%} were right"
    if not answers.granted:
        grown = stake(answers.right, answers.wrong, terms.grant)
        line += (
            f"; the control is not granted yet: {answers.right:.0f} of "
            f"{answers.right + answers.wrong:.0f} answers were right, a stake of {grown:.3g}"
        )
    unjudged = _unjudged(record, case.who, now)
    return Standing(
        earned,
        bound,
        wanted,
        outcomes,
        line,
        unjudged if unjudged > own.good else 0,
        round(record.unseen),
    )


def score(record: Record, others: list[Record], own: Own) -> Beta:
    """What is believed of an actor's next change, from all kinds, their kind, and their own."""
    all_kinds = Beta().after(
        sum(other.good for other in others), sum(other.bad for other in others)
    )
    kind = all_kinds.of_a_member(KINDS_ALIKE).after(record.good, record.bad)
    return kind.of_a_member(ACTORS_ALIKE).after(own.good, own.bad)


def _unjudged(record: Record, who: str, now: datetime) -> int:
    """How many reverts of an actor's changes are too recent for people to have judged."""
    lately = stamp(now - timedelta(seconds=_TO_JUDGE))
    return (
        sum(pending.who == who and pending.at > lately for pending in record.pending) if who else 0
    )


def is_sampled(decision: str, share: float) -> bool:
    """Whether an earned decision is sampled: decided by its id, so always the same."""
    return int(decision[-8:], 16) < share * 16**8
