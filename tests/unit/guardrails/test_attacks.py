"""Attacks on what the guard remembers of states: nobody walks a baseline to a worse one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from driftguard.controls.control import NoSettings
from driftguard.documents import Document
from driftguard.engine import decide
from driftguard.engine.case import Case
from driftguard.engine.guard import Guard
from driftguard.model import (
    Finding,
    Status,
)
from driftguard.state import baseline as baselines
from driftguard.state.baseline import baseline_of
from driftguard.state.keys import StateRecord, StateRecords, baseline_key
from tests.support.guardrails.attacks import SHOP, Kept, touched
from tests.support.guardrails.circumstances import HERE, NOW
from tests.support.properties import tried
from tests.support.world import Clock, World, new_guard, warm_aws


def decided(guard: Guard, kept: Kept, number: int) -> Any:
    nothing = StateRecords(HERE)
    case = Case(guard, kept, NoSettings(), SHOP, last_chance=False, remembered=nothing)
    return decide.decide(case, touched(number))


def kept_baseline(world: World) -> float:
    known = baseline_of(world.state.record(baseline_key(Kept.id, SHOP.resource)))
    assert known is not None
    return float(str(known.state["days"]))


# ----------------------------------------------------------------------------------- the ratchet


def test_a_burst_of_small_steps_cannot_walk_a_baseline_to_a_riskier_state(world: World) -> None:
    kept = Kept(days=100.0)
    assert decided(world.guard, kept, 0) is None
    found = []
    for number in range(1, 40):
        before, kept.days = {"days": kept.days}, kept.days * 0.9
        assert kept.assess({"days": kept.days}, before, NoSettings()) is None
        found.append(decided(world.guard, kept, number))
    # Two steps go by; from the third on people are told, and the baseline stays where it is.
    assert [one is None for one in found[:3]] == [True, True, False]
    assert {one.status for one in found[2:]} == {Status.OBSERVED}
    assert kept_baseline(world) >= 75.0


def test_patience_does_not_help_either(world: World) -> None:
    """A step a month, with sweeps between them."""
    kept = Kept(days=100.0)
    for number in range(36):
        decided(world.guard, kept, number)
        world.clock.pass_by(days=30)
        kept.days *= 0.95
    assert kept_baseline(world) >= 75.0


def test_going_up_and_down_again_does_not_lose_the_anchor(world: World) -> None:
    kept = Kept(days=100.0)
    for number, days in enumerate([100.0, 120.0, 95.0, 100.0, 76.0, 60.0, 58.0]):
        kept.days = days
        decided(world.guard, kept, number)
    assert kept_baseline(world) == 76.0


def test_what_a_person_accepts_is_the_new_measure(world: World) -> None:
    kept = Kept(days=100.0)
    decided(world.guard, kept, 0)
    stored = world.state.record(baseline_key(Kept.id, SHOP.resource))
    accepted: Any = {"at": NOW, "by": "bob", "why": "cheaper", "anchored": True}
    world.state.write(*baselines.moved(stored, Kept.id, SHOP.resource, {"days": 40.0}, **accepted))
    kept.days = 32.0
    assert decided(world.guard, kept, 1) is None
    kept.days = 29.0
    assert decided(world.guard, kept, 2).status is Status.OBSERVED
    assert kept_baseline(world) == 32.0


class Arbitrary(Kept):
    """A control that calls any pair of states risky that it is told to."""

    def __init__(self, riskier: Iterable[tuple[int, int]]) -> None:
        super().__init__(0)
        self.riskier = frozenset(riskier)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        pair = (state["days"], baseline["days"] if baseline else state["days"])
        return Finding("riskier") if pair in self.riskier else None


STATES = st.integers(0, 5)


@tried(3)
@given(
    st.sets(st.tuples(STATES, STATES)),
    st.lists(st.tuples(STATES, st.integers(0, 9)), min_size=1, max_size=30),
)
def test_a_baseline_is_never_risky_beside_its_anchor_whatever_a_control_says(
    riskier: set[tuple[int, int]], steps: list[tuple[int, int]]
) -> None:
    """Any relation between states, any walk; a person accepts a state now and then."""
    guard = new_guard(Clock(NOW), warm_aws())
    judge, remembered = Arbitrary(riskier), StateRecords(HERE)
    for state, chance in steps:
        judge.days = state
        case = Case(guard, judge, NoSettings(), SHOP, last_chance=False, remembered=remembered)
        before = case.baseline
        _, finding = case.look()
        accepted = chance == 9
        if finding is None or accepted:
            stored, log = baselines.moved(
                remembered[case.baseline_key],
                judge.id,
                SHOP.resource,
                {"days": state},
                at=NOW,
                by="guard",
                why="",
                anchored=accepted,
            )
            assert log.key[1] == f"{stored.version + 1:08d}"
            remembered = StateRecords(
                HERE, {stored.key: StateRecord(stored.key, stored.document, stored.version + 1)}
            )
        now = replace(case, remembered=remembered).baseline
        if now is None or accepted:
            continue
        beside = [now.anchor] if before is None else [before.state, before.anchor, now.anchor]
        # The guard itself moved it, or it stayed: then it was not moved to anything risky.
        if before is None or now.state != before.state:
            assert all((now.state["days"], one["days"]) not in riskier for one in beside)
        if before is not None:
            assert now.anchor == before.anchor
