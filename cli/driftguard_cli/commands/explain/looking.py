"""Explains a change with the resource and the stack read, as the guard would judge it now.

Reads with the caller's own rights. Records and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from driftguard.audit.items import decision_id
from driftguard.aws.calls import AwsError
from driftguard.aws.client import Aws
from driftguard.controls.control import AnyControl
from driftguard.controls.mechanisms.vulnerable_library import LibrarySettings
from driftguard.engine import hidden, judging
from driftguard.engine.case import Case
from driftguard.engine.guard import Guard, is_hidden
from driftguard.guardrails import registry
from driftguard.guardrails.judgment import Judgment
from driftguard.guardrails.needs import Need
from driftguard.model import Autonomy, Candidate, Change, Observation, Status
from driftguard.policy.model import Policy
from driftguard.state import history
from driftguard.state.keys import StateRecords, history_key

from ...errors import Trouble
from ...policy_file.at_hand import PolicyAtHand
from ...stack import Stack
from .reasons import (
    WOULD,
    Explanation,
    Reasoning,
    Said,
    Watching,
    known_of,
    of_ruling,
    passed_over,
    screened,
)

_UNTOLD = "It cannot be told"
_NOT_TOLD = (
    "the stack does not say where vulnerabilities are looked up, so what is deployed was not held "
    "against any: name a source with --advisories"
)


def explanation(
    deployed: Stack, change: Change, at_hand: PolicyAtHand, advisories: str = ""
) -> Explanation:
    """Return what the guard would do now. `advisories` replaces the stack's own source."""
    source = advisories or deployed.advisories
    guard = guard_of(deployed, at_hand.policy, source or "")
    if change.account != guard.account:
        raise Trouble(
            f"The change is of account {change.account or '(none)'}, and you look with the rights "
            f"of {guard.account}: --live reads the resource."
        )
    over = passed_over(change)
    if guard.is_own(change):
        over = "Driftguard's own remediator made it"
    watching = tuple(
        _watching(guard, control, settings, found, change, source)
        for control, settings, found in screened(change, guard.policy)
        if not over
    )
    described = _source(source) if any(_looks_up(watched.control) for watched in watching) else ""
    return Explanation(change, at_hand.origin, watching, over, live=True, advisories=described)


def _watching(
    guard: Guard,
    control: AnyControl,
    settings: object,
    found: tuple[Candidate, ...],
    change: Change,
    source: str | None,
) -> Watching:
    """What a control makes of the change; of everything of the kind, where the record hides it."""
    hides, trouble, candidates = not found and is_hidden(control, change, settings), "", [*found]
    if hides:
        try:
            reader = guard.aws.reader(change.account, change.region)
            for candidate in hidden.candidates(control, change, reader):
                candidates.append(candidate)
        except (AwsError, hidden.Hidden) as error:
            trouble = str(error)
    reasonings = (
        _sure(_reasoning(guard, control, settings, one, change, hides=hides), control, source)
        for one in candidates
    )
    return Watching(control, tuple(reasonings), hides, trouble)


def _looks_up(control: AnyControl) -> bool:
    """Whether a control looks up advisories for deployed code; for images, scans report them."""
    return control.settings is LibrarySettings and control.id.startswith("lambda.")


def _source(source: str | None) -> str:
    """Where vulnerabilities are looked up, in words."""
    if source is None:
        return "unknown: the stack does not say"
    return source or "none: only what Inspector and ECR have found counts"


def _sure(reasoning: Reasoning, control: AnyControl, source: str | None) -> Reasoning:
    """The reasoning, unless it calls something clean that nothing was looked up for."""
    if source or not _looks_up(control) or reasoning.plan or reasoning.trouble:
        return reasoning
    if source is None:
        return replace(reasoning, verdict=f"{_UNTOLD}.", trouble=_NOT_TOLD)
    seen = "not looked at: the stack has no source of advisories, and no scan reported it"
    return replace(reasoning, seen=seen)


