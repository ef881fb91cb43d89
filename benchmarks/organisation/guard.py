"""The guard in virtual time: the real decision code over notes in memory.

What `deciding`, `asking`, `desk` and `undoing` do around it, record, apply and verify, is left out;
what judges and what learns is called as they call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from driftguard import guardrails, lessons, past
from driftguard.guardrails import Circumstances, Judgement
from driftguard.model import (
    Answer,
    Autonomy,
    Certainty,
    Change,
    Decision,
    Status,
    Suspect,
    Verdict,
    decision_id,
    stamp,
)
from driftguard.policy import Policy
from driftguard.state import Key, Memory, Note, exemptions_key, past_key

from . import catalogue
from .year import Habit, Made

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
    """One guard of a whole organisation, with what it remembers."""

    policy: Policy
    notes: dict[Key, Note] = field(default_factory=dict)
    asked: dict[str, Decision] = field(default_factory=dict)

    @property
    def memory(self) -> Memory:
        """What is remembered now."""
        return Memory(self.notes)

    def decide(self, made: Made) -> tuple[Decision, Judgement]:
        """Judges a change and remembers what follows; a question that is open already is joined."""
        now = moment(made.at)
        self._forget(past_key(made.control, made.resource), now)
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
            memory=self.memory,
            now=now,
        )
        judged = guardrails.judge(case)
        decision = self._drafted(case, change, made, judged)
        if decision.status is Status.ASKED:
            known = self.memory[past_key(made.control, made.resource)].document
            open_ = past.question(known, decision.before, stamp(now))
            if open_ in self.asked:
                return self.asked[open_], judged
            self.asked[decision.id] = decision
        self.learn(
            lessons.of_decision(decision, judged, self.memory, self.policy, now, seen=made.state)
        )
        return decision, judged

    def answer(self, decision: Decision, verdict: Verdict, at: float, until: float = 0.0) -> bool:
        """Somebody answers a question; `until` makes a keep an exemption. Whether that demotes."""
        now = moment(at)
        answer = Answer(
            person="asha",
            verdict=verdict,
            via="slack",
            at=stamp(now),
            fingerprint=decision.before,
            until=stamp(moment(until)) if until else "",
        )
        status = Status.APPROVED if verdict is Verdict.REVERT else Status.DENIED
        answered = replace(decision, status=status, answers=(answer,), updated=stamp(now))
        self.asked.pop(decision.id, None)
        demotes = bool(lessons.overrules(answered, answer, self.memory, self.policy, now))
        self.learn(lessons.of_answer(answered, answer, self.memory, self.policy, now, None))
        return demotes

    def expire(self, decision: Decision) -> None:
        """Nobody answered: the change stands."""
        self.asked.pop(decision.id, None)

    def undo(self, decision: Decision, at: float) -> bool:
        """A revert is taken back; whether that demotes the kind of case it was."""
        now = moment(at)
        demotes = bool(lessons.demotes(decision, self.memory, self.policy, now))
        self.learn(lessons.of_undo(decision, "owner", self.memory, self.policy, now))
        return demotes

    def exempt(
        self, made: Made, at: float, until: float, *, resource: str = "", actor: str = ""
    ) -> None:
        """Somebody writes an exemption: for the change's own resource, or as it is named."""
        entry = {
            "resource": resource or lessons.literal(made.resource.arn),
            "actor": actor or "*",
            "until": stamp(moment(until)),
            "reason": made.why,
            "by": "asha",
            "identity": "",
            "given": stamp(moment(at)),
        }
        note = self.memory[exemptions_key(made.control)]
        self.learn([lessons.exempted(note, made.id, entry, moment(at))])

    def clean(self, habit: Habit) -> None:
        """A change that turned out harmless."""
        now = moment(habit.at)
        change = Change("", "", "", habit.account, "eu-central-1", stamp(now), habit.actor)
        self.learn(lessons.of_clean(habit.control, change, self.memory, self.policy, now))

    def learn(self, notes: Iterable[Note]) -> None:
        """Writes notes over the versions that were read, as the state table would."""
        for note in list(notes):
            if note.version != self.memory[note.key].version:
                raise Raced(str(note.key))
            self.notes[note.key] = replace(note, version=note.version + 1)

    def _forget(self, key: Key, now: datetime) -> None:
        """Drops a note whose time to live is over, as DynamoDB does."""
        note = self.notes.get(key)
        if note is not None and 0 < note.expires <= now.timestamp():
            del self.notes[key]

    def _drafted(
        self, case: Circumstances, change: Change, made: Made, judged: Judgement
    ) -> Decision:
        terms = self.policy.terms(case.control, judged.severity)
        return Decision(
            id=case.decision,
            control=case.control,
            title=case.control,
            severity=judged.severity,
            suspect=Suspect(case.resource, Certainty.EVIDENT),
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
