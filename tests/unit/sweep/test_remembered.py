"""What is remembered for the sweep: which states were decided on, and how far a round has come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driftguard.documents import Document, Json
from driftguard.state import history, learning
from driftguard.state.keys import StateRecord, round_key
from driftguard.sweep.rounds import progress_of
from tests.support.guardrails.circumstances import HERE, NOW

STATES = st.sampled_from([f"{one:016x}" for one in range(40)])
DECISIONS = st.integers(0, 10**6).map(lambda one: f"dg-{one:024x}")
decided = st.lists(st.tuples(STATES, DECISIONS), max_size=60)
anything: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=8,
)


def noted(all_: list[tuple[str, str]]) -> Document:
    stored: Document = {"reverts": [{"decision": "kept"}], "question": {"decision": "kept"}}
    for state, decision in all_:
        stored = history.with_state(stored, decision, state)
    return stored


@given(decided, STATES, DECISIONS)
def test_a_state_is_known_by_the_decision_made_on_it_last(
    before: list[tuple[str, str]], state: str, decision: str
) -> None:
    stored = history.with_state(noted(before), decision, state)
    assert history.decided(stored, state) == history.decisions(stored)[0] == decision
    assert len(history.decisions(stored)) <= 20
    newest_first = list(dict.fromkeys([state, *(one for one, _ in reversed(before))]))
    last = {**dict(before), state: decision}
    for one in newest_first[:20]:
        assert history.decided(stored, one) == last[one]
    for one in newest_first[20:]:
        assert history.decided(stored, one) == ""
    assert (stored["reverts"], stored["question"]) == ([{"decision": "kept"}], {"decision": "kept"})


@given(st.dictionaries(st.sampled_from(["decided", "question"]), anything), STATES, DECISIONS)
def test_a_note_that_the_guard_did_not_write_is_read_and_written_over(
    stored: Document, state: str, decision: str
) -> None:
    assert isinstance(history.decided(stored, state), str)
    assert all(history.decisions(stored))
    assert history.decided(history.with_state(stored, decision, state), state) == decision


@given(st.dictionaries(st.sampled_from(["began", "control", "skip", "sent"]), anything))
def test_how_far_a_round_has_come_is_read_from_anything(document: Document) -> None:
    progress = progress_of(StateRecord(round_key(HERE), document, 1))
    assert progress.skip >= 0
    assert progress.sent >= 0


@given(st.integers(1, 10), st.integers(-40, 40).filter(lambda one: one != 15))
def test_what_a_sweep_still_meets_is_kept_and_is_not_written_every_day(
    version: int, days_left: int
) -> None:
    stored = StateRecord(
        ("history#1#r#c", "arn"),
        {"decided": []},
        version,
        int(NOW.timestamp()) + days_left * 86_400,
    )
    longer = learning.kept_on(stored, NOW)
    assert (longer is None) == (days_left > 15)
    if longer is not None:
        assert longer.expires == int(NOW.timestamp()) + 30 * 86_400
        assert (longer.document, longer.version) == (stored.document, stored.version)
