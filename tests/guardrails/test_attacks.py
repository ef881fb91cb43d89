"""Attacks on what the guard remembers of states: nobody walks a baseline to a worse one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from driftguard import baseline as baselines
from driftguard import deciding
from driftguard.aws import Reader
from driftguard.baseline import baseline_of
from driftguard.case import Case
from driftguard.controls.control import Control, NoSettings, References
from driftguard.model import (
    Certainty,
    Change,
    Document,
    Facet,
    Plan,
    Resource,
    Risk,
    Status,
    Suspect,
)
from driftguard.pipeline import Guard
from driftguard.state import Memory, Note, baseline_key
from tests.conftest import REGION, Clock, World, new_guard, warm_aws
from tests.guardrails.circumstances import ACCOUNT, ALICE, NOW

ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:shop"
SHOP = Suspect(Resource("logs.log-group", "shop", ACCOUNT, REGION, ARN), Certainty.POSSIBLE)


class Kept(Control[NoSettings]):
    """How long something is kept, as a control that forgives a little would judge it.

    A loss of less than a quarter beside the baseline is nothing to it: so every small step is clean
    beside the one before.
    """

    id = "logs.retention-shortened"
    title = "Kept for less time"
    severity = 50
    references = References()
    triggers = ()
    reads = ()
    writes = {}
    baselined = True
    settings = NoSettings

    def __init__(self, days: float) -> None:
        self.days = days

    def observe(self, suspect: Suspect, reader: Reader) -> Document:
        return {"days": self.days}

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        if baseline is None:
            return None
        days, before = float(str(state["days"])), float(str(baseline["days"]))
        return Risk(f"kept for {days} days, not {before}") if days < before * 0.75 else None

    def plan(
        self, suspect: Suspect, facet: Facet, baseline: Document | None, settings: NoSettings
    ) -> Plan:
        return Plan((), advice="Keep it for longer.")


def touched(number: int) -> Change:
    """One of many small changes."""
    return Change(
        f"event-{number}", "logs.amazonaws.com", "PutRetentionPolicy", ACCOUNT, REGION, "", ALICE
    )


def decided(guard: Guard, kept: Kept, number: int) -> Any:
    case = Case(guard, kept, NoSettings(), SHOP, last_chance=False)
    return deciding.decide(case, touched(number))


def kept_baseline(world: World) -> float:
    known = baseline_of(world.state.note(baseline_key(Kept.id, SHOP.resource)))
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
    # Two steps go by; from the third on there is a question, and the baseline stays where it is.
    assert [one is None for one in found[:3]] == [True, True, False]
    assert {one.status for one in found[2:]} == {Status.ASKED}
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
    note = world.state.note(baseline_key(Kept.id, SHOP.resource))
    accepted: Any = {"at": NOW, "by": "bob", "why": "cheaper", "anchored": True}
    world.state.write(*baselines.moved(note, Kept.id, SHOP.resource, {"days": 40.0}, **accepted))
    kept.days = 32.0
    assert decided(world.guard, kept, 1) is None
    kept.days = 29.0
    assert decided(world.guard, kept, 2).status is Status.ASKED
    assert kept_baseline(world) == 32.0


class Arbitrary(Kept):
    """A control that calls any pair of states risky that it is told to."""

    def __init__(self, riskier: Iterable[tuple[int, int]]) -> None:
        super().__init__(0)
        self.riskier = frozenset(riskier)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Risk | None:
        pair = (state["days"], baseline["days"] if baseline else state["days"])
        return Risk("riskier") if pair in self.riskier else None


STATES = st.integers(0, 5)


@settings(max_examples=300, deadline=None)
@given(
    st.sets(st.tuples(STATES, STATES)),
    st.lists(st.tuples(STATES, st.integers(0, 9)), min_size=1, max_size=30),
)
def test_a_baseline_is_never_risky_beside_its_anchor_whatever_a_control_says(
    riskier: set[tuple[int, int]], steps: list[tuple[int, int]]
) -> None:
    """Any relation between states, any walk; a person accepts a state now and then."""
    guard = new_guard(Clock(NOW), warm_aws())
    judge, memory = Arbitrary(riskier), Memory()
    for state, chance in steps:
        judge.days = state
        case = Case(guard, judge, NoSettings(), SHOP, last_chance=False, memory=memory)
        before = case.baseline
        _, risk = case.look()
        accepted = chance == 9
        if risk is None or accepted:
            note, log = baselines.moved(
                memory[case.baseline_key],
                judge.id,
                SHOP.resource,
                {"days": state},
                at=NOW,
                by="guard",
                why="",
                anchored=accepted,
            )
            assert log.key[1] == f"{note.version + 1:08d}"
            memory = Memory({note.key: Note(note.key, note.document, note.version + 1)})
        now = replace(case, memory=memory).baseline
        if now is None or accepted:
            continue
        beside = [now.anchor] if before is None else [before.state, before.anchor, now.anchor]
        # The guard itself moved it, or it stayed: then it was not moved to anything risky.
        if before is None or now.state != before.state:
            assert all((now.state["days"], one["days"]) not in riskier for one in beside)
        if before is not None:
            assert now.anchor == before.anchor
