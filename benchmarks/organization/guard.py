"""The guard in virtual time: the real decision code over notes in memory.

What `deciding`, `asking`, `desk` and `undoing` do around it, record, apply and verify, is left out;
what judges and what learns is called as they call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from driftguard.approvals.rules import quorum
from driftguard.audit.items import decision_id
from driftguard.aws.dynamodb import Key
from driftguard.documents import stamp
from driftguard.guardrails import judgment
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import Judgment
from driftguard.guardrails.spoken import asks_about_what_is_earned
from driftguard.model import (
    Autonomy,
    Candidate,
    Certainty,
    Change,
    Choice,
    Decision,
    Place,
    Status,
    Vote,
)
from driftguard.policy.model import Policy
from driftguard.state import exemptions, history, learning, outcomes
from driftguard.state.keys import StateRecord, StateRecords, exemptions_key, history_key

from . import catalogue
from .year import Made, Routine

# Where the one guard of the whole organization stands.
HERE = Place("123456789012", "us-east-1")
BEGINS = datetime(2026, 1, 5, tzinfo=UTC)  # A Monday.
_STATUS = {
    Autonomy.REVERT: Status.REVERTING,
    Autonomy.ASK: Status.ASKED,
    Autonomy.OBSERVE: Status.OBSERVED,
}


class Raced(Exception):
    """A note was written over another version than was read: the simulation is wrong."""


@dataclass(slots=True)
class Guard:
    """One guard of a whole organization, with what it remembers."""

    policy: Policy
    records: dict[Key, StateRecord] = field(default_factory=dict)
    asked: dict[str, Decision] = field(default_factory=dict)

    @property
    def remembered(self) -> StateRecords:
        """What is remembered now."""
        return StateRecords(HERE, self.records)

    def decide(self, made: Made) -> tuple[Decision, Judgment]:
        """Judges a change and remembers what follows; a question that is open already is joined."""
        now = moment(made.at)
        self._forget(history_key(made.control, made.resource), now)
        change = _change(made, now)
        case = Circumstances(
            decision=decision_id(change, made.control, made.resource),
            control=made.control,
            severity=catalogue.severity(made.control),
            resource=made.resource,
            actor=made.actor,
            time=change.time,
            plan=made.plan,
            policy=self.policy,
            ceiling=Autonomy.REVERT,
            remembered=self.remembered,
            now=now,
        )
        judged = judgment.judge(case)
        decision = self._drafted(case, change, made, judged)
        if decision.status is Status.ASKED:
            known = self.remembered[history_key(made.control, made.resource)].document
            open_ = history.approval_request(known, decision.before, stamp(now))
            if open_ in self.asked:
                return self.asked[open_], judged
            self.asked[decision.id] = decision
        self.learn(
            learning.of_decision(
                decision, judged.trips, self.remembered, self.policy, now, seen=made.state
            )
        )
        return decision, judged

    def needs_two(self, decision: Decision) -> bool:
        """Whether one person alone cannot accept the change."""
        return quorum(decision, Choice.ACCEPT, self.policy) > 1

    def vote(
        self, decision: Decision, choice: Choice, at: float, until: float = 0.0, by: str = "asha"
    ) -> tuple[Decision, bool]:
        """The last vote on a question; `until` makes a keep an exemption.

        Returns the decision with the vote, and whether it demotes.
        """
        now = moment(at)
        vote = Vote(
            person=by,
            choice=choice,
            via="slack",
            at=stamp(now),
            fingerprint=decision.before,
            until=stamp(moment(until)) if until else "",
        )
        status = Status.APPROVED if choice is Choice.REVERT else Status.DENIED
        answered = replace(decision, status=status, votes=(vote,), updated=stamp(now))
        self.asked.pop(decision.id, None)
        demotes = bool(outcomes.overrules(answered, vote, self.remembered, self.policy, now))
        self.learn(
            learning.of_vote(
                answered,
                vote,
                self.remembered,
                self.policy,
                now,
                keeps_baseline=False,
                momentary=frozenset(),
                is_sample=asks_about_what_is_earned(answered.rulings),
            )
        )
        return answered, demotes

    def expire(self, decision: Decision) -> None:
        """Nobody answered: the change stands."""
        self.asked.pop(decision.id, None)

    def undo(self, decision: Decision, at: float, by: str = "owner") -> bool:
        """A revert is taken back; whether that demotes the kind of case it was."""
        now = moment(at)
        demotes = bool(outcomes.demotes(decision, by, self.remembered, self.policy, now))
        self.learn(outcomes.of_undo(decision, by, self.remembered, self.policy, now))
        return demotes

    def exempt(
        self, made: Made, at: float, until: float, *, resource: str = "", actor: str = ""
    ) -> None:
        """Somebody writes an exemption: for the change's own resource, or as it is named."""
        entry = {
            "resource": resource or exemptions.literal(made.resource.arn),
            "actor": actor or "*",
            "until": stamp(moment(until)),
            "reason": made.why,
            "by": "asha",
            "identity": "",
            "given": stamp(moment(at)),
        }
        stored = self.remembered[exemptions_key(HERE, made.control)]
        self.learn([exemptions.exempted(stored, made.id, entry, moment(at))])

    def clean(self, routine: Routine) -> None:
        """A change that turned out harmless."""
        now = moment(routine.at)
        change = Change("", "", "", routine.account, "eu-central-1", stamp(now), routine.actor)
        self.learn(learning.of_clean(routine.control, change, self.remembered, self.policy, now))

    def learn(self, records: Iterable[StateRecord]) -> None:
        """Writes notes over the versions that were read, as the state table would."""
        for stored in list(records):
            if stored.version != self.remembered[stored.key].version:
                raise Raced(str(stored.key))
            self.records[stored.key] = replace(stored, version=stored.version + 1)

    def _forget(self, key: Key, now: datetime) -> None:
        """Drops a note whose time to live is over, as DynamoDB does."""
        stored = self.records.get(key)
        if stored is not None and 0 < stored.expires <= now.timestamp():
            del self.records[key]

    def _drafted(
        self, case: Circumstances, change: Change, made: Made, judged: Judgment
    ) -> Decision:
        terms = self.policy.terms(case.control, judged.severity)
        return Decision(
            id=case.decision,
            control=case.control,
            title=case.control,
            severity=judged.severity,
            candidate=Candidate(case.resource, Certainty.EVIDENT),
            change_id=change.id,
            change_name=change.name,
            change_time=change.time,
            actor=case.actor,
            status=_STATUS[judged.autonomy],
            summary=made.why,
            granted=judged.granted,
            autonomy=judged.autonomy,
            rulings=judged.rulings,
            plan=case.plan,
            state={"risky": made.state},
            before=made.state,
            decided=stamp(case.now),
            updated=stamp(case.now),
            reason=judged.reason,
            expires=stamp(case.now + timedelta(seconds=terms.seconds)),
        )


def moment(at: float) -> datetime:
    """A time of the year as the guard's clock shows it."""
    return BEGINS + timedelta(seconds=at)


def _change(made: Made, now: datetime) -> Change:
    return Change(
        id=made.id,
        source=f"{catalogue.BY_CONTROL[made.control].service}.amazonaws.com",
        name="Change",
        account=made.resource.account,
        region=made.resource.region,
        time=stamp(now),
        actor=made.actor,
    )
