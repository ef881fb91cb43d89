"""Chooses the controls of the matrix, and the trials of each."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from driftguard.controls import control
from tests.scenarios import SCENARIOS
from tests.scenarios.model import Scenario

from .kinds import KINDS, Call
from .trials import Trial

_MECHANISMS = "driftguard.controls.mechanisms."
# Controls of each mechanism that are always among the chosen.
_EACH = 3


def mechanism(scenario: Scenario) -> str:
    """The mechanism that a scenario's control is made of; "its own" where that is none."""
    kinds = type(control(scenario.control)).__mro__
    shared = (kind_of.__module__ for kind_of in kinds if kind_of.__module__.startswith(_MECHANISMS))
    return next(shared, _MECHANISMS + "its own").removeprefix(_MECHANISMS)


def chosen(number: int) -> list[Scenario]:
    """So many scenarios, of all mechanisms and of as many services as there is room for."""
    firsts: dict[str, Scenario] = {}
    for scenario in SCENARIOS:
        firsts.setdefault(scenario.control, scenario)
    of_mechanism: dict[str, list[Scenario]] = {}
    for scenario in firsts.values():
        of_mechanism.setdefault(mechanism(scenario), []).append(scenario)
    found = [s for scenarios in of_mechanism.values() for s in _spread(scenarios)[:_EACH]]
    rest = [scenario for scenario in _spread(list(firsts.values())) if scenario not in found]
    return sorted([*found, *rest][: max(number, len(found))], key=str)


def _spread(scenarios: list[Scenario]) -> list[Scenario]:
    """The scenarios, first one of each service, then a second of each."""
    nth: dict[str, int] = {}
    turns = []
    for scenario in scenarios:
        service = scenario.control.partition(".")[0]
        nth[service] = nth.get(service, 0) + 1
        turns.append((nth[service], scenario))
    return [scenario for _, scenario in sorted(turns, key=lambda turn: turn[0])]


def trials(scenario: Scenario, calls: list[Call], pairs: int, seed: str) -> Iterator[Trial]:
    """Every call struck in every way, then some pairs."""
    judge, name = control(scenario.control), str(scenario)
    for call in calls:
        for one in KINDS:
            if one.meets(call, judge):
                yield Trial(name, (call,), (one.name,))
    dice = Random(f"{seed} {name}")
    for _ in range(pairs):
        first, second = sorted(dice.sample(calls, 2), key=lambda call: call.number)
        ways = (dice.choice(KINDS).name, dice.choice(KINDS).name)
        yield Trial(name, (first, second), ways)


def named(only: str) -> Trial:
    """The trial that a text names: `control:call:kind`, and two of them with a `+` for a pair."""
    parts = [part.split(":") for part in only.split("+")]
    return Trial(
        parts[0][0],
        tuple(_call(call, number) for number, (_, call, _) in enumerate(parts)),
        tuple(kind for _, _, kind in parts),
    )


def _call(name: str, number: int) -> Call:
    service, operation, nth = name.split(".")
    return Call(number, service, operation, int(nth))
