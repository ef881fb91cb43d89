"""Moves the threshold that a score must reach, so that wrong reverts stay rare whatever happens.

Pure. Adaptive conformal inference: each revert by the guard itself lowers the threshold by
`step * wrong`, each one that proves wrong raises it by `step`. The share of wrong reverts then
steers to `wrong`, for any sequence of changes, actors and answers: nothing is assumed of them.

Let T reverts be made by the guard itself, W of them be found wrong, and A approvals pay back. The
moves add up to

    threshold >= start - step * wrong * (T + A) + step * W,

because the policy's floor only ever adds to it. A score is at most 1, so at the last revert the
threshold was at most 1; after it only those D reverts can still raise it that were not judged then.
So threshold <= 1 + step * D, and both together give

    W / (T + A) <= wrong + (1 - start + step * D) / (step * (T + A)).

There is no upper limit for the threshold: to cut it off at the top would forget wrong reverts, and
the bound with them. A threshold out of reach must have a way back, or one bad week would stop a
control for good: people's approvals pay back in place of the guard's own reverts, though never
below the start. That is A.

The bound is of wrong reverts that somebody found. How many nobody finds is estimated from the
samples, and each one that is found raises the threshold by as much more (`found_share`).

Source: Gibbs, Candès, "Adaptive Conformal Inference Under Distribution Shift" (NeurIPS 2021),
equation 2 and proposition 4.1.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from driftguard.documents import Document, Json, amount, documents, mapping, stamp, text
from driftguard.policy.bounds import Earning

from .beta import Beta

_NAME = "threshold"
_COUNTS = ("reverts", "approvals", "wrong", "samples", "denied")
# How many of the last moves are kept, for people to read.
_MOVES = 20
# How sure it must be that there were wrong reverts which nobody noticed.
_SURE = 0.99
# Each wrong revert that is found stands for so many at the most.
_MOST_UNNOTICED = 2.0


class Threshold(NamedTuple):
    """The threshold now, and what moved it there.

    `reverts` were made by the guard itself, and `wrong` is how many of them are counted as wrong;
    `approvals` paid back. Of `samples` that people judged, they `denied` so many. `moves` are the
    last times that it rose, oldest first: `at`, `by`, `decision`, `to`.
    """

    value: float
    reverts: float = 0
    approvals: float = 0
    wrong: float = 0
    samples: float = 0
    denied: float = 0
    moves: tuple[Document, ...] = ()


def threshold_of(stored: Document, terms: Earning) -> Threshold:
    """The threshold of a state record: the start where it has none, 2 where it is unreadable.

    No score reaches 2. One that is below the policy's floor is raised to it.
    """
    if _NAME not in stored:
        return Threshold(terms.threshold)
    entry = mapping(stored, _NAME)
    value, *counts = (amount(text(entry, name)) for name in ("value", *_COUNTS))
    known = [count for count in counts if count is not None]
    if value is None or len(known) < len(_COUNTS):
        return Threshold(2.0)
    reverts, approvals, wrong, samples, denied = known
    moves = tuple(documents(entry, "moves"))
    value = max(value, terms.floor)
    return Threshold(value, reverts, approvals, wrong, samples, denied, moves)


def reverted(stored: Document, terms: Earning) -> Document:
    """The state record after one revert more that the guard made by itself."""
    known = threshold_of(stored, terms)
    value = max(terms.floor, known.value - terms.step * terms.wrong)
    return _with(stored, known._replace(value=value, reverts=known.reverts + 1))


def approved(stored: Document, terms: Earning) -> Document:
    """The state record after an approval: it pays back, while the threshold is above its start."""
    known = threshold_of(stored, terms)
    if known.value <= terms.threshold:
        return stored
    value = max(terms.threshold, known.value - terms.step * terms.wrong)
    return _with(stored, known._replace(value=value, approvals=known.approvals + 1))


def erred(stored: Document, terms: Earning, by: str, decision: str, now: datetime) -> Document:
    """The state record after a revert proved wrong: `by` says how that was found.

    It raises the threshold by `step`, and by more where samples show that others go unnoticed.
    """
    known = threshold_of(stored, terms)
    known = known._replace(wrong=known.wrong + 1)
    value = known.value + terms.step / found_share(known)
    move: Document = {"at": stamp(now), "by": by, "decision": decision, "to": round(value, 6)}
    return _with(stored, known._replace(value=value, moves=(*known.moves, move)[-_MOVES:]))


def sampled(
    stored: Document, terms: Earning, *, denied: bool, decision: str, now: datetime
) -> Document:
    """The state record after people judged a sample, which the guard would else have reverted."""
    known = threshold_of(stored, terms)
    known = known._replace(samples=known.samples + 1, denied=known.denied + denied)
    stored = _with(stored, known)
    return erred(stored, terms, "sample denied", decision, now) if denied else stored


def found_share(known: Threshold) -> float:
    """The share of wrong reverts that somebody finds, as far as samples show; half at the least.

    Of n samples d were denied, whether or not anybody would have noticed. So each denied sample
    stands for 1/sampling wrong reverts, without bias. But a single one would then stop the guard
    for thousands of reverts, and two on the day on which a control breaks for good. Therefore only
    the lower end of the exact (Clopper-Pearson) interval of d/n counts, at 99 %; it says how many
    wrong reverts there were at least, and those found are a share of them.

    Source: Clopper, Pearson, "The use of confidence or fiducial limits" (Biometrika 26, 1934).
    """
    if not known.denied:
        return 1.0
    sure = Beta(known.denied, known.samples - known.denied + 1.0).lower_bound(_SURE)
    there_were = sure * (known.reverts + known.samples)
    return min(1.0, max(1.0 / _MOST_UNNOTICED, known.wrong / there_were if there_were else 1.0))


def _with(stored: Document, known: Threshold) -> Document:
    counts = {name: round(getattr(known, name), 6) for name in ("value", *_COUNTS)}
    moves: list[Json] = [*known.moves]
    return {**stored, _NAME: {**counts, "moves": moves}}
