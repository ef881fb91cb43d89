"""Who makes changes: people and robots with habits of their own.

A habit is where somebody works from, at what hours, with which client, in which accounts and on
which controls' resources; and how often their changes are mistakes, or meant though they look
risky. Both are spread unevenly: a few people make most of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from driftguard.model import Actor

from .catalogue import TEAMS
from .shapes import Organization

_CLIENTS = ("aws-cli/2.31", "AWS Internal", "Boto3/1.43", "console.amazonaws.com")


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody, or something, with habits. `hour` is when a working day begins, in UTC."""

    name: str
    kind: str
    team: str
    accounts: tuple[str, ...]
    network: str
    client: str
    hour: float
    length: float
    carelessness: float = 0.0

    def actor(self, account: str, dice: Random, network: str = "") -> Actor:
        """How CloudTrail sees a change of theirs, from one of a network's addresses."""
        principal, session = self._arns(account)
        return Actor(
            principal=principal,
            session=session,
            kind="IAMUser" if self.kind == "user" else "AssumedRole",
            account=account,
            source=f"{network or self.network}.{dice.randrange(1, 255)}",
            agent=self.client,
        )

    def _arns(self, account: str) -> tuple[str, str]:
        if self.kind == "user":
            arn = f"arn:aws:iam::{account}:user/{self.name}"
            return arn, arn
        path, role, session = "", self.name, "task"
        if self.kind == "sso":
            path = "aws-reserved/sso.amazonaws.com/"
            role, session = f"AWSReservedSSO_{self.team}_0f1e2d3c", f"{self.name}@example.com"
        return (
            f"arn:aws:iam::{account}:role/{path}{role}",
            f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        )


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody who makes changes in an organization."""

    engineers: tuple[Persona, ...]
    users: tuple[Persona, ...]
    robots: tuple[Persona, ...]
    publishers: tuple[Persona, ...]
    exporters: tuple[Persona, ...]
    pipelines: tuple[Persona, ...]

    @property
    def everybody(self) -> tuple[Persona, ...]:
        """Those who make mistakes of their own."""
        return (*self.engineers, *self.users, *self.robots)


def staff(of: Organization, accounts: tuple[str, ...], dice: Random) -> Staff:
    """Draws an organization's people and robots."""

    def some(kind: str, count: int, stem: str, *, human: bool) -> tuple[Persona, ...]:
        return tuple(
            _persona(kind, f"{stem}{number:02}", accounts, dice, human=human)
            for number in range(count)
        )

    return Staff(
        engineers=some("sso", of.engineers, "engineer", human=True),
        users=some("user", of.users, "user", human=True),
        robots=some("role", of.robots, "robot", human=False),
        publishers=some("role", max(1, of.sites // 8), "publisher", human=False),
        exporters=some("role", of.partner_jobs, "exporter", human=False),
        pipelines=some("role", of.pipelines, "pipeline", human=False),
    )


def _persona(
    kind: str, name: str, accounts: tuple[str, ...], dice: Random, *, human: bool
) -> Persona:
    offices = ("198.51.100", "203.0.113", "192.0.2")
    network = dice.choice(offices) if human and dice.random() < 0.7 else _private(dice)
    return Persona(
        name=name,
        kind=kind,
        team=dice.choice(TEAMS),
        accounts=tuple(dice.sample(accounts, min(len(accounts), dice.randrange(1, 6)))),
        network=network,
        client=dice.choice(_CLIENTS) if human else "Boto3/1.43",
        hour=dice.uniform(6.0, 10.0) if human else 0.0,
        length=9.0 if human else 24.0,
        carelessness=dice.gammavariate(0.8, 1.0) * (1.0 if human else 0.5),
    )


def _private(dice: Random) -> str:
    return f"10.{dice.randrange(256)}.{dice.randrange(256)}"
