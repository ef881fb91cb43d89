"""Looks where a change could have been whose record hides what it did.

CloudTrail leaves out request parameters and response elements of more than 100 KB, and whoever
makes a change chooses how long its parameters are: a policy can be padded until nothing of it is
recorded. Services also hide single values. Such a record is never harmless to a control that reads
what is hidden. Everything of the kind is looked at that the control can list, what the record names
among its `resources` first; and what is found risky is at most asked about, because it may have
stood there before.

Source: AWS CloudTrail User Guide, "CloudTrail record contents" (`requestParameters`, `omitted`,
`resources`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from driftguard.aws.client import Reader
from driftguard.controls.control import AnyControl
from driftguard.documents import Document, Json
from driftguard.events.cloudtrail import is_hidden, omitted
from driftguard.model import Autonomy, Candidate, Certainty, Change, Resource

from .comparing import Assessment

# As many as are looked at within one message's time, by each of the few controls that one change
# wakes, with the rest of its batch; the sweep comes by the others.
MOST = 20
# How many are listed to find those that a record names.
_LISTED = 2_000
WHY = "the change's record hides what it did, so it may have stood there before"


class Hidden(Exception):
    """A record hides what a change did, and nothing lists all that it could have touched."""


def candidates(control: AnyControl, change: Change, reader: Reader) -> Iterator[Candidate]:
    """Everything that the change could have touched, as far as the control can list it.

    Raises `Hidden` where there is more and the record names none of it, or where nothing can be
    listed.
    """
    where = f"{change.name} of {change.actor.name} ({change.id}) hides what it did"
    if not control.swept:
        raise Hidden(f"{where}, and {control.id} cannot list what it may have touched: look at it")
    found = list(islice(control.inventory(reader), _LISTED if change.resources else MOST + 1))
    # Sorting keeps the order of those that are named, and of the others.
    found.sort(key=lambda resource: resource.arn not in change.resources)
    yield from (possible(resource) for resource in found[:MOST])
    named = any(resource.arn in change.resources for resource in found)
    if len(found) > MOST and not named:
        raise Hidden(
            f"{where}: {MOST} resources were looked at for {control.id}; the sweep comes by the "
            "others within a day, and `driftguard sweep` looks at them now"
        )


class _Watched(dict[str, Json]):
    """A part of a record that notes in `read` when something hidden is read of it."""

    def __init__(self, part: Document, read: list[str], *, whole: bool) -> None:
        super().__init__({name: _watched(value, read) for name, value in part.items()})
        self._read, self._whole = read, whole

    def __getitem__(self, name: str) -> Json:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Json = None) -> Json:  # type: ignore[override]
        """The value, as of any mapping."""
        self._note(name)
        return super().get(name, default)

    def _note(self, name: str) -> None:
        value = super().get(name)
        inside = value if isinstance(value, (list, tuple)) else [value]
        if self._whole or any(map(is_hidden, inside)):
            self._read.append(name)


def _watched(value: Json, read: list[str]) -> Json:
    if isinstance(value, Mapping):
        return _Watched(value, read, whole=False)
    if isinstance(value, (list, tuple)):
        return [_watched(inner, read) for inner in value]
    return value


def is_read(control: AnyControl, change: Change, settings: object) -> bool:
    """Whether a control that finds nothing in a record has read what the record hides."""
    read: list[str] = []
    watched = replace(
        change,
        request=_Watched(change.request, read, whole=omitted(change.request)),
        response=_Watched(change.response, read, whole=omitted(change.response)),
    )
    for _ in control.screen(watched, settings):
        pass
    return bool(read)


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
