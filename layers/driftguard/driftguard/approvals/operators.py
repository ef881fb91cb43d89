"""Works out operators' acts on the guard: exemptions, baselines, trust, circuit breaker, freezes.

Each act is a decision of its own in the record, under `driftguard.operator`: chained, sealed and
published like any other, and written in the same transaction as the state records that it changes.
Pure: the desk reads, gives the time, and writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from driftguard.aws.dynamodb import Key
from driftguard.documents import Document, digest, mapping, stamp, text
from driftguard.model import (
    Actor,
    Autonomy,
    Candidate,
    Certainty,
    Decision,
    Place,
    Plan,
    Resource,
    Status,
    named_by,
)
from driftguard.policy.bounds import names
from driftguard.state import baseline, circuit_breaker, exemptions, freezes, trust
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

CONTROL = "driftguard.operator"
# An exemption for longer belongs into the policy file, where it is reviewed.
LONGEST_EXEMPTION = timedelta(days=366)
LONGEST_FREEZE = timedelta(days=366)
_LONGEST_REASON = 1000
# How many changes are named in one line.
_NAMED = 5
# A resource that only a pattern of everything matches.
_NOTHING = Resource("", "", "", "", "arn:aws:driftguard:nowhere:000000000000:nothing")


class Unfit(ValueError):
    """An act that cannot be done as asked; the message tells the operator why."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator asks for: its kind, its arguments, and the operator (`identity`: an ARN)."""

    kind: str
    said: Document
    person: str
    identity: str
    at: datetime

    @property
    def id(self) -> str:
        """The id of the decision that records the act."""
        return "dg-" + digest([self.kind, self.identity, stamp(self.at), self.said])[:24]

    @property
    def by(self) -> str:
        """The operator's name for the record."""
        return f"{self.person} ({self.identity})" if self.person else self.identity

    @property
    def reason(self) -> str:
        """The operator's reason. Raises `Unfit` if there is none."""
        reason = text(self.said, "reason")[:_LONGEST_REASON]
        if not reason:
            raise Unfit("Say why: the record asks for a `reason`.")
        return reason


