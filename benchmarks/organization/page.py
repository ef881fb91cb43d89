"""Writes the page in docs/ about the simulated years."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

from .picture import picture
from .shapes import DRAFTS, ORGANIZATIONS
from .strategies import ASK, CAUTIOUS_TERMS, OURS, TERMS
from .targets import ByStrategy, Target, over, value

PAGE, PICTURE = "autonomy-simulation.md", "autonomy-simulation.svg"
# How many years of the drafts are simulated: they only show how the results get worse.
DRAFT_YEARS = 5
COLUMNS = ("policy", "asks a day", "wrong reverts", "missed", "at risk", "bad control")
_MEASURES = (
    ("asks_per_day", 1.0, "{:.2f}"),
    ("wrong_revert_rate", 100.0, "{:.2f} %"),
    ("missed", 100.0, "{:.1f} %"),
    ("median_time_at_risk_s", 1.0, "{:,.0f} s"),
    ("bad_control", 1.0, "{:.1f}"),
)

_INTRODUCTION = """\
# A simulated year

What happens if a guard earns its autonomy? `make simulate` simulates a year of three made-up
organizations, {years} times each, under several policies. The code that decides and learns is the
real code. A seed determines which changes happen, when, and who makes mistakes; the simulation
knows the truth about every change.

**The organizations are assumptions.** All of them are in `benchmarks/organization/shapes.py`, and
the results depend on them, above all on how many of the changes that look risky are intended, and
by how few people. Nobody publishes such numbers. The assumptions were revised once, after the first
results: in the first draft two to three times as many changes were intended, by anybody, and even a
guard that knew beforehand how often each person intends each kind of change would have missed some
targets. [The results for the first draft](#where-more-is-intended) are shown as well. The time
until somebody repairs a control that turned bad was cut from sixty days to three weeks. Everything
else stayed. The terms of `earned` and the constants of `state/trust.py` were chosen on other years
than those shown.

| policy | |
|---|---|
| `always-ask` | asks about everything that is not exempt |
| `always-revert` | reverts everything that is not exempt, without any other guardrail |
| `severity-N` | reverts without asking from the control's severity N up, and asks about the rest |
| `earned-cautious` | every control earns its autonomy: {cautious} (`policies/packs/earned.yaml`) |
| `earned` | every control earns its autonomy, on quicker terms: {terms} |

All policies have the same exemptions, which people give when they vote. All but `always-revert`
have the same listed pipelines, circuit breaker and limits for flapping.

- *Wrong reverts*: the share of all reverts whose change was intended, or whose remediation broke
  something. Reverts that a person approved by mistake count too.
- *Missed*: the share of true risks that were accepted, mostly because people made a mistake or did
  not vote within a day.
- *At risk*: the median time from the event of a true risk until the risk was gone; thirty days
  where nobody reverted it.
- *Bad control*: from mid-year on, for three weeks, the remediation of one control breaks things.
  This is how many wrong reverts it made without asking until it was repaired, for all kinds of
  actor together.

Each cell has the mean over the years, with the least and the most.

![Wrong reverts over asks, by organization and policy]({picture})

The green corner is the target: a fifth of the approval requests, one wrong revert in a hundred.
"""

_READING = """\
## How to read it

A policy that only asks is the safest, and tires people: in the busy organization it sends an
approval request every hour, and changes on which nobody votes stand. A policy that reverts
everything asks nothing, and reverts the same intended changes again and again, because it learns
nothing. A fixed severity lies between the two; it confuses how bad a risk would be with how sure
the guard can be.

A control that earns its autonomy begins by asking. It sends most of its approval requests in the
first months, and in the days after an undo. It never stops asking about some kinds of change,
because people vote on them differently each time. Most of the remaining wrong reverts are of people
who do something for the first time that others are rightly stopped from doing. Each takes one undo,
and that undo takes the autonomy away at once.

The tuning years, under slightly other terms, showed what four parts of `state/trust.py` do:

- Without an actor's **own record** within the record of their kind, wrong reverts doubled.
- Without **one unjudged revert at a time** for an unknown actor, wrong reverts grew by a third,
  because intended changes come in rows.
- Without **other kinds standing in** where a record is thin, approval requests grew by a sixth.
- If an undo demoted **only its own kind of actor**, a remediation that turned bad would have to be
  discovered once for each kind.

Two more parts limit a control that turns bad. People often make their change again instead of
undoing the revert, and **accepting that change** counts as an undo. And **after an undo** the
outcomes since then must reach the threshold too, so that a few right cases among many denied ones
do not add up. On six tuning years of the busy organization, with a threshold of 0.75, the worst
year had 12 wrong reverts without the two, 5 with the second alone, and 1 with both. The remaining
ones happen in the hours before anybody has seen the first. Only a smaller circuit breaker
(`control: 3` within `window: 6h`) limits those, and it costs approval requests.

The simulation does not show real people, who vote differently when they are asked less often;
attackers who know these rules; or how your own account differs from these organizations. An
attacker with the identity of a person whose changes are usually intended is asked about instead of
reverted, and an attacker whose identity is exempt is not seen at all. That holds for every policy
here.
"""


def write(
    folder: Path,
    results: Mapping[str, ByStrategy],
    drafts: Mapping[str, ByStrategy],
    found: Mapping[str, Sequence[Target]],
) -> None:
    """Writes the page and its picture into a folder."""
    (folder / PAGE).write_text(text(results, drafts, found))
    (folder / PICTURE).write_text(picture(results))


def text(
    results: Mapping[str, ByStrategy],
    drafts: Mapping[str, ByStrategy],
    found: Mapping[str, Sequence[Target]],
) -> str:
    """The page, in Markdown."""
    years = len(results[ORGANIZATIONS[0].name][OURS])
    parts = [
        _INTRODUCTION.format(
            years=years, terms=_terms(TERMS), cautious=_terms(CAUTIOUS_TERMS), picture=PICTURE
        )
    ]
    for of in ORGANIZATIONS:
        by_strategy = results[of.name]
        parts.append(
            f"## {of.name}\n\n{of.what} {_changes(by_strategy)}\n\n{_table(by_strategy)}\n"
            f"{_targets(found[of.name], years)}"
        )
    return "\n".join([*parts, _where_more_is_intended(drafts), _READING])


def rows(of: ByStrategy) -> Iterator[list[str]]:
    """Each strategy's means, with the range over the years."""
    for strategy, years in of.items():
        yield [
            strategy,
            *(
                _ranged([times * value(year, name) for year in years], how)
                for name, times, how in _MEASURES
            ),
        ]


def _terms(terms: object) -> str:
    return ", ".join(
        f"{name} {getattr(terms, name)}"
        for name in ("threshold", "outcomes", "confidence", "sampling")
    )


def _changes(of: ByStrategy) -> str:
    asking = of[ASK]
    changes, asks, needed = (
        over(asking, name) for name in ("changes_per_day", "asks_per_day", "needed_per_day")
    )
    return (
        f"{changes:.1f} changes a day look risky. A policy that always asks asks about {asks:.1f} "
        "of them, because the others are exempt by then. A guard that knew beforehand how often "
        f"each person intends each kind of change would have to ask about {needed:.1f}, for one "
        "wrong revert in a hundred."
    )


def _ranged(values: Sequence[float], how: str) -> str:
    """A mean, with the least and the most where they differ."""
    told, least, most = (how.format(figure) for figure in (mean(values), min(values), max(values)))
    return told if least == most else f"{told} ({least.split(' ')[0]} to {most.split(' ')[0]})"


def _table(of: ByStrategy) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for strategy, *cells in rows(of):
        name = f"**{strategy}**" if strategy == OURS else strategy
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _targets(found: Sequence[Target], years: int) -> str:
    lines = ["| target of `earned` | measured | reached | in how many years |", "|---|---|---|---|"]
    for target in found:
        reached = "yes" if target.reached else "**no**"
        lines.append(
            f"| {target.name} | {target.measured} | {reached} | {target.years} of {years} |"
        )
    return "\n".join(lines) + "\n"


def _where_more_is_intended(drafts: Mapping[str, ByStrategy]) -> str:
    years = len(drafts[DRAFTS[0].name][OURS])
    tables = "\n".join(
        f"**{of.name}.** {_changes(drafts[of.name])}\n\n{_table(drafts[of.name])}" for of in DRAFTS
    )
    return (
        "## Where more is intended\n\nThe same organizations with the rates of the first draft "
        f"(`shapes.DRAFTS`), {years} years of each. Both the approval requests and the wrong "
        f"reverts miss the targets.\n\n{tables}"
    )
