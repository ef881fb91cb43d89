"""A person who says yes to what was asked."""

from __future__ import annotations

from dataclasses import replace

from driftguard.desk import Desk
from driftguard.model import Answer, Decision, Verdict
from driftguard.pipeline import Guard
from driftguard.policy import Person

BOB = Person("bob", slack=("U2",))


def approved(guard: Guard, decision: Decision) -> Decision:
    """What becomes of a question once Bob has approved the revert, and the guard carried it out."""
    policy = replace(guard.policy, people=(*guard.policy.people, BOB))
    desk = Desk(guard.audit, guard.state, policy, guard.now)
    yes = Answer(BOB.name, Verdict.REVERT, "slack", "now", decision.before)
    reply = desk.answer(decision.id, yes)
    assert reply.counted, reply.text
    return guard.carry_out(decision.id)
