"""What follows from a decision, an answer or an outcome for what is remembered.

Pure: notes in, notes out, each to be written in the transaction that records the step which taught
it. `trust`, `past`, `breaker`, `behaviour` and `baseline` say what a note becomes; this says when.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from . import baseline, breaker, past
from .guardrails import Judgement
from .model import Actor, Answer, Change, Decision, Document, Status, Verdict, moment, stamp
from .policy import Policy
from .state import (
    BREAKER,
    Memory,
    Note,
    baseline_key,
    exemptions_key,
    habits_key,
    past_key,
    rollout_key,
    trust_key,
)
from .trail import mapping, text

if TYPE_CHECKING:
    from .controls.control import AnyControl
    from .trust import Case, Outcome

# How soon a thing must drift back for it to say something about the revert, in seconds.
_DRIFTS_BACK = 86_400
# How many exemptions of one control people may give at run time: a note has to stay small.
MOST_EXEMPTIONS = 500
_EXEMPTIONS_BYTES = 300_000


class TooMany(ValueError):
    """A control has as many exemptions as can be kept; the message says what to do."""


def of_decision(
    decision: Decision,
    judged: Judgement,
    memory: Memory,
    policy: Policy,
    now: datetime,
    *,
    seen: str,
) -> Iterator[Note]:
    """What a new decision counts against, and what is remembered of it.

    `seen` is the fingerprint of the state as a sweep sees it.
    """
    yield from _rollout(decision.control, memory, policy, now)
    if decision.status is Status.REVERTING:
        yield counted(decision, memory, policy, now)
    elif judged.trips:
        reverts = memory[BREAKER]
        yield reverts.saying(breaker.trip(reverts.document, judged.trips, decision.id, now))
    if decision.status in (Status.REVERTING, Status.ASKED):
        yield from _trust_of_decision(decision, memory, policy, now)
    yield of_state(decision, memory, now, seen=seen)


def counted(decision: Decision, memory: Memory, policy: Policy, now: datetime) -> Note:
    """One more revert that no person asked for."""
    reverts, account = memory[BREAKER], decision.suspect.resource.account
    return reverts.saying(
        breaker.counted(reverts.document, policy.bounds.breaker, decision.control, account, now)
    )


def of_clean(
    control: str, change: Change, memory: Memory, policy: Policy, now: datetime
) -> Iterator[Note]:
    """Who makes changes that turn out clean is learned: they are what is usual."""
    yield from _habits(control, change.account, change.actor, change.time, memory, policy, now)


def of_answer(
    decision: Decision,
    answer: Answer,
    memory: Memory,
    policy: Policy,
    now: datetime,
    control: AnyControl | None,
) -> Iterator[Note]:
    """What people's final answer teaches, the decision being what it became by it.

    `control` is the decision's; None where this version of Driftguard has it no more.
    """
    kept = answer.verdict is Verdict.KEEP
    if decision.plan.steps and _proven(decision, policy):
        yield _of_verdict(decision, answer, memory, policy, now)
    if not kept:
        return
    if answer.until:
        yield exempted(
            memory[exemptions_key(decision.control)],
            decision.id,
            {
                "resource": literal(decision.suspect.resource.arn),
                "until": answer.until,
                "reason": answer.reason or f"kept in {decision.id}",
                "by": answer.person,
                "identity": answer.identity,
                "given": stamp(now),
            },
            now,
        )
    else:
        yield from _accepted(decision, answer, memory, policy, now, control)
    resource, actor = decision.suspect.resource, decision.actor
    yield from _habits(
        decision.control, resource.account, actor, decision.change_time, memory, policy, now
    )


def of_undo(
    decision: Decision, by: str, memory: Memory, policy: Policy, now: datetime
) -> Iterator[Note]:
    """A person took a revert back: it was wrong, and autonomy that was earned is lost."""
    from . import trust

    yield _outcome(decision, trust.Outcome.UNDONE, by, memory, policy, now)


def of_failure(decision: Decision, memory: Memory, policy: Policy, now: datetime) -> Iterator[Note]:
    """The remedy was carried out, and the risk still stands."""
    from . import trust

    yield _outcome(decision, trust.Outcome.FAILED, "guard", memory, policy, now)


def demotes(decision: Decision, memory: Memory, policy: Policy, now: datetime) -> str:
    """What an undo takes away, in words; "" where nothing had been earned."""
    from . import trust

    return _lost(
        decision.control, trust.case_of(decision.plan, decision.actor), memory, policy, now
    )


def overrules(
    decision: Decision, answer: Answer, memory: Memory, policy: Policy, now: datetime
) -> str:
    """What it takes away, in words, that people keep what was taken back before; "" if nothing.

    Whose change was taken back makes it again, and people say that it may stand: so the revert was
    as wrong as one that is undone.
    """
    before = _overruled(decision, answer, memory, policy, now)
    if before is None:
        return ""
    lost = _lost(decision.control, before.case, memory, policy, now)
    return f"that overrules the revert of {before.decision}: {lost}" if lost else ""


# ------------------------------------------------------------------------------- exemptions


def exempted(note: Note, id_: str, entry: Document, now: datetime) -> Note:
    """The note with one exemption more. Those that have ended are forgotten.

    Raises `TooMany` when there are too many.
    """
    given = mapping(note.document, "entries")
    held = {
        one: mapping(given, one) for one in given if text(mapping(given, one), "until") > stamp(now)
    }
    held[id_] = entry
    size = len(json.dumps(held, ensure_ascii=False).encode())
    if len(held) > MOST_EXEMPTIONS or size > _EXEMPTIONS_BYTES:
        raise TooMany(
            f"there are {len(held) - 1} exemptions of this control already, and no room for more: "
            "write what is for long into the policy file, or remove some with "
            "`driftguard exempt remove`"
        )
    return note.saying({"entries": held})


def literal(name: str) -> str:
    """A pattern that names exactly this: what would be a wildcard stands for itself."""
    return "".join(f"[{one}]" if one in "*?" else one for one in name)


# ------------------------------------------------------------------------------- each note


def _proven(decision: Decision, policy: Policy) -> bool:
    """Whether people answered whom policy knows: who holds a shared link may be anybody."""
    known = {one.name for one in policy.people}
    return all(one.person in known for one in decision.answers)


def _of_verdict(
    decision: Decision, answer: Answer, memory: Memory, policy: Policy, now: datetime
) -> Note:
    """What an answer says about the remedy, and about an earlier one that it overrules."""
    from . import trust

    outcome = trust.Outcome.APPROVED
    if answer.verdict is Verdict.KEEP:
        outcome = trust.Outcome.KEPT if answer.until else trust.Outcome.DENIED
    note = _outcome(decision, outcome, answer.person, memory, policy, now)
    before = _overruled(decision, answer, memory, policy, now)
    if before is None:
        return note
    return note.saying(
        trust.learned(
            note.document,
            before.case,
            trust.Outcome.UNDONE,
            policy.bounds.earning,
            now,
            decision=before.decision,
            by=answer.person,
        )
    )


def _overruled(
    decision: Decision, answer: Answer, memory: Memory, policy: Policy, now: datetime
) -> past.Revert | None:
    """The revert, by the guard itself, of the very state that people now let stand.

    None where it was undone as well: it was wrong only once.
    """
    if answer.verdict is not Verdict.KEEP or not _proven(decision, policy):
        return None
    from . import trust

    note = memory[past_key(decision.control, decision.suspect.resource)].document
    before = past.revert_of(note, decision.before, now)
    known = memory[trust_key(decision.control)].document
    return before if before and not trust.was_undone(known, before.decision) else None


def _lost(control: str, case: Case, memory: Memory, policy: Policy, now: datetime) -> str:
    """What an undone revert of this case takes away, in words."""
    if not policy.earns(control):
        return ""
    from . import trust

    terms, note = policy.bounds.earning, memory[trust_key(control)].document
    kinds = [one for one in trust.cases(note) if one.remedy == case.remedy]
    lost = [one.name for one in (*kinds, case) if trust.standing(note, one, terms, now).earned]
    if not lost:
        return ""
    return (
        f"{control} had earned to revert by itself ({', '.join(dict.fromkeys(lost))}) and "
        f"is demoted to ask, until {terms.outcomes} further outcomes are right"
    )


def _outcome(
    decision: Decision, outcome: Outcome, by: str, memory: Memory, policy: Policy, now: datetime
) -> Note:
    from . import trust

    note = memory[trust_key(decision.control)]
    return note.saying(
        trust.learned(
            note.document,
            trust.case_of(decision.plan, decision.actor),
            outcome,
            policy.bounds.earning,
            now,
            decision=decision.id,
            by=by,
        )
    )


def _trust_of_decision(
    decision: Decision, memory: Memory, policy: Policy, now: datetime
) -> Iterator[Note]:
    """A thing that drifted back, and a revert by earned autonomy that is yet to be judged."""
    note, terms = memory[trust_key(decision.control)], policy.bounds.earning
    before = memory[past_key(decision.control, decision.suspect.resource)].document
    document = note.document
    drifted = past.reverts(before, now, _DRIFTS_BACK)
    if drifted:
        from . import trust

        last = drifted[-1]
        document = trust.learned(
            document,
            last.case,
            trust.Outcome.REDRIFTED,
            terms,
            now,
            decision=last.decision,
            by=decision.actor.name,
        )
    if decision.status is Status.REVERTING and policy.earns(decision.control):
        from . import trust

        case = trust.case_of(decision.plan, decision.actor)
        document = trust.acted(document, case, terms, now, decision=decision.id)
    if document is not note.document:
        yield note.saying(document)


def of_state(decision: Decision, memory: Memory, now: datetime, *, seen: str) -> Note:
    """That a decision is about the state which a sweep sees as `seen`."""
    note = memory[past_key(decision.control, decision.suspect.resource)]
    document = note.document
    if decision.status in (Status.REVERTING, Status.ASKED):
        from . import trust

        case = trust.case_of(decision.plan, decision.actor)
        document = past.with_decision(document, decision, case.remedy, case.kind, case.who)
    # An open question is remembered for as long as it is open.
    begins = max(now, moment(decision.expires) or now)
    return note.saying(past.with_state(document, decision.id, seen), expires=_kept(begins))


def kept_on(note: Note, now: datetime) -> Note | None:
    """A thing's past, to be kept for longer; None while it is not near its end."""
    half = now + timedelta(seconds=past.KEPT / 2)
    if not note.version or note.expires > half.timestamp():
        return None
    return note.saying(note.document, expires=_kept(now))


