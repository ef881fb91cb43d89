"""The page in docs/ that says what came of the years."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean

from .picture import picture
from .shapes import DRAFTS, ORGANISATIONS
from .strategies import ASK, CAUTIOUS_TERMS, OURS, TERMS
from .targets import ByStrategy, Target, over, value

PAGE, PICTURE = "autonomy-simulation.md", "autonomy-simulation.svg"
# How many years of the drafts are lived through: they are there to show how things get worse.
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

What comes of letting a guard earn its autonomy? `make simulate` lets three made-up organisations
live through a year, {years} times each, under several policies. What decides and what learns is the
real code; what happens, who errs and when is drawn by the seed, with the truth about every change
written down beside it.

**The organisations are assumptions**, all of them in `benchmarks/organisation/shapes.py`, and the
results depend on them: above all on how much of what looks risky is meant, and by how few people.
Nobody publishes that. They were revised once, after the first results: in the first draft two to
three times as much was meant, by anybody, and even who knew everybody's habits beforehand could not
have reached the targets everywhere. [What becomes of it there](#where-more-is-meant) is shown as
well. The time until somebody mends a control that turned bad was cut from sixty days to three
weeks, too; everything else was left as it was. The terms of `earned` and the constants of
`trust.py` were chosen on other years than those shown.

| policy | |
|---|---|
| `always-ask` | asks about everything that is not exempt |
| `always-revert` | reverts everything that is not exempt, without any other guardrail |
| `severity-N` | reverts by itself from the control's severity N on, and asks about the rest |
| `earned-cautious` | every control earns it: {cautious} (`policies/packs/earned.yaml`) |
| `earned` | every control earns it, on quicker terms: {terms} |

All know the same exemptions, which people give as they answer, and all but `always-revert` the
same listed pipelines, breaker and fights.

- *Wrong reverts*: the share of all reverts whose change was meant, or whose remedy broke something;
  also those that a person said yes to by mistake.
- *Missed*: the share of true risks that were let stand, mostly because people erred or did not
  answer within a day.
- *At risk*: the median time from a true risk until it was gone, counted from the event; thirty days
  where nobody took it back.
- *Bad control*: from mid-year on, for three weeks, the remedy of one control breaks things. So many
  wrong reverts did it make by itself, of all kinds of actor together, until it was mended.

Means over the years, with the least and the most.

![Wrong reverts over asks, by organisation and policy]({picture})

The green corner is the target: a fifth of the questions, one wrong revert in a hundred.
"""

_READING = """\
## How to read it

A policy that only asks is the safest, and tires people: in the busy organisation it puts a question
every hour, and what nobody answers stands. A policy that reverts everything asks nothing and takes
back what was meant again and again, for it learns nothing. A fixed severity lies between the two,
and mistakes how bad a thing would be for how sure one may be.

What is earned begins by asking. Most of its questions fall into the first months, and after an undo
into the days that follow; some it never stops asking, because the answers differ. The wrong reverts
that are left are mostly of people who do for the first time what others are rightly stopped from
doing; each is one undo away, and that undo takes the autonomy back at once.

Four things of `trust.py` were found on the tuning years, under slightly other terms. Leaving out an
actor's **own record** within their kind's doubled the wrong reverts. Without **one unjudged revert
at a time** for somebody unknown they grew by a third, for what is meant comes in rows. Without
**other kinds standing in** where a record is thin there were a sixth more questions. And if an undo
demoted **only its own kind of actor**, a remedy that turned bad would have to be found out once for
each.

Two more bound a control that turns bad. People often make their change again instead of undoing,
and **to keep what was taken back** counts as an undo of it. And **after an undo** what was right
since must reach the threshold as well, so that the few right cases among many denied ones do not
add up. On six tuning years of the busy organisation, with a threshold of 0.75, the worst was 12
wrong reverts without the two, 5 with the second alone, and 1 with both. What is left is done in the
hours before anybody has seen the first: only a smaller breaker (`control: 3` within `window: 6h`)
bounds those, and is paid for in questions.

What this does not show: real people, who answer otherwise when they are asked less often; attackers
who know these rules; and how your own account differs from all of these. An attacker with the
identity of somebody whose changes are usually meant is asked about instead of reverted, and one
whose identity is exempt is not seen at all: that holds for every policy here.
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
    years = len(results[ORGANISATIONS[0].name][OURS])
    parts = [
        _INTRODUCTION.format(
            years=years, terms=_terms(TERMS), cautious=_terms(CAUTIOUS_TERMS), picture=PICTURE
        )
    ]
    for of in ORGANISATIONS:
        each = results[of.name]
        parts.append(
            f"## {of.name}\n\n{of.what} {_changes(each)}\n\n{_table(each)}\n"
            f"{_targets(found[of.name], years)}"
        )
    return "\n".join([*parts, _where_more_is_meant(drafts), _READING])


def rows(of: ByStrategy) -> Iterator[list[str]]:
    """Each strategy's means, with the range over the years."""
    for strategy, years in of.items():
        yield [
            strategy,
            *(
                _ranged([times * value(one, name) for one in years], how)
                for name, times, how in _MEASURES
            ),
        ]


def _terms(terms: object) -> str:
    return ", ".join(
        f"{name} {getattr(terms, name)}"
        for name in ("threshold", "outcomes", "confidence", "probe")
    )


def _changes(of: ByStrategy) -> str:
    asking = of[ASK]
    changes, asks, needed = (
        over(asking, name) for name in ("changes_per_day", "asks_per_day", "needed_per_day")
    )
    return (
        f"{changes:.1f} changes a day look risky. Who always asks asks about {asks:.1f} of them, "
        "for the others were exempted by then; who knew beforehand how often each person means "
        f"each kind of change would have to ask about {needed:.1f}, for one wrong revert in a "
        "hundred."
    )


def _ranged(values: Sequence[float], how: str) -> str:
    """A mean, with the least and the most where they differ."""
    told, least, most = (how.format(one) for one in (mean(values), min(values), max(values)))
    return told if least == most else f"{told} ({least.split(' ')[0]} to {most.split(' ')[0]})"


def _table(of: ByStrategy) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for strategy, *cells in rows(of):
        name = f"**{strategy}**" if strategy == OURS else strategy
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _targets(found: Sequence[Target], years: int) -> str:
    lines = ["| target of `earned` | measured | reached | in how many years |", "|---|---|---|---|"]
    for one in found:
        reached = "yes" if one.reached else "**no**"
        lines.append(f"| {one.name} | {one.measured} | {reached} | {one.years} of {years} |")
    return "\n".join(lines) + "\n"


def _where_more_is_meant(drafts: Mapping[str, ByStrategy]) -> str:
    years = len(drafts[DRAFTS[0].name][OURS])
    tables = "\n".join(
        f"**{of.name}.** {_changes(drafts[of.name])}\n\n{_table(drafts[of.name])}" for of in DRAFTS
    )
    return (
        "## Where more is meant\n\nThe same organisations with the rates of the first draft "
        f"(`shapes.DRAFTS`), {years} years of each. Neither the questions nor the wrong reverts "
        f"are where they should be.\n\n{tables}"
    )
