"""Writes the page in docs/ about the simulated years."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

from .picture import picture
from .shapes import DRAFTS, ORGANIZATIONS, WORLDS, Organization
from .strategies import ASK, CAUTIOUS_TERMS, OURS, TERMS
from .targets import ByStrategy, Target, over, value

PAGE, PICTURE = "autonomy-simulation.md", "autonomy-simulation.svg"
# How many years are lived under the policies that `earned` is compared with.
COMPARED = 3
COLUMNS = ("policy", "asks a day", "wrong reverts", "missed", "at risk", "bad control")
_MEASURES = (
    ("asks_per_day", 1.0, "{:.2f}"),
    ("wrong_revert_rate", 100.0, "{:.2f} %"),
    ("missed", 100.0, "{:.1f} %"),
    ("median_time_at_risk_s", 1.0, "{:,.0f} s"),
    ("bad_control", 1.0, "{:.1f}"),
)

_TOLD = ("threshold", "outcomes", "confidence", "sampling", "wrong", "step", "grant", "unseen")
# The share of wrong reverts that no world should exceed.
_EVERYWHERE = 0.012
_GROUPS = ("", " (draft)", " (hard)")
_MORE_IS_INTENDED = """\
## Where more is intended

The same organizations with the rates of the first draft (`shapes.DRAFTS`). Here `earned` asks more,
because it has to.
"""
_HARDER = """\
## Worlds that are hard on a guard which learns

The small organization, and one thing more each (`shapes.WORLDS`).
"""
_OF_ALL = """\
Under `earned`, with the same terms everywhere. Where fewer years stand here than above, fewer were
lived for this page; `make simulate PAGE=1` lives all of them, in some hours on one core. The other
policies were lived in one to three years of each organization.
"""

_INTRODUCTION = """\
# A simulated year

What happens if a guard earns its autonomy? `make simulate` simulates a year of three made-up
organizations, up to {years} times each, under a policy that lets controls earn their autonomy.
Up to {compared} of these years are lived under each policy that it is compared with. The code that
decides and learns is the real code. A seed determines which changes happen, when, and who makes
mistakes; the simulation knows the truth about every change.

