"""What helps people to answer: what else the caller did, and how often such a change was accepted.

It stands in the decision's record as it was when people were asked, and changes nothing that is
decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from driftguard.aws.dynamodb import Key
from driftguard.conduct.reading import conduct_of
from driftguard.conduct.telling import CONTROL
from driftguard.model import Decision, Status
from driftguard.state import history, incidents
from driftguard.state.keys import StateRecord, history_key, trust_key

from .case import Case


def with_context(case: Case, decision: Decision) -> tuple[Decision, incidents.Joining]:
    """The decision with its incident and, where people are asked, with what helps to answer.

    Beside it, what is to be written for the incident. An incident that the decision is in already
    stays its own.
    """
    if decision.status is Status.EXEMPTED:
        return decision, incidents.Joining()
    joining = _joining(case, decision)
    if decision.incident not in ("", joining.incident):
        joining = incidents.Joining(decision.incident)
    decision = replace(decision, incident=joining.incident)
    if decision.status is not Status.ASKED:
        return decision, joining
    lines = (
        *_conduct(case, decision),
        *_answers(case),
        *_reverts(case, decision),
        *_others(joining.others),
    )
    return replace(decision, beside=lines), joining


def _joining(case: Case, decision: Decision) -> incidents.Joining:
    """Which incident the decision belongs to, by the state records as they are now."""
    known, place = frozenset(case.record_keys()), case.remembered.place

    def read(key: Key) -> StateRecord:
        # Whom a finding is about is only known by now, and who else is a member.
        return case.remembered[key] if key in known else case.context.state.record(key)

    return incidents.joining(place, decision, case.moment(), read)


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


def _others(members: tuple[incidents.Member, ...]) -> Iterator[str]:
    """What else the incident has that people may answer, the newest first."""
    for one in reversed([one for one in members if not one.told]):
        yield f"The same caller, {one.at[11:16]} UTC: {one.title}: {one.resource} ({one.decision})"
