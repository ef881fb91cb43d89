"""The strategies that are compared: each is a policy, judged by the same code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from driftguard.model import Autonomy
from driftguard.policy.bounds import Bounds, CircuitBreaker, Earning, Flapping, Ownership
from driftguard.policy.model import Person, Policy

from .catalogue import WATCHED, severity

PEOPLE = (Person("asha", slack=("U1",)), Person("ben", slack=("U2",)))
OURS, CAUTIOUS = "earned", "earned-cautious"
ASK, REVERT = "always-ask", "always-revert"
# The severities that are tried as a fixed threshold.
THRESHOLDS = (60, 70, 90)
# Chosen on the years from 1000 on: what asks least, and is wrong at most 1.2 times in a hundred in
# the drafts as well. The first grant is made easy, because the threshold holds what follows.
TERMS = Earning(
    threshold=0.72,
    outcomes=1,
    confidence=0.6,
    sampling=0.01,
    lowest=0.6,
    wrong=0.009,
    step=0.04,
    grant=0.9,
    unseen=100,
)
# As `policies/packs/earned.yaml` has them.
CAUTIOUS_TERMS = Earning(threshold=0.9, outcomes=20, confidence=0.9, grant=0.2)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A name, and the policy that it is."""

    name: str
    policy: Policy


def learning(listed: tuple[str, ...]) -> Iterator[Strategy]:
    """Those that earn, and the one that always asks, which they are compared with."""
    kept = (ASK, CAUTIOUS, OURS)
    yield from (strategy for strategy in strategies(listed) if strategy.name in kept)


def strategies(listed: tuple[str, ...]) -> Iterator[Strategy]:
    """All of them, for an organization that lists these pipelines' roles."""
    bounds = Bounds(ownership=Ownership(roles=listed))
    yield Strategy(ASK, Policy(default=Autonomy.ASK, people=PEOPLE, bounds=bounds))
    never = 10**9
    unbounded = Bounds(
        circuit_breaker=CircuitBreaker(actor=never, control=never, account=never, whole=never),
        flapping=Flapping(reverts=never),
        ownership=Ownership(autonomy=Autonomy.REVERT),
    )
    yield Strategy(REVERT, Policy(default=Autonomy.REVERT, people=PEOPLE, bounds=unbounded))
    for threshold in THRESHOLDS:
        levels = {
            watched.control: Autonomy.REVERT
            if severity(watched.control) >= threshold
            else Autonomy.ASK
            for watched in WATCHED
        }
        policy = Policy(autonomy=levels, people=PEOPLE, bounds=bounds)
        yield Strategy(f"severity-{threshold}", policy)
    yield Strategy(CAUTIOUS, earned(listed, CAUTIOUS_TERMS))
    yield Strategy(OURS, earned(listed, TERMS))


def earned(listed: tuple[str, ...], earning: Earning) -> Policy:
    """Every control earns."""
    return Policy(
        default=Autonomy.REVERT,
        earned_by_default=True,
        people=PEOPLE,
        bounds=Bounds(ownership=Ownership(roles=listed), earning=earning),
    )