**The organizations are assumptions.** All of them are in `benchmarks/organization/shapes.py`, and
the results depend on them, above all on how many of the changes that look risky are intended, and
by how few people. Nobody publishes such numbers. The assumptions were revised once, after the first
results: in the first draft two to three times as many changes were intended, by anybody, and even a
guard that knew beforehand how often each person intends each kind of change would have missed some
targets. [The results for the first draft](#where-more-is-intended) are shown as well. The time
until somebody repairs a control that turned bad was cut from sixty days to three weeks. Everything
else stayed. Last come [worlds that are hard](#worlds-that-are-hard-on-a-guard-which-learns) on any
guard that learns. The terms of `earned` and the constants of `state/standing.py` were chosen on
other years than those shown.

| policy | |
|---|---|
| `always-ask` | asks about everything that is not exempt |
| `always-revert` | reverts everything that is not exempt, without any other guardrail |
| `severity-N` | reverts without asking from the control's severity N up, and asks about the rest |
| `earned-cautious` | every control earns its autonomy: {cautious} (`policies/packs/earned.yaml`) |
| `earned` | every control earns its autonomy, on quicker terms: {terms} |

All policies have the same exemptions, which people give when they vote. All but `always-revert`
have the same listed pipelines, circuit breaker and limits for flapping. To accept what was earned
takes a second person, and counts as another approval request.

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

**What the adaptive threshold buys, and what it costs.** With the fixed threshold of before, 20
years of the published organizations had 0.77, 0.66 and 0.96 % wrong reverts at 0.70, 2.79 and 1.97
approval requests a day; 5 years of the drafts had 2.34, 2.43 and 2.95 % at 1.17, 6.25 and 3.77. The
adaptive one does not know which of these worlds it is in. Where more is intended it asks until
about one revert in a hundred is wrong; where little is intended it pays for each cluster of wrong
reverts with some weeks of approval requests that a fixed threshold, chosen for that very world,
does without. The share cannot be held much closer to its aim in a year of two thousand reverts: the
start alone allows (1 - threshold) / step wrong ones, and people's own wrong approvals come on top.

**What it cannot hold.** Where something happens once a week, one wrong revert a year is two in a
hundred. Where people approve without a look, they make the wrong reverts, whatever the guard asks.
Where most of what looks risky is routine, each tool has to be met once under each control.

Earlier tuning years, under a fixed threshold, showed what four parts of `state/trust.py` do:

- Without an actor's **own record** within the record of their kind, wrong reverts doubled.
- Without **one unjudged revert at a time** for an unknown actor, wrong reverts grew by a third,
  because intended changes come in rows.
- Without **other kinds standing in** where a record is thin, approval requests grew by a sixth.
- If an undo demoted **only its own kind of actor**, a remediation that turned bad would have to be
  discovered once for each kind.

Two more parts limit a control that turns bad. People often make their change again instead of
undoing the revert, and **accepting that change** counts as an undo. And **after an undo** the
outcomes since then must reach the start of the threshold too, so that a few right cases among many
denied ones do not add up. On six tuning years of the busy organization, with a threshold of 0.75,
the worst year had 12 wrong reverts without the two, 5 with the second alone, and 1 with both. The
remaining ones happen in the hours before anybody has seen the first. Only a smaller circuit breaker
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
    worlds: Mapping[str, ByStrategy],
    found: Mapping[str, Sequence[Target]],
) -> None:
    """Writes the page and its picture into a folder."""
    (folder / PAGE).write_text(text(results, drafts, worlds, found))
    (folder / PICTURE).write_text(picture(results))


def text(
    results: Mapping[str, ByStrategy],
    drafts: Mapping[str, ByStrategy],
    worlds: Mapping[str, ByStrategy],
    found: Mapping[str, Sequence[Target]],
) -> str:
    """The page, in Markdown."""
    parts = [
        _INTRODUCTION.format(
            years=len(results[ORGANIZATIONS[0].name][OURS]),
            compared=len(results[ORGANIZATIONS[0].name][ASK]),
            terms=_terms(TERMS),
            cautious=_terms(CAUTIOUS_TERMS),
            picture=PICTURE,
        )
    ]
    for of in ORGANIZATIONS:
        by_strategy = results[of.name]
        parts.append(
            f"## {of.name}\n\n{of.what} {_changes(by_strategy)}\n\n{_table(by_strategy)}\n"
            f"{_targets(found[of.name])}"
        )
    more = _section(_MORE_IS_INTENDED, DRAFTS, drafts), _section(_HARDER, WORLDS, worlds)
    return "\n".join([*parts, *more, _all_worlds(results, drafts, worlds), _READING])


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
    return ", ".join(f"{name} {getattr(terms, name)}" for name in _TOLD)


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


def _targets(found: Sequence[Target]) -> str:
    lines = ["| target of `earned` | measured | reached | in how many years |", "|---|---|---|---|"]
    for target in found:
        reached = "yes" if target.reached else "**no**"
        lines.append(
            f"| {target.name} | {target.measured} | {reached} | {target.years} of {target.of} |"
        )
    return "\n".join(lines) + "\n"


def _section(
    heading: str, organizations: Sequence[Organization], results: Mapping[str, ByStrategy]
) -> str:
    tables = "\n".join(
        f"**{of.name}.** {of.what} {_changes(results[of.name])}\n\n{_table(results[of.name])}"
        for of in organizations
    )
    return f"{heading}\n{tables}"


def _all_worlds(*results: Mapping[str, ByStrategy]) -> str:
    """The wrong reverts of `earned` in every world, beside what is wanted of it."""
    lines = ["| world | years | asks a day | wrong reverts | at most 1.2 % |", "|---" * 5 + "|"]
    for name, group in zip(_GROUPS, results, strict=True):
        for world, by_strategy in group.items():
            years = by_strategy[OURS]
            wrong = over(years, "wrong_revert_rate")
            lines.append(
                f"| {world}{name} | {len(years)} | {over(years, 'asks_per_day'):.2f} "
                f"| {wrong:.2%} | {'yes' if wrong <= _EVERYWHERE else '**no**'} |"
            )
    return f"## All worlds\n\n{_OF_ALL}\n" + "\n".join(lines) + "\n"
