"""The strategies that are compared: each is a policy, judged by the same code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from driftguard.model import Autonomy
from driftguard.policy.bounds import Anomalies, Bounds, CircuitBreaker, Earning, Flapping, Ownership
from driftguard.policy.model import Person, Policy

from .catalogue import WATCHED, severity

PEOPLE = (Person("asha", slack=("U1",)),)
OURS, CAUTIOUS = "earned", "earned-cautious"
ASK, REVERT = "always-ask", "always-revert"
# The severities that are tried as a fixed threshold.
THRESHOLDS = (60, 65, 70, 85, 90)
# Chosen on the years from 1000 on: what asks least, and is wrong less than once in a hundred.
TERMS = Earning(threshold=0.72, outcomes=2, confidence=0.6, sampling=0.01)
# As `policies/packs/earned.yaml` has them.
CAUTIOUS_TERMS = Earning(threshold=0.9, outcomes=20, confidence=0.9)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A name, and the policy that it is."""

    name: str
    policy: Policy


def strategies(listed: tuple[str, ...]) -> Iterator[Strategy]:
    """All of them, for an organization that lists these pipelines' roles."""
    bounds = Bounds(ownership=Ownership(roles=listed))
    yield Strategy(ASK, Policy(default=Autonomy.ASK, people=PEOPLE, bounds=bounds))
    never = 10**9
    unbounded = Bounds(
        circuit_breaker=CircuitBreaker(control=never, account=never, whole=never),
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
        bounds=Bounds(ownership=Ownership(roles=listed), earning=earning, anomalies=Anomalies()),
    )
