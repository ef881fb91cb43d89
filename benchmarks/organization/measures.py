"""What a strategy is measured by, over one year: counted against the truth, by nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from .shapes import DAY, YEAR

# What nobody takes back is found by somebody else, say at the monthly review.
_FOUND = 30 * DAY
_MONTHS = 12
_WRONG = 0.01


@dataclass(slots=True)
class Tally:
    """Counts of one run, while it runs."""

    asks: list[float] = field(default_factory=list)
    # Of each habit, how often what was asked about was meant, and how often it was not.
    routines: dict[str, list[int]] = field(default_factory=dict)
    findings: int = 0
    meant: int = 0
    at_risk: list[float] = field(default_factory=list)
    missed: dict[str, int] = field(default_factory=dict)
    right: int = 0
    wrong: int = 0
    right_by_people: int = 0
    wrong_by_people: int = 0
    turned: int = 0
    demotions: int = 0

    def asked(self, at: float, routine: str, right: bool) -> None:
        """People were asked about a change of this habit: who makes it, and under which control."""
        self.asks.append(at)
        self.routines.setdefault(routine, [0, 0])[right] += 1

    def looked_at(self, right: bool) -> None:
        """A change was made that looks risky."""
        if right:
            self.findings += 1
        else:
            self.meant += 1

    def reverted(self, *, right: bool, by_people: bool, after: float) -> None:
        """A change was taken back, so many seconds after it was made."""
        if right:
            self.at_risk.append(after)
            self.right += not by_people
            self.right_by_people += by_people
        else:
            self.wrong += not by_people
            self.wrong_by_people += by_people

    def stands(self, *, right: bool, why: str) -> None:
        """A change was let stand."""
        if right:
            self.at_risk.append(_FOUND)
            self.missed[why] = self.missed.get(why, 0) + 1


@dataclass(frozen=True, slots=True)
class Measures:
    """What came of one year under one strategy.

    Shares are 0 to 1. `changes_per_day` are all that look risky, also those that are exempt.
    `needed_per_day` are the questions left to who knows beforehand how often each habit is meant.
    `wrong_revert_rate` is of all reverts, `wrong_by_itself` of those that no person said yes to.
    `missed` is the share of true risks that were let stand. `bad_control` is how many wrong reverts
    the control that turned bad made by itself, in all its kinds of case.
    """

    changes_per_day: float
    asks_per_day: float
    needed_per_day: float
    wrong_revert_rate: float
    wrong_by_itself: float
    missed: float
    median_time_at_risk_s: float
    mean_time_at_risk_s: float
    wrong_reverts: int
    reverts: int
    bad_control: int
    demotions: int
    asks_by_month: tuple[float, ...]


def measured(tally: Tally) -> Measures:
    """The measures of a run."""
    by_itself, wrong = tally.right + tally.wrong, tally.wrong + tally.wrong_by_people
    reverts = by_itself + tally.right_by_people + tally.wrong_by_people
    month = YEAR * DAY / _MONTHS
    by_month = [0] * _MONTHS
    for at in tally.asks:
        by_month[min(int(at / month), _MONTHS - 1)] += 1
    return Measures(
        changes_per_day=(tally.findings + tally.meant) / YEAR,
        asks_per_day=len(tally.asks) / YEAR,
        needed_per_day=_needed(tally) / YEAR,
        wrong_revert_rate=wrong / max(1, reverts),
        wrong_by_itself=tally.wrong / max(1, by_itself),
        missed=sum(tally.missed.values()) / max(1, tally.findings),
        median_time_at_risk_s=median(tally.at_risk) if tally.at_risk else 0.0,
        mean_time_at_risk_s=sum(tally.at_risk) / max(1, len(tally.at_risk)),
        wrong_reverts=wrong,
        reverts=reverts,
        bad_control=tally.turned,
        demotions=tally.demotions,
        asks_by_month=tuple(round(asks / (YEAR / _MONTHS), 4) for asks in by_month),
    )


def _needed(tally: Tally) -> int:
    """How many questions of a year need not have been spared, with hindsight, habit by habit.

    The habits that are meant least often are reverted unasked, while the reverts that are wrong by
    that stay under one in a hundred of all.
    """
    reverts = sum(right for _, right in tally.routines.values())
    spared = wrong = least = 0
    for meant, right in sorted(tally.routines.values(), key=lambda counts: counts[0] / sum(counts)):
        spared, wrong = spared + meant + right, wrong + meant
        if wrong <= _WRONG * (reverts + wrong):
            least = spared
    return len(tally.asks) - least
