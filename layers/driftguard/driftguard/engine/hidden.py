"""Looks where a change could have been whose record hides what it did.

CloudTrail leaves out request parameters of more than 100 KB, and whoever makes a change chooses how
long its parameters are: a policy can be padded until nothing of it is recorded. Such a record is
never harmless. Everything of the kind is looked at that the control can list, and what is found
risky is at most asked about, because it may have stood there before.

Source: AWS CloudTrail User Guide, "CloudTrail record contents" (`requestParameters`, `omitted`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from driftguard.aws.client import Reader
from driftguard.controls.control import AnyControl
from driftguard.model import Autonomy, Candidate, Certainty, Change, Resource

from .comparing import Assessment

# As many as are looked at within one message's time, by each of the few controls that one change
# wakes, with the rest of its batch; the sweep comes by the others.
MOST = 20
WHY = "the change's record hides what it did, so it may have stood there before"


class Hidden(Exception):
    """A record hides what a change did, and nothing lists all that it could have touched."""


def candidates(control: AnyControl, change: Change, reader: Reader) -> Iterator[Candidate]:
    """Everything that the change could have touched, as far as the control can list it.

    Raises `Hidden` where there is more, or where nothing can be listed.
    """
    where = f"{change.name} of {change.actor.name} ({change.id}) hides what it did"
    if not control.swept:
        raise Hidden(f"{where}, and {control.id} cannot list what it may have touched: look at it")
    found = list(islice(control.inventory(reader), MOST + 1))
    yield from (possible(resource) for resource in found[:MOST])
    if len(found) > MOST:
        raise Hidden(
            f"{where}: {MOST} resources were looked at for {control.id}; the sweep comes by the "
            "others within a day, and `driftguard sweep` looks at them now"
        )


def possible(resource: Resource) -> Candidate:
    """A resource that is worth a look."""
    return Candidate(resource, Certainty.POSSIBLE)


def limited(assessment: Assessment) -> Assessment:
    """The assessment, with people asked at most."""
    finding = assessment.finding
    asked = replace(
        finding,
        at_most=min(finding.at_most, Autonomy.ASK),
        at_most_why=finding.at_most_why or WHY,
    )
    return replace(assessment, finding=asked)
