"""What people do to the guard itself, and its record: exemptions, baselines, trust, the switches.

Each act is a decision of its own in the record, under `driftguard.operator`: chained, sealed, and
told like any other, and written in the same transaction as what it changes. Pure but for the clock
that the desk lends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import baseline, breaker, freezes, lessons, trust
from .model import (
    Actor,
    Autonomy,
    Certainty,
    Decision,
    Document,
    Plan,
    Resource,
    Status,
    Suspect,
    digest,
    stamp,
)
from .policy.bounds import names
from .state import (
    ALL,
    BREAKER,
    Key,
    Memory,
    Note,
    baseline_key,
    exemptions_key,
    trust_key,
)
from .trail import mapping, text

CONTROL = "driftguard.operator"
# What is for longer belongs into the policy file, where it is reviewed.
LONGEST_EXEMPTION = timedelta(days=366)
LONGEST_FREEZE = timedelta(days=366)
_LONGEST_REASON = 1000
# How many changes are named in one line.
_NAMED = 5
# What only a pattern of everything names.
_NOTHING = Resource("", "", "", "", "arn:aws:driftguard:nowhere:000000000000:nothing")


class Unfit(ValueError):
    """The act cannot be done as asked; the message says why, for who asked."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody asks for: its kind, what they said, and who they are (`identity`: an ARN)."""

    kind: str
    said: Document
    person: str
    identity: str
    at: datetime

    @property
    def id(self) -> str:
        """The decision that records it."""
        return "dg-" + digest([self.kind, self.identity, stamp(self.at), self.said])[:24]

    @property
    def by(self) -> str:
        """Who it is, for the record."""
        return f"{self.person} ({self.identity})" if self.person else self.identity

    @property
    def reason(self) -> str:
        """Why, in their words. Raises `Unfit` when they give none."""
        reason = text(self.said, "reason")[:_LONGEST_REASON]
        if not reason:
            raise Unfit("Say why: the record asks for a `reason`.")
        return reason


