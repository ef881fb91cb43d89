"""Whether the targets are reached: in the mean over the years, and in how many of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from statistics import mean
from typing import cast

from .measures import Measures
from .strategies import ASK, OURS

# Of one organization: each strategy's years, in the same order of seeds.
ByStrategy = Mapping[str, Sequence[Measures]]

FEWER_ASKS, WRONG, AT_RISK, BAD = 0.8, 0.01, 0.05, 3


@dataclass(frozen=True, slots=True)
class Target:
    """A target, whether the mean over the years reaches it, by what, and in `years` `of` them."""

    name: str
    reached: bool
    measured: str
    years: int
    of: int


def targets(of: ByStrategy) -> list[Target]:
    """Each target for one organization."""
    ours, asking = of[OURS], of[ASK]

    def fewer(measure: str) -> list[float]:
        return [
            1 - value(year, measure) / value(other, measure)
            for year, other in zip(ours, asking, strict=False)
        ]

    spared, quicker = fewer("asks_per_day"), fewer("median_time_at_risk_s")
    wrong = [our.wrong_revert_rate for our in ours]
    fixed = at_equal_asks(of)
    bad = [float(our.bad_control) for our in ours]
    alike = ours[: len(asking)]
    asks, waits = (
        over(alike, measure) / over(asking, measure)
        for measure in ("asks_per_day", "median_time_at_risk_s")
    )
    return [
        _target(
            f"at least {FEWER_ASKS:.0%} fewer asks than always-ask",
            1 - asks >= FEWER_ASKS,
            f"{1 - asks:.1%}",
            spared,
            lambda share: share >= FEWER_ASKS,
        ),
        _target(
            f"at most {WRONG:.0%} wrong reverts",
            mean(wrong) <= WRONG,
            f"{mean(wrong):.2%}",
            wrong,
            lambda share: share <= WRONG,
        ),
        _target(
            "fewer wrong reverts than a fixed severity at equal asks",
            mean(wrong) < fixed,
            f"{mean(wrong):.2%} against {fixed:.2%}",
            wrong,
            lambda share: share < fixed,
        ),
        _target(
            f"median time at risk under {AT_RISK:.0%} of always-ask's",
            waits < AT_RISK,
            f"{waits:.2%}",
            quicker,
            lambda share: 1 - share < AT_RISK,
        ),
        _target(
            f"a control that turns bad is demoted within {BAD} wrong reverts",
            max(bad) <= BAD,
            f"{mean(bad):.1f} in the mean, {max(bad):.0f} at most",
            bad,
            lambda count: count <= BAD,
        ),
    ]


def at_equal_asks(of: ByStrategy) -> float:
    """The share of wrong reverts of a fixed severity that asks as often as ours does.

    Between two severities it is on the line between them: as if the one were used on some days and
    the other on the rest. Where even the lowest asks more, it is that one's.
    """
    wanted = over(of[OURS], "asks_per_day")
    points = sorted(
        (over(years, "asks_per_day"), over(years, "wrong_revert_rate"))
        for name, years in of.items()
        if name == ASK or name.startswith("severity-")
    )
    if wanted <= points[0][0]:
        return points[0][1]
    for (low, rate), (high, other) in pairwise(points):
        if wanted <= high:
            return rate + (other - rate) * (wanted - low) / (high - low)
    return points[-1][1]


def over(years: Sequence[Measures], measure: str) -> float:
    """A measure's mean over the years."""
    return mean(value(year, measure) for year in years)


def value(year: Measures, measure: str) -> float:
    """One year's measure by its name."""
    return cast(float, attrgetter(measure)(year))


def _target(
    name: str,
    reached: bool,
    measured: str,
    years: Sequence[float],
    holds: Callable[[float], bool],
) -> Target:
    return Target(name, reached, measured, sum(map(holds, years)), len(years))
