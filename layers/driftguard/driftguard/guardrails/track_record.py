"""Guardrails about the past: reverts, outcomes, rollout."""

from __future__ import annotations

from driftguard.documents import moment, stamp, text
from driftguard.model import Autonomy
from driftguard.state import circuit_breaker as circuit_breakers
from driftguard.state import history
from driftguard.state.keys import (
    anomaly_baseline_key,
    circuit_breaker_key,
    history_key,
    rollout_key,
)

from .circumstances import Circumstances
from .guardrail import AtMost
from .plans import irreversible


def circuit_breaker(case: Circumstances) -> AtMost | None:
    """Too many reverts in too short a time: perhaps the guard is wrong."""
    full = _full(case)
    if full is None:
        return None
    window = case.policy.bounds.circuit_breaker.window
    if full.since:
        what = (
            f"tripped at {full.since} and is armed again by itself, step by step in 4 × {window} s"
        )
    else:
        what = f"trips: {full.limit} reverts within {window} s are the most"
    reason = (
        f"the circuit breaker of {_of(full.scope)} {what}; a person re-arms it at once: "
        f"driftguard circuit-breaker rearm '{full.scope}'"
    )
    return AtMost(Autonomy.ASK, reason)


def unreadable_record(case: Circumstances) -> AtMost | None:
    """A state record that the decision is made by cannot be read: people are asked, and told."""
    junk = [record.unreadable for record in case.remembered.records.values() if record.unreadable]
    return AtMost(Autonomy.ASK, "; ".join(sorted(junk))) if junk else None


def full_circuit_breaker(case: Circumstances) -> str:
    """The circuit breaker that one more revert would trip; "" if none, or one has just tripped."""
    full = _full(case)
    return full.scope if full is not None and full.trips else ""


def _full(case: Circumstances) -> circuit_breakers.Full | None:
    return circuit_breakers.full(
        case.remembered[circuit_breaker_key(case.remembered.place)].document,
        case.policy.bounds.circuit_breaker,
        case.control,
        case.resource.account,
        case.now,
        circuit_breakers.actor_in(case.actor),
    )


def _of(scope: str) -> str:
    return "the whole guard" if scope == circuit_breakers.WHOLE else scope


def flapping(case: Circumstances) -> AtMost | None:
    """The change was reverted and repeated again and again: people must settle that.

    Until they have, the resource stays as it is safe, where that harms nobody: else it would only
    take patience to have a change stand.
    """
    terms = case.policy.bounds.flapping
    fought = history.fought(
        case.remembered[history_key(case.control, case.resource)].document, terms, case.now
    )
    if not fought:
        return None
    others = ", ".join(dict.fromkeys(revert.actor for revert in fought))
    reason = (
        f"flapping: {others} made it and Driftguard took it back {len(fought)} times since "
        f"{fought[0].at}; whose is it?"
    )
    if terms.keep_safe and not _may_cut(case) and irreversible(case) is None:
        reason += f" It is taken back once more: if it is right, driftguard undo {case.decision}"
        return AtMost(Autonomy.REVERT, reason)
    return AtMost(Autonomy.ASK, reason)


def _may_cut(case: Circumstances) -> bool:
    """Whether the revert may cut something; where policy lets it, nobody has looked."""
    unlooked = case.control in case.policy.may_cut
    return bool(case.cuts) and (unlooked or bool(case.use.by or case.use.unknown))


def insufficient_record(case: Circumstances) -> AtMost | None:
    """Autonomy must be earned here, and the record is not sufficient (any more)."""
    if not case.policy.earns(case.control) or not case.plan.steps:
        return None
    standing = case.standing
    if not standing.earned:
        return AtMost(Autonomy.ASK, f"not earned yet: {standing.line}")
    if not standing.unjudged:
        return None
    reason = (
        f"earned, but {standing.unjudged} such of {case.actor.name} taken back within a day, "
        "which nobody may have seen yet"
    )
    return AtMost(Autonomy.ASK, reason)


def sampling(case: Circumstances) -> AtMost | None:
    """A small share of what is earned is asked about nevertheless, so the record stays honest."""
    if not case.policy.earns(case.control) or not case.plan.steps:
        return None
    from driftguard.state.standing import is_sampled

    share = case.policy.bounds.earning.sampling
    if not is_sampled(case.decision, share) or not case.standing.earned:
        return None
    return AtMost(Autonomy.ASK, f"earned, but {share:.0%} are asked about nevertheless")


def unseen(case: Circumstances) -> AtMost | None:
    """Nobody has looked at any of the last reverts of this kind, which are severe or can cut."""
    if not case.policy.earns(case.control) or not case.plan.steps:
        return None
    terms = case.policy.bounds.earning
    if case.severity < terms.severe and not case.cuts:
        return None
    standing = case.standing
    if not standing.earned or standing.unseen < terms.unseen:
        return None
    why = "can cut somebody off" if case.cuts else "are severe"
    reason = (
        f"earned, but nobody has looked at any of the last {standing.unseen} reverts of this kind, "
        f"which {why} ({terms.unseen} are the most)"
    )
    return AtMost(Autonomy.ASK, reason)


def routine(case: Circumstances) -> AtMost | None:
    """The actor does this every day: people are asked before a revert, if policy says so."""
    anomalies = case.policy.bounds.anomalies
    if anomalies is None or not anomalies.routine or case.actor.is_unattributed:
        return None
    from driftguard.state import anomaly_baseline

    key = anomaly_baseline_key(case.remembered.place, case.resource.account, case.control)
    record = case.remembered[key]
    unusual = anomaly_baseline.anomaly_score(
        record.document, anomaly_baseline.traits_of(case.actor, case.time), anomalies, case.now
    )
    if not unusual.known or unusual.score > anomalies.routine_under:
        return None
    return AtMost(Autonomy.ASK, f"routine for {case.actor.name}: {unusual.line}")


def rollout(case: Circumstances) -> AtMost | None:
    """This version of the control's entry is new: first watched, then asked about."""
    terms = case.policy.bounds.rollout
    if not terms.observe and not terms.ask:
        return None
    record = case.remembered[
        rollout_key(case.remembered.place, case.control, case.policy.entry(case.control))
    ]
    since = moment(text(record.document, "since")) or case.now
    age = (case.now - since).total_seconds()
    if age < terms.observe:
        limit, left = Autonomy.OBSERVE, terms.observe - age
    elif age < terms.observe + terms.ask:
        limit, left = Autonomy.ASK, terms.observe + terms.ask - age
    else:
        return None
    reason = f"new here since {stamp(since)}: at most {limit.label} for {left / 3600:.1f} h more"
    return AtMost(limit, reason)
