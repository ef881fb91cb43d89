"""The approval desk: takes votes and undo requests, whatever channel they come by.

The desk weighs a vote and writes it to the audit table in a conditional transaction, so that of two
hundred simultaneous clicks one decides, and the others learn what was decided and by whom. The
table's own stream then wakes the guard, which carries out what was approved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from driftguard import controls
from driftguard.audit import AuditTable, Conflict
from driftguard.aws.dynamodb import Moved
from driftguard.documents import stamp
from driftguard.events.commands import MARK, undo_message
from driftguard.guardrails.spoken import asks_about_what_is_earned
from driftguard.model import Choice, Decision, Status, Vote
from driftguard.policy.model import Policy
from driftguard.state import exemptions, learning
from driftguard.state.keys import (
    StateRecord,
    StateRecords,
    anomaly_baseline_key,
    baseline_key,
    exemptions_key,
    grants_key,
    history_key,
    trust_key,
)
from driftguard.state.table import StateTable

from .command_queue import CommandQueue
from .owed import owed, owed_of
from .requester import Reply, Requester
from .rules import (
    UNDO_REQUESTED,
    counting,
    is_open,
    is_tried_again,
    quorum,
    shown,
    undo_refusal,
    weigh,
    why_not_undoable,
)

if TYPE_CHECKING:
    from driftguard.documents import Document

    from .acting import Acting
    from .containing import Answered

# Two votes that meet both try again; more than a few rounds mean that something is wrong.
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes votes and requests for one guard."""

    audit: AuditTable
    state: StateTable
    policy: Policy
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def vote(self, decision_id: str, vote: Vote) -> Reply:
        """Records a vote if it counts; says what came of it either way."""
        for _ in range(_ROUNDS):
            decision = self.audit.get(decision_id)
            if decision is None:
                return Reply(False, f"There is no decision {decision_id}.")
            weighed = weigh(decision, vote, self.policy, self.stamp())
            if weighed.refusal:
                self._note_refusal(decision, vote, weighed.refusal)
                return Reply(False, weighed.refusal, decision)
            try:
                return self._record(decision, vote, weighed.outcome)
            except exemptions.TooMany as error:
                return Reply(False, str(error), decision)
            except (Conflict, Moved):
                continue
        raise Conflict(f"{decision_id} is too busy to take a vote")

    def request_undo(
        self, decision_id: str, requester: Requester, reason: str, commands: CommandQueue
    ) -> Reply:
        """Records the request to undo a decision, if the requester may ask, and commands the guard.

        Where accepting the change takes more than one person, so does the undo: it is proposed, and
        others confirm it, or ask for the same. The guard obeys the record, not the message. Raises
        `AwsError` when the queue does not take the command: then the request is recorded, and may
        be made again.
        """
        for _ in range(_ROUNDS):
            decision = self.audit.get(decision_id)
            if decision is None:
                return Reply(False, f"There is no decision {decision_id}.")
            refusal = undo_refusal(decision, requester.person, requester.identity, self.policy)
            refusal = refusal or why_not_undoable(decision)
            if refusal:
                return Reply(False, refusal, decision)
            if quorum(decision, Choice.ACCEPT, self.policy) > 1:
                return self._propose_undo(decision, requester, reason, commands)
            asked = replace(decision, updated=self.stamp())
            try:
                written = self.audit.append(
                    asked, event=UNDO_REQUESTED, note=reason, by=requester.name
                )
            except (Conflict, Moved):
                continue
            commands.send(undo_message(decision.id, written.version))
            return Reply(True, "The guard has been asked to undo it.", written)
        raise Conflict(f"{decision_id} is too busy to take a request")

    def _propose_undo(
        self, decision: Decision, requester: Requester, reason: str, commands: CommandQueue
    ) -> Reply:
        # Only here: most undos take one person.
        from .undoing import asked_for

        command = owed(decision, self.audit.log(decision.id), self.stamp())
        if command is not None and command[MARK] == "undo":
            # Enough had agreed, and the queue did not take the command.
            commands.send(command)
            return Reply(True, "The guard has been asked to undo it.", decision)
        return self.acting.act(asked_for(decision, requester, reason, self.now()), commands)

    def wake(self, decision_id: str, commands: CommandQueue) -> Reply:
        """Commands the guard to do what the record says is still to be done for a decision.

        Raises `AwsError` when the queue does not take the command.
        """
        decision = self.audit.get(decision_id)
        if decision is None:
            return Reply(False, f"There is no decision {decision_id}.")
        command = self._owed_of_incident(decision)
        command = command or owed(decision, self.audit.log(decision_id), self.stamp())
        if command is None:
            due = decision.next_try or (decision.expires if is_open(decision) else "")
            until = f" before {due}" if due else ""
            nothing = f"Nothing is left to do{until}: the decision is {decision.status.value}."
            return Reply(True, nothing, decision)
        commands.send(command)
        return Reply(True, "The guard has been woken.", decision)

    def contain(self, decision_id: str, vote: Vote, fingerprint: str) -> Answered:
        """Takes one answer to the incident of a decision, as this fingerprint shows it.

        Raises `AwsError` when the incident cannot be read.
        """
        # Only here: no vote on one decision waits for it.
        from . import containing, incidents

        incident = incidents.found(self.audit, self.state, decision_id)
        if incident is None:
            return containing.Answered(False, f"There is no decision {decision_id}.")
        return containing.contain(incident, vote, fingerprint, self.vote)

    def _owed_of_incident(self, first: Decision) -> Document | None:
        """The command that wakes the guard for the others of an incident, which begins with it."""
        if first.incident != first.id:
            return None
        from . import incidents

        incident = incidents.found(self.audit, self.state, first.id)
        if incident is None or len(incident.members) == 1:
            return None
        return owed_of(incident, lambda one: self.audit.log(one.id))

    @property
    def acting(self) -> Acting:
        """What takes operators' acts."""
        # Only for an act: no vote waits for what acts need.
        from .acting import Acting

        return Acting(self.audit, self.state, self.policy, self.now)

    def _record(self, decision: Decision, vote: Vote, outcome: Status) -> Reply:
        answered = replace(
            decision,
            status=outcome,
            votes=(*decision.votes, vote),
            updated=self.stamp(),
        )
        is_final = outcome is not decision.status
        if is_final and is_tried_again(decision):
            answered = replace(
                answered,
                resumable=False,
                next_try="",
                lease_until="",
                reason=f"{decision.reason}; {vote.person} ended that and accepted the change",
            )
        event = outcome.value if is_final else "answered"
        note = f"{vote.choice.value} via {vote.via}"
        if vote.until:
            note += f", exempted until {vote.until}"
        if vote.reason:
            note += f": {vote.reason}"
        remembered = self._recall(answered) if is_final else StateRecords(self.state.place)
        # Only for a vote: nothing else waits for the arithmetic of trust.
        from driftguard.state import outcomes

        about = _shown(answered, decision)
        demotion = outcomes.overrules(about, vote, remembered, self.policy, self.now())
        if demotion:
            note += f"; {demotion}"
            answered = replace(answered, reason=f"{answered.reason}; {demotion}")
        written = self.audit.append(
            answered,
            event=event,
            note=note,
            by=self._who(vote),
            also=self.state.writes(*(self._taught(about, vote, remembered) if is_final else ())),
        )
        return Reply(True, _told(written, vote, self.policy), written)

    def _recall(self, answered: Decision) -> StateRecords:
        """The state records that a final vote changes."""
        place, control, resource = self.state.place, answered.control, answered.candidate.resource
        return self.state.recall(
            trust_key(place, control),
            grants_key(place),
            exemptions_key(place, control),
            baseline_key(control, resource),
            anomaly_baseline_key(place, resource.account, control),
            history_key(control, resource),
        )

    def _taught(
        self, answered: Decision, vote: Vote, remembered: StateRecords
    ) -> list[StateRecord]:
        """What a final vote teaches.

        The transaction that records the vote also writes this, so that a second vote leaves no
        exemption behind.
        """
        control = answered.control
        # This version of Driftguard may no longer have the control.
        known = controls.control(control) if controls.is_known(control) else None
        keeps_baseline = self.policy.pins(control) or (known is not None and known.baselined)
        momentary = known.momentary if known is not None else frozenset[str]()
        return list(
            learning.of_vote(
                answered,
                vote,
                remembered,
                self.policy,
                self.now(),
                keeps_baseline=keeps_baseline,
                momentary=momentary,
                is_sample=asks_about_what_is_earned(answered.rulings),
            )
        )

    def _note_refusal(self, decision: Decision, vote: Vote, refusal: str) -> None:
        """Notes a refused vote in the log, as long as others may still count."""
        if not is_open(decision):
            return
        noted = replace(decision, updated=self.stamp())
        try:
            self.audit.append(noted, event="refused", note=refusal, by=self._who(vote))
        except (Conflict, Moved):
            # Somebody else moved it meanwhile, which is in the log: not worth a race.
            return

    def _who(self, vote: Vote) -> str:
        identity = f" ({vote.identity})" if vote.identity else ""
        return f"{vote.person}{identity} via {vote.via}"

    def stamp(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return stamp(self.now() + ahead)


def _shown(answered: Decision, before: Decision) -> Decision:
    """The decision as a vote on it is about it: of a failed revert, with the state that it left."""
    if shown(before) == before.before:
        return answered
    return replace(answered, state=before.left, before=shown(before))


def _told(decision: Decision, vote: Vote, policy: Policy) -> str:
    if decision.status is Status.APPROVED:
        return "Thank you: it is being reverted."
    if decision.status is Status.DENIED:
        until = f" until {vote.until}" if vote.until else ""
        return f"Thank you: the change stands{until}."
    votes = {cast.person for cast in counting(decision) if cast.choice is vote.choice}
    missing = quorum(decision, vote.choice, policy) - len(votes)
    why = ""
    if vote.choice is Choice.ACCEPT and asks_about_what_is_earned(decision.rulings):
        why = " The guard had earned to revert it, so that it takes two people to overrule that."
    return f"Thank you: {missing} more must agree to {vote.choice.value} it.{why}"
