"""Asks people about a risk because somebody wants it reverted, in a way that proves nobody.

Security Hub's custom action is such a way: EventBridge does not say who pressed the button, and
whoever may change a rule's target can send any event. So it is worth a question and no more. It
lifts what only keeps people from being asked, where policy observes or only the sweep found the
risk, and no other guardrail. Nothing is reverted without a vote, by no timeout either; what people
have answered stands; one state is asked about once, and told again once an hour at most.
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
from .errors import Busy, NotYet
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
# How often people are told again of the same request.
_APART = timedelta(hours=1)


def resource_of(context: Context, control: AnyControl, named: LookFor) -> Resource | None:
    """The resource of this ARN, as the control lists it; None where it lists none.

    Of a setting of the whole account a finding of Security Hub's names the account: that is the
    only resource that the control lists, and none where it lists several.

    Source: AWS Security Hub User Guide, "AwsAccount" (`AWS::::Account:` and the account).
    """
    listed = control.inventory(context.aws.reader(context.account, named.region))
    if named.arn == f"{_ACCOUNT}{context.account}":
        settings = list(islice(listed, 2))
        return settings[0] if len(settings) == 1 else None
    return next((one for one in listed if one.arn == named.arn), None)


def tell_again(case: Case, asked: Decision) -> Decision:
    """Tells people again of an open request, unless they were told within the hour."""
    last = moment(asked.told_again or asked.decided)
    if last is not None and case.moment() - last < _APART:
        return asked
    again = replace(asked, told_again=case.now(), updated=case.now())
    try:
        return recording.append(case, again, "told-again", WHY)
    except Conflict:
        raise Busy(f"somebody is just voting on {asked.id}") from None


def ask(case: Case) -> Decision | None:
    """The decision on the resource as it is now; None if nothing is to be asked.

    A state that was only observed is decided on anew, if people may be asked about it now.
    """
    observation = case.observe()
    if observation is None:
        return None
    known = case.context.audit.many(history.decisions(_stored(case)))
    if any(not decision.settled for decision in known):
        return None
    earlier = sweep_finding.decided(case, observation)
    if earlier is not None:
        # Whoever made the change cannot accept it, and their baseline does not vouch for it.
        case = replace(case, actor=earlier.actor, changed=earlier.change_time)
    case = replace(case, wanted=True)
    assessment = case.comparison().assess(observation)
    if assessment is None:
        return None
    if earlier is not None and earlier.status is Status.ASKED:
        return tell_again(case, earlier)
    if assessment.finding.unknown and not case.last_chance:
        raise NotYet(assessment.finding.unknown)
    if earlier is not None and thaw.was_frozen(earlier):
        return None if thaw.is_frozen(case) else thaw.judge_anew(case, earlier)
    if earlier is not None and earlier.status is Status.OBSERVED:
        return _ask_anew(case, earlier, thaw.limited(assessment, earlier))
    if sweep_finding.standing(case, assessment) is not None:
        return None
    return _record(case, sweep_finding.change_of(case, observation), assessment)


def _ask_anew(case: Case, observed: Decision, assessment: Assessment) -> Decision | None:
    """Decides anew on what was only observed; None where that would be all that comes of it."""
    resource = observed.candidate.resource
    change = Change(
        id=f"{observed.change_id}-wanted-after-{observed.id}",
        source=_SOURCE,
        name=observed.change_name,
        account=resource.account,
        region=resource.region,
        time=observed.change_time,
        actor=observed.actor,
    )
    id_ = decision_id(change, case.control.id, resource)
    judged = judge(case, id_, change, _at_most_ask(assessment))
    return _record(case, change, assessment) if judged.autonomy > observed.autonomy else None


def _record(case: Case, change: Change, assessment: Assessment) -> Decision | None:
    resource, seen = case.candidate.resource, case.seen(assessment.observation)
    before = history.decided(_stored(case), seen)

    def overtaken(now: Case) -> bool:
        return history.decided(_stored(now), seen) != before

    return record(
        case,
        decision_id(change, case.control.id, resource),
        change,
        _at_most_ask(assessment),
        overtaken=overtaken,
    )


def _at_most_ask(assessment: Assessment) -> Assessment:
    finding = assessment.finding
    if finding.at_most <= Autonomy.ASK:
        return assessment
    capped = replace(finding, at_most=Autonomy.ASK, at_most_why=WHY)
    return replace(assessment, finding=capped)


def _stored(case: Case) -> Document:
    return case.remembered[history_key(case.control.id, case.candidate.resource)].document
