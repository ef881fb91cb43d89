"""Says what decisions, votes and outcomes teach.

Pure: state records in, state records out, each to be written in the transaction that records the
step which taught it. `outcomes`, `history`, `circuit_breaker`, `anomaly_baseline` and `baseline`
say what a state record becomes; this module says when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from driftguard.documents import mapping, moment, stamp, why_unkept
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
    is_storable,
    rollout_key,
)

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
    parts: Sequence[str] = (),
    takes_place: bool = True,
) -> Iterator[StateRecord]:
    """What a new decision counts against, and what is remembered of it.

    `trips` names the circuit breaker that the decision trips, "" for none. `seen` is the
    fingerprint of the state as a sweep sees it, `parts` are digests of what makes it risky.
    `takes_place`: a revert counts against the circuit breaker.
    """
    yield from _rollout(decision.control, remembered, policy, now)
    if decision.status is Status.REVERTING and takes_place:
        yield counted(decision, remembered, policy, now)
    elif trips:
        reverts = remembered[circuit_breaker_key(remembered.place)]
        yield reverts.saying(circuit_breaker.trip(reverts.document, trips, decision.id, now))
    if decision.status in (Status.REVERTING, Status.ASKED):
        before = remembered[history_key(decision.control, decision.candidate.resource)].document
        drifted = history.reverts(before, now, _DRIFTS_BACK)
        earned = decision.status is Status.REVERTING and policy.earns(decision.control)
        if drifted or earned:
            from . import outcomes

            yield from outcomes.of_revert(
                decision, drifted[-1:], remembered, policy, now, earned=earned
            )
    yield of_state(decision, remembered, now, seen=seen, parts=parts)


def of_outcome(
    decision: Decision, remembered: StateRecords, *, left: str = ""
) -> Iterator[StateRecord]:
    """Whether a revert that has ended changed anything: what it found safe is no flapping.

    `left` is the state that a failed one left, by the fingerprint that a sweep sees: it is decided
    on, as people know of it.
    """
    record = remembered[history_key(decision.control, decision.candidate.resource)]
    document, idle = record.document, not decision.done
    document = history.with_outcome(document, decision.id, idle=idle) or document
    if left and history.decided(document, left) != decision.id:
        document = history.with_state(document, decision.id, left)
    if document is not record.document:
        yield record.saying(document, expires=record.expires)


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
            reverts.document,
            policy.bounds.circuit_breaker,
            decision.control,
            account,
            now,
            circuit_breaker.actor_in(decision.actor),
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
    is_sample: bool = False,
) -> Iterator[StateRecord]:
    """What the final vote teaches, the decision being what it became by it.

    `keeps_baseline`: a baseline is recorded for the decision's control. `momentary` are the keys of
    its state that no baseline holds. `is_sample`: the guard would else have reverted the change by
    itself.
    """
    accepted = vote.choice is Choice.ACCEPT
    if decision.plan.steps:
        from . import outcomes

        yield from outcomes.of_choice(decision, vote, remembered, policy, now, is_sample=is_sample)
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


# ---------------------------------------------------------------------- each state record


def of_state(
    decision: Decision,
    remembered: StateRecords,
    now: datetime,
    *,
    seen: str,
    parts: Sequence[str] = (),
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
    # A change's own decision is no sweep's: what it left standing, in a freeze say, is still new.
    left = parts if decision.actor.is_unattributed else ()
    document = history.with_state(document, decision.id, seen, left)
    return record.saying(document, expires=_kept(begins))


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
    # Without the whole state there is no baseline: the earlier one stays.
    if decision.lost or why_unkept(decision.state):
        return
    resource, hint = decision.candidate.resource, decision.candidate.hint
    record = remembered[baseline_key(decision.control, resource)]
    stored = mapping(record.document, "state")
    if record.version or keeps_baseline:
        records = baseline.moved(
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
        # The vote counts all the same; a baseline too large to be kept leaves the earlier one.
        if all(is_storable(moved) for moved in records):
            yield from records


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