@dataclass(frozen=True, slots=True)
class Made:
    """A change that led to a state: the decision that knows of it, whose, whether the caller's."""

    decision: str
    who: str
    own: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What an act leads to: a line for people, the notes as they will be, and what it concerns."""

    title: str
    summary: str
    notes: tuple[Note, ...]
    resource: str
    state: Document


def keys(act: Act) -> tuple[Key, ...]:
    """The notes that an act needs to see. Raises `Unfit` for what is unknown or unnamed."""
    control = text(act.said, "control")
    if act.kind == "rearm":
        return (BREAKER,)
    if act.kind in ("freeze", "unfreeze"):
        return (("freeze", _scope(act)),)
    if act.kind not in ("exempt", "unexempt", "accept-baseline", "reset-trust"):
        raise Unfit(f"There is no act `{act.kind}`.")
    _known(control)
    if act.kind == "reset-trust":
        return (trust_key(control),)
    if act.kind == "accept-baseline":
        return (baseline_key(control, _resource(act)),)
    return (exemptions_key(control),)


def since_when(act: Act, memory: Memory) -> str | None:
    """From when on it matters who changed what an act accepts; None where it accepts nothing.

    "" where nothing was accepted or recorded before: then every change counts.
    """
    if act.kind != "accept-baseline":
        return None
    known = baseline.baseline_of(memory[keys(act)[0]])
    return known.recorded if known else ""


def done(act: Act, memory: Memory, made: Sequence[Made] = ()) -> Done:
    """What an act leads to, given the notes it needs, and who made what it accepts.

    Raises `Unfit`.
    """
    (key,) = keys(act)
    note = memory[key]
    if act.kind == "accept-baseline":
        return _accept(act, note, made)
    return {
        "exempt": _exempt,
        "unexempt": _unexempt,
        "reset-trust": _reset,
        "rearm": _rearm,
        "freeze": _freeze,
        "unfreeze": _unfreeze,
    }[act.kind](act, note)


def recorded(act: Act, what: Done) -> Decision:
    """The act as the record keeps it."""
    account = act.identity.split(":")[4] if act.identity.count(":") > 4 else ""
    actor = Actor(act.identity, act.identity, "Operator", account)
    resource = Resource(f"driftguard.{act.kind}", what.resource, account, "", what.resource)
    return _noted(act.id, act.kind, act.at, actor, resource, what, act.reason)


def found(note: Note, account: str, at: datetime) -> Decision:
    """A freeze that was set or lifted around the console, as the guard found it in an account.

    Who did it is what the note says; whoever may write it may have written that, too.
    """
    is_lifted, said = freezes.is_lifted(note), note.document
    by = text(said, "lifted_by" if is_lifted else "by")[:_LONGEST_REASON] or "somebody"
    why = text(said, "lifted_why" if is_lifted else "reason")[:_LONGEST_REASON]
    until, scope = text(said, "until")[:30], freezes.scope(note)
    stands = "is no longer frozen" if is_lifted else "is frozen"
    if until and not is_lifted:
        stands += f" until {until}"
    what = Done(
        "Freeze found lifted" if is_lifted else "Freeze found",
        f"{scope} {stands}, by {by} as the note itself says: it was written around the console",
        (),
        scope,
        {"scope": scope, "by": by, "reason": why, "until": until, "lifted": is_lifted},
    )
    id_ = "dg-" + digest(["found", *note.key, note.version, said])[:24]
    kind = "unfreeze" if is_lifted else "freeze"
    resource = Resource(f"driftguard.{kind}", scope, account, "", scope)
    actor = Actor(by, by, "Unproven", account)
    return _noted(id_, kind, at, actor, resource, what, why or "no reason is given")


def _noted(
    id_: str, kind: str, at: datetime, actor: Actor, resource: Resource, what: Done, reason: str
) -> Decision:
    return Decision(
        id=id_,
        control=CONTROL,
        title=what.title,
        severity=0,
        suspect=Suspect(resource, Certainty.EVIDENT),
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


def _exempt(act: Act, note: Note) -> Done:
    said, control = act.said, text(act.said, "control")
    pattern, seconds = text(said, "resource"), said.get("for_seconds")
    if not pattern or names(pattern, _NOTHING):
        raise Unfit("Name the `resource`: an exemption of everything is what a policy is for.")
    if type(seconds) is not int or not 0 < seconds <= LONGEST_EXEMPTION.total_seconds():
        raise Unfit("An exemption has an end, a year away at most: `for_seconds`.")
    tags, actor = said.get("tags", {}), said.get("actor", "*")
    # Read otherwise, what was meant to narrow it would be passed over, and it would hold for more.
    if not isinstance(tags, Mapping) or not all(isinstance(one, str) for one in tags.values()):
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
        after = lessons.exempted(note, id_, entry, act.at)
    except lessons.TooMany as error:
        raise Unfit(str(error)) from error
    narrowed = [f"actor {entry['actor']}"] * (entry["actor"] != "*")
    narrowed += [f"tag {name}={value}" for name, value in tags.items()]
    only = f", only for {', '.join(narrowed)}" if narrowed else ""
    summary = f"{control} passes over {pattern}{only} until {until} ({id_})"
    return Done("Exemption given", summary, (after,), pattern, {"id": id_, **entry})


def _unexempt(act: Act, note: Note) -> Done:
    control, id_ = text(act.said, "control"), text(act.said, "id")
    given = mapping(note.document, "entries")
    entry = mapping(given, id_)
    if not entry:
        raise Unfit(f"{control} has no exemption {id_ or '(unnamed)'} that was given at run time.")
    left = {name: one for name, one in given.items() if name != id_}
    summary = f"{control} no longer passes over {text(entry, 'resource')} ({id_})"
    after = note.saying({"entries": left})
    return Done("Exemption removed", summary, (after,), text(entry, "resource"), dict(entry))


def _accept(act: Act, note: Note, made: Sequence[Made]) -> Done:
    control, resource = text(act.said, "control"), _resource(act)
    state = act.said.get("state")
    if not isinstance(state, Mapping):
        raise Unfit("Say which `state` is to be the baseline.")
    own = next((one for one in made if one.own), None)
    if own is not None:
        raise Unfit(
            f"Who made a change cannot accept it as the baseline: {own.decision} is about yours, "
            "and it stands."
        )
    _comparable(control, state)
    notes = baseline.moved(
        note,
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
        f"version {note.version + 1} of {control}'s baseline of {resource.arn} is accepted; "
        f"{_whose(made)}"
    )
    return Done("Baseline accepted", summary, notes, resource.arn, state)


def _comparable(control: str, state: Document) -> None:
    """A baseline that its control cannot read would keep the resource from ever being judged."""
    from . import controls

    known = controls.control(control)
    try:
        known.assess(state, state, known.settings())
    except Exception as error:  # whatever it is, it would come again at each change
        told = f"{control} cannot compare anything with that state ({error!r})"
        raise Unfit(f"{told}: it must be one that the control itself reads.") from error


def _whose(made: Sequence[Made]) -> str:
    """Who made what is accepted, in words."""
    if not made:
        return "who changed it is not known: no decision since the baseline before is about it"
    named = [f"{one.who} ({one.decision})" for one in made[:_NAMED]]
    more = f", and {len(made) - _NAMED} more" if len(made) > _NAMED else ""
    return f"it was changed by {', '.join(named)}{more}"


def _reset(act: Act, note: Note) -> Done:
    control, case = text(act.said, "control"), text(act.said, "case")
    known = [one.name for one in trust.cases(note.document)]
    if case not in known:
        listed = "; ".join(known) or "none"
        raise Unfit(f"{control} has no record of `{case}`; it has: {listed}.")
    after = note.saying(trust.reset(note.document, case, act.by, act.at))
    summary = f"what {control} had earned for {case} is to be earned anew"
    return Done("Trust reset", summary, (after,), control, {"case": case})


def _rearm(act: Act, note: Note) -> Done:
    scope = text(act.said, "scope")
    tripped = mapping(note.document, "tripped")
    if scope not in tripped:
        listed = ", ".join(tripped) or "none"
        raise Unfit(f"No breaker `{scope}` has tripped; tripped: {listed}.")
    after = note.saying(breaker.rearmed(note.document, scope))
    summary = f"the breaker of {scope} is armed again"
    return Done("Breaker re-armed", summary, (after,), scope, {"scope": scope})


def _freeze(act: Act, note: Note) -> Done:
    seconds, until = act.said.get("for_seconds"), ""
    if seconds is not None:
        if type(seconds) is not int or not 0 < seconds <= LONGEST_FREEZE.total_seconds():
            raise Unfit("A freeze ends within a year, or when it is lifted: `for_seconds`.")
        until = stamp(act.at + timedelta(seconds=seconds))
    after = freezes.frozen(
        note, by=act.by, reason=act.reason, at=act.at, until=until, decision=act.id
    )
    summary = f"{freezes.scope(note)} is frozen" + (f" until {until}" if until else "")
    return Done("Frozen", summary, (after,), freezes.scope(note), after.document)


def _unfreeze(act: Act, note: Note) -> Done:
    what = freezes.scope(note)
    if not freezes.holds(note, act.at):
        raise Unfit(f"There is no freeze of {what} to lift.")
    after = freezes.lifted(note, by=act.by, reason=act.reason, at=act.at, decision=act.id)
    summary = f"{what} is no longer frozen, as it was by {text(note.document, 'by') or 'somebody'}"
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


def _resource(act: Act) -> Resource:
    arn = text(act.said, "resource")
    if not arn.startswith("arn:"):
        raise Unfit("Name the `resource` by its ARN.")
    return Resource("", "", "", "", arn)


def _known(control: str) -> None:
    # Only here: an answer does not wait for the index.
    from . import controls

    if not controls.is_known(control):
        raise Unfit(f"There is no control `{control}`; `driftguard controls` lists them.")
