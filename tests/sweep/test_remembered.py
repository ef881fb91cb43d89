"""What is remembered for the sweep: which states were decided on, and how far a round has come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driftguard import lessons, past
from driftguard.model import Document, Json
from driftguard.rounds import progress_of
from driftguard.state import Note, round_key
from tests.conftest import REGION
from tests.guardrails.circumstances import NOW

STATES = st.sampled_from([f"{one:016x}" for one in range(40)])
DECISIONS = st.integers(0, 10**6).map(lambda one: f"dg-{one:024x}")
decided = st.lists(st.tuples(STATES, DECISIONS), max_size=60)
anything: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=5), one, max_size=3),
    max_leaves=8,
)


def noted(all_: list[tuple[str, str]]) -> Document:
    note: Document = {"reverts": [{"decision": "kept"}], "question": {"decision": "kept"}}
    for state, decision in all_:
        note = past.with_state(note, decision, state)
    return note


@given(decided, STATES, DECISIONS)
def test_a_state_is_known_by_the_decision_made_on_it_last(
    before: list[tuple[str, str]], state: str, decision: str
) -> None:
    note = past.with_state(noted(before), decision, state)
    assert past.decided(note, state) == past.decisions(note)[0] == decision
    assert len(past.decisions(note)) <= 20
    newest_first = list(dict.fromkeys([state, *(one for one, _ in reversed(before))]))
    last = {**dict(before), state: decision}
    for one in newest_first[:20]:
        assert past.decided(note, one) == last[one]
    for one in newest_first[20:]:
        assert past.decided(note, one) == ""
    assert (note["reverts"], note["question"]) == ([{"decision": "kept"}], {"decision": "kept"})


@given(st.dictionaries(st.sampled_from(["decided", "question"]), anything), STATES, DECISIONS)
def test_a_note_that_the_guard_did_not_write_is_read_and_written_over(
    note: Document, state: str, decision: str
) -> None:
    assert isinstance(past.decided(note, state), str)
    assert all(past.decisions(note))
    assert past.decided(past.with_state(note, decision, state), state) == decision


@given(st.dictionaries(st.sampled_from(["began", "control", "skip", "sent"]), anything))
def test_how_far_a_round_has_come_is_read_from_anything(document: Document) -> None:
    progress = progress_of(Note(round_key(REGION), document, 1))
    assert progress.skip >= 0
    assert progress.sent >= 0


@given(st.integers(1, 10), st.integers(-40, 40).filter(lambda one: one != 15))
def test_what_a_sweep_still_meets_is_kept_and_is_not_written_every_day(
    version: int, days_left: int
) -> None:
    note = Note(
        ("past#c", "arn"), {"decided": []}, version, int(NOW.timestamp()) + days_left * 86_400
    )
    longer = lessons.kept_on(note, NOW)
    assert (longer is None) == (days_left > 15)
    if longer is not None:
        assert longer.expires == int(NOW.timestamp()) + 30 * 86_400
        assert (longer.document, longer.version) == (note.document, note.version)