@dataclass(frozen=True, slots=True)
class Made:
    """A change that led to a state: its decision, its maker, and whether that is the caller."""

    decision: str
    who: str
    own: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The effects of an act: a line for people, state records to write, and its subject."""

    title: str
    summary: str
    records: tuple[StateRecord, ...]
    resource: str
    state: Document


def keys(act: Act, place: Place) -> tuple[Key, ...]:
    """The state records that an act needs to see. `place` is where the guard stands.

    Raises `Unfit` for an unknown kind of act, or one without a subject.
    """
    control = text(act.said, "control")
    if act.kind == "rearm":
        return (circuit_breaker_key(place),)
    if act.kind in ("freeze", "unfreeze"):
        return (freeze_key(place, _scope(act)),)
    if act.kind not in ("exempt", "unexempt", "accept-baseline", "reset-trust"):
        raise Unfit(f"There is no act `{act.kind}`.")
    _known(control)
    if act.kind == "reset-trust":
        return (trust_key(place, control),)
    if act.kind == "accept-baseline":
        return (baseline_key(control, _resource(act, place)),)
    return (exemptions_key(place, control),)


def since_when(act: Act, remembered: StateRecords) -> str | None:
    """The time since which an act accepts all changes; None where it accepts none.

    "" where nothing was accepted or recorded before: then every change counts.
    """
    if act.kind != "accept-baseline":
        return None
    known = baseline.baseline_of(remembered[keys(act, remembered.place)[0]])
    return known.recorded if known else ""


def done(act: Act, remembered: StateRecords, made: Sequence[Made] = ()) -> Done:
    """The effects of an act, given the state records it needs and the changes it accepts.

    Raises `Unfit` when it cannot be done.
    """
    (key,) = keys(act, remembered.place)
    record = remembered[key]
    if act.kind == "accept-baseline":
        return _accept(act, record, remembered.place, made)
    return {
        "exempt": _exempt,
        "unexempt": _unexempt,
        "reset-trust": _reset,
        "rearm": _rearm,
        "freeze": _freeze,
        "unfreeze": _unfreeze,
    }[act.kind](act, record)


def recorded(act: Act, what: Done, place: Place) -> Decision:
    """The act as the audit record keeps it, in the account and region of the guard."""
    account = act.identity.split(":")[4] if act.identity.count(":") > 4 else ""
    actor = Actor(act.identity, act.identity, "Operator", account)
    resource = _subject(act.kind, what.resource, place)
    return _noted(act.id, act.kind, act.at, actor, resource, what, act.reason)


def found(record: StateRecord, place: Place, at: datetime) -> Decision:
    """A freeze that was not set or lifted through the signed API, as the guard found it.

    The state record names the maker, but whoever may write it may have made up that name.
    """
    is_lifted, said = freezes.is_lifted(record), record.document
    by = text(said, "lifted_by" if is_lifted else "by")[:_LONGEST_REASON] or "somebody"
    why = text(said, "lifted_why" if is_lifted else "reason")[:_LONGEST_REASON]
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
        {"scope": scope, "by": by, "reason": why, "until": until, "lifted": is_lifted},
    )
    id_ = "dg-" + digest(["found", *record.key, record.version, said])[:24]
    kind = "unfreeze" if is_lifted else "freeze"
    resource = _subject(kind, scope, place)
    actor = Actor(by, by, "Unproven", place.account)
    return _noted(id_, kind, at, actor, resource, what, why or "no reason is given")


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
    )


# ----------------------------------------------------------------------------- each act


def _exempt(act: Act, record: StateRecord) -> Done:
    said, control = act.said, text(act.said, "control")
    pattern, seconds = text(said, "resource"), said.get("for_seconds")
    if not pattern or names(pattern, _NOTHING):
        raise Unfit("Name the `resource`: an exemption of everything is what a policy is for.")
    if type(seconds) is not int or not 0 < seconds <= LONGEST_EXEMPTION.total_seconds():
        raise Unfit("An exemption has an end, a year away at most: `for_seconds`.")
    tags, actor = said.get("tags", {}), said.get("actor", "*")
    # Ignoring what was meant to narrow an exemption would make it hold for more.
    if not isinstance(tags, Mapping) or not all(isinstance(tag, str) for tag in tags.values()):
        raise Unfit("`tags` are an object: each tag's name, and its value as a text.")
    if not isinstance(actor, str) or not actor:
        raise Unfit("`actor` is one principal's ARN; `*` and `?` match.")
    until = stamp(act.at + timedelta(seconds=seconds))
    entry: Document = {
        "resource": pattern,
        "until": until,
        "reason": act.reason,
        "actor": actor,
        "tags": tags,
        "by": act.person or act.identity,
        "identity": act.identity,
        "given": stamp(act.at),
    }
    id_ = "ex-" + digest([control, entry])[:10]
    try:
        after = exemptions.exempted(record, id_, entry, act.at)
    except exemptions.TooMany as error:
        raise Unfit(str(error)) from error
    narrowed = [f"actor {entry['actor']}"] * (entry["actor"] != "*")
    narrowed += [f"tag {name}={value}" for name, value in tags.items()]
    only = f", only for {', '.join(narrowed)}" if narrowed else ""
    summary = f"{control} passes over {pattern}{only} until {until} ({id_})"
    return Done("Exemption given", summary, (after,), pattern, {"id": id_, **entry})


def _unexempt(act: Act, record: StateRecord) -> Done:
    control, id_ = text(act.said, "control"), text(act.said, "id")
    given = mapping(record.document, "entries")
    entry = mapping(given, id_)
    if not entry:
        raise Unfit(f"{control} has no exemption {id_ or '(unnamed)'} that was given at run time.")
    left = {name: other for name, other in given.items() if name != id_}
    summary = f"{control} no longer passes over {text(entry, 'resource')} ({id_})"
    after = record.saying({"entries": left})
    return Done("Exemption removed", summary, (after,), text(entry, "resource"), dict(entry))


def _accept(act: Act, record: StateRecord, place: Place, made: Sequence[Made]) -> Done:
    control, resource = text(act.said, "control"), _resource(act, place)
    state = act.said.get("state")
    if not isinstance(state, Mapping):
        raise Unfit("Say which `state` is to be the baseline.")
    own = next((change for change in made if change.own), None)
    if own is not None:
        raise Unfit(
            f"Whoever made a change cannot accept it as the baseline: {own.decision} is about "
            "yours, which was not reverted."
        )
    _comparable(control, state)
    records = baseline.moved(
        record,
        control,
        resource,
        state,
        at=act.at,
        by=act.by,
        why=act.reason,
        anchored=True,
        word=baseline.Word(act.person, act.identity, stamp(act.at)),
    )
    summary = (
        f"version {record.version + 1} of {control}'s baseline of {resource.arn} is accepted; "
        f"{_whose(made)}"
    )
    return Done("Baseline accepted", summary, records, resource.arn, state)


def _comparable(control: str, state: Document) -> None:
    """Raises `Unfit` for a baseline that its control cannot read, and so cannot compare with."""
    from driftguard import controls

    known = controls.control(control)
    try:
        known.assess(state, state, known.settings())
    except Exception as error:  # whatever it is, it would come again with each change
        problem = f"{control} cannot compare anything with that state ({error!r})"
        raise Unfit(f"{problem}: it must be one that the control itself reads.") from error


def _whose(made: Sequence[Made]) -> str:
    """The makers of the accepted changes, in words."""
    if not made:
        return "it is not known who changed it: no decision since the earlier baseline is about it"
    named = [f"{change.who} ({change.decision})" for change in made[:_NAMED]]
    more = f", and {len(made) - _NAMED} more" if len(made) > _NAMED else ""
    return f"it was changed by {', '.join(named)}{more}"


def _reset(act: Act, record: StateRecord) -> Done:
    control, case = text(act.said, "control"), text(act.said, "case")
    known = [known_case.name for known_case in trust.cases(record.document)]
    if case not in known:
        listed = "; ".join(known) or "none"
        raise Unfit(f"{control} has no record of `{case}`; it has: {listed}.")
    after = record.saying(trust.reset(record.document, case, act.by, act.at))
    summary = f"what {control} had earned for {case} is to be earned anew"
    return Done("Trust reset", summary, (after,), control, {"case": case})


def _rearm(act: Act, record: StateRecord) -> Done:
    scope = text(act.said, "scope")
    tripped = mapping(record.document, "tripped")
    if scope not in tripped:
        listed = ", ".join(tripped) or "none"
        raise Unfit(f"No circuit breaker `{scope}` has tripped; tripped: {listed}.")
    after = record.saying(circuit_breaker.rearmed(record.document, scope))
    summary = f"the circuit breaker of {scope} is armed again"
    return Done("Circuit breaker re-armed", summary, (after,), scope, {"scope": scope})


def _freeze(act: Act, record: StateRecord) -> Done:
    seconds, until = act.said.get("for_seconds"), ""
    if seconds is not None:
        if type(seconds) is not int or not 0 < seconds <= LONGEST_FREEZE.total_seconds():
            raise Unfit("A freeze ends within a year, or when it is lifted: `for_seconds`.")
        until = stamp(act.at + timedelta(seconds=seconds))
    after = freezes.frozen(
        record, by=act.by, reason=act.reason, at=act.at, until=until, decision=act.id
    )
    summary = f"{freezes.scope(record)} is frozen" + (f" until {until}" if until else "")
    return Done("Frozen", summary, (after,), freezes.scope(record), after.document)


def _unfreeze(act: Act, record: StateRecord) -> Done:
    what = freezes.scope(record)
    if not freezes.holds(record, act.at):
        raise Unfit(f"There is no freeze of {what} to lift.")
    after = freezes.lifted(record, by=act.by, reason=act.reason, at=act.at, decision=act.id)
    summary = (
        f"{what} is no longer frozen, as it was by {text(record.document, 'by') or 'somebody'}"
    )
    return Done("Freeze lifted", summary, (after,), what, after.document)


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


def _resource(act: Act, place: Place) -> Resource:
    arn = text(act.said, "resource")
    if not arn.startswith("arn:"):
        raise Unfit("Name the `resource` by its ARN.")
    return named_by(arn, place)


def _subject(kind: str, name: str, place: Place) -> Resource:
    """The subject of an act, as the resource of its decision."""
    return Resource(f"driftguard.{kind}", name, place.account, place.region, name)


def _known(control: str) -> None:
    # Only here: a vote does not wait for the index.
    from driftguard import controls

    if not controls.is_known(control):
        raise Unfit(f"There is no control `{control}`; `driftguard controls` lists them.")
