"""What holds a control back: one pure function each, a ruling with its reason.

Policy grants; a guardrail can only lower what was granted, and the lowest ruling wins. All rulings
are recorded with the decision, so that anybody can see why it went no further.

A guardrail looks at nothing but the `Circumstances`: what is decided about, what is remembered of
it, and what the policy says. It answers None where it has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from . import breaker as breakers
from . import freezes, past
from .baseline import baseline_of
from .model import Actor, Autonomy, Plan, Resource, Ruling, arns_of, moment, stamp
from .policy import Policy
from .policy.bounds import ChangeWindow, Exemption, Limit, carries, is_of
from .state import (
    ALL,
    BREAKER,
    Memory,
    baseline_key,
    exemptions_key,
    freeze_keys,
    habits_key,
    past_key,
    rollout_key,
    trust_key,
)
from .trail import mapping, text

if TYPE_CHECKING:
    from .trust import Standing


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a guardrail may look at.

    `time` is the change's own. `tags` are the resource's, None where they were not read. `in_use`
    says in words what the risky part is in use for, ""
    where it is not, or was not looked at. `leans_on_baseline`: the plan would be another without
    the baseline. `at_most` is what the risk itself allows (see `Risk`).
    """

    decision: str
    control: str
    severity: int
    resource: Resource
    actor: Actor
    time: str
    plan: Plan
    policy: Policy
    ceiling: Autonomy
    memory: Memory
    now: datetime
    remediator: str = ""
    baselined: bool = False
    leans_on_baseline: bool = False
    tags: Mapping[str, str] | None = None
    in_use: str = ""
    at_most: Autonomy = Autonomy.REVERT
    at_most_why: str = ""


