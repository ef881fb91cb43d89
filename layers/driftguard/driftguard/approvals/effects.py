"""Works out the effect of each kind of an operator's act. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from driftguard.audit.bounds import LONGEST_ARN
from driftguard.documents import Document, digest, mapping, stamp, text
from driftguard.model import Place, Resource
from driftguard.state import circuit_breaker, exemptions, freezes, trust
from driftguard.state.keys import StateRecord, named_by

from .act import Act, Done, Made, Unfit
from .patterns import is_everything, shapes_of

# An exemption for longer belongs into the policy file, where it is reviewed.
LONGEST_EXEMPTION = timedelta(days=366)
LONGEST_FREEZE = timedelta(days=366)
# How many changes are named in one line.
_NAMED = 5


def _exempt(act: Act, place: Place, record: StateRecord) -> Done:
    said, control = act.said, text(act.said, "control")
    pattern, seconds = text(said, "resource"), said.get("for_seconds")
    if _is_too_long(pattern):
        raise Unfit(f"The `resource` has {LONGEST_ARN:,} bytes at most, as an ARN has.")
    if not pattern or is_everything(pattern, shapes_of(control, place)):
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
    entry = {**entry, **_agreed(act)}
    try:
        after = exemptions.exempted(record, id_, entry, act.at)
    except exemptions.TooMany as error:
        raise Unfit(str(error)) from error
    narrowed = [f"actor {entry['actor']}"] * (entry["actor"] != "*")
    narrowed += [f"tag {name}={value}" for name, value in tags.items()]
    only = f", only for {', '.join(narrowed)}" if narrowed else ""
    summary = f"{control} passes over {pattern}{only} until {until} ({id_})"
    return Done("Exemption given", summary, (after,), pattern, {"id": id_, **entry}, until)


def _unexempt(act: Act, _: Place, record: StateRecord) -> Done:
    control, id_ = text(act.said, "control"), text(act.said, "id")
    given = mapping(record.document, "entries")
    entry = mapping(given, id_)
    if not entry:
        raise Unfit(f"{control} has no exemption {id_ or '(unnamed)'} that was given at run time.")
    left = {name: other for name, other in given.items() if name != id_}
    summary = f"{control} no longer passes over {text(entry, 'resource')} ({id_})"
    after = record.saying({"entries": left})
    state: Document = {"id": id_, **entry}
    return Done("Exemption removed", summary, (after,), text(entry, "resource"), state)


def accept_baseline(act: Act, place: Place, made: Sequence[Made]) -> Done:
    """What the guard is to accept as a baseline: the state with this fingerprint, if it sees it.

    Nobody's word for a state is taken: the guard reads the resource itself.
    """
    control, resource = text(act.said, "control"), named(act, place)
    fingerprint = text(act.said, "fingerprint")
    if not fingerprint:
        raise Unfit("Say which state is to be the baseline, by its `fingerprint`.")
    own = next((change for change in made if change.own), None)
    if own is not None:
        raise Unfit(
            f"Whoever made a change cannot accept it as the baseline: {own.decision} is about "
            "yours, which was not reverted."
        )
    summary = (
        f"{control}'s baseline of {resource.arn} becomes what the guard reads, if that has the "
        f"fingerprint {fingerprint}; {_whose(made)}"
    )
    asked: Document = {
        "control": control,
        "fingerprint": fingerprint,
        "person": act.person,
        **_agreed(act),
    }
    return Done("Baseline to be accepted", summary, (), resource.arn, asked)


def _agreed(act: Act) -> Document:
    """Who else stands for an act, for what must not vouch for their own changes."""
    return {"agreed": [list(other) for other in act.agreed]} if act.agreed else {}


def _whose(made: Sequence[Made]) -> str:
    """The makers of the accepted changes, in words."""
    if not made:
        return "it is not known who changed it: no decision since the earlier baseline is about it"
    named = [f"{change.who} ({change.decision})" for change in made[:_NAMED]]
    more = f", and {len(made) - _NAMED} more" if len(made) > _NAMED else ""
    return f"it was changed by {', '.join(named)}{more}"


def _reset(act: Act, _: Place, record: StateRecord) -> Done:
    control, case = text(act.said, "control"), text(act.said, "case")
    known = [known_case.name for known_case in trust.cases(record.document)]
    if case not in known:
        listed = "; ".join(known) or "none"
        raise Unfit(f"{control} has no record of `{case}`; it has: {listed}.")
    after = record.saying(trust.reset(record.document, case, act.by, act.at))
    summary = f"what {control} had earned for {case} is to be earned anew"
    return Done("Trust reset", summary, (after,), control, {"case": case})


def _rearm(act: Act, _: Place, record: StateRecord) -> Done:
    scope = text(act.said, "scope")
    tripped = mapping(record.document, "tripped")
    if scope not in tripped:
        listed = ", ".join(tripped) or "none"
        raise Unfit(f"No circuit breaker `{scope}` has tripped; tripped: {listed}.")
    after = record.saying(circuit_breaker.rearmed(record.document, scope))
    summary = f"the circuit breaker of {scope} is armed again"
    # What has tripped since is another flood, which nobody has looked at.
    looked_at: Document = {"scope": scope, "tripped": mapping(tripped, scope)}
    return Done("Circuit breaker re-armed", summary, (after,), scope, looked_at)


def _freeze(act: Act, _: Place, record: StateRecord) -> Done:
    seconds, until = act.said.get("for_seconds"), ""
    if seconds is not None:
        if type(seconds) is not int or not 0 < seconds <= LONGEST_FREEZE.total_seconds():
            raise Unfit("A freeze ends within a year, or when it is lifted: `for_seconds`.")
        until = stamp(act.at + timedelta(seconds=seconds))
    if moved := freezes.moves_end(record, until, act.at, longer=act.said.get("longer") is True):
        raise Unfit(moved)
    after = freezes.frozen(
        record, by=act.by, reason=act.reason, at=act.at, until=until, decision=act.id
    )
    summary = f"{freezes.scope(record)} is frozen" + (f" until {until}" if until else "")
    return Done("Frozen", summary, (after,), freezes.scope(record), after.document, until)


def _unfreeze(act: Act, _: Place, record: StateRecord) -> Done:
    what = freezes.scope(record)
    if not freezes.holds(record, act.at):
        raise Unfit(f"There is no freeze of {what} to lift.")
    after = freezes.lifted(record, by=act.by, reason=act.reason, at=act.at, decision=act.id)
    summary = (
        f"{what} is no longer frozen, as it was by {text(record.document, 'by') or 'somebody'}"
    )
    return Done("Freeze lifted", summary, (after,), what, after.document)


def named(act: Act, place: Place) -> Resource:
    """The resource that an act names by its ARN."""
    arn = text(act.said, "resource")
    if not arn.startswith("arn:") or _is_too_long(arn):
        raise Unfit(f"Name the `resource` by its ARN, of {LONGEST_ARN:,} bytes at most.")
    return named_by(arn, place)


def _is_too_long(arn: str) -> bool:
    """Whether a record would have the ARN, or a pattern of one, only in part."""
    return len(arn.encode(errors="replace")) > LONGEST_ARN


# The effect of each kind of act on its one state record.
EFFECTS = {
    "exempt": _exempt,
    "unexempt": _unexempt,
    "reset-trust": _reset,
    "rearm": _rearm,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
}
