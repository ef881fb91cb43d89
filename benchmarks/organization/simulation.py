"""A year lived through by one guard: changes, questions, answers, undos, all in virtual time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from driftguard.model import Choice, Decision, Status
from driftguard.policy.model import Policy
from driftguard.state import circuit_breaker, trust
from driftguard.state.keys import circuit_breaker_key

from .guard import HERE, Guard
from .measures import Measures, Tally, measured
from .shapes import DAY, HOUR, YEAR, Organization
from .year import INSIDER, TURNED, Made, Year, again, another

_KEPT_FOR = 90 * DAY
_RULE_FOR = 180 * DAY
# After so many keeps of one actor's changes somebody may write a rule for the actor.
_A_ROUTINE = 3


def lived(of: Organization, seed: int, what: Year, policy: Policy) -> Measures:
    """What becomes of a year's changes under a policy."""
    run = _Run(of, seed, Guard(policy))
    for made in what.made:
        run.at(made.at, partial(run.change, made))
    if policy.bounds.anomalies is not None:
        for routine in what.routines:
            run.at(routine.at, partial(run.guard.clean, routine))
    run.to_the_end()
    return measured(run.tally)


@dataclass(slots=True)
class _Run:
    of: Organization
    seed: int
    guard: Guard
    tally: Tally = field(default_factory=Tally)
    heap: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    order: count[int] = field(default_factory=count)
    heard: dict[str, float] = field(default_factory=dict)
    # What is taken back now, by its state: the decision that did it.
    gone: dict[str, Decision] = field(default_factory=dict)
    keeps: Counter[tuple[str, str]] = field(default_factory=Counter)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Something is to happen."""
        heapq.heappush(self.heap, (when, next(self.order), what))

    def to_the_end(self) -> None:
        """Lets everything happen, in time's order."""
        while self.heap:
            _, _, happen = heapq.heappop(self.heap)
            happen()

    # ------------------------------------------------------------------------------ changes

    def change(self, made: Made) -> None:
        """Somebody makes a change that looks risky."""
        self.gone.pop(made.state, None)
        decision, judged = self.guard.decide(made)
        if decision.change_id != made.id:
            # It joined a question about the same state, which is open since it was made before.
            return
        self.tally.looked_at(made.right)
        if judged.trips:
            self._rearm_later(made, judged.trips)
        if decision.status is Status.ASKED:
            self.heard.setdefault(made.state, made.at)
            who = trust.who_of(made.actor)
            self.tally.asked(made.at, f"{made.why == TURNED} {made.control} {who}", made.right)
            self._ask(made, decision)
        elif decision.status is Status.REVERTING:
            self._revert(made, decision, made.at, by_people=False)
        else:
            self.tally.stands(right=made.right, why=made.why)

    def _again(self, made: Made, at: float) -> None:
        if at < YEAR * DAY:
            repeated = again(made, at, self.of, self.seed)
            self.at(at, lambda: self.change(repeated))

    def _rearm_later(self, made: Made, scope: str) -> None:
        """A person looks at a circuit breaker that tripped as soon as at a question."""

        def rearm() -> None:
            stored = self.guard.remembered[circuit_breaker_key(HERE)]
            self.guard.learn([stored.saying(circuit_breaker.rearmed(stored.document, scope))])

        self.at(made.at + (DAY if made.fate.answer is None else made.fate.answer), rearm)

    # ---------------------------------------------------------------------------- questions

    def _ask(self, made: Made, decision: Decision) -> None:
        open_for = self.guard.policy.terms(decision.control, decision.severity).seconds
        fate = made.fate
        if fate.answer is None or fate.answer >= open_for:
            self.at(made.at + open_for, lambda: self._expire(made, decision))
        else:
            at = made.at + fate.answer
            self.at(at, lambda: self._answer(made, decision, at))

    def _expire(self, made: Made, decision: Decision) -> None:
        self.guard.expire(decision)
        self.tally.stands(right=made.right, why=made.why)

    def _answer(self, made: Made, decision: Decision, at: float) -> None:
        """An approver judges by the truth, or errs; to accept what was earned takes another one."""
        if made.fate.stamps or made.right is not made.fate.errs:
            self._approve(made, decision, at)
        elif self.guard.needs_two(decision):
            self._ask_another(made, decision, at)
        else:
            self._accept(made, decision, at)

    def _ask_another(self, made: Made, decision: Decision, at: float) -> None:
        """A second person is asked, who judges and errs independently of the first."""
        self.tally.asked(made.at, f"{made.why == TURNED} {made.control} second", made.right)
        fate = another(made, self.of, self.seed)
        open_for = self.guard.policy.terms(decision.control, decision.severity).seconds
        then = at if fate.answer is None else at + fate.answer
        if fate.answer is None or then >= made.at + open_for:
            self.at(made.at + open_for, lambda: self._expire(made, decision))
        elif fate.stamps or made.right is not fate.errs:
            self.at(then, lambda: self._approve(made, decision, then, by="ben"))
        else:
            self.at(then, lambda: self._accept(made, decision, then, by="ben"))

    def _approve(self, made: Made, decision: Decision, at: float, by: str = "asha") -> None:
        answered, _ = self.guard.vote(decision, Choice.REVERT, at, by=by)
        self._revert(made, answered, at, by_people=True)

    def _accept(self, made: Made, decision: Decision, at: float, by: str = "asha") -> None:
        until = at + _KEPT_FOR if made.fate.exempts else 0.0
        _, demotes = self.guard.vote(decision, Choice.ACCEPT, at, until, by=by)
        self.tally.demotions += demotes
        self.tally.stands(right=made.right, why=made.why)
        self._perhaps_a_rule(made, at)

    def _perhaps_a_rule(self, made: Made, at: float) -> None:
        """Who keeps the same actor's changes again and again may exempt the actor."""
        routine = (made.control, made.actor.session)
        self.keeps[routine] += 1
        if self.keeps[routine] >= _A_ROUTINE and made.fate.writes_rule:
            self.guard.exempt(made, at, at + _RULE_FOR, resource="*", actor=made.actor.session)

    # ------------------------------------------------------------------------------ reverts

    def _revert(self, made: Made, decision: Decision, at: float, *, by_people: bool) -> None:
        done = at + made.fate.latency
        self.gone[made.state] = decision
        self.heard.setdefault(made.state, at)
        after = done - made.at
        self.tally.reverted(right=made.right, by_people=by_people, after=after)
        if made.why == TURNED and not by_people:
            self.tally.turned += 1
        if made.again is not None:
            next_ = done + made.again
            if not made.right or next_ < self.heard[made.state] + made.mended:
                self._again(made, next_)
        if made.why == INSIDER:
            self.at(done + HOUR, lambda: self._undone_by_maker(made, done + HOUR))
        if not made.right and made.fate.notice is not None:
            noticed = done + made.fate.notice
            self.at(noticed, lambda: self._notice(made, noticed))

    def _undone_by_maker(self, made: Made, at: float) -> None:
        """Whoever opened the risk undoes the revert of it, under their own identity."""
        decision = self.gone.pop(made.state, None)
        if decision is not None:
            self.tally.demotions += self.guard.undo(decision, at, by=made.actor.session)
            self.tally.stands(right=True, why=INSIDER)

    def _notice(self, made: Made, at: float) -> None:
        """The owner sees that it is gone: the last revert is undone, or they make it again."""
        decision = self.gone.get(made.state)
        if decision is None:
            return
        if made.fate.remakes and made.again is None:
            self._again(made, at)
            return
        del self.gone[made.state]
        self.tally.demotions += self.guard.undo(decision, at)
        if made.fate.exempts:
            self.guard.exempt(made, at, at + _KEPT_FOR)
        self._perhaps_a_rule(made, at)
