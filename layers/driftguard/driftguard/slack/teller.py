"""Tells Slack of decisions: one message each, kept up to date, or one for all of a storm.

A message is posted when a decision is first heard of, and updated whenever it moves; its log goes
into the message's thread. More decisions a minute than the policy's `digest_over` share one message
with a count, updated once a batch. What was told is remembered, so that a redelivered record tells
nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from ..audit import AuditTable, decision_of
from ..messages.words import Question, moment, silence, told
from ..model import Decision, Status
from ..policy import Policy
from . import blocks
from .client import Slack, SlackError
from .notes import Notes, Place, Storm

# A message that is gone is posted anew.
_GONE = frozenset({"message_not_found", "thread_not_found"})


class Log(Protocol):
    """What is asked of a logger."""

    def warning(self, msg: str, /, *args: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells one workspace what one guard decides."""

    slack: Slack
    notes: Notes
    audit: AuditTable
    policy: Policy
    logger: Log
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def tell_all(self, records: Iterable[Mapping[str, object]]) -> str:
        """Tells of a batch of the stream's records, oldest first; "" when all are told.

        Else the sequence number of the first that was not: Lambda delivers it again, and all that
        came after it.
        """
        storms: dict[tuple[str, str], None] = {}
        failed, first = "", ""
        for record in records:
            change = record["dynamodb"]
            assert isinstance(change, Mapping)
            sequence = str(change["SequenceNumber"])
            first = first or sequence
            try:
                storm = self.tell(decision_of(change["NewImage"]))
            except Exception as error:  # noqa: BLE001 - it comes again, and is parked in the end
                self.logger.warning("not told: %s: %s", type(error).__name__, error)
                failed = sequence
                break
            if storm:
                storms[storm] = None
        try:
            for channel, began in storms:
                self._show(channel, began)
        except Exception as error:  # noqa: BLE001 - as above
            self.logger.warning("digest not shown: %s: %s", type(error).__name__, error)
            return first
        return failed

    def tell(self, decision: Decision) -> tuple[str, str] | None:
        """Brings Slack up to date on one decision; names the storm that it is counted in."""
        place = self.notes.place(decision.id)
        if place is None:
            return self._begin(decision)
        if place.storm:
            if decision.version > place.version:
                self._count(decision, place, place.storm, place.channel)
            return place.channel, place.storm
        if decision.version > place.version:
            self._update(decision, place)
        return None

    # ------------------------------------------------------------------------ one message

    def _begin(self, decision: Decision) -> tuple[str, str] | None:
        """Posts a message, or counts the decision into a storm's."""
        resource = decision.suspect.resource
        channel = self.policy.channel(resource.account, decision.control, decision.severity)
        if any(one.guardrail == "break-glass" for one in decision.rulings):
            channel = self._tell_everybody(decision, channel)
        # What people exempted, they need not hear of again.
        if not channel or decision.status is Status.EXEMPTED:
            return None
        if self.notes.counted(channel, self.now()) > self.policy.digest_over:
            began = self.notes.storm_of(channel, self.now())
            self._count(decision, None, began, channel)
            return channel, began
        self._post(decision, channel)
        return None

    def _tell_everybody(self, decision: Decision, channel: str) -> str:
        """Somebody acts in an emergency: posts it to every other channel; answers its own."""
        every = [one for one in dict.fromkeys((channel, *self.policy.channels())) if one]
        text, shown = blocks.message(decision, None)
        for other in every[1:]:
            self.slack.post(other, text, shown)
        return every[0] if every else ""

    def _post(self, decision: Decision, channel: str) -> None:
        text, shown = blocks.message(decision, self._question(decision))
        ts = self.slack.post(channel, text, shown)
        place = Place(channel, ts, decision.version, decision.status)
        self.notes.keep(decision.id, place, self.now())

    def _update(self, decision: Decision, place: Place) -> None:
        """Replaces the message and adds to its thread what the log has gained."""
        text, shown = blocks.message(decision, self._question(decision))
        try:
            self.slack.update(place.channel, place.ts, text, shown)
            logged = self._thread(decision, place)
        except SlackError as error:
            if error.code not in _GONE:
                raise
            self._post(decision, place.channel)
            return
        now_said = replace(place, version=decision.version, status=decision.status, logged=logged)
        self.notes.keep(decision.id, now_said, self.now())

    def _thread(self, decision: Decision, place: Place) -> int:
        news = [one for one in self.audit.log(decision.id) if one.number > place.logged]
        if not news:
            return place.logged
        lines = [
            f"{moment(one.at)}  {one.event} by {one.by}" + (f": {one.note}" if one.note else "")
            for one in news
        ]
        self.slack.post(place.channel, blocks.log(lines), (), thread=place.ts)
        return news[-1].number

    def _question(self, decision: Decision) -> Question | None:
        terms = self.policy.terms(decision.control, decision.severity)
        words = silence(decision, terms)
        return Question(words) if words else None

    # ------------------------------------------------------------------------ a storm

    def _count(self, decision: Decision, before: Place | None, began: str, channel: str) -> None:
        place = Place(channel, "", decision.version, decision.status, storm=began)
        resource = decision.suspect.resource
        line = f"{decision.title}: {resource.id} ({decision.id}, {told(decision.status)})"
        self.notes.join(decision.id, place, before, line, self.now())

    def _show(self, channel: str, began: str) -> None:
        """Posts or updates a storm's message until it says what is so."""
        storm = self.notes.storm(channel, began)
        while True:
            text, shown = blocks.digest(
                storm.count, storm.statuses, storm.lines, moment(f"{began[:19]}Z")
            )
            self._say(storm, text, shown)
            after = self.notes.storm(channel, began)
            if replace(after, ts="") == replace(storm, ts=""):
                return
            storm = after

    def _say(self, storm: Storm, text: str, shown: list[blocks.Block]) -> None:
        if storm.ts:
            self.slack.update(storm.channel, storm.ts, text, shown)
            return
        self.notes.claim(storm, self.now())
        try:
            ts = self.slack.post(storm.channel, text, shown)
        except SlackError:
            self.notes.unclaim(storm)
            raise
        self.notes.posted(storm, ts)
