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

    `only` are the controls to sweep for, all of them if None. A service that cannot be listed, or a
    resource that cannot be looked at, is named as failed, and the sweep goes on with the next.
    """
    for control in controls.every() if only is None else only:
        if not control.baselined:
            continue
        try:
            for resource in control.inventory(guard.aws.reader(guard.account, region)):
                yield _one(guard, control, resource)
        except AwsError as error:
            yield Swept(control.id, None, "failed", str(error))


def _one(guard: Guard, control: AnyControl, resource: Resource) -> Swept:
    try:
        return _looked_at(guard, control, resource)
    except Exception as error:  # noqa: BLE001 - whatever it is, it hides no other resource
        return Swept(control.id, resource, "failed", f"{type(error).__name__}: {error}")


def _looked_at(guard: Guard, control: AnyControl, resource: Resource) -> Swept:
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
