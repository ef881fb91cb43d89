"""Counts what people would be asked and told. Pure.

What the record proves is `evident`; what is only `possible` is asked about or told of if the guard
finds the resource risky, so that it is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from driftguard.documents import moment
from driftguard.model import Autonomy, Certainty
from driftguard.state import incidents

from ..replay.judge import Sighting
from .labels import Labels


@dataclass(slots=True)
class OfControl:
    """How many findings of one control are asked about, told of, reverted; and how many may be."""

    asked: int = 0
    told: int = 0
    reverted: int = 0
    perhaps_asked: int = 0
    perhaps_told: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many; there is no share of none."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """The share, 0 to 1; None where there is nothing to have a share of."""
        return self.part / self.whole if self.whole else None


@dataclass(slots=True)
class Counts:
    """The figures of a history so far; what is exempted by the policy is only recorded.

    Preparations are in them only once the whole history is read: see `finish`.
    """

    controls: dict[str, OfControl] = field(default_factory=dict)
    days: set[str] = field(default_factory=set)
    # Event ids, with what would come of them at most.
    evident: dict[str, Autonomy] = field(default_factory=dict)
    possible: set[str] = field(default_factory=set)
    # By caller and account: when they were asked about.
    _asked_at: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    _without_a_caller: int = 0
    # Preparations that people would be asked about later, and what is deleted, by ARN.
    _held: list[Sighting] = field(default_factory=list)
    _gone: dict[str, list[datetime]] = field(default_factory=dict)

    def add(self, findings: Iterable[Sighting], days: Iterable[str]) -> None:
        """Adds findings, and the days that the history has records of."""
        self.days.update(days)
        for finding in findings:
            if not finding.exempted:
                self._add(finding)

    def _add(self, finding: Sighting) -> None:
        if finding.gone and (at := moment(finding.event_time)):
            self._gone.setdefault(finding.resource, []).append(at)
        if finding.asks_at:
            self._held.append(finding)
            return
        of_control = self.controls.setdefault(finding.control, OfControl())
        certain = finding.certainty is Certainty.EVIDENT
        if finding.autonomy is Autonomy.REVERT and certain:
            of_control.reverted += 1
        elif finding.autonomy is Autonomy.OBSERVE:
            of_control.told += certain
            of_control.perhaps_told += not certain
        else:
            of_control.asked += certain
            of_control.perhaps_asked += not certain
        if not certain:
            self.possible.add(finding.event_id)
            return
        known = self.evident.get(finding.event_id, Autonomy.OBSERVE)
        self.evident[finding.event_id] = max(known, finding.autonomy)
        if finding.autonomy is Autonomy.ASK:
            self._ask(finding)

    def finish(self) -> None:
        """Decides on the preparations, once all of the history is read.

        People are told of each. They are asked at once if they are asked about something else that
        the same caller did within minutes, and later unless the resource is deleted by then.
        """
        held, self._held = sorted(self._held, key=lambda one: one.event_time), []
        for finding in held:
            asked = self._is_in_an_incident(finding) or not self._is_gone_in_time(finding)
            autonomy = Autonomy.ASK if asked else Autonomy.OBSERVE
            self._add(replace(finding, autonomy=autonomy, asks_at=""))

    def _is_gone_in_time(self, finding: Sighting) -> bool:
        at, asks = moment(finding.event_time), moment(finding.asks_at)
        assert at is not None and asks is not None
        return any(at <= gone < asks for gone in self._gone.get(finding.resource, ()))

    def _is_in_an_incident(self, finding: Sighting) -> bool:
        at = moment(finding.event_time)
        assert at is not None
        asked = self._asked_at.get((finding.who, finding.account), ())
        return any(timedelta() <= at - one < incidents.WINDOW for one in asked)

    def _ask(self, finding: Sighting) -> None:
        at = moment(finding.event_time)
        if not finding.who or at is None:
            self._without_a_caller += 1
            return
        self._asked_at.setdefault((finding.who, finding.account), []).append(at)

    @property
    def incidents(self) -> int:
        """How many incidents the evident requests are."""
        count = self._without_a_caller
        for times in self._asked_at.values():
            times.sort()
            apart = pairwise(times)
            count += 1 + sum(later - earlier >= incidents.WINDOW for earlier, later in apart)
        return count

    @property
    def total(self) -> OfControl:
        """All controls together."""
        every = self.controls.values()
        return OfControl(
            asked=sum(one.asked for one in every),
            told=sum(one.told for one in every),
            reverted=sum(one.reverted for one in every),
            perhaps_asked=sum(one.perhaps_asked for one in every),
            perhaps_told=sum(one.perhaps_told for one in every),
        )

    def a_day(self, count: int) -> float:
        """So many a day of the history."""
        return count / max(1, len(self.days))

    def precision(self, labels: Labels) -> Share:
        """How many of the events that would be asked about or reverted as evident are risks."""
        return self._precise(labels, (Autonomy.ASK, Autonomy.REVERT))

    def precision_asked(self, labels: Labels) -> Share:
        """How many of the events that people would be asked about as evident are risks."""
        return self._precise(labels, (Autonomy.ASK,))

    def _precise(self, labels: Labels, levels: tuple[Autonomy, ...]) -> Share:
        acted = {id_ for id_, most in self.evident.items() if most in levels}
        return Share(len(acted & labels.risky), len(acted & (labels.risky | labels.harmless)))

    def recall(self, labels: Labels) -> Share:
        """How many of the labelled risks people would at least be told of, by the record alone."""
        return Share(len(labels.risky & self.evident.keys()), len(labels.risky))

    def recall_with_possible(self, labels: Labels) -> Share:
        """The same, with what the guard would have to find risky first."""
        return Share(len(labels.risky & (self.evident.keys() | self.possible)), len(labels.risky))
