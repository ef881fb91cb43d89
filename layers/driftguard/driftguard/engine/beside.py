"""What helps people to answer: what else the caller did, and how often such a change was accepted.

It stands in the decision's record as it was when people were asked, and changes nothing that is
decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from driftguard.conduct.reading import conduct_of
from driftguard.conduct.telling import CONTROL
from driftguard.model import Decision, Status
from driftguard.state import history, incidents
from driftguard.state.keys import history_key, incident_key, trust_key

from .case import Case


def with_context(case: Case, decision: Decision) -> Decision:
    """The decision with its incident and with what helps to answer, where people are asked."""
    if decision.status is not Status.ASKED:
        return decision
    requests = _requests(case, decision)
    lines = (
        *_conduct(case, decision),
        *_answers(case),
        *_reverts(case, decision),
        *_others(requests),
    )
    first = requests[0].decision if requests else decision.id
    return replace(decision, incident=first, beside=lines)


def _requests(case: Case, decision: Decision) -> tuple[incidents.Request, ...]:
    """The approval requests about what the same caller changed within the last minutes."""
    who = incidents.who(decision.actor)
    if not who:
        return ()
    key = incident_key(case.remembered.place, decision.candidate.resource.account, who)
    found = incidents.open_requests(case.remembered[key].document, case.moment())
    return tuple(one for one in found if one.decision != decision.id)


def _conduct(case: Case, decision: Decision) -> Iterator[str]:
    """What was unusual of the caller's conduct lately."""
    account = decision.candidate.resource.account
    unusual = conduct_of(
        case.remembered, case.context.policy, account, decision.actor, case.moment()
    )
    # A question about conduct says so itself.
    if unusual is not None and decision.control != CONTROL:
        who = (
            "The same session" if unusual.actor.session == decision.actor.session else "The caller"
        )
        yield f"{who}, {unusual.at[11:16]} UTC: {unusual.line}."


def _answers(case: Case) -> Iterator[str]:
    """How people answered about this control's remediation before."""
    # Only where people are asked: no other decision waits for the arithmetic of trust.
    from driftguard.state import trust

    stored = case.remembered[trust_key(case.remembered.place, case.control.id)].document
    reverted, accepted = trust.answers(stored)
    if reverted or accepted:
        yield (
            f"Of the last {reverted + accepted} answers about {case.control.id}, {accepted} "
            f"accepted the change."
        )


def _reverts(case: Case, decision: Decision) -> Iterator[str]:
    """How often the resource was reverted lately."""
    key = history_key(case.control.id, decision.candidate.resource)
    known = history.reverts(case.remembered[key].document, case.moment(), history.KEPT)
    if known:
        times = "once" if len(known) == 1 else f"{len(known)} times"
        yield f"It was reverted {times} in the last 30 days, last by {known[-1].decision}."


def _others(requests: tuple[incidents.Request, ...]) -> Iterator[str]:
    """The other requests of the incident, the newest first."""
    for one in reversed(requests):
        yield f"The same caller, {one.at[11:16]} UTC: {one.title}: {one.resource} ({one.decision})"
