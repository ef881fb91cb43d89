"""Asks the guardrails: builds their circumstances, and reads more only where that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from driftguard.aws.calls import AwsError
from driftguard.guardrails import judgment
from driftguard.guardrails.circumstances import Circumstances
from driftguard.guardrails.judgment import Judgment
from driftguard.guardrails.spoken import spoken
from driftguard.model import NOT_IN_USE, Actor, Autonomy, Change, Decision, Plan, Use

from .case import Case
from .comparing import Assessment


class Tags(NamedTuple):
    """A resource's tags, None where they do not count; `unread` is why they could not be read."""

    read: Mapping[str, str] | None = None
    unread: str = ""


NO_TAGS = Tags()


def _tags(case: Case) -> Tags:
    """The tags that count. Raises `AwsError` where they cannot be read, but for the last delivery.

    Then people are asked: a finding that nobody hears of is worse than a question.
    """
    try:
        return Tags(case.tags_that_count())
    except AwsError as error:
        if not case.last_chance:
            raise
        return Tags(unread=str(error))


def judge(case: Case, id_: str, change: Change, assessment: Assessment) -> Judgment:
    """How far the case may go. Tags, and what a resource is used for, are read if they count."""
    asked = of_change(case, id_, change, assessment)
    judged = judgment.judge(asked)
    if judged.autonomy > Autonomy.OBSERVE:
        tags = _tags(case)
        if tags.read is not None or tags.unread:
            asked = replace(asked, tags=tags.read, tags_unread=tags.unread)
            judged = judgment.judge(asked)
    if judged.autonomy is Autonomy.REVERT:
        use = case.use(assessment.observation.state)
        if use:
            judged = judgment.judge(replace(asked, use=use))
    return judged


def of_change(case: Case, id_: str, change: Change, assessment: Assessment) -> Circumstances:
    """The circumstances of a new decision, without what only some policies ask for."""
    return _circumstances(
        case,
        id_,
        change.actor,
        change.time,
        assessment.plan,
        leans_on_baseline=assessment.leans_on_baseline,
        at_most=assessment.finding.at_most,
        at_most_why=assessment.finding.at_most_why,
        severity=assessment.finding.severity,
        preparation=assessment.finding.preparation,
        ends=assessment.finding.ends,
    )


def of_decision_now(case: Case, decision: Decision, assessment: Assessment) -> Circumstances:
    """The circumstances of a decision whose resource was just looked at again.

    Raises `AwsError` where tags that count cannot be read: to ask would end what is begun.
    """
    return _circumstances(
        case,
        decision.id,
        decision.actor,
        decision.change_time,
        assessment.plan,
        leans_on_baseline=assessment.leans_on_baseline,
        at_most=assessment.finding.at_most,
        at_most_why=assessment.finding.at_most_why,
        severity=assessment.finding.severity,
        tags=Tags(case.tags_that_count()),
        use=case.use(assessment.observation.state),
    )


def of_decision_as_recorded(case: Case, decision: Decision) -> Circumstances:
    """The circumstances of a decision as it was recorded, with what is remembered now."""
    of_the_finding = [
        ruling for guardrail, ruling in spoken(decision.rulings) if guardrail.of_the_finding
    ]
    return _circumstances(
        case,
        decision.id,
        decision.actor,
        decision.change_time,
        decision.plan,
        leans_on_baseline=case.keeps_baseline,
        at_most=min([ruling.limit for ruling in of_the_finding], default=Autonomy.REVERT),
        at_most_why=next((ruling.reason for ruling in of_the_finding), ""),
        tags=_tags(case),
        use=Use(unknown=decision.lost) if decision.lost else case.use(decision.state),
    )


def _circumstances(
    case: Case,
    id_: str,
    actor: Actor,
    changed: str,
    plan: Plan,
    *,
    leans_on_baseline: bool,
    at_most: Autonomy,
    at_most_why: str,
    severity: int | None = None,
    preparation: str = "",
    ends: str = "",
    tags: Tags = NO_TAGS,
    use: Use | None = None,
) -> Circumstances:
    return Circumstances(
        decision=id_,
        control=case.control.id,
        severity=case.control.severity if severity is None else severity,
        resource=case.candidate.resource,
        actor=actor,
        time=changed,
        plan=plan,
        policy=case.context.policy,
        ceiling=case.context.ceiling,
        remembered=case.remembered,
        now=case.moment(),
        own_roles=case.context.own_roles,
        baselined=case.keeps_baseline,
        leans_on_baseline=leans_on_baseline,
        tags=tags.read,
        tags_unread=tags.unread,
        contains=case.control.contains,
        use=use or NOT_IN_USE,
        cuts=case.control.cuts.what,
        wanted=case.wanted,
        at_most=at_most,
        at_most_why=at_most_why,
        preparation=preparation,
        ends=ends,
    )
