"""Prints the figures of unusual conduct: `make conduct` (`SEEDS=`, `STRATUS=`, `COSTS=1`)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from driftguard.conduct.score import ASKED, NOTED

from . import costs, measures

# By what is assumed of an account: all management events that the rule lets through, or the denied.
EVENTS = (100_000, 10_000_000)


def main() -> None:
    """Measures and tells; exits 1 if an attack that is meant to be found was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many accounts are made up")
    parser.add_argument("--first", type=int, default=21, help="the first account's seed")
    parser.add_argument(
        "--stratus", type=Path, help="recorded attacks: CloudTrail records as JSONL"
    )
    parser.add_argument("--costs", action="store_true", help="what it costs, and nothing else")
    asked = parser.parse_args()
    if asked.costs:
        sys.stdout.writelines(f"{line}\n" for line in _costs())
        return
    missed = False
    for seed in range(asked.first, asked.first + asked.seeds):
        made = measures.measured(seed, asked.stratus)
        sys.stdout.writelines(f"{line}\n" for line in _lines(seed, made))
        missed |= any(one.expected and 2 * one.asked < one.victims for one in made.found)
    sys.exit(1 if missed else 0)


def _lines(seed: int, made: measures.Measured) -> list[str]:
    right, meant = made.recall
    lines = [
        f"account {seed}: known for {measures.KNOWN} days, then a month of {measures.MONTH}",
        f"  questions in the month: {len(made.questions)} ({made.a_day:.2f} a day), over the day's "
        f"budget {made.over_budget}",
        *(
            f"    day {day} {who.rpartition(':')[2]} {score}: {why}"
            for day, who, score, why in made.questions
        ),
        f"  recall {right}/{meant}; precision {made.precision:.0%} with one of each such attack",
    ]
    for one in made.found:
        meant_to = "" if one.expected else " (not meant to be found)"
        said = f"asked {one.asked}/{one.victims}, noted {one.noted}"
        lines.append(f"    {said}{meant_to}: {one.attack}")
    for answers, (questions, found) in made.unanswered.items():
        lines.append(
            f"  where people {answers}: {questions} in the month, attacks heard of {found}/{meant}"
        )
    questions, found = made.crowded
    lines.append(
        f"  with {measures.RESTLESS} pipelines that are unusual every day, and nobody who answers: "
        f"{questions} questions about them in the month, attacks asked about after it "
        f"{found}/{meant}"
    )
    lines.append("  days that an insider who knows all weights must prepare, every day:")
    lines += [f"    {name}: {days}" for name, days in made.insider.items()]
    if made.stratus:
        scores = [score for score, _ in made.stratus.values()]
        asked, noted = (sum(score >= least for score in scores) for least in (ASKED, NOTED))
        lines.append(f"  recorded techniques: {len(scores)}, asked about {asked}, noted {noted}")
        lines += [f"    {score:3d} {name[:120]}" for name, (score, _) in made.stratus.items()]
    return lines


def _costs() -> list[str]:
    took = costs.milliseconds()
    lines = []
    for whole in EVENTS:
        for name, events in (("all", whole), ("denied", whole // costs.DENIED_ONE_IN)):
            made = costs.bill(events, took)
            lines.append(
                f"{whole:,} management events a month, {name}: {events:,} events, "
                f"${made.total:,.2f}; {made.writes_an_event:.3f} write units and "
                f"{made.reads_an_event:.3f} read units an event, {made.ms_an_event:.3f} ms here"
            )
            lines += [f"    ${usd:9,.2f}  {what}" for what, usd in made.lines.items()]
    return lines


if __name__ == "__main__":
    main()
