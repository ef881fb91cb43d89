"""Who accepts a baseline does not profit from it: it does not vouch for changes of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.controls.control import NoSettings
from driftguard.documents import stamp
from driftguard.engine import decide
from driftguard.engine.case import Case
from driftguard.model import Actor, Decision
from driftguard.policy.bounds import Bounds, Scope
from driftguard.policy.model import Person, Policy
from driftguard.state import baseline as baselines
from driftguard.state.baseline import Word, baseline_of
from driftguard.state.keys import StateRecord, StateRecords, baseline_key
from tests.support.guardrails.attacks import SHOP, Kept, touched
from tests.support.guardrails.circumstances import ALICE, HERE, session, user
from tests.support.world import Clock as Ticking
from tests.support.world import World, new_guard, warm_aws

BOB, CAROL = user("bob"), user("carol")
KEY = baseline_key(Kept.id, SHOP.resource)


def accepts(world: World, actor: Actor, days: float, person: str = "") -> None:
    """Somebody makes a state the baseline."""
    at = world.clock.at
    world.state.write(
        *baselines.moved(
            world.state.record(KEY),
            Kept.id,
            SHOP.resource,
            {"days": days},
            at=at,
            by=person or actor.name,
            why="cheaper",
            anchored=True,
            word=Word(person, actor.session, stamp(at)),
        )
    )


def changes(world: World, actor: Actor, days: float, number: int, **ago: float) -> Decision | None:
    """What comes of a change that somebody made so long ago, and that is heard of now."""
    change = replace(touched(number), actor=actor, time=stamp(world.clock.at - timedelta(**ago)))
    case = Case(
        world.guard,
        Kept(days),
        NoSettings(),
        SHOP,
        last_chance=False,
        remembered=StateRecords(HERE),
        actor=change.actor,
        changed=change.time,
    )
    return decide.decide(case, change)


@pytest.fixture
def kept(world: World) -> World:
    """Something that has been kept for a hundred days."""
    assert changes(world, ALICE, 100.0, 0) is None
    world.clock.pass_by(hours=1)
    return world


def held(decision: Decision | None) -> bool:
    """Whether a decision says that the baseline is only its maker's word."""
    assert decision is not None
    said = [one for one in decision.rulings if one.guardrail == "uncertain"]
    return bool(said) and "only by the word of who made the change" in said[0].reason


def test_a_change_that_was_made_before_is_judged_as_if_it_were_not_accepted(kept: World) -> None:
    accepts(kept, ALICE, 40.0)
    decision = changes(kept, ALICE, 40.0, 1, minutes=5)
    assert decision is not None
    assert decision.summary == "kept for 40.0 days, not 100.0"
    assert not held(decision)


def test_a_change_that_was_accepted_beforehand_is_asked_about(kept: World) -> None:
    accepts(kept, ALICE, 40.0)
    kept.clock.pass_by(minutes=5)
    assert held(changes(kept, ALICE, 40.0, 1))


def test_another_persons_change_is_vouched_for(kept: World) -> None:
    accepts(kept, ALICE, 40.0)
    assert changes(kept, BOB, 40.0, 1, minutes=5) is None


def test_accepting_twice_does_not_launder_it(kept: World) -> None:
    accepts(kept, ALICE, 60.0)
    accepts(kept, ALICE, 40.0)
    assert changes(kept, ALICE, 40.0, 1, minutes=5) is not None


def test_a_clean_change_in_between_does_not_launder_it(kept: World) -> None:
    accepts(kept, ALICE, 40.0)
    assert changes(kept, BOB, 39.0, 1) is None
    known = baseline_of(kept.state.record(KEY))
    assert known is not None
    assert (known.by, known.state) == ("guard", {"days": 39.0})
    assert changes(kept, ALICE, 39.0, 2, minutes=5) is not None


def test_what_somebody_else_accepts_then_vouches(kept: World) -> None:
    accepts(kept, ALICE, 40.0)
    accepts(kept, CAROL, 40.0)
    assert changes(kept, ALICE, 40.0, 1, minutes=5) is None


def test_a_session_of_a_role_is_the_person_whom_the_policy_knows(kept: World) -> None:
    deployer = session("deployer", "one")
    person = Person("alice", iam=("arn:aws:sts::*:assumed-role/deployer/*",))
    kept.guard = kept.with_policy(lambda given: replace(given, people=(person,)))
    accepts(kept, session("deployer", "another"), 40.0, person="alice")
    assert changes(kept, deployer, 40.0, 1, minutes=5) is not None


def test_what_is_risky_anyway_goes_as_far_as_ever(kept: World) -> None:
    accepts(kept, ALICE, 90.0)
    kept.clock.pass_by(minutes=5)
    decision = changes(kept, ALICE, 10.0, 1)
    assert decision is not None
    assert decision.summary == "kept for 10.0 days, not 90.0"
    assert not held(decision)


@pytest.mark.parametrize(("ago", "capped"), [(10, False), (0, True)])
def test_a_pinned_baseline_is_no_ones_own_either(kept: World, ago: int, capped: bool) -> None:
    pinned = Bounds(pinned=(Scope(),))
    kept.guard = kept.with_policy(lambda given: replace(given, bounds=pinned))
    accepts(kept, ALICE, 120.0)
    kept.clock.pass_by(minutes=5)
    decision = changes(kept, ALICE, 120.0, 1, minutes=ago)
    assert decision is not None
    assert decision.summary.startswith("departs from its pinned baseline: days: 100")
    assert held(decision) is capped
    assert changes(kept, BOB, 120.0, 2) is None


DAYS = st.floats(1, 1000)
PEOPLE = st.sampled_from([ALICE, BOB, CAROL])


@given(
    st.lists(st.tuples(PEOPLE, DAYS), max_size=6),
    st.lists(DAYS, min_size=1, max_size=3),
    DAYS,
    PEOPLE,
)
def test_ones_own_words_in_a_row_make_nothing_clean_that_was_not(
    words: list[tuple[Actor, float]], moves: list[float], days: float, actor: Actor
) -> None:
    """Others accept, then one accepts several times, and the guard moves it on between them."""
    stored = _moved(StateRecord(KEY), 100.0, None)
    for who, accepted in words:
        if who is not actor:
            stored = _moved(stored, accepted, who)
    before = stored
    for number, moved in enumerate(moves):
        stored = _moved(stored, moved + number, actor)
        stored = _moved(stored, moved, None)

    someone = user("someone")
    assert _risky(stored, actor, days) == (
        _risky(before, someone, days) or _risky(stored, someone, days)
    )


def _risky(stored: StateRecord, actor: Actor, days: float) -> bool:
    """Whether a change of theirs to so many days is seen as a risk."""
    guard = replace(new_guard(Ticking(), warm_aws()), policy=Policy())
    kept, remembered = Kept(days), StateRecords(HERE, {KEY: stored})
    case = Case(
        guard, kept, NoSettings(), SHOP, last_chance=False, remembered=remembered, actor=actor
    )
    return case.look()[1] is not None


def _moved(stored: StateRecord, days: float, who: Actor | None) -> StateRecord:
    at = Ticking().at
    current, _ = baselines.moved(
        stored,
        Kept.id,
        SHOP.resource,
        {"days": days},
        at=at,
        by="somebody",
        why="a reason",
        anchored=who is not None,
        word=None if who is None else Word("", who.session, stamp(at)),
    )
    return replace(current, version=stored.version + 1)
