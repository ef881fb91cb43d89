"""Keeps a decision's record small: bounds what others can make large in it. Pure."""

from __future__ import annotations

from dataclasses import replace

from driftguard.model import Actor, Candidate, Decision

from .plan_items import fitting
from .sizes import clipped, kept

# How many bytes a text may have that somebody else can choose.
_NAME = 500
# No ARN of AWS is longer, and no index takes a longer key. Sources: IAM API Reference, "Policy"
# (Arn); Amazon DynamoDB Developer Guide, "Quotas in Amazon DynamoDB".
LONGEST_ARN = 2_048
_TEXT = 4_000
_REASON = 1_000
_MOST_RULINGS = 60
_MOST_LINES = 30


def bounded(decision: Decision) -> Decision:
    """The decision with whatever others can make large in it cut to a bound."""
    return replace(
        decision,
        control=clipped(decision.control, _NAME),
        title=clipped(decision.title, _NAME),
        summary=clipped(decision.summary, _TEXT),
        reason=clipped(decision.reason, _TEXT),
        candidate=_bounded_candidate(decision.candidate),
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
                identity=clipped(vote.identity, LONGEST_ARN),
            )
            for vote in decision.votes
        ),
        remade_by=tuple(clipped(arn, LONGEST_ARN) for arn in decision.remade_by),
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
    return clipped(name, LONGEST_ARN)


def _bounded_candidate(candidate: Candidate) -> Candidate:
    resource = replace(
        candidate.resource,
        id=clipped(candidate.resource.id, LONGEST_ARN),
        account=clipped(candidate.resource.account, _NAME),
        region=clipped(candidate.resource.region, _NAME),
        kind=clipped(candidate.resource.kind, _NAME),
        arn=clipped(candidate.resource.arn, LONGEST_ARN),
    )
    return replace(candidate, resource=resource)


def _bounded_actor(actor: Actor) -> Actor:
    return replace(
        actor,
        principal=clipped(actor.principal, LONGEST_ARN),
        session=clipped(actor.session, LONGEST_ARN),
        kind=clipped(actor.kind, _NAME),
        account=clipped(actor.account, _NAME),
        source=clipped(actor.source, _NAME),
        agent=clipped(actor.agent, _REASON),
        source_identity=clipped(actor.source_identity, _NAME),
        access_key=clipped(actor.access_key, _NAME),
        instance=clipped(actor.instance, _NAME),
    )
