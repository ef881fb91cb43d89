"""The records of a month of the organization `ordinary`, and what people would be asked over it.

Each change is written as the record of its control's own example, made by its actor at its time;
beside them stand as many deletions as tools make in such a month. A label says whether it is right
to take the change back.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from driftguard.model import Actor
from driftguard.policy.compiled import from_compiled
from driftguard_cli.commands.noise.counts import Counts
from driftguard_cli.commands.noise.labels import Labels, read
from driftguard_cli.commands.replay.crew import Bench, outcomes, tasks
from driftguard_cli.commands.replay.origins import origins_at
from driftguard_cli.commands.replay.report import Summary
from driftguard_cli.commands.replay.window import Window
from driftguard_cli.policy_file import loader

from . import year
from .shapes import DAY, WORLDS

ROOT = Path(__file__).resolve().parents[2]
BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 30
# Deletions a day by tools, of instances and of buckets.
DELETIONS = {"harmless": 40, "risky": 3}
SEED = 1


def month(seed: int = SEED) -> Iterator[tuple[dict[str, Any], bool]]:
    """The records of a month, in any order, each with whether it is right to take it back."""
    (ordinary,) = [world for world in WORLDS if world.name == "ordinary"]
    dice = Random(seed)
    lived = year.year(ordinary, seed)
    for made in lived.made:
        if made.at < DAYS * DAY:
            example = _example(made.control, "risky")
            yield _record(example, made.actor, made.at, dice), made.right
    robots = [made.actor for made in lived.made if made.why == "routine"]
    for kind, a_day in DELETIONS.items():
        for number in range(DAYS * a_day):
            actor = dice.choice(robots)
            example = _example("data.deleted", kind)
            own = None if kind == "harmless" else actor
            yield _record(example, own, number / a_day * DAY, dice), False


def _example(control: str, kind: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / f"events/{control}/{kind}.json").read_text())
    found: dict[str, Any] = event["detail"]
    return found


def _record(
    example: dict[str, Any], actor: Actor | None, at: float, dice: Random
) -> dict[str, Any]:
    """An example's record, made by this actor; by its own where that is None.

    The account stays the example's, which its ARNs name.
    """
    made = {
        **example,
        "eventID": f"{dice.getrandbits(128):032x}",
        "eventTime": f"{BEGINS + timedelta(seconds=int(at)):%Y-%m-%dT%H:%M:%SZ}",
    }
    if actor is None:
        return made
    identity = {
        "type": actor.kind,
        "arn": actor.session,
        "accountId": example["recipientAccountId"],
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": actor.principal}},
    }
    return {
        **made,
        "userIdentity": identity,
        "sourceIPAddress": actor.source,
        "userAgent": actor.agent,
    }


def write(folder: Path, seed: int = SEED) -> tuple[Path, Path]:
    """Writes a month's history and its labels; returns both files."""
    history, labels = folder / "history.jsonl", folder / "labels.csv"
    with history.open("w") as records, labels.open("w", newline="") as known:
        rows = csv.writer(known)
        rows.writerow(["eventID", "risky"])
        for record, risky in month(seed):
            records.write(json.dumps(record) + "\n")
            rows.writerow([record["eventID"], "yes" if risky else "no"])
    return history, labels


def measured(folder: Path) -> tuple[Counts, Labels]:
    """What people would be asked and told under the shipped policy."""
    history, labels = write(folder)
    policy = from_compiled(loader.read(ROOT / "policies/guard.yaml"))
    bench = Bench(policy, Window())
    summary, counts = Summary(), Counts()
    for outcome in outcomes(tasks(origins_at(str(history), bench.window)), bench, 1):
        for name, tally in outcome.tallies:
            counts.add(summary.add(name, tally)[0], tally.days)
    return counts, read(labels)
