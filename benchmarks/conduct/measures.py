"""Measures what comes of a made-up account: questions in a month, attacks found, slow insiders."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from driftguard.conduct.memory import READS as READ_LEVELS
from driftguard.conduct.memory import Seen, day_of, level
from driftguard.conduct.record import memory_of
from driftguard.conduct.score import ASKED, NOTED, score_of
from driftguard.events.sighting import Sighting, sighting_of
from driftguard.model import Actor
from driftguard.state.keys import conduct_key

from .account import ACCOUNT, FIRST_DAY, Principal, principals, restless, seen
from .attacks import ATTACKS, ELSEWHERE, Attack
from .replay import HERE, Account, Answers

# Days that the account is known for, and days of the month that is measured.
KNOWN, MONTH = 60, 30
# How many pipelines are unusual every day, where that is measured.
RESTLESS = 5
# The longest that an insider is patient for.
PATIENT = 365


@dataclass(frozen=True)
class Found:
    """How many of an attack's victims people were asked about, and how many were noted."""

    attack: str
    expected: bool
    victims: int
    asked: int
    noted: int


@dataclass
class Measured:
    """What came of one made-up account."""

    questions: list[tuple[int, str, int, str]] = field(default_factory=list)
    over_budget: int = 0
    # By how people answer: questions in the month, and attacks asked about.
    unanswered: dict[str, tuple[int, int]] = field(default_factory=dict)
    # Questions in the month about pipelines that are unusual every day, and attacks asked about.
    crowded: tuple[int, int] = (0, 0)
    found: list[Found] = field(default_factory=list)
    insider: dict[str, int] = field(default_factory=dict)
    stratus: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def a_day(self) -> float:
        """Questions a day in the month, all of them about what was ordinary."""
        return len(self.questions) / MONTH

    @property
    def recall(self) -> tuple[int, int]:
        """Of the attacks that this is meant to find: how many people were asked about."""
        meant = [one for one in self.found if one.expected]
        return sum(one.asked for one in meant), sum(one.victims for one in meant)

    @property
    def precision(self) -> float:
        """The share of right questions in the month, if each such attack is made once in it."""
        meant = [one for one in self.found if one.expected]
        right = sum(one.asked / one.victims for one in meant)
        return right / (right + len(self.questions)) if right else 0.0


def measured(seed: int, stratus: Path | None = None) -> Measured:
    """Everything of an account that is made up from this seed."""
    rng, made = random.Random(seed), Measured()
    everybody, account = principals(rng, KNOWN + MONTH), Account()
    before = _lived(account, everybody, rng)
    first = day_of(FIRST_DAY)
    made.questions = [(day - first, who, score, why) for day, who, score, why in account.asked]
    made.over_budget = account.counts.over_budget - before.counts.over_budget
    made.found = [_attacked(attack, everybody, before, seed) for attack in ATTACKS]
    made.insider = _insiders(everybody, before, rng)
    if stratus is not None:
        made.stratus = dict(_stratus(stratus, everybody, before))
    for answers in (Answers.NEVER, Answers.OBSERVE):
        rng = random.Random(seed)
        everybody, account = principals(rng, KNOWN + MONTH), Account(answers=answers)
        before = _lived(account, everybody, rng)
        made.unanswered[answers] = (len(account.asked), _asked_about(everybody, before, seed))
        if answers is Answers.NEVER:
            made.crowded = _crowded(before, everybody, seed)
    return made


def _lived(account: Account, everybody: list[Principal], rng: random.Random) -> Account:
    """Lets the days pass; afterwards what the account was asked is the month's.

    Returns the account as it was when the month began.
    """
    account.live(everybody, range(KNOWN), rng)
    before = account.copy()
    account.asked.clear()
    account.live(everybody, range(KNOWN, KNOWN + MONTH), rng)
    return before


def _asked_about(everybody: list[Principal], before: Account, seed: int) -> int:
    """Of how many attacks that this is meant to find people would be asked or told."""
    meant = [attack for attack in ATTACKS if attack.expected]
    return sum(_attacked(attack, everybody, before, seed).asked for attack in meant)


def _crowded(before: Account, everybody: list[Principal], seed: int) -> tuple[int, int]:
    """What comes of pipelines that are unusual every day, with nobody who answers.

    How often people are asked about them in the month, and about how many attacks on the day after
    it, on which the pipelines have run before.
    """
    rng, account = random.Random(seed), before.copy()
    crowd = restless(RESTLESS, rng)
    account.asked.clear()
    account.live([*everybody, *crowd], range(KNOWN, KNOWN + MONTH), rng)
    names = {one.arn for one in crowd}
    questions = sum(who in names for _, who, _, _ in account.asked)
    account.live(crowd, [KNOWN + MONTH], rng)
    meant = [attack for attack in ATTACKS if attack.expected]
    found = [_attacked(one, everybody, account, seed, day=KNOWN + MONTH) for one in meant]
    return questions, sum(one.asked for one in found)


