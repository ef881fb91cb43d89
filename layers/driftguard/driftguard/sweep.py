"""The sweep: looks at what the controls can list, records what is clean, and names what is not.

It changes nothing and decides nothing: what it names as `risky` is for the guard to look at again
and to decide on (`found`); `rounds` sends it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from . import baseline, controls, found, lessons
from .aws import AwsError, Throttled, Unreachable
from .case import Case
from .controls.control import AnyControl
from .model import Certainty, Facet, Resource, Risk, Suspect
from .pipeline import Guard
from .state import baselines_of, past_key

# What becomes of what was looked at. `standing`: risky, and decided on already. `unread`: AWS did
# not answer, and may the next time, or has no such service in the region; `failed` is for people.
OUTCOMES = ("recorded", "unchanged", "clean", "gone", "standing", "risky", "unread", "failed")

# IAM is of no region: each partition's events of it arrive in one, and there it is swept, once.
# Source: AWS CloudTrail User Guide, "Global service events".
_HOMES = frozenset({"us-east-1", "cn-north-1", "us-gov-west-1"})


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweep found of one resource: one of `OUTCOMES`, and for some of them why.

    Without a resource, a control could not list what there is.
    """

    control: str
    resource: Resource | None
    outcome: str
    note: str = ""


def sweep(guard: Guard, region: str, only: Iterable[AnyControl] | None = None) -> Iterator[Swept]:
    """Looks at all that these controls, or all that there are, can list in one region."""
    for control in in_order(region, only):
        yield from looked_at(guard, control, region)


def in_order(region: str, only: Iterable[AnyControl] | None = None) -> list[AnyControl]:
    """The controls, of these or of all, that are swept in a region, the most severe first."""
    some = controls.every() if only is None else only
    here = (one for one in some if one.swept and (region in _HOMES or not _is_global(one)))
    return sorted(here, key=lambda one: (-one.severity, one.id))


def _is_global(control: AnyControl) -> bool:
    return control.id.startswith("iam.")


def looked_at(guard: Guard, control: AnyControl, region: str, skip: int = 0) -> Iterator[Swept]:
    """What there is of one control's resources, after the first so many.

    What fails is named, and does not keep the others from being looked at.
    """
    try:
        for resource in islice(_listed(guard, control, region), skip, None):
            yield _one(guard, control, resource)
    except Exception as error:  # noqa: BLE001 - one service that cannot be listed is not all of them
        yield _failure(control, None, error)


def _listed(guard: Guard, control: AnyControl, region: str) -> Iterator[Resource]:
    """What there is now, and what is recorded and not listed any more, if that may be a risk."""
    listed = set()
    for resource in control.inventory(guard.aws.reader(guard.account, region)):
        listed.add(resource.arn)
        yield resource
    if control.vanishing:
        for note in guard.state.under(baselines_of(control.id)):
            recorded = baseline.resource_of(note)
            if recorded and recorded.region == region and recorded.arn not in listed:
                yield recorded


def _one(guard: Guard, control: AnyControl, resource: Resource) -> Swept:
    settings = guard.policy.settings_of(control.id, control.settings)
    suspect = Suspect(resource, Certainty.POSSIBLE)
    try:
        case = Case(guard, control, settings, suspect, last_chance=False).recalled()
        facet, risk = found.look(case)
        outcome, note = _outcome(case, facet, risk)
    except Exception as error:  # noqa: BLE001 - one thing that cannot be read is not all of them
        return _failure(control, resource, error)
    return Swept(control.id, resource, outcome, note)


def _outcome(case: Case, facet: Facet | None, risk: Risk | None) -> tuple[str, str]:
    absent = facet is not None and case.control.vanishing and facet.state.get("exists") is False
    if facet is None or (absent and risk is None):
        return "gone", ""
    if risk is None:
        if not case.keeps_baseline:
            return "clean", ""
        return "recorded" if case.remember(facet, "swept") else "unchanged", ""
    if risk.unknown:
        return "unread", risk.unknown
    if found.standing(case, facet, risk) is None:
        return "risky", risk.summary
    # A state that is decided on is known for as long as it lasts.
    past = case.memory[past_key(case.control.id, case.suspect.resource)]
    longer = lessons.kept_on(past, case.moment())
    case.write(*([longer] if longer else []))
    return "standing", risk.summary


def _failure(control: AnyControl, resource: Resource | None, error: Exception) -> Swept:
    if isinstance(error, Throttled | Unreachable):
        return Swept(control.id, resource, "unread", str(error))
    why = str(error) if isinstance(error, AwsError) else f"{type(error).__name__}: {error}"
    return Swept(control.id, resource, "failed", why)
