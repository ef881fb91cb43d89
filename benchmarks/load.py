"""A storm of events through the guard's own handler: is anything lost, late, or reverted twice?

    python benchmarks/load.py                20,000 events; exits 1 if something does not hold
    python benchmarks/load.py --events 2000  fewer, in the same proportions
    python benchmarks/load.py --json         one JSON object

The handler is the Lambda's, the account is moto's, in this process. Its queue, the Lambdas beside
each other and the clock are simulated with the template's numbers: each call to AWS takes 20 ms of
that clock, and what waits for a worker waits on it. So lateness is the same on every machine;
events a second of processor time are this machine's.

Seven in ten events are a flood of one service, security groups, that one actor sends within a
minute: some are on one group, port after port. The others are changes of buckets and topics, spread
over ten minutes. One in ten comes twice, all come out of order, and one in a hundred is no event.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from storm.outcome import NO_EVENT, Came, stormed  # noqa: E402

from tests import conftest  # noqa: E402

# Nothing of another service may be later than so many times its quiet time.
LATE = 2.0


def figures(storm: Came, quiet: Came) -> dict[str, Any]:
    """What is told, and what does not hold."""
    # What is opened anew after a revert is another state: it is taken back again, or asked about.
    burst = storm.burst
    twice = [about for about, times in storm.reverted.items() if times > 1 and about != burst]
    never = [about for about in storm.risky if not storm.reverted[about]]
    stands = [about for about in storm.stands if about != burst or not storm.asked[burst]]
    late = {share: _late(storm, quiet, share) for share in (0.5, 0.99, 1.0)}
    missed = []
    if stands:
        missed.append(f"{len(stands)} risks stand unasked: {', '.join(stands[:3])}")
    if never:
        missed.append(f"{len(never)} were never reverted: {', '.join(never[:3])}")
    if twice:
        missed.append(f"{len(twice)} were reverted twice: {', '.join(twice[:3])}")
    lost = {reason: number for reason, number in storm.dead.items() if reason != NO_EVENT}
    for reason, number in lost.items():
        missed.append(f"{number} dead-lettered: {reason[:200]}")
    if storm.given_up or storm.dead[NO_EVENT] != storm.poison:
        missed.append(
            f"{storm.poison} were no events and {storm.dead[NO_EVENT]} are dead-lettered for it; "
            f"SQS gave up {storm.given_up}"
        )
    for share, (in_storm, in_quiet) in late.items():
        if in_storm > LATE * in_quiet:
            name = "latest" if share == 1 else f"{share:.0%}"
            missed.append(f"others' {name}: {in_storm:.1f} s, in quiet {in_quiet:.1f} s")
    return {
        "events": storm.events,
        "risky": len(storm.risky),
        "events_a_second": round(storm.events / storm.seconds),
        "calls_an_event": round(storm.calls.total() / storm.events, 2),
        "calls_a_risk": round(storm.calls.total() / len(storm.risky), 1),
        "burst": {
            "changes": storm.on_one,
            "reverted": storm.reverted[burst],
            "asked": storm.asked[burst],
            "stands": burst in storm.stands,
        },
        "others_late": {f"{share:.2f}": [round(one, 2) for one in late[share]] for share in late},
        "flood_late": round(_quantile(_of(storm, flood=True), 0.99), 1),
        "missed": missed,
    }


def _of(came: Came, *, flood: bool) -> list[float]:
    return sorted(late for about, late in came.lateness.items() if about.startswith("sg-") is flood)


def _late(storm: Came, quiet: Came, share: float) -> tuple[float, float]:
    """How late the others' changes are decided at most, for this share: in the storm, in quiet."""
    return _quantile(_of(storm, flood=False), share), _quantile(_of(quiet, flood=False), share)


def _quantile(found: list[float], share: float) -> float:
    return found[min(len(found) - 1, int(share * len(found)))] if found else 0.0


def show(told: dict[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table(title="A storm", box=None, header_style="bold")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("events, with duplicates and poison", f"{told['events']:,}")
    table.add_row("distinct risky resources", f"{told['risky']:,}")
    table.add_row("events a second of processor time", f"{told['events_a_second']:,}")
    table.add_row("calls to AWS an event", f"{told['calls_an_event']}")
    table.add_row("calls to AWS a risky resource", f"{told['calls_a_risk']}")
    for share, (in_storm, in_quiet) in told["others_late"].items():
        table.add_row(
            f"others' lateness, {share} of them: storm, quiet", f"{in_storm}, {in_quiet} s"
        )
    burst = told["burst"]
    then = ", then people were asked" if burst["asked"] else ""
    table.add_row(
        f"changes of one group: reverts{then}", f"{burst['changes']:,}: {burst['reverted']}"
    )
    table.add_row("the flood's own lateness, 0.99 of it", f"{told['flood_late']} s")
    console.print(table)
    for missed in told["missed"]:
        console.print(f"[bold red]Missed:[/] {missed}.")


def main() -> None:
    """Storms twice, tells, and exits 1 if something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, usage="python benchmarks/load.py")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    conftest.prepare()
    with Console(stderr=True).status(f"{given.events:,} events"):
        quiet = stormed(given.events, given.seed, flood=False)
        told = figures(stormed(given.events, given.seed, flood=True), quiet)
    if given.json:
        sys.stdout.write(json.dumps({"load": told}, indent=2) + "\n")
    else:
        show(told, Console(highlight=False))
    sys.exit(1 if told["missed"] else 0)


if __name__ == "__main__":
    main()