# ------------------------------------------------------------------------------- attacks


def _attacked(
    attack: Attack, everybody: list[Principal], before: Account, seed: int, *, day: int = KNOWN
) -> Found:
    victims = [one for one in everybody if one.name.startswith(attack.on) and not one.since]
    scores = []
    for victim in victims:
        account = before.copy()
        account.asked.clear()
        for at, sightings in attack.batches(victim, day, random.Random(seed)):
            account.take(at, sightings)
        asked = any(who == victim.arn for _, who, _, _ in account.asked)
        scores.append((asked, _score_today(account, victim) >= NOTED))
    asked, noted = (sum(column) for column in zip(*scores, strict=True))
    return Found(attack.name, attack.expected, len(victims), asked, noted)


def _score_today(account: Account, one: Principal) -> int:
    record = account.table.record(conduct_key(HERE, ACCOUNT, one.arn))
    today = record.document["today"]
    assert isinstance(today, dict)
    return int(today["score"])


# ------------------------------------------------------------------------- a slow insider


@dataclass(frozen=True)
class Plan:
    """What an insider is after, and in which steps they make it usual, one day after another."""

    services: tuple[str, ...]
    network: str
    client: str
    reads: int


_PLAN = Plan(("sts", "iam", "secretsmanager", "kms", "organizations", "s3"), ELSEWHERE, "Boto3", 60)


def _insiders(everybody: list[Principal], before: Account, rng: random.Random) -> dict[str, int]:
    """For how many days each insider has to prepare until the same deed is not asked about."""
    names = ("engineer-0", "sso-developers", "deploy-0")
    return {
        one.name: _patience(replace(one), before, rng) for one in everybody if one.name in names
    }


def _patience(one: Principal, before: Account, rng: random.Random) -> int:
    """Whoever knows all weights does each day as much of it as is not asked about.

    The deed itself is what they are after: all of it at once, at the end.
    """
    account = before.copy()
    for day in range(PATIENT):
        at = FIRST_DAY + timedelta(days=KNOWN + day, hours=14)
        own = memory_of(account.table.record(conduct_key(HERE, ACCOUNT, one.arn)).document)
        others = memory_of(account.table.record(conduct_key(HERE, ACCOUNT)).document)
        today = day_of(at)

        def score(services: tuple[str, ...], network: str, client: str, reads: int) -> int:
            values = {"service": services, "network": (network,), "client": (client,)}
            shown = Seen({kind: frozenset(held) for kind, held in values.items()})
            shown = shown._replace(reads=level(reads, READ_LEVELS))
            return score_of(shown, own, others, today).score  # noqa: B023 - called at once

        if score(_PLAN.services, _PLAN.network, _PLAN.client, _PLAN.reads) < ASKED:
            return day
        services, network, client, reads = (one.services[0],), one.networks[0], one.clients[0], 3
        for step in (
            {"network": _PLAN.network},
            *({"service": service} for service in _PLAN.services),
            {"client": _PLAN.client},
            {"reads": _PLAN.reads},
        ):
            more = (*services, str(step["service"])) if "service" in step else services
            then = (
                more,
                str(step.get("network", network)),
                str(step.get("client", client)),
                int(step.get("reads", reads)),  # type: ignore[arg-type, call-overload]
            )
            if score(*then) < ASKED:
                services, network, client, reads = then
        session = f"{one.arn}/{day}"
        account.take(at, seen(one, session, network, client, services, reads, 0, at, rng))
    return PATIENT


# ------------------------------------------------------------------------ recorded attacks


def _stratus(
    path: Path, everybody: list[Principal], before: Account
) -> Iterator[tuple[str, tuple[int, tuple[str, ...]]]]:
    """Each technique of recorded attacks, done with credentials of the made-up account."""
    user = next(one for one in everybody if one.name == "engineer-0")
    role = next(one for one in everybody if one.name == "fleet-0")
    techniques: dict[str, list[Sighting]] = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        service = str(record["eventSource"]).removesuffix(".amazonaws.com")
        sighting = sighting_of({"source": f"aws.{service}", "detail": record})
        if sighting is None:
            continue
        who = user if sighting.actor.kind == "IAMUser" else role
        # The tool's own name would give it away.
        actor = Actor(who.arn, f"{who.arn}/x", who.kind, ACCOUNT, sighting.actor.source, "Boto3")
        moved = sighting._replace(actor=actor, account=ACCOUNT, client="Boto3")
        agent = str(record["userAgent"])
        techniques.setdefault(agent, []).append(moved)
    at = FIRST_DAY + timedelta(days=KNOWN, hours=15)
    for sightings in techniques.values():
        account = before.copy()
        account.take(at, [one._replace(time=f"{at:%Y-%m-%dT%H:%M:%SZ}") for one in sightings])
        operations = tuple(sorted({one.operation for one in sightings}))
        whose = user if sightings[0].actor.principal == user.arn else role
        yield " ".join(operations), (_score_today(account, whose), operations)
