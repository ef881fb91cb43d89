"""The page and the picture in docs/ that show what came of the years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from .measures import Measures
from .shapes import ORGANISATIONS
from .strategies import ASK, CAUTIOUS, OURS, REVERT, TERMS

PAGE, PICTURE = "autonomy-simulation.md", "autonomy-simulation.svg"
_WIDTH, _HEIGHT, _LEFT, _TOP = 300, 240, 56, 40
_COLOUR = {OURS: "#0a7d33", CAUTIOUS: "#7bbf94", ASK: "#1f5fa8", REVERT: "#b3261e"}
_FIXED = "#8a8a8a"

_INTRODUCTION = """# A simulated year

What would come of letting a guard earn its autonomy? `make simulate` lets three made-up
organisations live through a year, {years} times each, under several policies. What decides is the
real code; what happens, who errs and when is drawn by the seed, with the truth about every change
written down beside it. **The organisations are assumptions** (`benchmarks/organisation/shapes.py`):
nobody publishes how often a risky change was meant. They were set before any policy was tried on
them. The terms of `earned` were chosen on other years than those shown.

The policies: ask about everything; revert everything; revert from a severity on and ask about the
rest; and let every control earn it, with the terms `{terms}` and, more cautious, with those of
`policies/packs/earned.yaml` ({cautious}).

*Wrong reverts* are the share of all reverts whose change was meant, also those that a person said
yes to by mistake. *Missed* is the share of true risks that were let stand. *At risk* is the median
time from a true risk until it was gone, or thirty days if nobody took it back. *Bad control*: one
control's remedy breaks things from mid-year on; so many wrong reverts did it make by itself after
that. Means over the years, with the least and the most.

![Wrong reverts over asks, per organisation]({picture})
"""


def write(
    folder: Path, results: Mapping[str, Mapping[str, Sequence[Measures]]], seeds: Sequence[int]
) -> None:
    """Writes both into a folder."""
    said = ", ".join(f"{name} {value}" for name, value in TERMS.items())
    parts = [
        _INTRODUCTION.format(
            years=len(seeds),
            terms=said,
            cautious="threshold 0.9, outcomes 20, confidence 0.9",
            picture=PICTURE,
        )
    ]
    for of in ORGANISATIONS:
        parts.append(f"## {of.name}\n\n{of.what}\n\n{_table(results[of.name])}")
    parts.append(_READING)
    (folder / PAGE).write_text("\n".join(parts))
    (folder / PICTURE).write_text(_picture(results))


_READING = """## How to read it

A policy that only asks is the safest, and tires people: in the busy organisation it puts a question
every hour, and what nobody answers stands. A policy that reverts everything asks nothing and takes
back what was meant, again and again, for it learns nothing. A fixed severity lies between the two,
and mistakes how bad a thing would be for how sure one may be.

What is earned begins by asking. Most of its questions fall into the first months, and after an undo
into those that follow; some it never stops asking, because the answers differ. The wrong reverts
that are left are mostly of people who do something for the first time that others are rightly
stopped from doing; each of them is one undo away, and that undo takes the autonomy back at once.

What this does not show: real people, who answer otherwise when they are asked less often; attackers
who know these rules; and how your own account differs from all three.
"""


def ranged(values: Sequence[float], how: str) -> str:
    """A mean, with the least and the most where they differ."""
    told = how.format(mean(values))
    least, most = how.format(min(values)), how.format(max(values))
    return told if least == most else f"{told} ({least.split(' ')[0]} to {most.split(' ')[0]})"


def _table(by_strategy: Mapping[str, Sequence[Measures]]) -> str:
    lines = [
        "| policy | asks a day | wrong reverts | missed | at risk | bad control |",
        "|---|---|---|---|---|---|",
    ]
    for strategy, years in by_strategy.items():
        name = f"**{strategy}**" if strategy == OURS else strategy
        cells = (
            ranged([one.asks_per_day for one in years], "{:.2f}"),
            ranged([100 * one.wrong_revert_rate for one in years], "{:.2f} %"),
            ranged([100 * one.missed for one in years], "{:.1f} %"),
            ranged([one.median_time_at_risk_s for one in years], "{:,.0f} s"),
            ranged([float(one.bad_control) for one in years], "{:.1f}"),
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


# ------------------------------------------------------------------------------ the picture


def _picture(results: Mapping[str, Mapping[str, Sequence[Measures]]]) -> str:
    panels = [_panel(number, of.name, results[of.name]) for number, of in enumerate(ORGANISATIONS)]
    width = len(ORGANISATIONS) * (_WIDTH + _LEFT) + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT + _TOP + 60}" '
        'font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(panels) + "\n</svg>\n"
    )


def _panel(number: int, name: str, by_strategy: Mapping[str, Sequence[Measures]]) -> str:
    """One organisation: questions against wrong reverts, a dot a policy."""
    left = number * (_WIDTH + _LEFT) + _LEFT
    points = {
        strategy: (
            mean(one.asks_per_day for one in years),
            100 * mean(one.wrong_revert_rate for one in years),
        )
        for strategy, years in by_strategy.items()
    }
    widest = max(x for x, _ in points.values()) * 1.08
    highest = max(y for _, y in points.values()) * 1.1
    drawn = [
        f'<text x="{left}" y="{_TOP - 16}" font-size="13" font-weight="bold">{name}</text>',
        f'<path d="M{left},{_TOP} V{_TOP + _HEIGHT} H{left + _WIDTH - 20}" fill="none" '
        'stroke="#444"/>',
        f'<text x="{left + _WIDTH / 2 - 40}" y="{_TOP + _HEIGHT + 34}">asks a day</text>',
        f'<text x="{left - 42}" y="{_TOP + _HEIGHT / 2 + 40}" '
        f'transform="rotate(-90 {left - 42} {_TOP + _HEIGHT / 2 + 40})">wrong reverts, %</text>',
    ]
    for part in range(5):
        x, y = widest * part / 4, highest * part / 4
        at_x, at_y = _at(left, x, y, widest, highest)
        drawn += [
            f'<text x="{at_x:.0f}" y="{_TOP + _HEIGHT + 16}" text-anchor="middle">{x:.1f}</text>',
            f'<text x="{left - 6}" y="{at_y + 4:.0f}" text-anchor="end">{y:.1f}</text>',
        ]
    for strategy, (x, y) in points.items():
        at_x, at_y = _at(left, x, y, widest, highest)
        colour = _COLOUR.get(strategy, _FIXED)
        size = 6 if strategy == OURS else 4
        drawn.append(f'<circle cx="{at_x:.1f}" cy="{at_y:.1f}" r="{size}" fill="{colour}"/>')
        if strategy in _COLOUR:
            drawn.append(
                f'<text x="{at_x + 9:.1f}" y="{at_y - 5:.1f}" fill="{colour}">{strategy}</text>'
            )
    return "\n".join(drawn)


def _at(left: float, x: float, y: float, widest: float, highest: float) -> tuple[float, float]:
    return left + (_WIDTH - 20) * x / widest, _TOP + _HEIGHT * (1 - y / highest)
