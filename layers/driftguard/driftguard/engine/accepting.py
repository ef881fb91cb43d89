"""Makes what an operator accepted the baseline: the state that the guard itself reads.

The operator names the state by its fingerprint. The guard reads the resource, and refuses where it
reads anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from driftguard.audit import Entry
from driftguard.documents import text
from driftguard.model import Candidate, Certainty, Decision, Resource
from driftguard.state import baseline
from driftguard.state.keys import StateRecord, StateRecords, TooLarge

from . import recording
from .case import Case
from .errors import Unauthorized

if TYPE_CHECKING:
    from driftguard.controls.control import AnyControl

    from .context import Context

REQUESTED = "accept-baseline"
ACCEPTED, REFUSED = "baseline-accepted", "baseline-refused"


def request_of(decision: Decision, log: list[Entry], number: int) -> Entry | None:
    """The entry that asks for the acceptance; None if the guard has answered it.

    Raises `Unauthorized` where the entry is no such request.
    """
    request = next((entry for entry in log if entry.number == number), None)
    if request is None or request.event != REQUESTED or decision.change_name != REQUESTED:
        raise Unauthorized(
            f"entry {number} of the log of {decision.id} accepts no baseline: nothing is done"
        )
    answered = any(entry.event in (ACCEPTED, REFUSED) for entry in log)
    return None if answered else request


def candidate_of(context: Context, control: AnyControl, named: Resource) -> Candidate | None:
    """The resource, with the id that its service knows it by: recorded, or listed by the control.

    None where the control lists no resource of this ARN.
    """
    if named.id != named.arn and named.id:
        return Candidate(named, Certainty.POSSIBLE)
    reader = context.aws.reader(context.account, named.region)
    for listed in control.inventory(reader):
        if listed.arn == named.arn:
            return Candidate(listed, Certainty.POSSIBLE)
    return None


def accept(case: Case, decision: Decision, request: Entry) -> Decision:
    """Records the state as the baseline if it is what was accepted; else why it is not."""
    fingerprint = text(decision.state, "fingerprint")
    observation = case.observe()
    if observation is None:
        return refuse(case, decision, "it is gone: there is no state to accept")
    seen = case.seen(observation)
    if seen != fingerprint:
        return refuse(
            case, decision, f"the guard reads another state: {seen}, and not {fingerprint}"
        )
    beyond = case.control.momentary | frozenset(case.candidate.hint)
    state = {name: part for name, part in observation.state.items() if name not in beyond}
    summary = f"what {case.control.id} reads of {case.candidate.resource.arn} is its baseline now"
    accepted = replace(
        decision, title="Baseline accepted", summary=summary, left=state, updated=case.now()
    )

    def learn(remembered: StateRecords) -> Iterator[StateRecord]:
        yield from baseline.moved(
            remembered[case.baseline_key],
            case.control.id,
            case.candidate.resource,
            state,
            at=case.moment(),
            by=request.by,
            why=decision.reason,
            anchored=True,
            word=_word(decision, case.now()),
        )

    try:
        return recording.append(case, accepted, ACCEPTED, summary, taught=learn)
    except TooLarge as error:
        return refuse(case, decision, str(error))


def refuse(case: Case, decision: Decision, why: str) -> Decision:
    """Records why nothing was accepted."""
    refused = replace(decision, title="Baseline not accepted", summary=why, updated=case.now())
    return recording.append(case, refused, REFUSED, why)


def _word(decision: Decision, at: str) -> baseline.Word:
    """Who accepted it: each of them vouches for no change of their own."""
    person, identity = text(decision.state, "person"), decision.actor.session
    agreed = decision.state.get("agreed")
    others = agreed if isinstance(agreed, list) else []
    return baseline.Word(
        person, identity, at, tuple((str(one[0]), str(one[1])) for one in others if _is_pair(one))
    )


def _is_pair(one: object) -> bool:
    return isinstance(one, list) and len(one) == 2
