"""Works out operators' acts on the guard: exemptions, baselines, trust, circuit breaker, freezes.

Each act is a decision of its own in the record, under `driftguard.operator`: chained, sealed and
published like any other, and written in the same transaction as the state records that it changes.
An act that more than one person must agree to is a request first, bound to its exact content.
Pure: the desk reads, gives the time, and writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from driftguard.aws.dynamodb import Key
from driftguard.documents import Document, digest, mapping, moment, stamp, text
from driftguard.model import (
    Actor,
    Autonomy,
    Candidate,
    Certainty,
    Choice,
    Decision,
    Place,
    Plan,
    Resource,
    Status,
    Vote,
)
from driftguard.state import baseline, freezes
from driftguard.state.keys import (
    ALL,
    StateRecord,
    StateRecords,
    baseline_key,
    circuit_breaker_key,
    exemptions_key,
    freeze_key,
    trust_key,
)

from .act import CONTROL, FREEZES, LONGEST_REASON, UNPROVEN, Act, Done, Made, Unfit
from .effects import EFFECTS, accept_baseline, named

# The act that only the guard can carry out, because it must read the resource.
ACCEPT = "accept-baseline"


def keys(act: Act, place: Place) -> tuple[Key, ...]:
    """The state records that an act needs to see. `place` is where the guard stands.

    Raises `Unfit` for an unknown kind of act, or one without a subject.
    """
    control = text(act.said, "control")
    if act.kind == "rearm":
        return (circuit_breaker_key(place),)
    if act.kind in FREEZES:
        return (freeze_key(place, _scope(act)),)
    if act.kind not in ("exempt", "unexempt", ACCEPT, "reset-trust"):
        raise Unfit(f"There is no act `{act.kind}`.")
    _known(control)
    if act.kind == "reset-trust":
        return (trust_key(place, control),)
    if act.kind == ACCEPT:
        return (baseline_key(control, named(act, place)),)
    return (exemptions_key(place, control),)


def since_when(act: Act, remembered: StateRecords) -> str | None:
    """The time since which an act accepts all changes; None where it accepts none.

    "" where nothing was accepted or recorded before: then every change counts.
    """
    if act.kind != ACCEPT:
        return None
    known = baseline.baseline_of(remembered[keys(act, remembered.place)[0]])
    return known.recorded if known else ""


def done(act: Act, remembered: StateRecords, made: Sequence[Made] = ()) -> Done:
    """The effects of an act, given the state records it needs and the changes it accepts.

    Raises `Unfit` when it cannot be done.
    """
    (key,) = keys(act, remembered.place)
    if act.kind == ACCEPT:
        return accept_baseline(act, remembered.place, made)
    return EFFECTS[act.kind](act, remembered.place, remembered[key])


def recorded(act: Act, what: Done, place: Place, known: Resource | None = None) -> Decision:
    """The act as the audit record keeps it, in the account and region of the guard.

    `known` is the resource that it is about, where the record knows more of it than its ARN.
    """
    account = act.identity.split(":")[4] if act.identity.count(":") > 4 else ""
    actor = Actor(act.identity, act.identity, "Operator", account)
    resource = known or _subject(act.kind, what.resource, place)
    if act.kind == ACCEPT and known is None:
        resource = replace(named(act, place), kind=resource.kind)
    return _noted(act.id, act.kind, act.at, actor, resource, what, act.reason)


def proposed(
    act: Act, what: Done, place: Place, expires: str, known: Resource | None = None
) -> Decision:
    """The act as a request that others must confirm until then (ISO 8601, UTC).

    `known` is as in `recorded`.
    """
    asked: Document = {
        "kind": act.kind,
        "said": act.said,
        "person": act.person,
        "identity": act.identity,
        "at": stamp(act.at),
        "effect": effect(what),
    }
    noted = recorded(act, what, place, known)
    return replace(
        noted,
        plan=what.plan,
        title=f"Proposed: {what.title[:1].lower()}{what.title[1:]}",
        status=Status.PROPOSED,
        state=asked,
        before=digest(asked)[:16],
        expires=expires,
        votes=(agreement(act.person, act.identity, stamp(act.at), digest(asked)[:16]),),
    )


def agreement(person: str, identity: str, at: str, fingerprint: str, reason: str = "") -> Vote:
    """One person's agreement to an act."""
    return Vote(
        person, Choice.ACCEPT, "api", at, fingerprint=fingerprint, identity=identity, reason=reason
    )


