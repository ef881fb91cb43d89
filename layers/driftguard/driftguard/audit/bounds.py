"""Keeps a decision's record small: bounds what others can make large in it. Pure."""

from __future__ import annotations

from dataclasses import replace

from driftguard.model import Actor, Decision

from .plan_items import fitting
from .sizes import clipped, kept

# How many bytes a text may have that somebody else can choose.
_NAME = 500
_ARN = 2_048
_TEXT = 4_000
_REASON = 1_000
_MOST_RULINGS = 60
_MOST_LINES = 30


def bounded(decision: Decision) -> Decision:
    """The decision with whatever others can make large in it cut to a bound."""
    return replace(
        decision,
        title=clipped(decision.title, _NAME),
        summary=clipped(decision.summary, _TEXT),
        reason=clipped(decision.reason, _TEXT),
        change_id=clipped(decision.change_id, _NAME),
        change_name=clipped(decision.change_name, _NAME),
        change_time=clipped(decision.change_time, _NAME),
        actor=_bounded_actor(decision.actor),
        rulings=tuple(
            replace(ruling, reason=clipped(ruling.reason, _REASON))
            for ruling in decision.rulings[:_MOST_RULINGS]
        ),
        votes=tuple(
            replace(
                vote,
                reason=clipped(vote.reason, _REASON),
                person=clipped(vote.person, _NAME),
                identity=clipped(vote.identity, _ARN),
            )
            for vote in decision.votes
        ),
        remade_by=tuple(clipped(arn, _ARN) for arn in decision.remade_by),
        beside=tuple(clipped(line, _NAME) for line in decision.beside[:_MOST_LINES]),
        state=kept(decision.state, decision.before),
        left=kept(decision.left, decision.after),
        plan=fitting(decision.plan),
    )


def bounded_note(note: str) -> str:
    """A log entry's note, cut to a bound."""
    return clipped(note, _TEXT)


def bounded_name(name: str) -> str:
    """Who took a step, cut to a bound."""
    return clipped(name, _ARN)


def _bounded_actor(actor: Actor) -> Actor:
    return replace(
        actor,
        principal=clipped(actor.principal, _ARN),
        session=clipped(actor.session, _ARN),
        kind=clipped(actor.kind, _NAME),
        account=clipped(actor.account, _NAME),
        source=clipped(actor.source, _NAME),
        agent=clipped(actor.agent, _REASON),
        source_identity=clipped(actor.source_identity, _NAME),
        access_key=clipped(actor.access_key, _NAME),
        instance=clipped(actor.instance, _NAME),
    )