def guard_of(deployed: Stack, policy: Policy, advisories: str) -> Guard:
    """A guard as the stack runs it, but with our own rights."""
    arn = deployed.output("RemediatorRole").split(":")
    account = deployed.caller().split(":")[4]
    door = f"arn:{arn[1]}:lambda:{deployed.region}:{account}:function:"
    surroundings = replace(deployed.aws.surroundings, advisories=advisories)
    return Guard(
        aws=Aws(surroundings=surroundings),
        audit=deployed.audit,
        state=deployed.state,
        policy=policy.with_own_door(door + deployed.output("ReplyFunction")),
        ceiling=deployed.ceiling,
        account=account,
        remediator_role_arn=":".join(arn),
        granting_role_arn=deployed.outputs.get("GrantingRole", ""),
        containment_role_arn=deployed.outputs.get("ContainmentRole", ""),
    )


def _reasoning(
    guard: Guard,
    control: AnyControl,
    settings: object,
    candidate: Candidate,
    change: Change,
    *,
    hides: bool,
) -> Reasoning:
    case = Case(
        guard,
        control,
        settings,
        candidate,
        last_chance=False,
        remembered=StateRecords(guard.state.place),
        actor=change.actor,
        changed=change.time,
        hidden=hides,
    )
    try:
        return _looked(case.recalled(), change)
    except AwsError as error:
        granted = case.context.policy.granted(case.control.id)
        return Reasoning(
            case.candidate,
            case.control.severity,
            granted,
            f"policy grants {granted.label}",
            (),
            Autonomy.OBSERVE,
            f"{_UNTOLD}: the guard would try again.",
            trouble=str(error),
        )


def _looked(case: Case, change: Change) -> Reasoning:
    observation, assessment = case.look()
    if assessment is None:
        granted = case.context.policy.granted(case.control.id)
        return Reasoning(
            case.candidate,
            case.control.severity,
            granted,
            f"policy grants {granted.label}",
            (),
            Autonomy.OBSERVE,
            "The guard would do nothing.",
            seen="it is gone" if observation is None else "it is not risky now",
        )
    if case.hidden:
        assessment = hidden.limited(assessment)
    id_ = decision_id(change, case.control.id, case.candidate.resource)
    judged = judging.judge(case, id_, change, assessment)
    return Reasoning(
        case.candidate,
        judged.severity,
        judged.granted,
        judged.basis,
        tuple(_said(case, judged)),
        judged.autonomy,
        _verdict(case, id_, assessment.observation, judged),
        seen=assessment.finding.summary,
        plan=assessment.plan,
    )


def _said(case: Case, judged: Judgment) -> Iterator[Said]:
    """What every guardrail says. What is read only where it counts may not have been read."""
    spoken = {ruling.guardrail: of_ruling(ruling) for ruling in judged.rulings}
    known = known_of(case.control, case.actor, case.context.policy)
    for guardrail in registry.GUARDRAILS:
        need, wants = guardrail.needs(known), ""
        if need is Need.USE and judged.autonomy < Autonomy.REVERT:
            wants = "not looked at: it would not be reverted anyway"
        elif need is Need.TAGS and judged.autonomy is Autonomy.OBSERVE:
            wants = "tags were not read: it would only be observed anyway"
        yield spoken.get(guardrail.name, Said(guardrail.name, wants=wants))


def _verdict(case: Case, id_: str, observation: Observation, judged: Judgment) -> str:
    """What the guard would do, unless it has done so already or people are being asked."""
    before = case.context.audit.get(id_)
    if before is not None:
        return f"The guard has decided on this change already: {id_} is {before.status.value}."
    verdict = f"The guard would {WOULD[judged.autonomy]}: {judged.reason}."
    record = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    open_ = history.approval_request(record, case.fingerprint(observation), case.now())
    asked = case.context.audit.get(open_) if open_ else None
    if judged.autonomy is Autonomy.ASK and asked is not None and asked.status is Status.ASKED:
        verdict += f" It would join {open_}, which asks about this very state."
    return verdict
