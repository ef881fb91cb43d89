"""Slack as a channel: one message a decision, kept up to date, or one for all of a storm.

The approval requests of one incident that come in one batch share a message, with an answer each
and one for all. A later request has a new message, because an edited one notifies nobody: it shows
what still waits once more.

A message is posted when a decision is first heard of, and updated whenever it moves; its log goes
into the message's thread. More decisions a minute than the policy's `digest_over` share one message
with a count, updated once a batch, and so does what is beyond a day's budget. What was told is
remembered, so that a redelivered record tells nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from driftguard.approvals import incidents
from driftguard.approvals.incidents import Incident
from driftguard.approvals.rules import is_reminder
from driftguard.audit import AuditTable
from driftguard.model import Decision, Status
from driftguard.policy.model import Policy

from ..budget import is_counted
from ..channel import NOTHING_NEW, ONE_MESSAGE, Told
from ..digest import Storm, is_emergency, of_the_day
from ..wording import ApprovalRequest, moment, timeout
from . import blocks, incident
from .client import Slack, SlackError
from .sent import SentMessage, SentMessages

_log = logging.getLogger(__name__)

# A message that is gone is posted anew.
_GONE = frozenset({"message_not_found", "thread_not_found"})
_INCIDENT = "incident "


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells one workspace what one guard decides."""

    slack: Slack
    sent: SentMessages
    audit: AuditTable
    policy: Policy
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def tell(self, decision: Decision) -> Told:
        """Brings Slack up to date on one decision, or counts it into a storm."""
        message = self.sent.message(decision.id)
        if message is None:
            return self._begin(decision)
        if message.storm:
            if not self._is_readable(message.channel, message.storm):
                self._post(decision, message.channel)
                return ONE_MESSAGE
            if decision.version > message.version:
                self._count(decision, message, message.storm, message.channel)
            return Told(digest=f"{message.channel} {message.storm}")
        if decision.version <= message.version:
            return NOTHING_NEW
        self._update(decision, message)
        # An edited message notifies nobody.
        if is_reminder(decision) and self._has_place(decision, message.channel):
            self._post(decision, message.channel)
            return ONE_MESSAGE
        return NOTHING_NEW

    def tell_digest(self, digest: str, decisions: Sequence[Decision]) -> int:
        """Posts the requests of an incident, or a storm's message until it is up to date.

        A storm's counts stand in the state table already; `decisions` are not counted again.
        """
        channel, _, began = digest.partition(" ")
        if began.startswith(_INCIDENT):
            return self._post_together(decisions, channel)
        if not self._is_readable(channel, began):
            for decision in decisions:
                self._post(decision, channel)
            return len(decisions)
        storm = self.sent.tally.storm(channel, began)
        posted = 0
        while True:
            text, shown = blocks.digest(storm)
            posted += self._say(storm, text, shown)
            after = self.sent.tally.storm(channel, began)
            if replace(after, message="") == replace(storm, message=""):
                return posted
            storm = after

    # ------------------------------------------------------------------------ one message

    def _begin(self, decision: Decision) -> Told:
        """Posts a message, or counts the decision into a storm's."""
        channel = self._of(decision)
        if is_emergency(decision):
            channel = self._tell_everybody(decision, channel)
        # People exempted it, so they need not hear of it again.
        if not channel or decision.status is Status.EXEMPTED:
            return NOTHING_NEW
        if is_counted(decision) and self._waits(decision, channel):
            return Told(digest=f"{channel} {of_the_day(self.now())}")
        if self.sent.counted(channel, self.now()) > self.policy.digest_over:
            began = self.sent.tally.current(channel, self.now())
            self._count(decision, None, began, channel)
            return Told(digest=f"{channel} {began}")
        if decision.status is Status.ASKED and decision.incident:
            return Told(digest=f"{channel} {_INCIDENT}{decision.incident}")
        self._post(decision, channel)
        return ONE_MESSAGE

    def _waits(self, decision: Decision, channel: str) -> bool:
        """Counts the decision into the day's digest where the day's budget is used up."""
        now = self.now()
        if self._has_place(decision, channel):
            return False
        if not self._is_readable(channel, of_the_day(now)):
            return False
        self._count(decision, None, of_the_day(now), channel)
        return True

    def _has_place(self, decision: Decision, channel: str) -> bool:
        return self.sent.budget(channel, self.policy).has_place(decision, self.now())

    def _tell_everybody(self, decision: Decision, channel: str) -> str:
        """Posts an emergency act to all channels but the first; returns the first one's name."""
        every = [name for name in dict.fromkeys((channel, *self.policy.channels())) if name]
        text, shown = blocks.message(decision, None)
        for other in every[1:]:
            self.slack.post(other, text, shown)
        return every[0] if every else ""

    def _post(self, decision: Decision, channel: str) -> None:
        text, shown = blocks.message(decision, self._request(decision))
        ts = self.slack.post(channel, text, shown)
        message = SentMessage(channel, ts, decision.version, decision.status)
        self.sent.keep(decision.id, message, self.now())

    def _post_together(self, decisions: Sequence[Decision], channel: str) -> int:
        """Posts the requests of an incident; how many messages that took."""
        if len(decisions) > incident.MOST:
            parts = (decisions[: incident.MOST], decisions[incident.MOST :])
            return sum(self._post_together(part, channel) for part in parts)
        whole = self._incident(decisions[0])
        every = [*decisions, *self._still_waiting(whole, decisions, channel)]
        every = every if len(every) <= incident.MOST else [*decisions]
        if len(every) == 1:
            self._post(decisions[0], channel)
            return 1
        text, shown = self._shown_together(every, whole)
        ts, ids = self.slack.post(channel, text, shown), tuple(one.id for one in every)
        for decision in decisions:
            sent = SentMessage(channel, ts, decision.version, decision.status, together=ids)
            self.sent.keep(decision.id, sent, self.now())
        return 1

    def _incident(self, decision: Decision) -> Incident:
        """The incident of a decision as the tables have it."""
        found = incidents.found(self.audit, self.sent.state, decision.id)
        return found or Incident(decision.id, (decision,))

    def _still_waiting(
        self, whole: Incident, told: Sequence[Decision], channel: str
    ) -> list[Decision]:
        """What else of an incident waits in this channel: shown once more, to be answered as one.

        What the policy has told in another channel stays there.
        """
        new = {one.id for one in told}
        return [one for one in whole.waiting if one.id not in new and self._of(one) == channel]

    def _of(self, decision: Decision) -> str:
        """The channel in which a decision is told."""
        account = decision.candidate.resource.account
        return self.policy.channel(account, decision.control, decision.severity)

    def _shown_together(self, decisions: Sequence[Decision], whole: Incident) -> blocks.Message:
        ordered = incidents.in_order(decisions)
        return incident.message([(one, self._request(one)) for one in ordered], whole)

    def _shown(self, decision: Decision, message: SentMessage) -> blocks.Message:
        """What a decision's message says now, with those that share it as the table has them."""
        if not message.together:
            return blocks.message(decision, self._request(decision))
        known = {one.id: one for one in self.audit.many(message.together)} | {decision.id: decision}
        every = [known[id_] for id_ in message.together if id_ in known]
        return self._shown_together(every, self._incident(decision))

    def _update(self, decision: Decision, message: SentMessage) -> None:
        """Replaces the message and adds to its thread what the log has gained."""
        text, shown = self._shown(decision, message)
        try:
            self.slack.update(message.channel, message.ts, text, shown)
            logged = self._thread(decision, message)
        except SlackError as error:
            if error.code not in _GONE:
                raise
            self._post(decision, message.channel)
            return
        now_said = replace(message, version=decision.version, status=decision.status, logged=logged)
        self.sent.keep(decision.id, now_said, self.now())

    def _thread(self, decision: Decision, message: SentMessage) -> int:
        """Posts what the log has gained into the thread; the number of the last entry there."""
        news = [entry for entry in self.audit.log(decision.id) if entry.number > message.logged]
        if not news:
            return message.logged
        about = f"{decision.id}  " if message.together else ""
        lines = [
            f"{about}{moment(entry.at)}  {entry.event} by {entry.by}"
            + (f": {entry.note}" if entry.note else "")
            for entry in news
        ]
        self.slack.post(message.channel, blocks.log(lines), (), thread=message.ts)
        return news[-1].number

    def _request(self, decision: Decision) -> ApprovalRequest | None:
        terms = self.policy.terms(decision.control, decision.severity)
        words = timeout(decision, terms)
        return ApprovalRequest(words) if words else None

    # ------------------------------------------------------------------------ a storm

    def _count(
        self, decision: Decision, before: SentMessage | None, began: str, channel: str
    ) -> None:
        message = SentMessage(channel, "", decision.version, decision.status, storm=began)
        self.sent.join(decision, message, before, self.now())

    def _is_readable(self, channel: str, began: str) -> bool:
        """Whether a storm's item can be read; without it each decision is told by itself."""
        try:
            self.sent.tally.storm(channel, began)
        except ValueError as error:
            _log.warning("told one by one: %s", error)
            return False
        return True

    def _say(self, storm: Storm, text: str, shown: list[blocks.Block]) -> int:
        """Posts or updates a storm's message; how many messages that added."""
        if storm.message:
            self.slack.update(storm.room, storm.message, text, shown)
            return 0
        self.sent.tally.claim(storm, self.now())
        try:
            ts = self.slack.post(storm.room, text, shown)
        except SlackError:
            self.sent.tally.unclaim(storm)
            raise
        self.sent.tally.posted(storm, ts)
        return 1
