"""Sweeps: looks at what the controls can list, records what is clean, and names what is not.

A sweep changes nothing and decides nothing: the guard looks again at what it names as `risky` and
decides on it (`engine.sweep_finding`); `rounds` sends it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from driftguard import controls
from driftguard.aws.calls import AwsError, Throttled, Unreachable
from driftguard.controls.control import AnyControl
from driftguard.engine import remembering, sweep_finding
from driftguard.engine.case import Case
from driftguard.engine.comparing import Assessment
from driftguard.engine.guard import Guard
from driftguard.model import Candidate, Certainty, Observation, Place, Resource
from driftguard.state import baseline, learning
from driftguard.state.keys import StateRecords, baselines_of, history_key

# What becomes of what was looked at. `standing`: risky, and decided on already. `unread`: AWS did
# not answer, and may the next time, or has no such service in the region; `failed` is for people.
OUTCOMES = ("recorded", "unchanged", "clean", "gone", "standing", "risky", "unread", "failed")

# IAM is of no region: each partition's events of it arrive in one, and there it is swept, once.
# Source: AWS CloudTrail User Guide, "Global service events".
_HOMES = frozenset(
    {
        "us-east-1",
        "cn-north-1",
        "eu-isoe-west-1",
        "eusc-de-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-south-1",
    }
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What the sweep found of one resource: one of `OUTCOMES`, and for some of them the reason.

    Without a resource, a control could not list what there is.
    """

    control: str
    resource: Resource | None
    outcome: str
    detail: str = ""


def sweep(guard: Guard, region: str, only: Iterable[AnyControl] | None = None) -> Iterator[Swept]:
    """Looks at all that these controls, or all that there are, can list in one region."""
    for control in in_order(region, only):
        yield from looked_at(guard, control, region)


def in_order(region: str, only: Iterable[AnyControl] | None = None) -> list[AnyControl]:
    """The controls, of these or of all, that are swept in a region, the most severe first."""
    some = controls.every() if only is None else only
    here = (
        control
        for control in some
        if control.swept and (region in _HOMES or not _is_global(control))
    )
    return sorted(here, key=lambda control: (-control.severity, control.id))


def _is_global(control: AnyControl) -> bool:
    return control.id.startswith("iam.")


def looked_at(guard: Guard, control: AnyControl, region: str, skip: int = 0) -> Iterator[Swept]:
    """Looks at one control's resources, after skipping the first `skip` of them.

    A resource that fails is named, and does not keep the others from being looked at.
    """
    try:
        for resource in islice(listed(guard, control, region), skip, None):
            yield _one(guard, control, resource)
    except Exception as error:  # noqa: BLE001 - one service that cannot be listed is not all of them
        yield _failure(control, None, error)


def listed(guard: Guard, control: AnyControl, region: str) -> Iterator[Resource]:
    """The resources listed now, and those recorded but no longer listed, if that may be a risk."""
    there = set()
    for resource in control.inventory(guard.aws.reader(guard.account, region)):
        there.add(resource.arn)
        yield resource
    if control.vanishing:
        for record in guard.state.under(baselines_of(Place(guard.account, region), control.id)):
            recorded = baseline.resource_of(record)
            if recorded and recorded.region == region and recorded.arn not in there:
                yield recorded


def _one(guard: Guard, control: AnyControl, resource: Resource) -> Swept:
    settings = guard.policy.settings_of(control.id, control.settings)
    candidate = Candidate(resource, Certainty.POSSIBLE)
    try:
        nothing = StateRecords(guard.state.place)
        case = Case(guard, control, settings, candidate, False, nothing).recalled()
        observation, assessment = sweep_finding.look(case)
        outcome, record = _outcome(case, observation, assessment)
    except Exception as error:  # noqa: BLE001 - one thing that cannot be read is not all of them
        return _failure(control, resource, error)
    return Swept(control.id, resource, outcome, record)


def _outcome(
    case: Case, observation: Observation | None, assessment: Assessment | None
) -> tuple[str, str]:
    absent = (
        observation is not None
        and case.control.vanishing
        and observation.state.get("exists") is False
    )
    if observation is None or (absent and assessment is None):
        return "gone", ""
    if assessment is None:
        if not case.keeps_baseline:
            return "clean", ""
        return "recorded" if remembering.remember(case, observation, "swept") else "unchanged", ""
    finding = assessment.finding
    if finding.unknown:
        return "unread", finding.unknown
    if sweep_finding.standing(case, assessment) is None:
        return "risky", finding.summary
    # A state that is decided on is known for as long as it lasts.
    history = case.remembered[history_key(case.control.id, case.candidate.resource)]
    longer = learning.kept_on(history, case.moment())
    remembering.write(case, *([longer] if longer else []))
    return "standing", finding.summary


def _failure(control: AnyControl, resource: Resource | None, error: Exception) -> Swept:
    if isinstance(error, Throttled | Unreachable):
        return Swept(control.id, resource, "unread", str(error))
    why = str(error) if isinstance(error, AwsError) else f"{type(error).__name__}: {error}"
    return Swept(control.id, resource, "failed", why)