Guardrail = Callable[[Circumstances], Ruling | None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What may be done, and every reason. `trips` names the breaker that this decision trips."""

    granted: Autonomy
    autonomy: Autonomy
    rulings: tuple[Ruling, ...]
    severity: int
    basis: str
    trips: str = ""

    @property
    def reason(self) -> str:
        """Why it goes so far and no further."""
        held = [one.reason for one in self.rulings if one.limit == self.autonomy < self.granted]
        return "; ".join(held) or self.basis


def name_of(guardrail: Guardrail) -> str:
    """What a guardrail is called in its rulings: `change-window`."""
    return guardrail.__name__.replace("_", "-")


def judge(case: Circumstances) -> Judgement:
    """How far to go: what the policy grants, or the lowest of what the guardrails allow."""
    basis, granted, severity = _granted(case)
    said = rulings(case)
    level = autonomy(granted, said)
    trips = ""
    if any(one.guardrail == "breaker" for one in said):
        others = tuple(one for one in said if one.guardrail != "breaker")
        # What would not have been reverted anyway takes no place, and trips nothing.
        if autonomy(granted, others) is Autonomy.REVERT:
            trips = _full(case)
    if level is Autonomy.REVERT and case.policy.earns(case.control):
        basis = f"{basis}; {_standing(case).line}"
    return Judgement(granted, level, said, severity, basis, trips)


def rulings(case: Circumstances) -> tuple[Ruling, ...]:
    """What every guardrail says of the case, those that say nothing left out."""
    return tuple(ruling for ask in GUARDRAILS if (ruling := ask(case)) is not None)


def autonomy(granted: Autonomy, said: tuple[Ruling, ...]) -> Autonomy:
    """The lowest of what was granted and what each guardrail allows."""
    return min([granted, *(ruling.limit for ruling in said)])


def _granted(case: Circumstances) -> tuple[str, Autonomy, int]:
    """What the policy grants here, why, and how severe it is with what is usual considered."""
    granted = case.policy.granted(case.control)
    basis = f"policy grants {granted.label}"
    severity, habits = case.severity, case.policy.bounds.habits
    if case.policy.earns(case.control) and case.plan.steps:
        basis = "policy grants revert where it is earned"
    if habits is None or case.actor.is_nobody:
        return basis, granted, severity
    from . import behaviour

    note = case.memory[habits_key(case.resource.account, case.control)]
    unusual = behaviour.novelty(
        note.document, behaviour.traits_of(case.actor, case.time), habits, case.now
    )
    if unusual.known:
        bound = habits.raise_by if unusual.score > 50 else habits.lower_by
        severity = max(0, min(100, severity + round((unusual.score - 50) / 50 * bound)))
    strange = unusual.known and unusual.score >= habits.novel_over
    if granted is Autonomy.OBSERVE and habits.novel and strange:
        return f"policy asks about what is unusual: {unusual.line}", Autonomy.ASK, severity
    return f"{basis}; {unusual.line}", granted, severity


# ------------------------------------------------------------------------- people's own words


def exemption(case: Circumstances) -> Ruling | None:
    """Somebody declared this to be fine, until a day and for a reason."""
    kept = given_exemptions(case.control, case.memory)
    now = stamp(case.now)
    for one in (*case.policy.exemptions, *kept):
        if one.covers(case.control, case.resource, now, case.actor, case.tags):
            # Nobody lets their own change stand, not by an exemption given beforehand either.
            if one.by and case.policy.made_by(arns_of(case.actor), one.by, one.identity):
                continue
            by = f" by {one.by}" if one.by else ""
            reason = f"exempted{by} until {one.until}: {one.reason}"
            return Ruling("exemption", Autonomy.OBSERVE, reason)
    return None


def given_exemptions(control: str, memory: Memory) -> list[Exemption]:
    """The exemptions of a control that people gave at run time, those that have ended included."""
    given = mapping(memory[exemptions_key(control)].document, "entries")
    return [_exemption(control, id_, mapping(given, id_)) for id_ in given]


def _exemption(control: str, id_: str, one: Mapping[str, object]) -> Exemption:
    tags = one.get("tags")
    return Exemption(
        control=control,
        resource=str(one.get("resource", "")),
        until=str(one.get("until", "")),
        reason=str(one.get("reason", "")),
        actor=str(one.get("actor") or "*"),
        tags={str(k): str(v) for k, v in tags.items()} if isinstance(tags, Mapping) else {},
        by=str(one.get("by", "")),
        identity=str(one.get("identity", "")),
        id=id_,
    )


def freeze(case: Circumstances) -> Ruling | None:
    """The kill switch is on: nothing is changed, whatever the policy grants."""
    reason = frozen(case.memory, case.control, case.resource.account, case.now)
    return Ruling("freeze", Autonomy.OBSERVE, reason) if reason else None


def frozen(memory: Memory, control: str, account: str, now: datetime) -> str:
    """Why nothing may be changed now, in words; "" while there is no freeze, or it has ended."""
    for key in freeze_keys(account, control):
        note = memory[key]
        if not freezes.holds(note, now):
            continue
        what = "" if key[1] == ALL else f" ({freezes.scope(note)})"
        until, by = text(note.document, "until"), text(note.document, "by")
        reason = f"frozen by {by or 'somebody'}{what}" + (f" until {until}" if until else "")
        why = text(note.document, "reason")
        return f"{reason}: {why}" if why else reason
    return ""


def ceiling(case: Circumstances) -> Ruling | None:
    """The stack's AutonomyCeiling caps everything."""
    if case.ceiling is Autonomy.REVERT:
        return None
    reason = f"the stack's AutonomyCeiling is {case.ceiling.label}"
    return Ruling("ceiling", case.ceiling, reason)


def change_window(case: Circumstances) -> Ruling | None:
    """People are at work on it in these hours, or nobody looks in those."""
    one = _lowest(case, (one for one in case.policy.bounds.change_windows if one.holds(case.now)))
    if one is None:
        return None
    where = "outside of" if one.outside else "within"
    reason = f"{where} the change window `{one.name}`: at most {one.autonomy.label}"
    return Ruling("change-window", one.autonomy, reason)


def protected(case: Circumstances) -> Ruling | None:
    """Something that is never changed without a person."""
    one = _lowest(case, case.policy.bounds.protected)
    return None if one is None else Ruling("protected", one.autonomy, f"protected: {one.reason}")


L = TypeVar("L", Limit, ChangeWindow)


def _lowest(case: Circumstances, limits: Iterable[L]) -> L | None:
    """The strictest of the limits that are for this case; None where none is."""
    held = [
        one for one in limits if one.scope.holds(case.control, case.resource, case.actor, case.tags)
    ]
    return min(held, key=lambda one: one.autonomy, default=None)


# --------------------------------------------------------------------------- who changed it


def own_change(case: Circumstances) -> Ruling | None:
    """The remediator itself made the change: reverting it would be fighting ourselves."""
    if not case.actor.is_principal(case.remediator):
        return None
    return Ruling("own-change", Autonomy.OBSERVE, "Driftguard's own remediator made this change")


def break_glass(case: Circumstances) -> Ruling | None:
    """Somebody acts in an emergency: nothing is touched, and everybody hears of it."""
    for one in case.policy.bounds.break_glass:
        if is_of(one.actor, case.actor):
            reason = f"break-glass: {case.actor.name} acts in an emergency ({one.reason})"
            return Ruling("break-glass", Autonomy.OBSERVE, reason)
    return None


def ownership(case: Circumstances) -> Ruling | None:
    """A deployment pipeline owns it: reverting would start a fight that the next deploy wins."""
    terms = case.policy.bounds.ownership
    owner = _pipeline(case)
    if terms.autonomy is Autonomy.REVERT or not owner:
        return None
    reason = f"owned by {owner}: mend it there, or the next deployment brings it back"
    return Ruling("ownership", terms.autonomy, reason)


def _pipeline(case: Circumstances) -> str:
    """The pipeline that made the change or owns the resource, in words; "" for none."""
    terms, actor = case.policy.bounds.ownership, case.actor
    # AWS itself writes these when a service calls for somebody; no caller can.
    if actor.source == "cloudformation.amazonaws.com":
        return f"CloudFormation, for {actor.name}"
    for role in terms.roles:
        if is_of(role, actor):
            return f"the deployment role {actor.name}"
    if terms.believe_agents:
        for word, tool in _AGENTS:
            if word in actor.agent.lower():
                return f"{tool}, by its user agent, run by {actor.name}"
    for name, value in terms.tags.items():
        if case.tags is not None and carries(case.tags, {name: value}):
            return f"the pipeline that tags it {name}={case.tags[name]}"
    return ""


_AGENTS = (
    ("terraform", "Terraform"),
    ("opentofu", "OpenTofu"),
    ("pulumi", "Pulumi"),
    ("aws-cdk", "the AWS CDK"),
    ("cloudformation", "CloudFormation"),
)


def swept(case: Circumstances) -> Ruling | None:
    """Nobody is known to have made it: the sweep found it, perhaps as it was for years."""
    terms = case.policy.bounds.sweep
    if not case.actor.is_nobody or terms.autonomy is Autonomy.REVERT:
        return None
    reason = (
        f"found by the sweep, and made by nobody knows whom or when: at most {terms.autonomy.label}"
    )
    return Ruling("swept", terms.autonomy, reason)


# ----------------------------------------------------------------------- what would be done


def no_remedy(case: Circumstances) -> Ruling | None:
    """The control has no safe remedy here: a person must be asked."""
    if case.plan.steps:
        return None
    return Ruling("no-remedy", Autonomy.ASK, f"there is no safe remedy: {case.plan.advice}")


def irreversible(case: Circumstances) -> Ruling | None:
    """The plan cannot be undone: neither a step itself, nor by the undo of one before it."""
    changing = [one for one in case.plan.steps if not one.additive]
    if not changing or changing[0].undo:
        return None
    reason = f"{changing[0].call.operation} cannot be undone: a person must say so first"
    return Ruling("irreversible", Autonomy.ASK, reason)


def drastic(case: Circumstances) -> Ruling | None:
    """The remedy costs something that is not for us to give up."""
    if not case.plan.drastic:
        return None
    return Ruling("drastic", Autonomy.ASK, f"{case.plan.drastic}: a person must say so first")


def suspicion(case: Circumstances) -> Ruling | None:
    """Whether there is a risk is not certain: nothing is done on a mere suspicion."""
    if case.at_most is Autonomy.REVERT:
        return None
    why = case.at_most_why or "whether there is a risk could not be told"
    return Ruling("suspicion", case.at_most, why)


def baseline(case: Circumstances) -> Ruling | None:
    """What would be restored was not looked at for long, or is not recorded though it must be."""
    if not case.baselined:
        return None
    terms = case.policy.bounds.baselines
    known = baseline_of(case.memory[baseline_key(case.control, case.resource)])
    if known is None:
        if not terms.required or not case.plan.steps:
            return None
        return Ruling("baseline", Autonomy.ASK, "no baseline is recorded, and policy requires one")
    age = known.age(case.now)
    if not case.leans_on_baseline or age.total_seconds() <= terms.max_age:
        return None
    reason = f"the baseline it restores was last seen {age.days} days ago ({known.checked})"
    return Ruling("baseline", Autonomy.ASK, reason)


def in_use(case: Circumstances) -> Ruling | None:
    """Something depends on the risky part right now."""
    one = _lowest(case, case.policy.bounds.in_use) if case.in_use else None
    return None if one is None else Ruling("in-use", one.autonomy, f"in use: {case.in_use}")


# -------------------------------------------------------------------------- what went before


def breaker(case: Circumstances) -> Ruling | None:
    """Too many reverts in too short a time: perhaps it is we who are wrong."""
    note = case.memory[BREAKER].document
    for scope in breakers.scopes(case.control, case.resource.account):
        since = breakers.tripped(note, scope)
        if since is not None:
            reason = (
                f"the breaker of {_of(scope)} tripped at {text(since, 'at')}; a person re-arms it: "
                f"driftguard breaker rearm '{scope}'"
            )
            return Ruling("breaker", Autonomy.ASK, reason)
    scope = _full(case)
    if not scope:
        return None
    limits = case.policy.bounds.breaker
    most = {breakers.WHOLE: limits.whole, f"control {case.control}": limits.control}
    reason = (
        f"the breaker of {_of(scope)} trips: {most.get(scope, limits.account)} reverts within "
        f"{limits.window} s are the most; a person re-arms it: driftguard breaker rearm '{scope}'"
    )
    return Ruling("breaker", Autonomy.ASK, reason)


def _full(case: Circumstances) -> str:
    """The breaker that one more revert would trip; "" where one has tripped, or all have room."""
    note, account = case.memory[BREAKER].document, case.resource.account
    if any(breakers.tripped(note, one) for one in breakers.scopes(case.control, account)):
        return ""
    return breakers.full(note, case.policy.bounds.breaker, case.control, account, case.now)


def _of(scope: str) -> str:
    return "the whole guard" if scope == breakers.WHOLE else scope


def fight(case: Circumstances) -> Ruling | None:
    """It was reverted again and again, and made again each time: people must settle that."""
    terms = case.policy.bounds.fight
    fought = past.fought(
        case.memory[past_key(case.control, case.resource)].document, terms, case.now
    )
    if not fought:
        return None
    others = ", ".join(dict.fromkeys(one.actor for one in fought))
    reason = (
        f"a fight: {others} made it and Driftguard took it back {len(fought)} times since "
        f"{fought[0].at}; whose is it?"
    )
    return Ruling("fight", Autonomy.ASK, reason)


def weak_record(case: Circumstances) -> Ruling | None:
    """Autonomy is to be earned here, and the record does not carry it (any more)."""
    if not case.policy.earns(case.control) or not case.plan.steps:
        return None
    standing = _standing(case)
    if not standing.earned:
        return Ruling("weak-record", Autonomy.ASK, f"not earned yet: {standing.line}")
    if not standing.unjudged:
        return None
    reason = (
        f"earned, but {standing.unjudged} such of {case.actor.name} taken back within a day, "
        "which nobody may have seen yet"
    )
    return Ruling("weak-record", Autonomy.ASK, reason)


def probe(case: Circumstances) -> Ruling | None:
    """A small share of what is earned is asked about nevertheless, so the record stays honest."""
    if not case.policy.earns(case.control) or not case.plan.steps:
        return None
    from . import trust

    share = case.policy.bounds.earning.probe
    if not trust.is_probe(case.decision, share) or not _standing(case).earned:
        return None
    return Ruling("probe", Autonomy.ASK, f"earned, but {share:.0%} are asked about nevertheless")


def _standing(case: Circumstances) -> Standing:
    from . import trust

    note = case.memory[trust_key(case.control)].document
    kind = trust.case_of(case.plan, case.actor)
    return trust.standing(note, kind, case.policy.bounds.earning, case.now)


def routine(case: Circumstances) -> Ruling | None:
    """It is what this actor does every day: asked about instead of reverted, if policy says so."""
    habits = case.policy.bounds.habits
    if habits is None or not habits.routine or case.actor.is_nobody:
        return None
    from . import behaviour

    note = case.memory[habits_key(case.resource.account, case.control)]
    unusual = behaviour.novelty(
        note.document, behaviour.traits_of(case.actor, case.time), habits, case.now
    )
    if not unusual.known or unusual.score > habits.routine_under:
        return None
    return Ruling("routine", Autonomy.ASK, f"routine for {case.actor.name}: {unusual.line}")


def rollout(case: Circumstances) -> Ruling | None:
    """This version of the control's entry is new: first watched, then asked about."""
    terms = case.policy.bounds.rollout
    if not terms.observe and not terms.ask:
        return None
    note = case.memory[rollout_key(case.control, case.policy.entry(case.control))]
    since = moment(text(note.document, "since")) or case.now
    age = (case.now - since).total_seconds()
    if age < terms.observe:
        limit, left = Autonomy.OBSERVE, terms.observe - age
    elif age < terms.observe + terms.ask:
        limit, left = Autonomy.ASK, terms.observe + terms.ask - age
    else:
        return None
    reason = f"new here since {stamp(since)}: at most {limit.label} for {left / 3600:.1f} h more"
    return Ruling("rollout", limit, reason)


GUARDRAILS: tuple[Guardrail, ...] = (
    own_change,
    exemption,
    freeze,
    ceiling,
    break_glass,
    protected,
    change_window,
    ownership,
    swept,
    no_remedy,
    irreversible,
    drastic,
    suspicion,
    baseline,
    in_use,
    rollout,
    weak_record,
    probe,
    routine,
    fight,
    breaker,
)
