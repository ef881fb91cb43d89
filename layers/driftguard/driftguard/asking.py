"""What becomes of a question: carried out when approved, asked anew, or met with silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from . import guardrails, holding, lessons, reverting
from .case import Case
from .holding import SILENCE
from .interruptions import NotYet
from .model import Answer, Decision, Facet, Risk, Status, Verdict
from .policy import Terms
from .state import Memory, Note

# EventBridge Scheduler keeps time to the minute: it may ring so long before the deadline.
# Source: EventBridge Scheduler User Guide, "Schedule types".
_TIMERS_MINUTE = timedelta(minutes=1)


def carry_out(case: Case, decision: Decision) -> Decision:
    """Reverts an approved decision; a resource that has changed meanwhile is asked about anew.

    A freeze does not stop what people said yes to; it stops what only silence did.
    """
    if decision.status is Status.REVERTING or decision.resumable:
        facet, risk = case.look()
        return reverting.resume(case, decision, facet, risk)
    if decision.status is not Status.APPROVED:
        return decision
    if holding.by_silence(decision):
        account = decision.suspect.resource.account
        frozen = guardrails.frozen(case.memory, decision.control, account, case.moment())
        if frozen:
            case.put_off(decision, frozen)
        if held_back := holding.silences_act(case, decision):
            return _expired(case, decision, held_back)
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
    if decision.status is not Status.ASKED:
        return decision
    if case.now() < decision.expires:
        if decision.expires <= case.now(_TIMERS_MINUTE):
            raise NotYet(f"{decision.id} is open until {decision.expires}")
        # A timer of an earlier deadline.
        return decision
    terms = case.guard.policy.terms(decision.control, decision.severity)
    if terms.on_expiry == "escalate" and not decision.escalated:
        longer = replace(
            decision, escalated=True, expires=deadline(case, terms), updated=case.now()
        )
        return case.append(longer, "escalated", f"nobody answered until {decision.expires}")
    held_back = holding.silence(case, decision) if terms.on_expiry == "revert" else ""
    if terms.on_expiry == "revert" and not held_back:
        return carry_out(case, _approved_by_silence(case, decision))
    return _expired(case, decision, held_back)


def _expired(case: Case, decision: Decision, held_back: str) -> Decision:
    """The change stands; `held_back` says what kept silence from taking it back, if it would."""
    note = f"nobody answered until {decision.expires}: the change stands"
    if held_back:
        note += f"; silence would revert it, but {held_back}"
    expired = replace(decision, status=Status.EXPIRED, reason=note, updated=case.now())
    return case.append(expired, "expired", note, by=SILENCE)


def _approved_by_silence(case: Case, decision: Decision) -> Decision:
    """No person said yes to it, so it counts against the breaker like any revert of our own."""
    silence = Answer(SILENCE, Verdict.REVERT, "expiry", case.now(), decision.before)
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
        why = holding.silence(replace(case, memory=memory), decision) if moved else ""
        if why:
            raise NotYet(why)
        yield lessons.counted(decision, memory, policy, now)

    note = f"nobody answered until {decision.expires}: policy reverts"
    return case.append(approved, "approved", note, by=SILENCE, lessons=learn)


def deadline(case: Case, terms: Terms) -> str:
    """Until when a question stays open."""
    return case.now(timedelta(seconds=terms.seconds))