def _kept(since: datetime) -> int:
    return int((since + timedelta(seconds=past.KEPT)).timestamp())


def _accepted(
    decision: Decision,
    answer: Answer,
    memory: Memory,
    policy: Policy,
    now: datetime,
    control: AnyControl | None,
) -> Iterator[Note]:
    """A state that a person let stand for good is the baseline now, where one is kept.

    It may be the first: what is risky when it is first seen is not recorded before.
    """
    resource, hint = decision.suspect.resource, decision.suspect.hint
    note = memory[baseline_key(decision.control, resource)]
    kept = mapping(note.document, "state")
    keeps = policy.pins(decision.control) or (control is not None and control.baselined)
    momentary = frozenset[str]() if control is None else control.momentary
    if note.version or keeps:
        yield from baseline.moved(
            note,
            decision.control,
            resource,
            # Without what only the change's record told: no baseline has it, so it would differ.
            {
                name: one
                for name, one in decision.state.items()
                if name not in momentary and (name not in hint or name in kept)
            },
            at=now,
            by=answer.person,
            why=f"kept in {decision.id}" + (f": {answer.reason}" if answer.reason else ""),
            anchored=True,
        )


def _habits(
    control: str,
    account: str,
    actor: Actor,
    time: str,
    memory: Memory,
    policy: Policy,
    now: datetime,
) -> Iterator[Note]:
    habits = policy.bounds.habits
    if habits is None or actor.is_nobody:
        return
    from . import behaviour

    note = memory[habits_key(account, control)]
    learned = behaviour.learned(note.document, behaviour.traits_of(actor, time), habits, now)
    if learned is not None:
        yield note.saying(learned)


def _rollout(control: str, memory: Memory, policy: Policy, now: datetime) -> Iterator[Note]:
    """When this version of a control's entry was first met."""
    terms = policy.bounds.rollout
    if terms.observe or terms.ask:
        note = memory[rollout_key(control, policy.entry(control))]
        if not note.version:
            yield note.saying({"since": stamp(now)})