def proposal(decision: Decision) -> Act:
    """The act that a request is about, with everybody who has agreed to it.

    Raises `Unfit` where the record does not hold together: the id is of what was asked for.
    """
    asked = decision.state
    others = decision.votes[1:]
    act = Act(
        text(asked, "kind"),
        mapping(asked, "said"),
        text(asked, "person"),
        text(asked, "identity"),
        datetime.fromisoformat(text(asked, "at")),
        tuple((vote.person, vote.identity) for vote in others),
    )
    if act.id != decision.id or digest(asked)[:16] != decision.before:
        raise Unfit(f"The record of {decision.id} does not hold together: propose it anew.")
    return act


def effect(what: Done) -> str:
    """A fingerprint of all that people agree to, whoever agrees."""
    return digest({name: part for name, part in what.state.items() if name not in _WHO})[:16]


# What of an act's state says who agreed to it.
_WHO = ("agreed", "by", "lifted_by")


def found(record: StateRecord, place: Place, at: datetime) -> Decision:
    """A freeze that was not set or lifted through the signed API, as the guard found it.

    The state record names the maker, but whoever may write it may have made up that name.
    """
    is_lifted, said = freezes.is_lifted(record), record.document
    by = text(said, "lifted_by" if is_lifted else "by")[:LONGEST_REASON] or "somebody"
    why = text(said, "lifted_why" if is_lifted else "reason")[:LONGEST_REASON]
    until, scope = text(said, "until")[:30], freezes.scope(record)
    stands = "is no longer frozen" if is_lifted else "is frozen"
    if until and not is_lifted:
        stands += f" until {until}"
    what = Done(
        "Freeze found lifted" if is_lifted else "Freeze found",
        f"{scope} {stands}, by {by} as its state record says, which was not written through the "
        "signed API",
        (),
        scope,
        {
            "scope": scope,
            "by": by,
            "reason": why,
            "until": until,
            "lifted": is_lifted,
            "since": freezes.beginning(said, stamp(at)),
        },
        "" if is_lifted or moment(until) is None else until,
    )
    kind = FREEZES[is_lifted]
    resource = _subject(kind, scope, place)
    actor = Actor(by, by, UNPROVEN, place.account)
    id_, why = freezes.found_id(record), why or "no reason is given"
    return _noted(id_, kind, at, actor, resource, what, why)


def _noted(
    id_: str, kind: str, at: datetime, actor: Actor, resource: Resource, what: Done, reason: str
) -> Decision:
    return Decision(
        id=id_,
        control=CONTROL,
        title=what.title,
        severity=0,
        candidate=Candidate(resource, Certainty.EVIDENT),
        change_id=id_,
        change_name=kind,
        change_time=stamp(at),
        actor=actor,
        status=Status.NOTED,
        summary=what.summary,
        granted=Autonomy.OBSERVE,
        autonomy=Autonomy.OBSERVE,
        rulings=(),
        plan=Plan(()),
        state=what.state,
        before=digest(what.state)[:16],
        decided=stamp(at),
        updated=stamp(at),
        reason=reason,
        expires=what.ends,
    )


def _subject(kind: str, name: str, place: Place) -> Resource:
    """The subject of an act, as the resource of its decision."""
    return Resource(f"driftguard.{kind}", name, place.account, place.region, name)


def _scope(act: Act) -> str:
    control, account = text(act.said, "control"), text(act.said, "account")
    if control and account:
        raise Unfit("Freeze a control or an account; each is a freeze of its own.")
    if control:
        _known(control)
        return f"control#{control}"
    if account and not (len(account) == 12 and account.isdigit()):
        raise Unfit(f"`{account}` is no account: its id has twelve digits.")
    return f"account#{account}" if account else ALL


def _known(control: str) -> None:
    # Only here: a vote does not wait for the index.
    from driftguard import controls

    if not controls.is_known(control):
        raise Unfit(f"There is no control `{control}`; `driftguard controls` lists them.")
