"""One control looking at one resource: what every part of a decision's story needs.

The parts are functions of a case: `deciding`, `asking`, `reverting` and `undoing`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from . import baseline as baselines
from . import differences, past
from .audit import Conflict
from .aws import AwsError, Reader
from .baseline import Baseline
from .controls.control import AnyControl
from .interruptions import Busy, Incomparable, NotYet
from .model import (
    Actor,
    Autonomy,
    Decision,
    Document,
    Facet,
    Plan,
    Resource,
    Risk,
    Status,
    Suspect,
    arns_of,
    moment,
    stamp,
)
from .policy import Policy
from .state import (
    BREAKER,
    Key,
    Memory,
    Moved,
    Note,
    baseline_key,
    exemptions_key,
    freeze_keys,
    habits_key,
    past_key,
    rollout_key,
    trust_key,
)
from .trail import mapping

if TYPE_CHECKING:
    from .pipeline import Guard

# Longer than the guard's Lambda can run, shorter than the queue hides a message.
LEASE = timedelta(seconds=135)
# What stands for the fingerprint of a state that is no more.
GONE = "gone"
# How often what others write at the same time is read again before the message has to come again.
ROUNDS = 12

# What follows from a step for what is remembered, given what is remembered now.
Lessons = Callable[[Memory], Iterable[Note]]


def keys(policy: Policy, control: AnyControl, resource: Resource) -> tuple[Key, ...]:
    """All notes that a decision of this control on this resource is made by: one batch."""
    account = resource.account
    wanted: list[Key] = [
        *freeze_keys(account, control.id),
        exemptions_key(control.id),
        BREAKER,
        past_key(control.id, resource),
        trust_key(control.id),
    ]
    if control.baselined or policy.pins(control.id):
        wanted.append(baseline_key(control.id, resource))
    if policy.bounds.habits is not None:
        wanted.append(habits_key(account, control.id))
    if policy.bounds.rollout.observe or policy.bounds.rollout.ask:
        wanted.append(rollout_key(control.id, policy.entry(control.id)))
    return tuple(wanted)


@dataclass(frozen=True, slots=True)
class Case:
    """One control looking at one resource, with what is remembered of both.

    `last_chance`: this delivery is the last one; what cannot be finished is recorded as failed.
    `actor` and `changed` are whose change is judged, and when it was made (ISO 8601, UTC): a
    baseline that they accepted themselves does not vouch for it.
    """

    guard: Guard
    control: AnyControl
    settings: object
    suspect: Suspect
    last_chance: bool
    memory: Memory = Memory()
    actor: Actor = Actor()
    changed: str = ""

    # ------------------------------------------------------------------------- looking

    @property
    def baseline(self) -> Baseline | None:
        """The recorded baseline; None where there is none, or the control keeps none."""
        return baselines.baseline_of(self.memory[self.baseline_key])

    @property
    def keeps_baseline(self) -> bool:
        """Whether a baseline is recorded here: the control wants one, or policy pins it to one."""
        return self.control.baselined or self.guard.policy.pins(self.control.id)

    @property
    def baseline_key(self) -> Key:
        """Where the baseline is kept."""
        return baseline_key(self.control.id, self.suspect.resource)

    def look(self) -> tuple[Facet | None, Risk | None]:
        """The state now, and why it is risky."""
        state = self.control.observe(self.suspect, self.reader())
        if state is None:
            return None, None
        risk, _ = self._judged(state)
        if risk is None and (pinned_to := self._departs_from(state)) and self._is_pinned():
            told = self._differences(pinned_to, state)
            risk = Risk(f"departs from its pinned baseline: {told}")
            known = self.baseline
            if known is not None and pinned_to != known.state:
                risk = self._held(risk, known)
        return Facet(state, self.now()), risk

    def plan(self, facet: Facet) -> Plan:
        """What takes the risk back, or the departure from a pinned baseline."""
        risk, before = self._judged(facet.state)
        if risk is not None:
            return self.control.plan(self.suspect, facet, before, self.settings)
        pinned_to = self._departs_from(facet.state)
        assert pinned_to is not None
        restoring = self.control.put_back(self.suspect, facet, pinned_to)
        if restoring is not None:
            return restoring
        told = self._differences(pinned_to, facet.state)
        return Plan((), advice=f"It was pinned to: {told}.")

    def leans_on_baseline(self, facet: Facet, plan: Plan) -> bool:
        """Whether the plan would be another one without the baseline."""
        if self.baseline is None:
            return False
        if self.control.assess(facet.state, None, self.settings) is None:
            return True
        return plan != self.control.plan(self.suspect, facet, None, self.settings)

    def _judged(self, state: Document) -> tuple[Risk | None, Document | None]:
        """The risk, and the recorded state beside which it is one.

        Beside the baseline; and beside its anchor too, so that many steps which are nothing by
        themselves cannot walk to where one step could not.
        """
        known = self.baseline
        if known is None:
            return self.control.assess(state, None, self.settings), None
        risk, before = self._beside(state, known.state, known.anchor)
        if risk is None and self._is_own_word(known):
            own, earlier = self._beside(state, known.before, known.before_anchor)
            if own is not None:
                return self._held(own, known), earlier
        return risk, before

    def _beside(
        self, state: Document, before: Document | None, anchor: Document | None
    ) -> tuple[Risk | None, Document | None]:
        risk = self._assessed(state, before)
        if risk is None and anchor is not None and anchor != before:
            walked = self._assessed(state, anchor)
            if walked is not None:
                return walked, anchor
        return risk, before

    def _assessed(self, state: Document, recorded: Document | None) -> Risk | None:
        """The risk beside a recorded state. Raises `Incomparable`, which says what to do."""
        try:
            return self.control.assess(state, recorded, self.settings)
        except (LookupError, TypeError, AttributeError) as error:
            if recorded is None:
                raise
            control, arn = self.control.id, self.suspect.resource.arn
            raise Incomparable(
                f"{arn} cannot be compared with its baseline ({error!r}), which may be of another "
                f"version of {control}; look at it, and say: driftguard baseline accept {control} "
                f"{arn} --reason …"
            ) from error

    def _is_own_word(self, known: Baseline) -> bool:
        """Whether the baseline is what it is by the word of who made the change."""
        word = known.word
        if word is None:
            return False
        return self.guard.policy.made_by(arns_of(self.actor), word.person, word.identity)

    def _held(self, risk: Risk, known: Baseline) -> Risk:
        """A risk that only the maker's own word denies.

        What they had changed before they gave it is judged as if they had not. What they change
        later may be little, beside somebody else's change that they rightly accepted: a person
        says which.
        """
        assert known.word is not None
        told, given = moment(self.changed), moment(known.word.at)
        if told is None or given is None or told <= given:
            return risk
        return replace(
            risk,
            at_most=min(risk.at_most, Autonomy.ASK),
            at_most_why=risk.at_most_why
            or f"it is the baseline only by the word of who made the change ({known.by})",
        )

    def _departs_from(self, state: Document) -> Document | None:
        """The baseline that a state departs from, where policy may pin it to one; else None."""
        known = self.baseline
        if known is None or not self.guard.policy.pins(self.control.id):
            return None
        ignored = self._beyond_baselines()
        own = [known.before] if self._is_own_word(known) and known.before is not None else []
        now = Facet(state, "").fingerprint(ignored)
        for one in (known.state, *own):
            if Facet(one, "").fingerprint(ignored) != now:
                return one
        return None

    def _is_pinned(self) -> bool:
        scopes = self.guard.policy.bounds.pinned
        tags = self.tags() if any(one.tags for one in scopes) else None
        resource = self.suspect.resource
        return any(one.holds(self.control.id, resource, Actor(), tags) for one in scopes)

    def _differences(self, before: Document, state: Document) -> str:
        return differences.in_words(before, state, leaving_out=self._beyond_baselines())

    def _beyond_baselines(self) -> frozenset[str]:
        """What does not count when a state is held against a baseline."""
        return self.control.volatile | self.control.momentary | frozenset(self.suspect.hint)

    def tags(self) -> dict[str, str]:
        """The resource's tags, read now."""
        # Only here: few policies depend on tags.
        from .tags import tags_of

        return tags_of(self.suspect.resource, self.reader())

    def tags_that_count(self) -> dict[str, str] | None:
        """The resource's tags where anything said of this control depends on them; else None."""
        given = mapping(self.memory[exemptions_key(self.control.id)].document, "entries")
        by_tag = any(mapping(mapping(given, one), "tags") for one in given)
        needed = by_tag or self.guard.policy.needs_tags(self.control.id)
        return self.tags() if needed else None

    def in_use(self, state: Document) -> str:
        """What depends on the risky part right now, in words, where policy wants that looked at."""
        if not self.guard.policy.looks_at_use(self.control.id):
            return ""
        return self.control.in_use(self.suspect, state, self.reader())

    def reader(self) -> Reader:
        """Reads where the resource is."""
        resource = self.suspect.resource
        return self.guard.aws.reader(resource.account, resource.region)

    def fingerprint(self, facet: Facet | None) -> str:
        """What an approval and an undo are bound to."""
        return GONE if facet is None else facet.fingerprint(self.control.volatile)

    def seen(self, facet: Facet) -> str:
        """What a sweep knows a state by: not by what only a change's record told of it."""
        return facet.fingerprint(self._beyond_baselines())

    def before(self, decision: Decision) -> str:
        """The fingerprint of the state that the change left and that was first decided on."""
        return self.fingerprint(Facet(decision.state, decision.decided))

    def how(self, decision: Decision, facet: Facet | None) -> str:
        """How the resource differs from what our own change left, in words."""
        if facet is None:
            return "it is gone"
        if decision.after == GONE:
            return "it was gone, and is there again"
        return differences.in_words(decision.left, facet.state, leaving_out=self.control.volatile)

    # ---------------------------------------------------------------------- remembering

    def note_keys(self) -> tuple[Key, ...]:
        """All notes that this case is decided by."""
        return keys(self.guard.policy, self.control, self.suspect.resource)

    def recalled(self) -> Case:
        """This case with the notes as they are now."""
        return replace(self, memory=self.guard.state.recall(*self.note_keys()))

    def remember(self, facet: Facet, why: str) -> bool:
        """Keeps a clean state as the baseline; False when it is the baseline already.

        Clean means: weaker neither than the baseline before it nor than its anchor. So a baseline
        only ever moves on.
        """
        if not self.keeps_baseline:
            return False
        now, note, known = self.guard.now(), self.memory[self.baseline_key], self.baseline
        state = self._as_swept(facet.state)
        if known is not None and state == known.state:
            again = baselines.checked(note, now)
            self.write(*([again] if again else []))
            return False
        if self._is_asked_about():
            return False
        notes = baselines.moved(
            note,
            self.control.id,
            self.suspect.resource,
            state,
            at=now,
            by="guard",
            why=why,
            anchored=False,
        )
        return self.write(*notes)

    def _is_asked_about(self) -> bool:
        """Whether people are being asked about this thing: until they have, nothing of it is usual.

        Without a baseline only the change's own record may tell that a state is risky; to a sweep
        it would be clean, and to who carries out the answer then, too.
        """
        note = self.memory[past_key(self.control.id, self.suspect.resource)].document
        open_ = past.asked(note)
        decision = self.guard.audit.get(open_) if open_ else None
        return decision is not None and decision.status in (
            Status.ASKED,
            Status.APPROVED,
            Status.REVERTING,
        )

    def _as_swept(self, state: Document) -> Document:
        """A state as the sweep sees it: without what only a change's record told of it.

        Left in, it would make a version of every other look; so would what is momentary.
        """
        if not self.control.baselined:
            return state
        beyond = self.control.momentary | frozenset(self.suspect.hint)
        return {name: one for name, one in state.items() if name not in beyond}

    def write(self, *notes: Note) -> bool:
        """Writes what a clean look taught; False when somebody else was there first."""
        try:
            if notes:
                self.guard.state.write(*notes)
        except Moved:
            # The other's look was as good as ours, and the next one finds what it wrote.
            return False
        return bool(notes)

    # ---------------------------------------------------------------------- recording

    def append(
        self,
        decision: Decision,
        event: str,
        note: str,
        *,
        by: str = "guard",
        lessons: Lessons | None = None,
    ) -> Decision:
        """Records a step, and in the same transaction what it teaches."""
        memory = self.memory
        for round_ in range(ROUNDS):
            notes = () if lessons is None else tuple(lessons(memory))
            try:
                return self.guard.audit.append(
                    decision, event=event, note=note, by=by, also=self.guard.state.writes(*notes)
                )
            except Moved:
                self.wait(round_)
                memory = self.guard.state.recall(*self.note_keys())
        raise NotYet(f"too many write what {decision.id} is remembered by; it comes again")

    def wait(self, round_: int) -> None:
        """A little, and by chance, so that those who met do not meet again."""
        self.guard.sleep(random.uniform(0.01, 0.05) * 2 ** min(round_, 5))

    def take(self, decision: Decision, event: str, note: str, *, by: str = "guard") -> Decision:
        """Claims the decision for this worker, or raises `Busy`."""
        self.free(decision)
        status = decision.status
        if status is Status.FAILED:
            status = Status.REVERTING
        claimed = replace(
            decision,
            status=status,
            attempt=decision.attempt + 1,
            lease_until=self.now(LEASE),
            resumable=False,
            updated=self.now(),
        )
        try:
            return self.append(claimed, event, note, by=by)
        except Conflict:
            raise Busy(f"another worker has just taken {decision.id}") from None

    def free(self, decision: Decision) -> None:
        """Raises `Busy` while another worker holds the decision."""
        if decision.lease_until > self.now():
            raise Busy(f"another worker holds {decision.id} until {decision.lease_until}")

    def put_off(self, decision: Decision, why: str) -> NoReturn:
        """Lets go of the decision until its message comes again; at the last, it has failed."""
        if self.last_chance and decision.status is Status.REVERTING:
            reason = f"{why}; parked, `driftguard redrive` takes it up again"
            self.end(decision, Status.FAILED, reason, None, resumable=True)
        else:
            waiting = replace(decision, lease_until="", updated=self.now())
            self.append(waiting, "waiting", why)
        raise NotYet(why)

    def end(
        self,
        decision: Decision,
        status: Status,
        reason: str,
        facet: Facet | None,
        *,
        done: int | None = None,
        resumable: bool = False,
        by: str = "guard",
        lessons: Lessons | None = None,
    ) -> Decision:
        """Records an outcome."""
        ended = replace(
            decision,
            status=status,
            after=self.fingerprint(facet),
            left={} if facet is None else facet.state,
            reason=decision.reason if status is Status.REVERTED else reason,
            done=decision.done if done is None else done,
            lease_until="",
            resumable=resumable,
            updated=self.now(),
        )
        return self.append(ended, status.value, reason, by=by, lessons=lessons)

    def seen_after(self, done: int) -> Facet | None:
        """The state that an error left us with, where there is something to undo in it."""
        try:
            return self.look()[0] if done else None
        except AwsError:
            # The error that stopped us is recorded; without this look there is only no undo.
            return None

    def now(self, ahead: timedelta = timedelta()) -> str:
        """Now, or later, as ISO 8601 in UTC to the millisecond."""
        return stamp(self.moment() + ahead)

    def moment(self) -> datetime:
        """Now."""
        return self.guard.now()
