"""What becomes of a question: carried out when approved, asked anew, or met with silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from . import guardrails, lessons, reverting
from .case import Case
from .guardrails import Circumstances
from .interruptions import NotYet
from .model import Answer, Autonomy, Decision, Facet, Risk, Status, Verdict
from .policy import Terms
from .state import Memory, Note

# Who answers where nobody does.
_SILENCE = "silence"
# These hold a revert back until somebody says yes; where policy takes silence for a yes, that is
# what was waited for. Every other ruling holds against silence too.
_FOR_WANT_OF_A_WORD = frozenset({"weak-record", "probe", "routine", "change-window"})


def carry_out(case: Case, decision: Decision) -> Decision:
    """Reverts an approved decision; a resource that has changed meanwhile is asked about anew.

    A freeze does not stop what people said yes to; it stops what only silence did.
    """
    by_silence = any(one.person == _SILENCE for one in decision.answers)
    if decision.status is Status.REVERTING or decision.resumable:
        facet, risk = case.look()
        return reverting.resume(case, decision, facet, risk, heeding_freeze=by_silence)
    if decision.status is not Status.APPROVED:
        return decision
    account = decision.suspect.resource.account
    frozen = guardrails.frozen(case.memory, decision.control, account, case.moment())
    if frozen and by_silence:
        case.put_off(decision, frozen)
    facet, risk = case.look()
    if facet is None or risk is None:
        return case.end(decision, Status.REVERTED, "safe already when approved", facet)
    if case.fingerprint(facet) != decision.before:
        return _ask_anew(case, decision, facet, risk)
    taken = case.take(
        replace(decision, status=Status.REVERTING, attempt=0), "carrying-out", "approved"
    )
    return reverting.revert(case, taken, facet)


def _ask_anew(case: Case, decision: Decision, facet: Facet, risk: Risk) -> Decision:
    """Asks again, about the state as it is now: the answers so far were about another."""
    terms = case.guard.policy.terms(decision.control, decision.severity)
    anew = replace(
        decision,
        status=Status.ASKED,
        summary=risk.summary,
        plan=case.plan(facet),
        state=facet.state,
        before=case.fingerprint(facet),
        answers=(),
        expires=deadline(case, terms),
        updated=case.now(),
    )
    now, seen = case.moment(), case.seen(facet)
    return case.append(
        anew,
        "asked-anew",
        "the resource had changed since people were asked",
        lessons=lambda memory: (lessons.of_state(anew, memory, now, seen=seen),),
    )


def expire(case: Case, decision: Decision) -> Decision:
    """What silence means: the change stands, is taken back, or others are asked, once."""
    if decision.status in (Status.APPROVED, Status.REVERTING) or decision.resumable:
        return carry_out(case, decision)
    if decision.status is not Status.ASKED or case.now() < decision.expires:
        return decision
    terms = case.guard.policy.terms(decision.control, decision.severity)
    if terms.on_expiry == "escalate" and not decision.escalated:
        longer = replace(
            decision, escalated=True, expires=deadline(case, terms), updated=case.now()
        )
        return case.append(longer, "escalated", f"nobody answered until {decision.expires}")
    held_back = _held_back(case, decision) if terms.on_expiry == "revert" else ""
    if terms.on_expiry == "revert" and not held_back:
        return carry_out(case, _approved_by_silence(case, decision))
    note = f"nobody answered until {decision.expires}: the change stands"
    if held_back:
        note += f"; silence would revert it, but {held_back}"
    expired = replace(decision, status=Status.EXPIRED, reason=note, updated=case.now())
    return case.append(expired, "expired", note, by=_SILENCE)


def _approved_by_silence(case: Case, decision: Decision) -> Decision:
    """No person said yes to it, so it counts against the breaker like any revert of our own."""
    silence = Answer(_SILENCE, Verdict.REVERT, "expiry", case.now(), decision.before)
    approved = replace(
        decision,
        status=Status.APPROVED,
        answers=(*decision.answers, silence),
        updated=case.now(),
    )
    policy, now = case.guard.policy, case.moment()

    def learn(memory: Memory) -> Iterator[Note]:
        # Others wrote meanwhile: perhaps they took the breaker's last place, or froze everything.
        moved = memory is not case.memory
        why = _held_back(replace(case, memory=memory), decision) if moved else ""
        if why:
            raise NotYet(why)
        yield lessons.counted(decision, memory, policy, now)

    note = f"nobody answered until {decision.expires}: policy reverts"
    return case.append(approved, "approved", note, by=_SILENCE, lessons=learn)


def _held_back(case: Case, decision: Decision) -> str:
    """What forbids a revert that no person said yes to; "" when nothing does."""
    if case.guard.policy.granted(decision.control) is Autonomy.OBSERVE:
        # It was asked about because it was unusual: that never causes a revert.
        return "policy grants observe"
    return "; ".join(
        one.reason
        for one in guardrails.rulings(_circumstances(case, decision))
        if one.limit is Autonomy.OBSERVE
        or (one.limit is Autonomy.ASK and one.guardrail not in _FOR_WANT_OF_A_WORD)
    )


def _circumstances(case: Case, decision: Decision) -> Circumstances:
    """What guardrails look at, as it is when a question's time is up."""
    suspicions = [one.limit for one in decision.rulings if one.guardrail == "suspicion"]
    return Circumstances(
        decision=decision.id,
        control=decision.control,
        severity=case.control.severity,
        resource=decision.suspect.resource,
        actor=decision.actor,
        time=decision.change_time,
        plan=decision.plan,
        policy=case.guard.policy,
        ceiling=case.guard.ceiling,
        memory=case.memory,
        now=case.moment(),
        remediator=case.guard.remediator_role_arn,
        baselined=case.keeps_baseline,
        leans_on_baseline=case.keeps_baseline,
        tags=case.tags_that_count(),
        in_use=case.in_use(decision.state),
        at_most=min(suspicions, default=Autonomy.REVERT),
    )


def deadline(case: Case, terms: Terms) -> str:
    """Until when a question stays open."""
    return case.now(timedelta(seconds=terms.seconds))
