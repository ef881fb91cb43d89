"""Names what guardrails have to know beside the record of a change and the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeAlias

from driftguard.model import Actor, Autonomy
from driftguard.policy.bounds import Scope
from driftguard.policy.model import Policy


class Need(Enum):
    """What a guardrail has to know: the resource or what it is in use for, its tags, the stack, or
    the stack's state records.
    """

    RESOURCE = "resource"
    USE = "use"
    TAGS = "tags"
    STACK = "stack"
    STATE = "state"


class Known(NamedTuple):
    """What is known of a change without a look: its actor, the control, the policy.

    `remediates`: the control can take the risk back. `baselined`: it does so by a baseline.
    `cuts`: its revert can cut more than the opened access. `prepares`: what it finds may be a
    preparation.
    """

    actor: Actor
    control: str
    policy: Policy
    remediates: bool
    baselined: bool
    cuts: bool
    prepares: bool


Needs: TypeAlias = Callable[[Known], Need | None]


def anything(_known: Known) -> Need | None:
    """The guardrail may look at anything, the resource too."""
    return Need.RESOURCE


def nothing(_known: Known) -> Need | None:
    """The record and the policy suffice."""
    return None


def stack(_known: Known) -> Need | None:
    """The stack's parameters."""
    return Need.STACK


def state(_known: Known) -> Need | None:
    """The stack's state records."""
    return Need.STATE


def remediator(known: Known) -> Need | None:
    """The stack's remediator, which carries out one plan in a session named after the decision."""
    # Only here, and only for `driftguard explain`: no Lambda compiles the pattern.
    import re

    return Need.STACK if re.search(r"/dg-[0-9a-f]{24}$", known.actor.session) else None


def plan(known: Known) -> Need | None:
    """The plan, and so the resource, unless the control never has a plan."""
    return Need.RESOURCE if known.remediates else None


def baseline(known: Known) -> Need | None:
    """The resource's baseline, if the control needs one."""
    return Need.STATE if known.baselined else None


def preparation(known: Known) -> Need | None:
    """The resource, where policy has people told of preparations first."""
    granted = known.policy.granted(known.control)
    held = known.policy.bounds.preparations is not None and granted is Autonomy.ASK
    return Need.RESOURCE if held and known.prepares else None


def use(known: Known) -> Need | None:
    """What the resource is in use for, where the policy looks at that."""
    return Need.USE if known.policy.looks_at_use(known.control) else None


def cuts(known: Known) -> Need | None:
    """What the resource is in use for, where the revert can cut that."""
    may = known.control in known.policy.may_cut
    return Need.USE if known.cuts and known.remediates and not may else None


def rollout(known: Known) -> Need | None:
    """When the control's entry was first seen, where the policy rolls entries out."""
    terms = known.policy.bounds.rollout
    return Need.STATE if terms.observe or terms.ask else None


def outcomes(known: Known) -> Need | None:
    """The control's record, where its autonomy is to be earned."""
    earns = known.policy.earns(known.control) and known.remediates
    return Need.STATE if earns else None


def anomaly_baseline(known: Known) -> Need | None:
    """What is usual here, where the policy asks about what is routine."""
    anomalies = known.policy.bounds.anomalies
    return Need.STATE if anomalies is not None and anomalies.routine else None


def tags_of_protected(known: Known) -> Need | None:
    """The resource's tags, where anything is protected by tag."""
    return _tags(known.control, (limit.scope for limit in known.policy.bounds.protected))


def tags_of_change_windows(known: Known) -> Need | None:
    """The resource's tags, where a change window is for resources with a tag."""
    windows = known.policy.bounds.change_windows
    return _tags(known.control, (window.scope for window in windows))


def tags_of_pipelines(known: Known) -> Need | None:
    """The resource's tags, where pipelines mark what they own."""
    terms = known.policy.bounds.ownership
    return Need.TAGS if terms.tags and terms.autonomy < Autonomy.REVERT else None


def tags_that_count(known: Known) -> Need | None:
    """The resource's tags where the policy says that they count, else the stack's exemptions."""
    return Need.TAGS if known.policy.needs_tags(known.control) else Need.STATE


def _tags(control: str, scopes: Iterable[Scope]) -> Need | None:
    depends = any(
        scope.tags and any(fnmatchcase(control, pattern) for pattern in scope.controls)
        for scope in scopes
    )
    return Need.TAGS if depends else None
