"""What is done with credentials that somebody else has, on one day of the made-up account.

Each is written after what is known of such attacks: what a stolen key is first used for (who am I,
what may I do, which secrets are there), from elsewhere, with other tools. Two are there to be
missed: whoever does little, slowly, with what is usual, is not unusual.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from driftguard.events.sighting import Sighting

from .account import FIRST_DAY, Principal, seen

ELSEWHERE = "185.220.101.0/24"


@dataclass(frozen=True)
class Attack:
    """An attack: whom it is done to (the beginnings of names), and what one does with them.

    `expected`: it is one that this is meant to find.
    """

    name: str
    on: tuple[str, ...]
    make: Callable[[Principal, datetime, random.Random], list[Sighting]]
    expected: bool = True

    def batches(
        self, one: Principal, day: int, rng: random.Random
    ) -> Iterator[tuple[datetime, list[Sighting]]]:
        """The attack on a day, in batches of two minutes' events, as they would arrive."""
        at = FIRST_DAY + timedelta(days=day, hours=15)
        made = self.make(one, at, rng)
        for start in range(0, len(made), 20):
            yield at + timedelta(minutes=3 + start // 20), made[start : start + 20]


def _stranger(
    services: tuple[str, ...], reads: int, denied: int, client: str, *, at_home: bool = False
) -> Callable[[Principal, datetime, random.Random], list[Sighting]]:
    def make(one: Principal, at: datetime, rng: random.Random) -> list[Sighting]:
        network = rng.choice(one.networks) if at_home and one.networks else ELSEWHERE
        session = one.arn
        if one.kind != "IAMUser":
            session = f"{one.arn.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/x"
        return seen(one, session, network, client, services, reads, denied, at, rng)

    return make


def _quietly(one: Principal, at: datetime, rng: random.Random) -> list[Sighting]:
    usual = tuple(one.services[:3])
    return _stranger(usual, 3, 0, one.clients[0])(one, at, rng)


def _in_the_office(one: Principal, at: datetime, rng: random.Random) -> list[Sighting]:
    usual = tuple(one.services[:3])
    return _stranger(usual, 6, 0, one.clients[0], at_home=True)(one, at, rng)


_LOOKING_AROUND = ("sts", "iam", "s3", "ec2", "secretsmanager", "organizations", "rds", "lambda")

ATTACKS = (
    Attack(
        "a pipeline's keys, used to look for secrets",
        ("deploy-",),
        _stranger(("sts", "iam", "secretsmanager", "ssm"), 40, 0, "Boto3"),
    ),
    Attack(
        "an instance's credentials, used outside to look around",
        ("fleet-",),
        _stranger(_LOOKING_AROUND, 30, 12, "aws-cli"),
    ),
    Attack(
        "a workload's credentials, used from its own network to look around",
        ("service-",),
        _stranger(("sts", "iam", "secretsmanager", "s3", "kms"), 20, 10, "aws-cli", at_home=True),
    ),
    Attack(
        "an engineer's keys, used to look around",
        ("engineer-",),
        _stranger((*_LOOKING_AROUND, "bedrock", "ses"), 60, 5, "Boto3"),
    ),
    Attack(
        "an engineer's keys, used for a few calls of great harm",
        ("engineer-",),
        _stranger(("sts", "organizations", "kms", "secretsmanager"), 8, 0, "Boto3"),
    ),
    Attack(
        "a developer's session, used to try what is allowed",
        ("sso-developers",),
        _stranger((*_LOOKING_AROUND, "kms", "bedrock"), 10, 60, "python-requests"),
    ),
    Attack(
        "an administrator who copies every secret from the office",
        ("sso-administrators",),
        _stranger(("secretsmanager",), 140, 0, "aws-cli", at_home=True),
    ),
    Attack("an engineer's keys, used for what is usual", ("engineer-",), _quietly, expected=False),
    Attack(
        "an engineer's keys, used for what is usual from the office",
        ("engineer-",),
        _in_the_office,
        expected=False,
    ),
)
