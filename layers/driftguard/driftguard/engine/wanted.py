"""Asks people about a risk because somebody wants it reverted, in a way that proves nobody.

Security Hub's custom action is such a way: EventBridge does not say who pressed the button, and
whoever may change a rule's target can send any event. So it is worth a question and no more. It
lifts what only keeps people from being asked, where policy observes or only the sweep found the
risk, and no other guardrail. Nothing is reverted without a vote, by no timeout either; what people
have answered stands; one state is asked about once, and told again once an hour at most. A request
that ran out unanswered is no answer: people are asked anew. Where nobody is asked, the decision
says why, and so does its finding, where whoever pressed the button looks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from driftguard.audit import Conflict
from driftguard.audit.items import decision_id
from driftguard.documents import Document, moment
from driftguard.model import Autonomy, Change, Decision, Resource, Status
from driftguard.state import history
from driftguard.state.keys import history_key

from . import recording, sweep_finding, thaw
from .decide import record
from .errors import Busy, NotAsked, NotYet
from .judging import judge

if TYPE_CHECKING:
    from driftguard.controls.control import AnyControl
    from driftguard.events.commands import LookFor

    from .case import Case
    from .comparing import Assessment
    from .context import Context

WHY = "somebody asked that it be reverted, and nothing proves who: at most ask"
_SOURCE = "driftguard.wanted"
# What stands before an account's id where a finding is about the account.
_ACCOUNT = "AWS::::Account:"
# How often people are told again of the same request, or why nobody is asked.
_APART = timedelta(hours=1)
# What stands in a decision's reason before the words on why nobody is asked.
_WANTED = "; somebody asked that it be reverted, and nobody is asked: "
# On these nothing is underway, nobody has answered, and the risk may stand.
_UNANSWERED = frozenset({Status.OBSERVED, Status.EXPIRED, Status.FAILED})
# What marks the change of a decision that is made anew.
_ANEW = "-wanted-after-"


def resource_of(context: Context, control: AnyControl, named: LookFor) -> Resource:
    """The resource of this ARN, as the control lists it. Raises `NotAsked` where it lists none.

    Of a setting of the whole account a finding of Security Hub's names the account: that is the
    only resource that the control lists, and none where it lists several.

    Source: AWS Security Hub User Guide, "AwsAccount" (`AWS::::Account:` and the account).
    """
    listed = control.inventory(context.aws.reader(context.account, named.region))
    if named.arn == f"{_ACCOUNT}{context.account}":
        settings = list(islice(listed, 2))
        if len(settings) == 1:
            return settings[0]
        several = "several resources" if settings else "no resource"
        raise NotAsked(f"{control.id} has {several} in {named.region}, and the account is named")
    found = next((one for one in listed if one.arn == named.arn), None)
    if found is None:
        raise NotAsked(f"{control.id} finds no {named.arn} in {named.region}: is it gone?")
    return found


def ask_about(case: Case, decision: Decision) -> Decision:
    """Has people asked about a decision's risk, or told again of its request, or told why not.

    Raises `NotAsked` where the decision is answered, or carried out: there is nothing to tell.
    """
    if decision.status is Status.ASKED:
        return tell_again(case, decision)
    if decision.status not in _UNANSWERED:
        raise NotAsked(f"{decision.id} is {decision.status.value}")
    try:
        if not decision.plan.steps:
            raise NotAsked("it has no remediation that could be approved")
        return ask(case)
    except NotAsked as why:
        return _tell_why(case, decision, str(why))


def _tell_why(case: Case, decision: Decision, why: str) -> Decision:
    """Has the decision say why nobody is asked, unless it was told within the hour."""
    last = moment(decision.told_again)
    if last is not None and case.moment() - last < _APART:
        return decision
    reason = f"{decision.reason.partition(_WANTED)[0]}{_WANTED}{why}"
    return _tell(case, replace(decision, reason=reason), why)


def tell_again(case: Case, asked: Decision) -> Decision:
    """Tells people again of an open request, unless they were told within the hour."""
    last = moment(asked.told_again or asked.decided)
    if last is not None and case.moment() - last < _APART:
        return asked
    return _tell(case, asked, WHY)


def _tell(case: Case, decision: Decision, note: str) -> Decision:
    again = replace(decision, told_again=case.now(), updated=case.now())
    try:
        return recording.append(case, again, "told-again", note)
    except Conflict:
        raise Busy(f"somebody is just voting on {decision.id}, or carries it out") from None


def ask(case: Case) -> Decision:
    """The decision on the resource as it is now. Raises `NotAsked` where nobody is asked.

    A state that was only observed, or asked about in vain, is decided on anew, if people may be
    asked about it now.
    """
    observation = case.observe()
    if observation is None:
        raise NotAsked(f"{case.candidate.resource.arn} is gone")
    known = case.context.audit.many(history.decisions(_stored(case)))
    for decision in known:
        if not decision.settled:
            raise NotAsked(f"{decision.id} on it is {decision.status.value}")
    earlier = sweep_finding.decided(case, observation)
    if earlier is not None:
        # Whoever made the change cannot accept it, and their baseline does not vouch for it.
        case = replace(case, actor=earlier.actor, changed=earlier.change_time)
    case = replace(case, wanted=True)
    assessment = case.comparison().assess(observation)
    if assessment is None:
        raise NotAsked(f"{case.candidate.resource.arn} is gone, or not risky any more")
    if earlier is not None and earlier.status is Status.ASKED:
        return tell_again(case, earlier)
    if assessment.finding.unknown and not case.last_chance:
        raise NotYet(assessment.finding.unknown)
    if earlier is not None and thaw.was_frozen(earlier):
        if thaw.is_frozen(case):
            raise NotAsked("a freeze holds; it is judged anew once that ends")
        anew = thaw.judge_anew(case, earlier)
        if anew is None:
            raise NotAsked(
                f"nothing is left to decide after the freeze that held {earlier.id} back"
            )
        return anew
    if earlier is not None and earlier.status in (Status.OBSERVED, Status.EXPIRED):
        return _ask_anew(case, earlier, thaw.limited(assessment, earlier))
    if (before := sweep_finding.standing(case, assessment)) is not None:
        raise NotAsked(f"{before.id} on this very state is {before.status.value}")
    return _record(case, sweep_finding.change_of(case, observation), assessment)


def _ask_anew(case: Case, earlier: Decision, assessment: Assessment) -> Decision:
    """Decides anew on what was only observed, or asked about in vain.

    Raises `NotAsked` where no more than that would come of it.
    """
    resource = earlier.candidate.resource
    change = Change(
        id=f"{earlier.change_id.partition(_ANEW)[0]}{_ANEW}{earlier.id}",
        source=_SOURCE,
        name=earlier.change_name,
        account=resource.account,
        region=resource.region,
        time=earlier.change_time,
        actor=earlier.actor,
    )
    id_ = decision_id(change, case.control.id, resource)
    judged = judge(case, id_, change, _at_most_ask(assessment))
    if judged.autonomy < Autonomy.ASK:
        why = "; ".join(ruling.reason for ruling in judged.rulings if ruling.limit < Autonomy.ASK)
        raise NotAsked(why or "the policy only observes it")
    return _record(case, change, assessment)


def _record(case: Case, change: Change, assessment: Assessment) -> Decision:
    resource, seen = case.candidate.resource, case.seen(assessment.observation)
    before = history.decided(_stored(case), seen)

    def overtaken(now: Case) -> bool:
        return history.decided(_stored(now), seen) != before

    made = record(
        case,
        decision_id(change, case.control.id, resource),
        change,
        _at_most_ask(assessment),
        overtaken=overtaken,
    )
    if made is None:
        raise NotAsked(f"somebody else has just decided on {resource.arn}")
    return made


def _at_most_ask(assessment: Assessment) -> Assessment:
    finding = assessment.finding
    if finding.at_most <= Autonomy.ASK:
        return assessment
    capped = replace(finding, at_most=Autonomy.ASK, at_most_why=WHY)
    return replace(assessment, finding=capped)


def _stored(case: Case) -> Document:
    return case.remembered[history_key(case.control.id, case.candidate.resource)].document
