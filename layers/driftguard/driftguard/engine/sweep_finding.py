"""Decides on what the sweep found: looks at it again, then decides as for a change.

A sweep's finding has no known actor or time, and the sweep comes by every day. So the same state of
the same resource is one decision: people are not asked again about what they accepted, but they are
asked about what was reverted and is there once more. Only the state as it is now counts.
"""

from __future__ import annotations

from dataclasses import replace

from driftguard.audit.items import decision_id
from driftguard.documents import Document
from driftguard.guardrails import declared
from driftguard.model import Actor, Change, Decision, Observation, Status
from driftguard.state import history
from driftguard.state.keys import history_key

from . import judging, thaw
from .case import Case
from .comparing import Assessment
from .decide import record
from .errors import NotYet
from .judging import judge
from .resume import resume, waits

CHANGE = "found by the sweep"
_SOURCE = "driftguard.sweep"
# A person's word, what is still to come of one, or what people know to have failed: that stands.
_FINAL = frozenset(
    {
        Status.ASKED,
        Status.APPROVED,
        Status.REVERTING,
        Status.FAILED,
        Status.EXPIRED,
        Status.UNDOING,
        Status.UNDONE,
    }
)


def decide(case: Case) -> Decision | None:
    """The decision on what was found; None if all is well, or it was decided on before."""
    known = case.context.audit.many(history.decisions(_stored(case)))
    observation, assessment = look(case)
    for decision in known:
        if not decision.settled:
            # The message of a change, or of an approval, takes its own decision up again.
            if not decision.actor.is_unattributed or decision.status is Status.APPROVED:
                return None
            if waits(case, decision):
                return None
            return resume(case, decision, observation, assessment)
    if assessment is None:
        return None
    if assessment.finding.unknown and not case.last_chance:
        raise NotYet(assessment.finding.unknown)
    if standing(case, assessment) is not None:
        return None
    frozen = decided(case, assessment.observation)
    if frozen is not None and thaw.was_frozen(frozen):
        # The command at the freeze's end may have been lost: the sweep makes up for it.
        return thaw.judge_anew(case, frozen)
    change = change_of(case, assessment.observation)
    return record(
        case,
        decision_id(change, case.control.id, case.candidate.resource),
        change,
        assessment,
        overtaken=lambda now: standing(now, assessment) is not None,
    )


def look(case: Case) -> tuple[Observation | None, Assessment | None]:
    """The state now, and why it is risky, with no record of any change.

    A resource that is off the list counts as removed only if it is known to have been on it.
    """
    observation, assessment = case.look()
    if assessment is None:
        case.must_know_baseline()
    if assessment is not None and case.control.vanishing and not _was_there(case):
        return observation, None
    return observation, assessment


def change_of(case: Case, observation: Observation) -> Change:
    """The change that stands for the finding, the same as long as its state stays decided on."""
    resource, seen = case.candidate.resource, case.seen(observation)
    earlier = history.decided(_stored(case), seen)
    return Change(
        id=f"sweep-{seen}" + (f"-after-{earlier}" if earlier else ""),
        source=_SOURCE,
        name=CHANGE,
        account=resource.account,
        region=resource.region,
        time=case.now(),
        actor=Actor.unattributed(),
    )


def standing(case: Case, assessment: Assessment) -> Decision | None:
    """The decision that already settles this very state; None if there is none.

    A change's decision that only observed covers the finding too, because it knew the actor. A
    sweep's decision stands until the policy lets the guard do more about the state.
    """
    earlier = decided(case, assessment.observation)
    if earlier is None or earlier.status in _FINAL:
        return earlier
    if earlier.status is Status.DENIED:
        return earlier if _lets_stand(case, earlier) else None
    if earlier.status is Status.EXEMPTED:
        return earlier if _is_exempt(case, earlier, assessment) else None
    if thaw.was_frozen(earlier) and not thaw.is_frozen(case):
        return None
    if earlier.status is Status.OBSERVED:
        return (
            None if earlier.actor.is_unattributed and _more(case, earlier, assessment) else earlier
        )
    return None


def accepted(case: Case, assessment: Assessment) -> Decision | None:
    """The decision by which people let this very state stand until now; None if there is none."""
    earlier = decided(case, assessment.observation)
    if earlier is None or earlier.status is not Status.DENIED:
        return None
    return earlier if _lets_stand(case, earlier) else None


def _lets_stand(case: Case, denied: Decision) -> bool:
    until = max((vote.until for vote in denied.votes), default="")
    return not until or case.now() < until


def decided(case: Case, observation: Observation) -> Decision | None:
    """The last decision on this very state."""
    id_ = history.decided(_stored(case), case.seen(observation))
    return case.context.audit.get(id_) if id_ else None


def _more(case: Case, earlier: Decision, assessment: Assessment) -> bool:
    """Whether the guard may do more about the state now."""
    judged = judge(case, earlier.id, change_of(case, assessment.observation), assessment)
    return judged.autonomy > earlier.autonomy


def _is_exempt(case: Case, earlier: Decision, assessment: Assessment) -> bool:
    """Whether the exemption of that time still holds, for the actor of that time."""
    change = replace(change_of(case, assessment.observation), actor=earlier.actor)
    asked = judging.of_change(case, earlier.id, change, assessment)
    return declared.exemption(replace(asked, tags=case.tags_that_count())) is not None


def _was_there(case: Case) -> bool:
    return case.baseline is not None and case.baseline.state.get("exists") is not False


def _stored(case: Case) -> Document:
    return case.remembered[history_key(case.control.id, case.candidate.resource)].document
