"""Judges one record: finds what the guard would look at, by the controls' `screen` alone.

Makes no call to AWS. Asks in the order of the guard itself, the cheap questions first: nearly all
records of a trail are read-only, failed, or watched by no control.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from driftguard import controls
from driftguard.controls.control import AnyControl, resource
from driftguard.documents import Json, moment, stamp
from driftguard.engine.guard import is_hidden
from driftguard.events.cloudtrail import Unparsable, change_from_event, change_from_record
from driftguard.model import Actor, Autonomy, Candidate, Certainty, Change
from driftguard.policy.model import Policy
from driftguard.state import incidents

from .portions import Portion, elements_of, length
from .shapes import record_of
from .values import NotJson
from .window import Window

# A session in which the remediator carries out one plan is named after its decision.
_OWN_SESSION = re.compile(r"/dg-[0-9a-f]{24}$")
_OWN_ROLES = ("RemediatorRole", "GrantingRole", "ContainmentRole")
# Of one portion; a file that is no CloudTrail history at all must not be answered line by line.
PROBLEMS_TOLD = 100
# There are some ten thousand kinds of event; a history of noise must not fill the memory with more.
_NAMES_KEPT = 50_000
# The kind of what stands for everything that a record may be about.
_HIDDEN = "hidden"
# How calls begin that delete what they name.
_ENDS = ("Delete", "Terminate")


class _Held(NamedTuple):
    """A preparation of which people are told: when they are asked, "" where they never are."""

    asks_at: str


class Skip(StrEnum):
    """Why a record is not looked at."""

    READ_ONLY = "read-only"
    FAILED = "failed"
    OWN = "the guard's own"
    OUTSIDE = "outside the time asked for"
    INSIGHT = "Insights events"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A candidate in one record, and how far the policy lets the guard go about it.

    `actor` is the lasting name; `who` is the one caller by which incidents are told apart. Of a
    preparation, `asks_at` is when people would be asked if it still stood (ISO 8601, UTC), "" where
    they are never, or at once. `gone`: the change itself says that the resource is deleted.
    """

    event_id: str
    event_time: str
    event_name: str
    control: str
    resource: str
    certainty: Certainty
    autonomy: Autonomy
    exempted: bool
    actor: str
    account: str = ""
    who: str = ""
    severity: int = 0
    asks_at: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that cannot be judged: its line or row, its number there, and why."""

    line: int
    record: int
    what: str


@dataclass(slots=True)
class Tally:
    """The result of a portion: counts, findings and problems, in the order of its records.

    `days` are those of its records, as ISO 8601.
    """

    read: int = 0
    skipped: Counter[Skip] = field(default_factory=Counter)
    findings: list[Sighting] = field(default_factory=list)
    unreadable: int = 0
    problems: list[Problem] = field(default_factory=list)
    lines: int = 0
    days: set[str] = field(default_factory=set)

    def complain(self, line: int, record: int, what: str) -> None:
        """Counts a record that cannot be judged, and remembers the first of them for the report."""
        self.unreadable += 1
        if len(self.problems) < PROBLEMS_TOLD:
            self.problems.append(Problem(line, record, what))


class Judge:
    """What the guard would do under a policy, in a window of time, record by record."""

    def __init__(self, policy: Policy, window: Window, own_roles: Iterable[str] = ()) -> None:
        self._policy = policy
        self._window = window
        self._own_roles = frozenset(own_roles)
        self._watching: dict[tuple[str, str], tuple[AnyControl, ...]] = {}
        self._triggers = _triggers()
        self._settings: dict[str, object] = {}

    def judge(self, portion: Portion) -> Tally:
        """Return the tally of one portion."""
        tally = Tally(lines=length(portion))
        for line, number, element in elements_of(portion):
            if isinstance(element, NotJson):
                tally.complain(line, number, str(element))
                continue
            try:
                skip = self._consider(element, tally)
            except (Unparsable, CannotJudge) as error:
                tally.complain(line, number, str(error))
                continue
            tally.read += 1
            if skip is not None:
                tally.skipped[skip] += 1
        return tally

    def _consider(self, element: Json, tally: Tally) -> Skip | None:
        record = record_of(element)
        time = record.get("eventTime")
        if isinstance(time, str):
            tally.days.add(time[:10])
        if record.get("eventType") == "AwsCloudTrailInsight":
            return Skip.INSIGHT
        if record.get("readOnly") in (True, "true"):
            return Skip.READ_ONLY
        if record.get("errorCode"):
            return Skip.FAILED
        source, name = record.get("eventSource"), record.get("eventName")
        if (
            isinstance(source, str)
            and isinstance(name, str)
            and source
            and name
            and not self._watched(source, name)
        ):
            return None if self._window.holds(record.get("eventTime")) else Skip.OUTSIDE
        finding = "detail" in record and "eventName" not in record
        change = change_from_event(record) if finding else change_from_record(record)
        if not self._window.holds(change.time):
            return Skip.OUTSIDE
        if self._is_own(change.actor):
            return Skip.OWN
        logged = name if isinstance(name, str) and name else change.name
        faults = []
        for control in self._watched(change.source, change.name):
            try:
                settings = self._settings_of(control)
                found = tuple(control.screen(change, settings))
                if not found and is_hidden(control, change, settings):
                    found = (_everything(change),)
            except Exception as error:  # noqa: BLE001 - a defect in a control must not end the run
                faults.append(_fault(control, change, error))
            else:
                tally.findings.extend(self._findings(control, change, found, logged))
        if faults:
            raise CannotJudge("; ".join(faults))
        return None

    def _watched(self, source: str, name: str) -> tuple[AnyControl, ...]:
        """The controls that such an event wakes."""
        key = (source, name)
        found = self._watching.get(key)
        if found is None:
            plain = change_from_record({"eventSource": source, "eventName": name, "eventID": "-"})
            found = self._triggers.get((source, plain.name), ())
            if len(self._watching) < _NAMES_KEPT:
                self._watching[key] = found
        return found

    def _findings(
        self, control: AnyControl, change: Change, found: Iterable[Candidate], logged: str
    ) -> Iterator[Sighting]:
        for candidate in found:
            exempted = self._exempted(control, change, candidate)
            autonomy = Autonomy.OBSERVE if exempted else self._autonomy(control)
            if candidate.resource.kind == _HIDDEN:
                autonomy = min(autonomy, Autonomy.ASK)
            asks_at = ""
            if autonomy is Autonomy.ASK and (held := self._held(control, change, candidate)):
                autonomy, asks_at = Autonomy.OBSERVE, held.asks_at
            yield Sighting(
                event_id=change.id,
                event_time=change.time,
                event_name=logged,
                control=control.id,
                resource=candidate.resource.arn,
                certainty=candidate.certainty,
                autonomy=autonomy,
                exempted=exempted,
                actor=_short(change.actor),
                account=change.account,
                who=incidents.who(change.actor),
                severity=control.severity,
                asks_at=asks_at,
                gone=bool(control.revert) and change.name.startswith(_ENDS),
            )

    def _autonomy(self, control: AnyControl) -> Autonomy:
        """What the policy grants; `observe` where the control has nothing that can be approved."""
        return Autonomy.OBSERVE if control.revert else self._policy.granted(control.id)

    def _held(self, control: AnyControl, change: Change, candidate: Candidate) -> _Held | None:
        """What becomes of a preparation, of which people are told first; None where it is none."""
        terms, at = self._policy.bounds.preparations, moment(change.time)
        if terms is None or at is None or candidate.certainty is not Certainty.EVIDENT:
            return None
        found = control.preparation(candidate.hint)
        if found is None:
            return None
        ends = stamp(at + timedelta(days=found.days)) if found.days else ""
        again = terms.again(control.id, ends, at)
        return _Held("" if ends else again) if again else None

    def _exempted(self, control: AnyControl, change: Change, candidate: Candidate) -> bool:
        """Whether an exemption held when the change was made."""
        return any(
            exemption.covers(control.id, candidate.resource, change.time, change.actor)
            for exemption in self._policy.exemptions
        )

    def _settings_of(self, control: AnyControl) -> object:
        if control.id not in self._settings:
            self._settings[control.id] = self._policy.settings_of(control.id, control.settings)
        return self._settings[control.id]

    def _is_own(self, actor: Actor) -> bool:
        """Whether the remediator made the change.

        Without --own-role, the remediator is a role with the name from the template, in a session
        that is named after a decision. Both must match: anybody can give a role that name.
        """
        if self._own_roles:
            return actor.principal in self._own_roles
        named = any(role in actor.principal for role in _OWN_ROLES)
        return named and bool(_OWN_SESSION.search(actor.session))


def _everything(change: Change) -> Candidate:
    """What stands for all that a change could have touched, where its record hides what it did."""
    service = change.source.removesuffix(".amazonaws.com")
    tail = f"{service}:{{region}}:{{account}}:*"
    return Candidate(resource(change, _HIDDEN, "*", tail), Certainty.POSSIBLE)


def _triggers() -> dict[tuple[str, str], tuple[AnyControl, ...]]:
    """Which controls watch which event: the guard's index, from the controls themselves."""
    triggers: dict[tuple[str, str], tuple[AnyControl, ...]] = {}
    for control in controls.every():
        for trigger in control.triggers:
            key = (trigger.source, trigger.name)
            triggers[key] = (*triggers.get(key, ()), control)
    return triggers


class CannotJudge(Exception):
    """A control failed on a record; the message names both."""


def _fault(control: AnyControl, change: Change, error: Exception) -> str:
    return (
        f"{control.id} cannot judge {change.name} {change.id} "
        f"({type(error).__name__}: {error}): please report this record"
    )


def _short(actor: Actor) -> str:
    """The lasting name: `alice`, `role/deployer`; a role's sessions are one actor."""
    return (actor.principal or actor.session or "unknown").rpartition(":")[2].removeprefix("user/")
