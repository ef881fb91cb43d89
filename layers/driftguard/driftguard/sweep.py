"""The sweep: reads what the controls keep baselines of, and records what is clean.

It changes nothing and decides nothing: a state that is already risky is named, and not recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import controls
from .aws import AwsError
from .case import Case
from .controls.control import AnyControl
from .model import Certainty, Resource, Suspect
from .pipeline import Guard


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweep found of one resource: `recorded`, `unchanged`, `risky`, `gone`, `failed`."""

    control: str
    resource: Resource | None
    outcome: str
    note: str = ""


def sweep(guard: Guard, region: str, only: Iterable[AnyControl] | None = None) -> Iterator[Swept]:
    """Records the baseline of every resource that a control keeps one of, in one region.

    `only` are the controls to sweep for, all of them if None. A service that cannot be listed is
    named as failed, and the sweep goes on with the next.
    """
    for control in controls.every() if only is None else only:
        if not control.baselined:
            continue
        try:
            for resource in control.inventory(guard.aws.reader(guard.account, region)):
                yield _one(guard, control.id, resource)
        except AwsError as error:
            yield Swept(control.id, None, "failed", str(error))


def _one(guard: Guard, control_id: str, resource: Resource) -> Swept:
    control = controls.control(control_id)
    settings = guard.policy.settings_of(control.id, control.settings)
    suspect = Suspect(resource, Certainty.POSSIBLE)
    case = Case(guard, control, settings, suspect, last_chance=False).recalled()
    facet, risk = case.look()
    if facet is None:
        return Swept(control.id, resource, "gone")
    if risk is not None:
        return Swept(control.id, resource, "risky", risk.summary)
    recorded = case.remember(facet, "swept")
    return Swept(control.id, resource, "recorded" if recorded else "unchanged")
