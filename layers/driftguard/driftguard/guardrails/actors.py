"""Guardrails about who made the change."""

from __future__ import annotations

from driftguard.model import Autonomy
from driftguard.policy.bounds import carries, is_of

from .circumstances import TAGS_ASK, Circumstances, by_tag_at_most
from .claims import CLAIMED
from .guardrail import AtMost


def own_change(case: Circumstances) -> AtMost | None:
    """A plan itself made the change: Driftguard never reverts its own calls."""
    if not case.actor.is_any_of(case.own_roles):
        return None
    return AtMost(Autonomy.OBSERVE, "Driftguard's own remediator made this change")


def break_glass(case: Circumstances) -> AtMost | None:
    """Somebody acts in an emergency: nothing is touched, and everybody hears of it."""
    for entry in case.policy.bounds.break_glass:
        if is_of(entry.actor, case.actor):
            reason = (
                f"break-glass: {case.actor.name} acts in an emergency ({entry.reason}), {CLAIMED}"
            )
            return AtMost(Autonomy.OBSERVE, reason)
    return None


def ownership(case: Circumstances) -> AtMost | None:
    """A deployment pipeline owns the resource: its next deployment would undo the revert."""
    limit, more = case.policy.bounds.ownership.autonomy, ""
    owner = _maker(case)
    if not owner and (owner := _tagger(case)):
        autonomy = by_tag_at_most(case, limit)
        limit, more = autonomy, TAGS_ASK if autonomy > limit else ""
    if limit is Autonomy.REVERT or not owner:
        return None
    reason = f"owned by {owner}: mend it there, or the next deployment brings it back{more}"
    return AtMost(limit, reason)


def _maker(case: Circumstances) -> str:
    """The pipeline that made the change, in words; "" for none."""
    terms, actor = case.policy.bounds.ownership, case.actor
    # AWS itself writes these when a service calls for somebody; no caller can.
    if actor.source == "cloudformation.amazonaws.com":
        return f"CloudFormation, for {actor.name} {CLAIMED}"
    for role in terms.roles:
        if is_of(role, actor):
            return f"the deployment role {actor.name} {CLAIMED}"
    if terms.believe_agents:
        for word, tool in _AGENTS:
            if word in actor.agent.lower():
                return f"{tool}, by its user agent, run by {actor.name} {CLAIMED}"
    return ""


def _tagger(case: Circumstances) -> str:
    """The pipeline that tags the resource as its own, in words; "" for none."""
    for name, value in case.policy.bounds.ownership.tags.items():
        if case.tags is not None and carries(case.tags, {name: value}):
            return f"the pipeline that tags it {name}={case.tags[name]}"
    return ""


_AGENTS = (
    ("terraform", "Terraform"),
    ("opentofu", "OpenTofu"),
    ("pulumi", "Pulumi"),
    ("aws-cdk", "the AWS CDK"),
    ("cloudformation", "CloudFormation"),
)


def unattributed(case: Circumstances) -> AtMost | None:
    """The sweep found the state: its actor and time are unknown, and it may be years old."""
    terms = case.policy.bounds.sweep
    if not case.actor.is_unattributed or terms.autonomy is Autonomy.REVERT:
        return None
    # Old or not, somebody asked for it now.
    limit = max(terms.autonomy, Autonomy.ASK) if case.wanted else terms.autonomy
    reason = f"found by the sweep, actor and time unknown: at most {limit.label}"
    return AtMost(limit, reason)
