"""The same reasoning with the resource and the stack read, as the guard itself would judge now.

Read with the caller's own rights. Nothing is recorded, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from driftguard import deciding, past
from driftguard.aws import Aws, AwsError
from driftguard.case import Case
from driftguard.controls.control import AnyControl
from driftguard.controls.insecure import LibrarySettings
from driftguard.guardrails import GUARDRAILS, Judgement, name_of
from driftguard.model import Autonomy, Change, Facet, Status, Suspect, decision_id
from driftguard.pipeline import Guard
from driftguard.policy import Policy
from driftguard.state import past_key

from ..policy_at_hand import PolicyAtHand
from ..stack import Stack
from ..trouble import Trouble
from .reasons import (
    WOULD,
    Explanation,
    Reasoning,
    Said,
    Watching,
    by_tags,
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
    """What the guard would do now. `advisories` is a source instead of the stack's own."""
    source = advisories or deployed.advisories
    guard = _guard(deployed, at_hand.policy, source or "")
    if change.account != guard.account:
        raise Trouble(
            f"The change is of account {change.account or '(none)'}, and you look with the rights "
            f"of {guard.account}: --live reads the resource."
        )
    over = passed_over(change)
    if guard.is_own(change):
        over = "Driftguard's own remediator made it"
    watching = tuple(
        Watching(
            control,
            tuple(
                _sure(_reasoning(guard, control, settings, one, change), control, source)
                for one in found
            ),
        )
        for control, settings, found in screened(change, guard.policy)
        if not over
    )
    told = _source(source) if any(_looks_up(one.control) for one in watching) else ""
    return Explanation(change, at_hand.origin, watching, over, live=True, advisories=told)


def _looks_up(control: AnyControl) -> bool:
    """Whether a control holds what is deployed against advisories; of images, scans tell."""
    return control.settings is LibrarySettings and control.id.startswith("lambda.")


def _source(source: str | None) -> str:
    """Where vulnerabilities are looked up, in words."""
    if source is None:
        return "unknown: the stack does not say"
    return source or "none: only what Inspector and ECR have found counts"


def _sure(one: Reasoning, control: AnyControl, source: str | None) -> Reasoning:
    """The reasoning, unless it says that all is well of what nobody was asked about."""
    if source or not _looks_up(control) or one.plan or one.trouble:
        return one
    if source is None:
        return replace(one, verdict=f"{_UNTOLD}.", trouble=_NOT_TOLD)
    return replace(one, seen="not looked at: the stack has nobody to ask, and no scan told of it")


def _guard(deployed: Stack, policy: Policy, advisories: str) -> Guard:
    """A guard as the stack runs it, but with our own rights."""
    arn = deployed.output("RemediatorRole").split(":")
    account = deployed.caller().split(":")[4]
    door = f"arn:{arn[1]}:lambda:{deployed.region}:{account}:function:"
    told = replace(deployed.aws.surroundings, advisories=advisories)
    return Guard(
        aws=Aws(surroundings=told),
        audit=deployed.audit,
        state=deployed.state,
        policy=policy.with_own_door(door + deployed.output("ReplyFunction")),
        ceiling=deployed.ceiling,
        account=account,
        remediator_role_arn=":".join(arn),
    )


def _reasoning(
    guard: Guard, control: AnyControl, settings: object, suspect: Suspect, change: Change
) -> Reasoning:
    case = Case(
        guard,
        control,
        settings,
        suspect,
        last_chance=False,
        actor=change.actor,
        changed=change.time,
    )
    try:
        return _looked(case.recalled(), change)
    except AwsError as error:
        granted = case.guard.policy.granted(case.control.id)
        return Reasoning(
            case.suspect,
            case.control.severity,
            granted,
            f"policy grants {granted.label}",
            (),
            Autonomy.OBSERVE,
            f"{_UNTOLD}: the guard would try again.",
            trouble=str(error),
        )


def _looked(case: Case, change: Change) -> Reasoning:
    facet, risk = case.look()
    if facet is None or risk is None:
        granted = case.guard.policy.granted(case.control.id)
        return Reasoning(
            case.suspect,
            case.control.severity,
            granted,
            f"policy grants {granted.label}",
            (),
            Autonomy.OBSERVE,
            "The guard would do nothing.",
            seen="it is gone" if facet is None else "it is not risky now",
        )
    id_ = decision_id(change, case.control.id, case.suspect.resource)
    judged = deciding.judge(case, id_, change, facet, risk)
    return Reasoning(
        case.suspect,
        judged.severity,
        judged.granted,
        judged.basis,
        tuple(_said(case, judged)),
        judged.autonomy,
        _verdict(case, id_, facet, judged),
        seen=risk.summary,
        plan=case.plan(facet),
    )


def _said(case: Case, judged: Judgement) -> Iterator[Said]:
    """What every guardrail says. What is read only where it counts may not have been read."""
    spoken = {one.guardrail: of_ruling(one) for one in judged.rulings}
    policy, control = case.guard.policy, case.control.id
    for name in map(name_of, GUARDRAILS):
        wants = ""
        if name == "in-use" and policy.looks_at_use(control) and judged.autonomy < Autonomy.REVERT:
            wants = "not looked at: it would not be reverted anyway"
        elif by_tags(name, control, policy) and judged.autonomy is Autonomy.OBSERVE:
            wants = "tags were not read: it would only be observed anyway"
        yield spoken.get(name, Said(name, wants=wants))


def _verdict(case: Case, id_: str, facet: Facet, judged: Judgement) -> str:
    """What the guard would do, unless it has done so already or people are being asked."""
    before = case.guard.audit.get(id_)
    if before is not None:
        return f"The guard has decided on this change already: {id_} is {before.status.value}."
    verdict = f"The guard would {WOULD[judged.autonomy]}: {judged.reason}."
    note = case.memory[past_key(case.control.id, case.suspect.resource)].document
    open_ = past.question(note, case.fingerprint(facet), case.now())
    asked = case.guard.audit.get(open_) if open_ else None
    if judged.autonomy is Autonomy.ASK and asked is not None and asked.status is Status.ASKED:
        verdict += f" It would join {open_}, which asks about this very state."
    return verdict
