"""Kinds 3 and 8: what the mechanism of weakened settings takes for a weakening, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftguard.aws.client import Reader
from driftguard.controls.control import NOTHING, NoSettings
from driftguard.controls.mechanisms.weakened import MADE, Weakened, told, weaker_than_before
from driftguard.documents import Document
from driftguard.model import Autonomy, Call, Candidate, Certainty, Change, Observation, Resource
from tests.support.records import ACCOUNT, REGION, change

FIELDS = ("alarms", "backups", "locks")
THING = Resource("thing", "it", ACCOUNT, REGION, f"arn:aws:things:{REGION}:{ACCOUNT}:it")
NOON = "2026-11-24T12:00:00Z"


def control(found: Document | None = None, **more: Any) -> Weakened:
    """A control of three switches; a switch that is off is weak. `found` is what AWS tells."""

    def put(thing: Resource, state: Document, names: tuple[str, ...]) -> Call:
        return Call("things", "Put", {name: state[name] for name in names}, on=(thing.arn,))

    def off(state: Document) -> dict[str, str]:
        return {name: f"{name} off" for name in FIELDS if state.get(name) is False}

    given: dict[str, Any] = {
        "candidates": lambda change: [told(THING, *change.request)],
        "read": lambda _thing, _reader: found,
        "weaker": weaker_than_before(off),
        "put": put,
    }
    return Weakened(
        id="things.weak", title="", severity=50, cuts=NOTHING, triggers=(), **given | more
    )


def weakening(*fields: str, at: str = NOON) -> Change:
    """The record of a change that says `false` for these fields."""
    return change("things.amazonaws.com", "Put", dict.fromkeys(fields, False), eventTime=at)


def look(one: Weakened, by: Change) -> tuple[Candidate, Observation]:
    (candidate,) = one.screen(by, NoSettings())
    reader: Reader = None  # type: ignore[assignment]
    state = one.observe(candidate, reader)
    assert state is not None
    return candidate, Observation(state, NOON)


switches = st.fixed_dictionaries({}, optional={name: st.booleans() for name in FIELDS})


@given(now=st.fixed_dictionaries({name: st.booleans() for name in FIELDS}), before=switches)
def test_each_field_with_a_before_goes_back_whatever_is_known_of_others(
    now: Document, before: Document
) -> None:
    """Kind 8: a field that neither baseline nor default knows withholds no other."""
    one = control(now, default={"locks": True})
    candidate, seen = look(one, weakening(*FIELDS))

    finding = one.assess(seen.state, before, NoSettings())
    weak = {name for name in FIELDS if now[name] is False and before.get(name) is not False}
    known = {name for name in weak if name in before or name == "locks"}

    assert set(finding.offending if finding else ()) == weak
    if finding is None:
        return
    plan = one.plan(candidate, seen, before, NoSettings())
    sent = [step.call.parameters for step in plan.steps]
    assert sent == (
        [dict.fromkeys((name for name in FIELDS if name in known), True)] if known else []
    )
    assert all(name in plan.advice for name in weak - known)


@given(now=switches, before=switches)
def test_without_a_before_people_are_asked(now: Document, before: Document) -> None:
    """Kind 3: that a field is `false` now does not say that it ever was anything else."""
    one = control(now)
    _, seen = look(one, weakening(*FIELDS))

    finding = one.assess(seen.state, before, NoSettings())

    if finding is not None:
        recorded = all(name in before for name in finding.offending)
        assert finding.at_most is (Autonomy.REVERT if recorded else Autonomy.ASK)


def test_what_is_a_risk_in_itself_needs_no_before() -> None:
    one = control({"alarms": False}, in_itself=frozenset({"alarms"}), default={"alarms": True})
    _, seen = look(one, weakening("alarms"))

    finding = one.assess(seen.state, None, NoSettings())

    assert finding is not None
    assert finding.at_most is Autonomy.REVERT


@pytest.mark.parametrize(
    ("made", "weak"),
    [
        (None, False),
        ("2026-11-24T11:58:00+00:00", False),
        ("2026-11-24T11:46:00Z", False),
        ("2026-11-24T11:44:00Z", True),
        ("2021-03-01T00:00:00Z", True),
        ("", True),
    ],
)
def test_a_thing_made_minutes_ago_is_judged_as_made(made: str | None, weak: bool) -> None:
    """Kind 3: Terraform and Kubernetes say `false` for what a new thing never had."""
    one = control({"alarms": False, MADE: made})
    _, seen = look(one, weakening("alarms"))

    assert MADE not in seen.state
    assert (one.assess(seen.state, None, NoSettings()) is not None) is weak
    assert one.assess(seen.state, {"alarms": True}, NoSettings()) is not None


def test_a_call_is_not_given_what_only_the_record_tells() -> None:
    one = control({"alarms": False}, put=lambda _thing, state, _names: Call("t", "P", state, on=()))
    candidate, seen = look(one, weakening("alarms"))

    (step,) = one.plan(candidate, seen, {"alarms": True}, NoSettings()).steps

    assert step.call.parameters == {"alarms": True}
    assert [call.parameters for call in step.undo] == [{"alarms": False}]


def test_a_candidate_that_was_told_nothing_carries_nothing() -> None:
    one = control({"alarms": False}, candidates=lambda _: [Candidate(THING, Certainty.POSSIBLE)])
    candidate, seen = look(one, weakening("alarms"))

    assert candidate.hint == {}
    assert seen.state == {"alarms": False}
