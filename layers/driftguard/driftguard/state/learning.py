"""Says what decisions, votes and outcomes teach.

Pure: state records in, state records out, each to be written in the transaction that records the
step which taught it. `trust`, `history`, `circuit_breaker`, `anomaly_baseline` and `baseline` say
what a state record becomes; this module says when.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from driftguard.documents import mapping, moment, stamp
from driftguard.model import Actor, Change, Choice, Decision, Status, Vote
from driftguard.policy.model import Policy

from . import baseline, circuit_breaker, history
from .exemptions import exempted, literal
from .keys import (
    StateRecord,
    StateRecords,
    anomaly_baseline_key,
    baseline_key,
    circuit_breaker_key,
    exemptions_key,
    history_key,
    rollout_key,
    trust_key,
)

if TYPE_CHECKING:
    from .trust import Case, Outcome

# How soon a resource must drift back for it to say something about the revert, in seconds.
_DRIFTS_BACK = 86_400


def of_decision(
    decision: Decision,
    trips: str,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    seen: str,
) -> Iterator[StateRecord]:
    """What a new decision counts against, and what is remembered of it.

    `trips` names the circuit breaker that the decision trips, "" for none. `seen` is the
    fingerprint of the state as a sweep sees it.
    """
    yield from _rollout(decision.control, remembered, policy, now)
    if decision.status is Status.REVERTING:
        yield counted(decision, remembered, policy, now)
    elif trips:
        reverts = remembered[circuit_breaker_key(remembered.place)]
        yield reverts.saying(circuit_breaker.trip(reverts.document, trips, decision.id, now))
    if decision.status in (Status.REVERTING, Status.ASKED):
        yield from _trust_of_decision(decision, remembered, policy, now)
    yield of_state(decision, remembered, now, seen=seen)


def counted(
    decision: Decision, remembered: StateRecords, policy: Policy, now: datetime
) -> StateRecord:
    """One more revert that no person asked for."""
    reverts, account = (
        remembered[circuit_breaker_key(remembered.place)],
        decision.candidate.resource.account,
    )
    return reverts.saying(
        circuit_breaker.counted(
            reverts.document, policy.bounds.circuit_breaker, decision.control, account, now
        )
    )


def of_clean(
    control: str, change: Change, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """Learns from a clean change who makes changes, because clean changes are the usual ones."""
    yield from _anomalies(
        control, change.account, change.actor, change.time, remembered, policy, now
    )


def of_vote(
    decision: Decision,
    vote: Vote,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    keeps_baseline: bool,
    momentary: frozenset[str],
) -> Iterator[StateRecord]:
    """What the final vote teaches, the decision being what it became by it.

    `keeps_baseline`: a baseline is recorded for the decision's control. `momentary` are the keys of
    its state that no baseline holds.
    """
    accepted = vote.choice is Choice.ACCEPT
    if decision.plan.steps and _proven(decision, policy):
        yield _of_choice(decision, vote, remembered, policy, now)
    if not accepted:
        return
    if vote.until:
        yield exempted(
            remembered[exemptions_key(remembered.place, decision.control)],
            decision.id,
            {
                "resource": literal(decision.candidate.resource.arn),
                "until": vote.until,
                "reason": vote.reason or f"accepted in {decision.id}",
                "by": vote.person,
                "identity": vote.identity,
                "given": stamp(now),
            },
            now,
        )
    else:
        yield from _accepted(
            decision, vote, remembered, now, keeps_baseline=keeps_baseline, momentary=momentary
        )
    resource, actor = decision.candidate.resource, decision.actor
    yield from _anomalies(
        decision.control, resource.account, actor, decision.change_time, remembered, policy, now
    )


def of_undo(
    decision: Decision, by: str, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """A person took a revert back: it was wrong, and autonomy that was earned is lost."""
    from . import trust

    yield _outcome(decision, trust.Outcome.UNDONE, by, remembered, policy, now)


def of_failure(
    decision: Decision, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """The remediation was carried out, and the finding still stands."""
    from . import trust

    yield _outcome(decision, trust.Outcome.FAILED, "guard", remembered, policy, now)


def demotes(decision: Decision, remembered: StateRecords, policy: Policy, now: datetime) -> str:
    """What an undo takes away, in words; "" where nothing had been earned."""
    from . import trust

    return _lost(
        decision.control, trust.case_of(decision.plan, decision.actor), remembered, policy, now
    )


def overrules(
    decision: Decision, vote: Vote, remembered: StateRecords, policy: Policy, now: datetime
) -> str:
    """The autonomy lost, in words, when people accept what was reverted before; "" if none.

    If somebody repeats a change that was reverted and people accept it, the revert was as wrong as
    one that is undone.
    """
    before = _overruled(decision, vote, remembered, policy, now)
    if before is None:
        return ""
    lost = _lost(decision.control, before.case, remembered, policy, now)
    return f"that overrules the revert of {before.decision}: {lost}" if lost else ""


# ---------------------------------------------------------------------- each state record


def _proven(decision: Decision, policy: Policy) -> bool:
    """Whether the policy knows every voter. The holder of a shared link may be anybody."""
    known = {person.name for person in policy.people}
    return all(vote.person in known for vote in decision.votes)


def _of_choice(
    decision: Decision, vote: Vote, remembered: StateRecords, policy: Policy, now: datetime
) -> StateRecord:
    """What a vote says about the remediation, and about an earlier one that it overrules."""
    from . import trust

    outcome = trust.Outcome.APPROVED
    if vote.choice is Choice.ACCEPT:
        outcome = trust.Outcome.ACCEPTED if vote.until else trust.Outcome.DENIED
    record = _outcome(decision, outcome, vote.person, remembered, policy, now)
    before = _overruled(decision, vote, remembered, policy, now)
    if before is None:
        return record
    return record.saying(
        trust.learned(
            record.document,
            before.case,
            trust.Outcome.UNDONE,
            policy.bounds.earning,
            now,
            decision=before.decision,
            by=vote.person,
        )
    )


def _overruled(
    decision: Decision, vote: Vote, remembered: StateRecords, policy: Policy, now: datetime
) -> history.Revert | None:
    """The guard's own revert of the very state that people accept now.

    None if it was undone as well: it counts as wrong only once.
    """
    if vote.choice is not Choice.ACCEPT or not _proven(decision, policy):
        return None
    from . import trust

    record = remembered[history_key(decision.control, decision.candidate.resource)].document
    before = history.revert_of(record, decision.before, now)
    known = remembered[trust_key(remembered.place, decision.control)].document
    return before if before and not trust.was_undone(known, before.decision) else None


def _lost(control: str, case: Case, remembered: StateRecords, policy: Policy, now: datetime) -> str:
    """What an undone revert of this case takes away, in words."""
    if not policy.earns(control):
        return ""
    from . import trust
    from .standing import standing

    terms, record = policy.bounds.earning, remembered[trust_key(remembered.place, control)].document
    kinds = [kind for kind in trust.cases(record) if kind.remediation == case.remediation]
    lost = [kind.name for kind in (*kinds, case) if standing(record, kind, terms, now).earned]
    if not lost:
        return ""
    return (
        f"{control} had earned to revert by itself ({', '.join(dict.fromkeys(lost))}) and "
        f"is demoted to ask, until {terms.outcomes} further outcomes are right"
    )


def _outcome(
    decision: Decision,
    outcome: Outcome,
    by: str,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
) -> StateRecord:
    from . import trust

    record = remembered[trust_key(remembered.place, decision.control)]
    return record.saying(
        trust.learned(
            record.document,
            trust.case_of(decision.plan, decision.actor),
            outcome,
            policy.bounds.earning,
            now,
            decision=decision.id,
            by=by,
        )
    )


def _trust_of_decision(
    decision: Decision, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """A resource that drifted back, and an earned revert that people have yet to judge."""
    record, terms = remembered[trust_key(remembered.place, decision.control)], policy.bounds.earning
    before = remembered[history_key(decision.control, decision.candidate.resource)].document
    document = record.document
    drifted = history.reverts(before, now, _DRIFTS_BACK)
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
    if document is not record.document:
        yield record.saying(document)


def of_state(
    decision: Decision, remembered: StateRecords, now: datetime, *, seen: str
) -> StateRecord:
    """The state record that says a decision is about the state a sweep sees as `seen`."""
    record = remembered[history_key(decision.control, decision.candidate.resource)]
    document = record.document
    if decision.status in (Status.REVERTING, Status.ASKED):
        from . import trust

        case = trust.case_of(decision.plan, decision.actor)
        document = history.with_decision(document, decision, case.remediation, case.kind, case.who)
    # An open approval request is remembered for as long as it is open.
    begins = max(now, moment(decision.expires) or now)
    return record.saying(history.with_state(document, decision.id, seen), expires=_kept(begins))


def kept_on(record: StateRecord, now: datetime) -> StateRecord | None:
    """The history of a resource, to be kept for longer; None while it is not near its end."""
    half = now + timedelta(seconds=history.KEPT / 2)
    if not record.version or record.expires > half.timestamp():
        return None
    return record.saying(record.document, expires=_kept(now))


def _kept(since: datetime) -> int:
    return int((since + timedelta(seconds=history.KEPT)).timestamp())


def _accepted(
    decision: Decision,
    vote: Vote,
    remembered: StateRecords,
    now: datetime,
    *,
    keeps_baseline: bool,
    momentary: frozenset[str],
) -> Iterator[StateRecord]:
    """A state that people accepted for good is the baseline now, where one is kept.

    It may be the first baseline, because a resource that is risky when first seen gets none.
    """
    resource, hint = decision.candidate.resource, decision.candidate.hint
    record = remembered[baseline_key(decision.control, resource)]
    stored = mapping(record.document, "state")
    if record.version or keeps_baseline:
        yield from baseline.moved(
            record,
            decision.control,
            resource,
            # Without what only the change's record told: no baseline has it, so it would differ.
            {
                name: value
                for name, value in decision.state.items()
                if name not in momentary and (name not in hint or name in stored)
            },
            at=now,
            by=vote.person,
            why=f"accepted in {decision.id}" + (f": {vote.reason}" if vote.reason else ""),
            anchored=True,
        )


def _anomalies(
    control: str,
    account: str,
    actor: Actor,
    time: str,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
) -> Iterator[StateRecord]:
    anomalies = policy.bounds.anomalies
    if anomalies is None or actor.is_unattributed:
        return
    from . import anomaly_baseline

    record = remembered[anomaly_baseline_key(remembered.place, account, control)]
    learned = anomaly_baseline.learned(
        record.document, anomaly_baseline.traits_of(actor, time), anomalies, now
    )
    if learned is not None:
        yield record.saying(learned)


def _rollout(
    control: str, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """When this version of a control's entry was first met."""
    terms = policy.bounds.rollout
    if terms.observe or terms.ask:
        record = remembered[rollout_key(remembered.place, control, policy.entry(control))]
        if not record.version:
            yield record.saying({"since": stamp(now)})
