"""Where people's answers arrive, whatever the channel: weighed, recorded, and answered politely.

The answer is written to the audit table in a conditional transaction, so that of two hundred
simultaneous clicks one decides, and the others are told what was decided and by whom. What was
approved is carried out by the guard, who is woken from the table's own stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from . import controls, lessons, operators
from .approvals import weigh
from .audit import AuditTable, Conflict
from .model import Answer, Decision, Status, stamp
from .policy import Policy
from .state import (
    Memory,
    Moved,
    Note,
    StateTable,
    baseline_key,
    exemptions_key,
    habits_key,
    past_key,
    trust_key,
)
from .trail import text

# Two answers that meet are both right to try again; more than a few rounds mean something is wrong.
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What the answer led to, in words for who gave it."""

    counted: bool
    text: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes answers for one guard."""

    audit: AuditTable
    state: StateTable
    policy: Policy
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def answer(self, decision_id: str, answer: Answer) -> Reply:
        """Records an answer if it counts; says what came of it either way."""
        for _ in range(_ROUNDS):
            decision = self.audit.get(decision_id)
            if decision is None:
                return Reply(False, f"There is no decision {decision_id}.")
            weighed = weigh(decision, answer, self.policy, self.stamp())
            if weighed.refusal:
                self._note_refusal(decision, answer, weighed.refusal)
                return Reply(False, weighed.refusal, decision)
            try:
                return self._record(decision, answer, weighed.outcome)
            except lessons.TooMany as error:
                return Reply(False, str(error), decision)
            except (Conflict, Moved):
                continue
        raise Conflict(f"{decision_id} is too busy to take an answer")

    def act(self, act: operators.Act) -> Reply:
        """Does what an operator asks for, and records it; in words what came of it."""
        for _ in range(_ROUNDS):
            try:
                memory = self.state.recall(*operators.keys(act))
                what = operators.done(act, memory, self._made(act, memory))
                decision = operators.recorded(act, what)
                written = self.audit.append(
                    decision,
                    event=act.kind,
                    note=f"{what.summary}: {act.reason}",
                    by=act.by,
                    also=self.state.writes(*what.notes),
                )
            except operators.Unfit as error:
                return Reply(False, str(error))
            except Moved:
                continue
            return Reply(True, f"{what.title}: {what.summary}.", written)
        raise Conflict("too many change the same thing at once; try again")

    def _made(self, act: operators.Act, memory: Memory) -> list[operators.Made]:
        """The changes that led to what an act accepts, as far as decisions tell, newest first.

        What was reverted stands no more. An event that is still on its way is not known here: the
        guard judges it by the baseline from before, if it is of who accepted.
        """
        since = operators.since_when(act, memory)
        if since is None:
            return []
        from .audit.queries import Filters, Finder, Usage, plan

        filters = Filters(
            resource=text(act.said, "resource"), control=text(act.said, "control"), since=since
        )
        return [
            operators.Made(
                one.id,
                one.actor.name,
                self.policy.made_by(one.makers, act.person, act.identity),
            )
            for one in Finder(self.audit, Usage()).decisions(filters, plan(filters))
            if one.status is not Status.REVERTED
        ]

    def _record(self, decision: Decision, answer: Answer, outcome: Status) -> Reply:
        answered = replace(
            decision,
            status=outcome,
            answers=(*decision.answers, answer),
            updated=self.stamp(),
        )
        event = "answered" if outcome is Status.ASKED else outcome.value
        note = f"{answer.verdict.value} via {answer.via}"
        if answer.until:
            note += f", exempted until {answer.until}"
        if answer.reason:
            note += f": {answer.reason}"
        memory = self._memory(answered)
        demotion = lessons.overrules(answered, answer, memory, self.policy, self.now())
        if demotion:
            note += f"; {demotion}"
            answered = replace(answered, reason=f"{answered.reason}; {demotion}")
        written = self.audit.append(
            answered,
            event=event,
            note=note,
            by=self._who(answer),
            also=self.state.writes(*self._lessons(answered, answer, memory)),
        )
        return Reply(True, _told(written, answer), written)

    def _memory(self, answered: Decision) -> Memory:
        """What a final answer teaches is learned from; nothing while more people must agree."""
        if answered.status is Status.ASKED:
            return Memory()
        control, resource = answered.control, answered.suspect.resource
        return self.state.recall(
            trust_key(control),
            exemptions_key(control),
            baseline_key(control, resource),
            habits_key(resource.account, control),
            past_key(control, resource),
        )

    def _lessons(self, answered: Decision, answer: Answer, memory: Memory) -> list[Note]:
        """What a final answer teaches; in the record's own transaction, so who came second leaves
        no exemption behind."""
        if answered.status is Status.ASKED:
            return []
        control = answered.control
        known = controls.control(control) if controls.is_known(control) else None
        return list(lessons.of_answer(answered, answer, memory, self.policy, self.now(), known))

    def _note_refusal(self, decision: Decision, answer: Answer, refusal: str) -> None:
        """A refused answer leaves a line in the log, while the decision is still open."""
        if decision.status is not Status.ASKED:
            return
        noted = replace(decision, updated=self.stamp())
        try:
            self.audit.append(noted, event="refused", note=refusal, by=self._who(answer))
        except (Conflict, Moved):
            # Somebody else moved it meanwhile: that is in the log, and this is not worth a race.
            return

    def _who(self, answer: Answer) -> str:
        identity = f" ({answer.identity})" if answer.identity else ""
        return f"{answer.person}{identity} via {answer.via}"

    def stamp(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return stamp(self.now() + ahead)


def _told(decision: Decision, answer: Answer) -> str:
    if decision.status is Status.APPROVED:
        return "Thank you: it is being reverted."
    if decision.status is Status.DENIED:
        until = f" until {answer.until}" if answer.until else ""
        return f"Thank you: the change stands{until}."
    voices = {one.person for one in decision.answers if one.verdict is answer.verdict}
    missing = decision.required - len(voices)
    return f"Thank you: {missing} more must agree to {answer.verdict.value} it."
