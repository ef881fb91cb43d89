"""Learns from a clean look: the state becomes the baseline."""

from __future__ import annotations

from driftguard.aws.dynamodb import Moved
from driftguard.documents import Document
from driftguard.model import Observation, Status
from driftguard.state import baseline as baselines
from driftguard.state import history
from driftguard.state.keys import StateRecord, history_key

from .case import Case


def remember(case: Case, observation: Observation, why: str) -> bool:
    """Keeps a clean state as the baseline; False when it is the baseline already.

    A state is clean if it is weaker neither than the baseline before it nor than its anchor. So a
    baseline never becomes weaker. Raises `TooLarge` for a state too large to be a baseline.
    """
    if not case.keeps_baseline:
        return False
    now, record, known = case.moment(), case.remembered[case.baseline_key], case.baseline
    state = _as_swept(case, observation.state)
    if known is not None and state == known.state:
        again = baselines.checked(record, now)
        write(case, *([again] if again else []))
        return False
    if _is_asked_about(case):
        return False
    records = baselines.moved(
        record,
        case.control.id,
        case.candidate.resource,
        state,
        at=now,
        by="guard",
        why=why,
        anchored=False,
    )
    return write(case, *records)


def write(case: Case, *records: StateRecord) -> bool:
    """Writes what a clean look taught; False when somebody else was there first."""
    try:
        if records:
            case.context.state.write(*records)
    except Moved:
        # The other's look was as good as ours, and the next one finds what it wrote.
        return False
    return bool(records)


def _is_asked_about(case: Case) -> bool:
    """Whether people are asked about this resource, or will be; until the vote, no state is clean.

    Without a baseline only the change's own record may tell that a state is risky. A sweep, and the
    worker that carries out the vote, would take that state for clean; so would the second look at a
    preparation.
    """
    record = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    open_ = history.asked(record)
    decision = case.context.audit.get(open_) if open_ else None
    if decision is not None and decision.status in (
        Status.ASKED,
        Status.APPROVED,
        Status.REVERTING,
    ):
        return True
    told = history.decisions(record) if case.control.prepares else []
    return any(
        one.status is Status.OBSERVED and one.next_try for one in case.context.audit.many(told)
    )


def _as_swept(case: Case, state: Document) -> Document:
    """A state as the sweep sees it: without what only a change's record told of it.

    Otherwise every other look would make a new version. Momentary keys are left out likewise.
    """
    if not case.control.baselined:
        return state
    beyond = case.control.momentary | frozenset(case.candidate.hint)
    return {name: value for name, value in state.items() if name not in beyond}
