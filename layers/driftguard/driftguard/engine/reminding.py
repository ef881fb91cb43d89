"""Reminds people of what is contained, time and again, until a person releases it.

Nothing is released by itself. Whoever wants to hear no more of it for a while exempts the resource:
people are reminded when that ends.
"""

from __future__ import annotations

from dataclasses import replace

from driftguard.approvals.contained import reminded_at
from driftguard.approvals.rules import GONE, UNREAD
from driftguard.audit import Conflict
from driftguard.aws.calls import AwsError
from driftguard.controls.containment.findings import reminded_after
from driftguard.documents import stamp
from driftguard.model import Decision
from driftguard.state.exemptions import given_exemptions

from . import recording
from .case import Case
from .errors import Busy


def due(case: Case, decision: Decision) -> str:
    """When people are to be reminded of a containment (ISO 8601, UTC); "" where never."""
    return reminded_at(decision, case.settings)


def remind(case: Case, decision: Decision) -> Decision:
    """Reminds people of a containment whose time is over.

    What comes twice finds the next time in the record. Raises `AwsError` where the resource cannot
    be read, but for the last delivery, and `Busy` where somebody releases it at this moment.
    """
    after = reminded_after(case.settings)
    if after is None:
        unwanted = replace(decision, remind="")
        return _record(case, unwanted, "reminded-no-more", "the policy has nobody reminded")
    try:
        until = _exempted_until(case)
        if until > case.now():
            quiet = replace(decision, remind=until)
            # No news, and so no timer: the sweep wakes the guard once the exemption has ended.
            return _record(case, quiet, "reminded-later", f"exempted until {until}")
        observation = case.observe()
    except AwsError as error:
        if not case.last_chance:
            raise
        how = f"; whether it is as it was contained cannot be told: {error}"
    else:
        if observation is None:
            gone = replace(decision, remind="", after=GONE, left={})
            return _record(case, gone, "reminded-no-more", "it is gone: nothing is contained")
        changed = decision.after not in (UNREAD, case.fingerprint(observation))
        how = f"; it has changed since: {case.how(decision, observation)}" if changed else ""
    told = replace(decision, remind=case.now(after), told_again=case.now())
    return _record(case, told, "reminded", f"still contained, until a person releases it{how}")


def _exempted_until(case: Case) -> str:
    """Until when people have exempted the resource; "" where they have not."""
    given = given_exemptions(case.control.id, case.remembered)
    resource, now = case.candidate.resource, stamp(case.moment())
    tags = case.tags_that_count()
    return max(
        (
            one.until
            for one in (*case.context.policy.exemptions, *given)
            if one.covers(case.control.id, resource, now, case.actor, tags)
        ),
        default="",
    )


def _record(case: Case, decision: Decision, event: str, note: str) -> Decision:
    # A reminder is what was told again at the very time of its entry.
    at = decision.told_again if event == "reminded" else case.now()
    try:
        return recording.append(case, replace(decision, updated=at), event, note)
    except Conflict:
        raise Busy(f"somebody releases {decision.id}, or has it told just now") from None
