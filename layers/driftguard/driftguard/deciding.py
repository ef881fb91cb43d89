"""From a change to a decision: look, judge, record; and act at once where that may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import asking, freezes, guardrails, lessons, past, reverting
from .audit import Conflict
from .case import LEASE, ROUNDS, Case
from .guardrails import Circumstances, Judgement
from .interruptions import Busy, NotYet
from .model import (
    Autonomy,
    Certainty,
    Change,
    Decision,
    Facet,
    Risk,
    Status,
    arns_of,
    decision_id,
)
from .state import Memory, Moved, past_key

# AWS is eventually consistent: how long to wait before a second look at what must be risky, in s.
SECOND_LOOK = 2.0
# So many ARNs of others who made the same again one question can name.
_MOST_MAKERS = 100

_STATUS = {
    Autonomy.REVERT: Status.REVERTING,
    Autonomy.ASK: Status.ASKED,
    Autonomy.OBSERVE: Status.OBSERVED,
}


def decide(case: Case, change: Change) -> Decision | None:
    """The decision on this change: a new one, an earlier delivery's, or None if all is well."""
    id_ = decision_id(change, case.control.id, case.suspect.resource)
    before, case = _recall(case, id_)
    _record_switches(case)
    if before is not None and before.settled:
        return before
    if before is not None and before.status is Status.APPROVED:
        return asking.carry_out(case, before)
    facet, risk = case.look()
    if before is not None:
        return reverting.resume(case, before, facet, risk)
    if risk is None and case.suspect.certainty is Certainty.EVIDENT:
        # The record proves that it was risky: AWS may merely answer late.
        case.guard.sleep(SECOND_LOOK)
        facet, risk = case.look()
    if facet is None:
        return None
    if risk is None:
        case.remember(facet, f"clean after {change.name} ({change.id})")
        if case.suspect.certainty is not Certainty.EVIDENT:
            # What was risky and is gone again is nobody's good habit.
            policy, now = case.guard.policy, case.moment()
            case.write(*lessons.of_clean(case.control.id, change, case.memory, policy, now))
        return None
    if risk.unknown and not case.last_chance:
        raise NotYet(risk.unknown)
    return record(case, id_, change, facet, risk)


def _recall(case: Case, id_: str) -> tuple[Decision | None, Case]:
    """The decision, if an earlier delivery made it, and the notes: all in one read."""
    state = case.guard.state
    before, found = case.guard.audit.recall(id_, *((state.name, key) for key in case.note_keys()))
    return before, replace(case, memory=Memory.of(found))


def record(
    case: Case,
    id_: str,
    change: Change,
    facet: Facet,
    risk: Risk,
    *,
    overtaken: Callable[[Case], bool] = lambda _case: False,
) -> Decision | None:
    """Judges, and records the decision with what it counts against; again if others were first.

    None where those have `overtaken` it: then it is not needed any more.
    """
    policy = case.guard.policy
    for round_ in range(ROUNDS):
        judged = judge(case, id_, change, facet, risk)
        decision = draft(case, id_, change, facet, risk, judged)
        joined = _joined(case, decision)
        if joined is not None:
            return joined
        notes = lessons.of_decision(
            decision, judged, case.memory, policy, case.moment(), seen=case.seen(facet)
        )
        try:
            decision = case.guard.audit.append(
                decision,
                event="decided",
                note=decision.reason,
                also=case.guard.state.writes(*notes),
            )
        except Conflict:
            raise Busy(f"another worker has just decided {id_}") from None
        except Moved:
            case.wait(round_)
            before, case = _recall(case, id_)
            if before is not None:
                raise Busy(f"another worker has just decided {id_}") from None
            if overtaken(case):
                return None
            continue
        if decision.status is Status.REVERTING:
            return reverting.revert(case, decision, facet)
        return decision
    raise NotYet(f"too many write what {id_} is decided by; it comes again")


