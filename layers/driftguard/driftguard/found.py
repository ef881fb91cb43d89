"""What the sweep found: looked at again, and decided by the same code as a change.

Nobody is known to have made it, and the sweep comes by every day. So the same state of the same
thing is one decision: what people let stand is not put to them again, and what was taken back and
is there once more is. Whatever the sweep saw, it is what is there now that counts.
"""

from __future__ import annotations

from dataclasses import replace

from . import deciding, guardrails, past, reverting
from .case import Case
from .interruptions import NotYet
from .model import Actor, Change, Decision, Document, Facet, Risk, Status, decision_id
from .state import past_key

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
    known = case.guard.audit.many(past.decisions(_note(case)))
    facet, risk = look(case)
    for one in known:
        if not one.settled:
            # The message of a change, or an answer's, takes its own decision up again.
            if not one.actor.is_nobody or one.status is Status.APPROVED:
                return None
            return reverting.resume(case, one, facet, risk)
    if facet is None or risk is None:
        return None
    if risk.unknown and not case.last_chance:
        raise NotYet(risk.unknown)
    if standing(case, facet, risk) is not None:
        return None
    change = change_of(case, facet)
    return deciding.record(
        case,
        decision_id(change, case.control.id, case.suspect.resource),
        change,
        facet,
        risk,
        overtaken=lambda now: standing(now, facet, risk) is not None,
    )


def look(case: Case) -> tuple[Facet | None, Risk | None]:
    """The state now, and why it is risky, with no record of any change.

    What is off the list was taken from it only if it is known to have been on it.
    """
    facet, risk = case.look()
    if risk is not None and case.control.vanishing and not _was_there(case):
        return facet, None
    return facet, risk


def change_of(case: Case, facet: Facet) -> Change:
    """The change that stands for what was found: the same one while its state stays decided on."""
    resource, seen = case.suspect.resource, case.seen(facet)
    earlier = past.decided(_note(case), seen)
    return Change(
        id=f"sweep-{seen}" + (f"-after-{earlier}" if earlier else ""),
        source=_SOURCE,
        name=CHANGE,
        account=resource.account,
        region=resource.region,
        time=case.now(),
        actor=Actor.nobody(),
    )


def standing(case: Case, facet: Facet, risk: Risk) -> Decision | None:
    """The decision that already says what becomes of this very state; None where none does.

    One that was only observed, for a change was made, lets it stand: who made it was known then.
    One that a sweep led to stands until more may be done about it: policy grants more by now.
    """
    id_ = past.decided(_note(case), case.seen(facet))
    earlier = case.guard.audit.get(id_) if id_ else None
    if earlier is None or earlier.status in _FINAL:
        return earlier
    if earlier.status is Status.DENIED:
        until = max((one.until for one in earlier.answers), default="")
        return earlier if not until or case.now() < until else None
    if earlier.status is Status.EXEMPTED:
        return earlier if _is_exempt(case, earlier, facet, risk) else None
    if earlier.status is Status.OBSERVED:
        return None if earlier.actor.is_nobody and _more(case, earlier, facet, risk) else earlier
    return None


def _more(case: Case, earlier: Decision, facet: Facet, risk: Risk) -> bool:
    """Whether more would be done about it now."""
    judged = deciding.judge(case, earlier.id, change_of(case, facet), facet, risk)
    return judged.autonomy > earlier.autonomy


def _is_exempt(case: Case, earlier: Decision, facet: Facet, risk: Risk) -> bool:
    """Whether what exempted it still does, for who made it then."""
    change = replace(change_of(case, facet), actor=earlier.actor)
    asked = deciding.circumstances(case, earlier.id, change, facet, risk)
    return guardrails.exemption(replace(asked, tags=case.tags_that_count())) is not None


def _was_there(case: Case) -> bool:
    return case.baseline is not None and case.baseline.state.get("exists") is not False


def _note(case: Case) -> Document:
    return case.memory[past_key(case.control.id, case.suspect.resource)].document
