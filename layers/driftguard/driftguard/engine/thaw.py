"""Judges anew what a freeze held back, once nothing is frozen any more.

The command names the decision that records the freeze or its lift. What was only observed because
of a freeze is found in the record; each such decision is judged by itself, by a command of its own,
because a freeze may have let thousands stand. Nothing is judged while another freeze holds that
held then, too: the end of that one makes up for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from driftguard.approvals.act import FREEZES, UNPROVEN
from driftguard.audit.items import decision_id
from driftguard.audit.queries import Filters, Finder, Usage, plan
from driftguard.documents import stamp, text
from driftguard.guardrails.spoken import spoken
from driftguard.model import Autonomy, Change, Decision, Status
from driftguard.state import freezes, history
from driftguard.state.keys import history_key

from . import found_freezes, resume
from .decide import record
from .errors import NotYet, Unauthorized

if TYPE_CHECKING:
    from .case import Case
    from .comparing import Assessment
    from .context import Context

# As many are sent for in one message's time.
MOST = 100
# Through so many freezes that were set over others is followed when the first of them began.
_ROUNDS = 50


def held_back(context: Context, lifted: Decision, since: str = "") -> Iterator[Decision]:
    """The decisions that the freeze held back which this decision set or lifted, oldest first.

    None while the freeze holds, or holds again. `since` is where to go on. Raises `Unauthorized`
    where the decision records no freeze.
    """
    if lifted.status is not Status.NOTED or lifted.change_name not in FREEZES:
        raise Unauthorized(f"{lifted.id} records no freeze: nothing is judged anew")
    if freezes.holds(found_freezes.state_record(context, lifted), context.now()):
        return
    kind, _, name = lifted.candidate.resource.arn.partition(" ")
    filters = Filters(
        status=Status.OBSERVED.value,
        since=since or _began(context, lifted),
        control=name if kind == "control" else "",
        account=name if kind == "account" else "",
    )
    how = plan(filters, newest_first=False)
    for decision in Finder(context.audit, Usage()).decisions(filters, how):
        if was_frozen(decision):
            yield decision


def _began(context: Context, lifted: Decision) -> str:
    """Since when what is held back is looked for (ISO 8601, UTC).

    What only a freeze's state record says may lengthen that and not shorten it.
    """
    began = freezes.beginning(lifted.state, lifted.decided)
    if began and _is_proven(context, lifted):
        return began
    unknown = stamp(datetime.fromisoformat(lifted.decided) - freezes.UNKNOWN_BEGINNING)
    return min(began, unknown) if began else unknown


def _is_proven(context: Context, act: Decision) -> bool:
    """Whether the audit record alone proves the beginning that a freeze or its lift names."""
    arn = act.candidate.resource.arn
    for _ in range(_ROUNDS):
        if act.actor.kind == UNPROVEN:
            return False
        if act.change_name == freezes.FREEZING and "held_since" not in act.state:
            return True
        is_lift = act.change_name != freezes.FREEZING
        earlier = freezes.named_decision(act.state, "froze" if is_lift else "over")
        before = context.audit.get(earlier) if earlier else None
        if (
            before is None
            or (before.status, before.change_name) != (Status.NOTED, freezes.FREEZING)
            or before.candidate.resource.arn != arn
        ):
            return False
        if is_lift and before.state != freezes.before_lift(act.state):
            return False
        named = freezes.beginning(before.state, before.decided)
        if not is_lift and named != text(act.state, "held_since"):
            return False
        act = before
    return False


def was_frozen(decision: Decision) -> bool:
    """Whether a freeze kept a decision at observing, and nothing else would have."""
    if decision.status is not Status.OBSERVED:
        return False
    observing = [
        guardrail.judged_anew
        for guardrail, ruling in spoken(decision.rulings)
        if ruling.limit is Autonomy.OBSERVE and guardrail.looks_again is None
    ]
    return bool(observing) and all(observing)


def must_have_been_frozen(decision: Decision) -> None:
    """Raises `Unauthorized` where the record does not say that a freeze held it back."""
    if not was_frozen(decision):
        raise Unauthorized(f"no freeze held {decision.id} back: it is {decision.status.value}")


def is_frozen(case: Case) -> bool:
    """Whether a freeze holds for the case now."""
    account = case.candidate.resource.account
    return bool(freezes.why_frozen(case.remembered, case.control.id, account, case.moment()))


def judge_anew(case: Case, decision: Decision) -> Decision | None:
    """The new decision on what a freeze held back; None if all is well or it is decided already.

    What an earlier delivery has begun to revert is taken up again.
    """
    anew = _change_of(decision)
    id_ = decision_id(anew, case.control.id, case.candidate.resource)
    known = case.context.audit.get(id_)
    if known is not None:
        unfinished = known.status is Status.REVERTING
        return resume.resume(case, known, *resume.look(case, known)) if unfinished else known
    if _waits(case, decision):
        return None
    _, assessment = case.look()
    if assessment is None:
        return None
    if assessment.finding.unknown and not case.last_chance:
        raise NotYet(assessment.finding.unknown)
    assessment = limited(assessment, decision)
    seen = case.seen(assessment.observation)

    def overtaken(now: Case) -> bool:
        stored = now.remembered[history_key(now.control.id, now.candidate.resource)].document
        by = history.decided(stored, seen)
        return _waits(now, decision) or bool(by and by != decision.id)

    return None if overtaken(case) else record(case, id_, anew, assessment, overtaken=overtaken)


def _waits(case: Case, decision: Decision) -> bool:
    """Whether the end of another freeze makes up for a decision: it held when that was made.

    One that began later looks no further back than its beginning: the new decision is its own.
    """
    account = case.candidate.resource.account
    holding = freezes.holding(case.remembered, case.control.id, account, case.moment())
    return any(
        freezes.beginning(record.document, case.now()) <= decision.decided for record in holding
    )


def limited(assessment: Assessment, decision: Decision) -> Assessment:
    """The assessment, with no more autonomy than the finding allowed when it was held back.

    What limited it then (a part that stood there before, a record that hides what was done) is not
    in the state, and is not read again.
    """
    finding = assessment.finding
    for guardrail, ruling in spoken(decision.rulings):
        if guardrail.of_the_finding and ruling.limit < finding.at_most:
            finding = replace(finding, at_most=ruling.limit, at_most_why=ruling.reason)
    return replace(assessment, finding=finding)


def _change_of(decision: Decision) -> Change:
    """The change that was frozen, as a change of its own: its maker and its time stay known."""
    resource = decision.candidate.resource
    return Change(
        id=f"{decision.change_id}-after-{decision.id}",
        source="driftguard.thaw",
        name=decision.change_name,
        account=resource.account,
        region=resource.region,
        time=decision.change_time,
        actor=decision.actor,
    )