def _record_switches(case: Case) -> None:
    """Records what was frozen or lifted around the console, once: nobody else could.

    What it is written by is not the guard's to write, so that it was recorded is known by its id.
    """
    for note in freezes.unrecorded(case.memory, case.control.id, case.suspect.resource.account):
        # Only here: nothing of it is needed while people go through the console.
        from . import operators

        found = operators.found(note, case.guard.account, case.moment())
        if found.id in case.guard.recorded:
            continue
        try:
            line = f"{found.summary}: {found.reason}"
            case.guard.audit.append(found, event=found.change_name, note=line)
        except Conflict:
            # Another worker was first, or this one before it was last started.
            pass
        case.guard.recorded.add(found.id)


# --------------------------------------------------------------------------------- judging


def judge(case: Case, id_: str, change: Change, facet: Facet, risk: Risk) -> Judgement:
    """How far this may go. Tags, and what a thing is in use for, are read only where they count."""
    asked = circumstances(case, id_, change, facet, risk)
    judged = guardrails.judge(asked)
    if judged.autonomy > Autonomy.OBSERVE and (tags := case.tags_that_count()) is not None:
        asked = replace(asked, tags=tags)
        judged = guardrails.judge(asked)
    if judged.autonomy is Autonomy.REVERT and (in_use := case.in_use(facet.state)):
        judged = guardrails.judge(replace(asked, in_use=in_use))
    return judged


def circumstances(case: Case, id_: str, change: Change, facet: Facet, risk: Risk) -> Circumstances:
    """What guardrails look at, without what only some policies ask for."""
    plan = case.plan(facet)
    return Circumstances(
        decision=id_,
        control=case.control.id,
        severity=case.control.severity,
        resource=case.suspect.resource,
        actor=change.actor,
        time=change.time,
        plan=plan,
        policy=case.guard.policy,
        ceiling=case.guard.ceiling,
        memory=case.memory,
        now=case.moment(),
        remediator=case.guard.remediator_role_arn,
        baselined=case.keeps_baseline,
        leans_on_baseline=case.leans_on_baseline(facet, plan),
        at_most=risk.at_most,
        at_most_why=risk.at_most_why,
    )


def draft(
    case: Case, id_: str, change: Change, facet: Facet, risk: Risk, judged: Judgement
) -> Decision:
    """The decision as it will be recorded."""
    status = _STATUS[judged.autonomy]
    if status is Status.OBSERVED and any(one.guardrail == "exemption" for one in judged.rulings):
        status = Status.EXEMPTED
    terms = case.guard.policy.terms(case.control.id, judged.severity)
    now = case.now()
    return Decision(
        id=id_,
        control=case.control.id,
        title=case.control.title,
        severity=judged.severity,
        suspect=case.suspect,
        change_id=change.id,
        change_name=change.name,
        change_time=change.time,
        actor=change.actor,
        status=status,
        summary=risk.summary,
        granted=judged.granted,
        autonomy=judged.autonomy,
        rulings=judged.rulings,
        plan=case.plan(facet),
        state=facet.state,
        before=case.fingerprint(facet),
        decided=now,
        updated=now,
        reason=judged.reason,
        attempt=1,
        lease_until=case.now(LEASE) if status is Status.REVERTING else "",
        required=terms.required,
        expires=asking.deadline(case, terms) if status is Status.ASKED else "",
    )


def _joined(case: Case, decision: Decision) -> Decision | None:
    """The open question about this very state, with this change noted in its log; None if none is.

    A script that makes a thing risky again and again is one question, not one a second.
    """
    if decision.status is not Status.ASKED:
        return None
    note = case.memory[past_key(case.control.id, case.suspect.resource)].document
    open_ = past.question(note, decision.before, case.now())
    asked = case.guard.audit.get(open_) if open_ and open_ != decision.id else None
    if asked is None or asked.status is not Status.ASKED or asked.before != decision.before:
        return None
    others = tuple(one for one in arns_of(decision.actor) if one not in asked.makers)
    if len(asked.remade_by) + len(others) > _MOST_MAKERS:
        return None
    # Whoever made it cannot keep it, whether first or again.
    again = replace(asked, remade_by=(*asked.remade_by, *others), updated=case.now())
    who = f"{decision.change_name} ({decision.change_id}) by {decision.actor.name}"
    try:
        return case.append(again, "again", f"made again by {who}")
    except Conflict:
        raise Busy(f"somebody is just answering {asked.id}") from None
