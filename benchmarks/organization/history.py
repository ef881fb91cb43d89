"""The records of a month of the organization `ordinary`, and what people would be asked over it.

Each change is written as the record of its control's own example, made by its actor at its time on
its own resource. What tools end is written as they write it: half of it CloudFormation calls for,
which AWS itself says, and half Terraform, which it says of itself; and the deletion follows its
preparation within minutes. A third of what the attacker does says that it is Terraform, too, and
where the attacker switches a protection off, the deletion follows as soon. Beside them stand as
many deletions as tools make in such a month. A label says whether it is right to take the change
back. All of these shares are assumptions: nobody has published any.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

from driftguard.model import Actor
from driftguard.policy.compiled import from_compiled
from driftguard.policy.model import Policy
from driftguard_cli.commands.noise.counts import Counts
from driftguard_cli.commands.noise.labels import Labels, read
from driftguard_cli.commands.replay.crew import Bench, outcomes, tasks
from driftguard_cli.commands.replay.origins import origins_at
from driftguard_cli.commands.replay.report import Summary
from driftguard_cli.commands.replay.window import Window
from driftguard_cli.policy_file import loader

from . import year
from .shapes import DAY, MINUTE, WORLDS, Organization
from .year import Made

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "policies/guard.yaml"
BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 30
# Deletions a day by tools, of instances and of buckets.
DELETIONS = {"harmless": 40, "risky": 3}
SEED = 1
PARTNER = "777788889999"

_CLOUDFORMATION = "cloudformation.amazonaws.com"
_TERRAFORM = (
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) "
    "terraform-provider-aws/6.18.0 aws-sdk-go-v2/1.39.2"
)
_BY_CLOUDFORMATION, _CLAIMED = 0.5, 1 / 3
# How long after its protection a thing is deleted: a log-normal time, in seconds.
_FOLLOWS, _SPREAD = 6 * MINUTE, 0.8
# What the examples call what they are about, and what deletes it. A name that is not drawn here is
# the example's own.
_NAMED = {
    "s3.public-policy": "wares-123456789012",
    "rds.protection-off": "orders",
    "kms.deletion-scheduled": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "ec2.termination-protection-off": "i-0a1b2c3d4e5f60718",
    "ec2.snapshot-shared": "snap-0f1e2d3c4b5a69788",
}
_STRANGER = "999999999999"


def month(seed: int = SEED) -> Iterator[tuple[dict[str, Any], bool]]:
    """The records of a month, in any order, each with whether it is right to take it back."""
    dice, lived = Random(seed), _lived(seed)
    # The records' own chances, beside those of the year, which stays as it is without them.
    chances = Random(f"{seed}/records")
    for made in lived:
        actor = _as_recorded(made, chances)
        example = _example(made.control, "risky", _name(made))
        if made.why == "partner":
            example = _said_anew(example, _STRANGER, PARTNER)
        yield _record(example, actor, made.at, dice), made.right
        if made.why in ("routine", "attack"):
            after = _FOLLOWS * chances.lognormvariate(0.0, _SPREAD)
            for deletion in _deletion(made):
                yield _record(deletion, actor, made.at + after, dice), made.right
    robots = [made.actor for made in lived if made.why == "routine"]
    for kind, a_day in DELETIONS.items():
        for number in range(DAYS * a_day):
            who = dice.choice(robots)
            example = _example("data.deleted", kind)
            own = None if kind == "harmless" else who
            yield _record(example, own, number / a_day * DAY, dice), False


def _ordinary() -> Organization:
    (found,) = [world for world in WORLDS if world.name == "ordinary"]
    return found


def _lived(seed: int) -> list[Made]:
    return [made for made in year.year(_ordinary(), seed).made if made.at < DAYS * DAY]


def _as_recorded(made: Made, chances: Random) -> Actor:
    """The actor as the record of this change has it: tools say of themselves what they are."""
    by_stack, claims = chances.random() < _BY_CLOUDFORMATION, chances.random() < _CLAIMED
    who = made.actor
    source, agent = who.source, who.agent
    if made.why == "routine":
        source, agent = (_CLOUDFORMATION, _CLOUDFORMATION) if by_stack else (who.source, _TERRAFORM)
    elif made.why == "attack" and claims:
        agent = _TERRAFORM
    return Actor(who.principal, who.session, who.kind, who.account, source, agent)


def _name(made: Made) -> str:
    """What the resource is called in the record: as its service spells such names."""
    digits = made.state
    return {
        "s3.public-policy": made.resource.id,
        "rds.protection-off": f"db-{digits}",
        "kms.deletion-scheduled": f"{digits[:8]}-{digits[8:12]}-4000-8000-{digits[4:16]}",
        "ec2.termination-protection-off": f"i-0{digits}",
        "ec2.snapshot-shared": made.resource.id,
    }.get(made.control, "")


def _example(control: str, kind: str, name: str = "") -> dict[str, Any]:
    """The record of a control's example, about what has this name instead of the example's."""
    event: dict[str, Any] = json.loads((ROOT / f"events/{control}/{kind}.json").read_text())
    found: dict[str, Any] = event["detail"]
    return _said_anew(found, _NAMED[control], name) if name else found


def _said_anew(record: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    text = json.dumps(record)
    assert before in text, f"{record['eventName']} does not name {before}"
    again: dict[str, Any] = json.loads(text.replace(before, after))
    return again


def _deletion(made: Made) -> Iterator[dict[str, Any]]:
    """The deletion for which a protection was switched off.

    Sources: Amazon RDS API Reference, "DeleteDBInstance"; Amazon EC2 API Reference,
    "TerminateInstances"; AWS CloudTrail User Guide, "CloudTrail record contents".
    """
    protected = _example(made.control, "risky", _name(made))
    if made.control == "rds.protection-off":
        yield {
            **protected,
            "eventName": "DeleteDBInstance",
            "requestParameters": {
                "dBInstanceIdentifier": _name(made),
                "skipFinalSnapshot": True,
                "deleteAutomatedBackups": True,
            },
            "responseElements": {
                "dBInstanceIdentifier": _name(made),
                "dBInstanceStatus": "deleting",
                "deletionProtection": False,
            },
        }
    elif made.control == "ec2.termination-protection-off":
        named = {"items": [{"instanceId": _name(made)}]}
        yield {
            **protected,
            "eventName": "TerminateInstances",
            "requestParameters": {"instancesSet": named},
            "responseElements": {"instancesSet": named},
        }


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
        **({"invokedBy": actor.source} if actor.source == _CLOUDFORMATION else {}),
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


def shipped() -> Policy:
    """The policy as it is shipped."""
    return from_compiled(loader.read(SHIPPED))


def after_a_week(folder: Path) -> Policy:
    """The shipped policy as docs/how-to/first-week.md has people change it.

    The partner's account is trusted, and the web sites that were public before are exempted.
    """
    said: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    said["trusted"]["accounts"] = [PARTNER]
    said["exemptions"] = [
        {
            "control": "s3.public-policy",
            "resource": f"arn:aws:s3:::{year.site_name(number)}",
            "until": "2027-06-30",
            "reason": "A public web site.",
        }
        for number in range(_ordinary().sites)
    ]
    path = folder / "after-a-week.yaml"
    path.write_text(yaml.safe_dump(said, sort_keys=False))
    return from_compiled(loader.read(path))


def measured(folder: Path, policy: Policy, seed: int = SEED) -> tuple[Counts, Labels]:
    """What people would be asked and told in the month under a policy."""
    history, labels = write(folder, seed)
    bench = Bench(policy, Window())
    summary, counts = Summary(), Counts()
    for outcome in outcomes(tasks(origins_at(str(history), bench.window)), bench, 1):
        for name, tally in outcome.tallies:
            counts.add(summary.add(name, tally)[0], tally.days)
    counts.finish()
    return counts, read(labels)
