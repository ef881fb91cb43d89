"""Says when a control's reverts are first granted: a bet against the claim that it errs too often.

Pure. The claim to be refuted is that at least the share `grant` of a control's answers says that
the revert would be wrong, whatever the answers before were. Somebody who bets against it wins with
each right answer and loses with each wrong one. If the claim is true, no way of betting is expected
to win, so that the stake ever grows tenfold with a chance of one in ten at most (Ville's
inequality). It may therefore be looked at after each answer, and granted at the first look at which
it has grown enough.

A bet that is best if the share of wrong answers is q multiplies the stake by (1 - q)/(1 - grant)
for a right answer and by q/grant for a wrong one. The share is not known, so the stake is spread
evenly over all q from 0 to `grant`. With r right and w wrong answers it has become

    1/grant * integral from 0 to grant of q^w (1 - q)^r dq / (grant^w (1 - grant)^r).

Of many controls some are lucky. The e-BH procedure grants the k controls with the largest stakes
where each has reached m/(k * false_grants), m being how many controls have answers: of what is
granted at any time, the share `false_grants` at most is expected to be granted wrongly, however the
controls depend on each other.

What this does not say: that reverts are wrong less than once in a hundred. People themselves answer
wrongly two to four times in a hundred, so that no number of answers could show that. A first grant
says only that far fewer than `grant` of the answers are against it; from there on the threshold
(`threshold`) bounds what is wrong.

Source: Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 86,
2024); Robbins, "Statistical methods related to the law of the iterated logarithm" (1970), for the
mixture; Wang, Ramdas, "False discovery rate control with e-values" (JRSS B 84, 2022).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from math import exp, inf, log
from typing import NamedTuple

from driftguard.documents import Document, amount, mapping, moment, stamp, text
from driftguard.policy.bounds import Earning

from .beta import below, log_beta


class Answers(NamedTuple):
    """The answers about a control until its first grant; `granted` is when that was, or ""."""

    right: float = 0
    wrong: float = 0
    granted: str = ""


def stake(right: float, wrong: float, share: float) -> float:
    """What a stake of 1 has become, betting that fewer than `share` of the answers are wrong.

    0 for a share that nobody can bet on: not above 0, or not below 1.
    """
    if not 0.0 < share < 1.0:
        return 0.0
    a, b = wrong + 1.0, right + 1.0
    mixed = below(share, a, b)
    if mixed <= 0.0:
        return 0.0
    grown = log(mixed) + log_beta(a, b) - a * log(share) - right * log(1.0 - share)
    return exp(grown) if grown < 700 else inf


def needed(stakes: Collection[float], false_grants: float) -> float:
    """The stake at which controls are granted, by e-BH; that of the best alone if none is yet."""
    if false_grants <= 0.0:
        return inf
    many, found = len(stakes), sorted(stakes, reverse=True)
    enough = [
        many / (rank * false_grants)
        for rank, grown in enumerate(found, 1)
        if grown * rank * false_grants >= many
    ]
    return enough[-1] if enough else max(1, many) / false_grants


def answers_of(shared: Document, control: str) -> Answers:
    """A control's answers; none, and no grant, where they cannot be read."""
    entry = mapping(mapping(shared, "answers"), control)
    right, wrong = (amount(text(entry, name)) for name in ("right", "wrong"))
    if right is None or wrong is None:
        return Answers()
    granted = text(entry, "granted")
    return Answers(right, wrong, granted if moment(granted) is not None else "")


def answered(
    shared: Document, control: str, terms: Earning, now: datetime, *, right: bool
) -> Document:
    """The shared record after one answer more, and what it grants."""
    known = answers_of(shared, control)
    if known.granted:
        return shared
    known = known._replace(right=known.right + right, wrong=known.wrong + (not right))
    every = {
        **{other: answers_of(shared, other) for other in mapping(shared, "answers")},
        control: known,
    }
    stakes = {other: stake(said.right, said.wrong, terms.grant) for other, said in every.items()}
    enough = needed(stakes.values(), terms.false_grants)
    granted = {
        other: said._replace(granted=stamp(now))
        if not said.granted and stakes[other] >= enough
        else said
        for other, said in every.items()
    }
    return {**shared, "answers": {other: said._asdict() for other, said in granted.items()}}
