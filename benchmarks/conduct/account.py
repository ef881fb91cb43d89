"""A made-up account: its principals, what each does on an ordinary day, and what is new at times.

Nothing of it is recorded: it holds what makes conduct hard to judge. Roles that many people share,
consoles that read dozens of things at once, scanners that read everything every day, instances with
another address each day, new roles, journeys, pipelines that learn a new service, permissions that
are missing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from driftguard.events.sighting import Sighting
from driftguard.model import Actor

ACCOUNT = "123456789012"
REGION = "us-east-1"
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)

COMMON = (
    "s3",
    "ec2",
    "logs",
    "monitoring",
    "lambda",
    "dynamodb",
    "sqs",
    "sns",
    "ecs",
    "ecr",
    "rds",
)
SELDOM = (
    *("athena", "glue", "states", "events", "backup", "config", "elasticloadbalancing", "route53"),
    *(
        "cloudfront",
        "acm",
        "kinesis",
        "firehose",
        "batch",
        "codebuild",
        "servicediscovery",
        "wafv2",
    ),
    *(
        "elasticache",
        "es",
        "redshift",
        "xray",
        "synthetics",
        "application-autoscaling",
        "eks",
        "ssm",
    ),
)
POWERFUL = ("iam", "sts", "kms", "secretsmanager", "organizations")
OFFICE = "203.0.113.0/24"


@dataclass
class Principal:
    """What is usual for a principal; `sessions` are the people or runs that share it in a day.

    The chances are those of one session in a day: of a new service, network and client, of a burst
    of reads or of denied calls (with how many of them), of a day off.
    """

    name: str
    kind: str
    services: list[str]
    networks: list[str]
    clients: list[str]
    sessions: int = 1
    windows: int = 3
    reads: int = 3
    new_service: float = 0.0
    new_network: float = 0.0
    new_client: float = 0.0
    burst: float = 0.0
    burst_reads: tuple[int, int] = (16, 60)
    denied: float = 0.0
    denied_calls: tuple[int, int] = (1, 5)
    off: float = 0.0
    works_weekends: bool = True
    since: int = 0
    wide_network: bool = False
    known: set[str] = field(default_factory=set)

    @property
    def arn(self) -> str:
        word = "user" if self.kind == "IAMUser" else "role"
        return f"arn:aws:iam::{ACCOUNT}:{word}/{self.name}"


def principals(rng: random.Random, days: int) -> list[Principal]:
    """Everybody of the account, with those who come later."""
    made = [
        *(_people(f"sso-{name}", count, services, rng) for name, count, services in _SHARED),
        *(_person(f"engineer-{number}", rng) for number in range(4)),
        *(_pipeline(f"deploy-{number}", rng) for number in range(6)),
        *(_workload(f"service-{number}", rng) for number in range(15)),
        *(_instances(f"fleet-{number}", rng) for number in range(4)),
        *(_scanner(f"scanner-{number}", rng) for number in range(2)),
        _watcher(rng),
    ]
    later = [_workload(f"later-{day}", rng, since=day) for day in range(20, days, 5)]
    joiners = [_person(f"joiner-{day}", rng, since=day) for day in range(30, days, 14)]
    return [*made, *later, *joiners]


_SHARED = (
    ("administrators", 4, (*COMMON, "iam", "sts", "kms", "secretsmanager")),
    ("developers", 8, COMMON[:9]),
    ("readers", 3, COMMON[:6]),
)


def _people(name: str, count: int, services: Sequence[str], rng: random.Random) -> Principal:
    return replace(_person(name, rng), services=list(services), kind="AssumedRole", sessions=count)


def _person(name: str, rng: random.Random, since: int = 0) -> Principal:
    return Principal(
        name,
        "IAMUser",
        [*rng.sample(COMMON, 7), "iam", "sts"],
        [OFFICE, _home(rng)],
        ["aws-cli", "Mozilla"],
        windows=5,
        reads=6,
        new_service=0.06,
        new_network=0.03,
        new_client=0.01,
        burst=0.35,
        denied=0.08,
        off=0.1,
        works_weekends=False,
        since=since,
    )


def _pipeline(name: str, rng: random.Random) -> Principal:
    own = [*rng.sample(COMMON, 5), "cloudformation", "iam", "sts"]
    return Principal(
        name,
        "AssumedRole",
        own,
        [f"198.51.{rng.randrange(100)}.0/24" for _ in range(3)],
        ["aws-sdk-go", "Boto3"],
        sessions=4,
        windows=3,
        reads=8,
        new_service=0.004,
        new_network=0.02,
        burst=0.3,
        burst_reads=(10, 26),
        denied=0.01,
        denied_calls=(1, 3),
        off=0.1,
    )


def _workload(name: str, rng: random.Random, since: int = 0) -> Principal:
    own = [*rng.sample(COMMON, 2), *rng.sample(["kms", "secretsmanager", "sts", "ssm"], 1)]
    return Principal(
        name, "AssumedRole", own, ["10.0.0.0/24"], ["Boto3"], windows=6, reads=2, since=since
    )


def _instances(name: str, rng: random.Random) -> Principal:
    own = [*rng.sample(COMMON, 3), "ssm"]
    made = Principal(name, "AssumedRole", own, [], ["aws-sdk-java"], sessions=3, windows=6, reads=3)
    return replace(made, wide_network=True)


def restless(count: int, rng: random.Random) -> list[Principal]:
    """Pipelines of which something is new each day: another network, tool, and a large burst."""
    return [
        replace(_scanner(f"restless-{number}", rng), wide_network=True, new_client=1.0)
        for number in range(count)
    ]


def _scanner(name: str, rng: random.Random) -> Principal:
    own = [*COMMON, *SELDOM, *POWERFUL]
    where = [f"192.0.{rng.randrange(100)}.0/24"]
    return Principal(
        name,
        "AssumedRole",
        own,
        where,
        ["Boto3"],
        windows=2,
        reads=150,
        burst=1.0,
        burst_reads=(130, 300),
        denied=0.5,
        denied_calls=(4, 20),
        new_service=0.02,
    )


def _watcher(rng: random.Random) -> Principal:
    return Principal(
        "monitoring", "AssumedRole", list(COMMON), ["192.0.2.0/24"], ["Go-http-client"],
        windows=20, reads=25, burst=1.0, burst_reads=(20, 31),
    )  # fmt: skip


def _home(rng: random.Random) -> str:
    return f"100.{64 + rng.randrange(60)}.{rng.randrange(250)}.0/24"


def ordinary(
    one: Principal, day: int, rng: random.Random
) -> Iterator[tuple[datetime, list[Sighting]]]:
    """What a principal does on an ordinary day: batches of sightings, by window."""
    start = FIRST_DAY + timedelta(days=day)
    if day < one.since or rng.random() < one.off:
        return
    if start.weekday() >= 5 and not one.works_weekends:
        return
    for number in range(one.sessions):
        session = _session(one, number, day)
        network = rng.choice(one.networks) if one.networks else ""
        if one.wide_network:
            network = f"54.{rng.randrange(200)}.{rng.randrange(250)}.0/24"
        if rng.random() < one.new_network:
            network = _home(rng)
            one.networks.append(network)
        client = rng.choice(one.clients)
        if rng.random() < one.new_client:
            client = f"client-{rng.randrange(1_000)}"
            one.clients.append(client)
        if rng.random() < one.new_service:
            one.services.append(rng.choice((*SELDOM, "kms", "secretsmanager")))
        bursts = rng.random() < one.burst
        misses = rng.random() < one.denied
        for window in range(one.windows):
            at = start + timedelta(hours=7 + 12 * window / one.windows, minutes=rng.randrange(8))
            reads = rng.randint(*one.burst_reads) if bursts and window == 0 else one.reads
            denied = rng.randint(*one.denied_calls) if misses and window == 0 else 0
            yield at, seen(one, session, network, client, one.services, reads, denied, at, rng)


def _session(one: Principal, number: int, day: int) -> str:
    if one.kind == "IAMUser":
        return one.arn
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{one.name}/{number if one.sessions > 1 else day}"


def seen(
    one: Principal,
    session: str,
    network: str,
    client: str,
    services: Sequence[str],
    reads: int,
    denied: int,
    at: datetime,
    rng: random.Random,
) -> list[Sighting]:
    """The sightings of a session within one window: so many different reads and denied calls."""
    actor = Actor(one.arn, session, one.kind, ACCOUNT, network, client)
    few = (
        list(dict.fromkeys(services))
        if reads > len(services)
        else rng.sample(services, max(1, min(reads, len(services))))
    )
    count = max(reads, denied, 1)
    return [
        Sighting(
            actor=actor,
            id="AROAEXAMPLE",
            account=ACCOUNT,
            time=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            service=(service := few[number % len(few)]),
            operation=f"{service}:Operation{number}",
            network=network,
            client=client,
            read=f"{service}-{number}" if number < reads else "",
            denied=f"{service}-{number}" if number < denied else "",
        )
        for number in range(count)
    ]
