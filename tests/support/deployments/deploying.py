"""Deployments by a principal, as CloudTrail records them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from driftguard.engine.guard import Guard
from driftguard.model import Change, Decision
from tests.support.world import World


def with_settings(guard: Guard, control: str, **settings: object) -> Guard:
    """The guard with these settings of a control."""
    policy = replace(guard.policy, settings={**guard.policy.settings, control: settings})  # type: ignore[dict-item]
    return replace(guard, policy=policy)


@dataclass(frozen=True)
class By:
    """The decisions of one control on a change."""

    world: World
    control: str

    def on(self, change: Change, *, last: bool = False, guard: Guard | None = None) -> Decision:
        """The one decision of the control."""
        (found,) = self.all_on(change, last=last, guard=guard)
        return found

    def all_on(
        self, change: Change, *, last: bool = False, guard: Guard | None = None
    ) -> list[Decision]:
        found = (guard or self.world.guard).handle(change, last_chance=last)
        return [one for one in found if one.control == self.control]
