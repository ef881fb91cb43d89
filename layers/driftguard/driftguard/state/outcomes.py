"""Says what votes, undos and reverts teach about trust.

Pure: state records in, state records out. A control's own record takes every outcome (`trust`); the
record that all controls share takes what moves the threshold (`threshold`), and the answers until a
control is first granted its reverts (`granting`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from driftguard.documents import Document
from driftguard.model import Choice, Decision, Vote
from driftguard.policy.model import Policy

from . import granting, history, threshold, trust
from .keys import StateRecord, StateRecords, grants_key, history_key, trust_key
from .standing import standing
from .trust import Case, Outcome


def of_choice(
    decision: Decision,
    vote: Vote,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    is_sample: bool,
) -> Iterator[StateRecord]:
    """What a vote says about the remediation, and about an earlier one that it overrules.

    Nothing, if the policy does not know every voter. `is_sample`: the guard would else have
    reverted the change by itself.
    """
    if not _proven(decision, policy):
        return
    terms, outcome = policy.bounds.earning, trust.Outcome.APPROVED
    if vote.choice is Choice.ACCEPT:
        outcome = trust.Outcome.ACCEPTED if vote.until else trust.Outcome.DENIED
    control, place = decision.control, remembered.place
    known, shared = remembered[trust_key(place, control)], remembered[grants_key(place)]
    document, for_all = _with_outcome(decision, outcome, vote.person, remembered, policy, now)
    if is_sample:
        denied = vote.choice is Choice.ACCEPT
        for_all = threshold.sampled(for_all, terms, denied=denied, decision=decision.id, now=now)
    before = _overruled(decision, vote, remembered, policy, now)
    if before is not None:
        undone = trust.Outcome.UNDONE
        document = trust.learned(
            document, before.case, undone, terms, now, decision=before.decision, by=vote.person
        )
        for_all = threshold.erred(for_all, terms, "overruled", before.decision, now)
    yield known.saying(document)
    if policy.earns(control) and for_all is not shared.document:
        yield shared.saying(for_all)


def of_revert(
    decision: Decision,
    drifted: Sequence[history.Revert],
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    earned: bool,
) -> Iterator[StateRecord]:
    """A resource that drifted back after a revert, and one that people have yet to judge.

    `earned`: the decision is a revert by earned autonomy.
    """
    record, terms = remembered[trust_key(remembered.place, decision.control)], policy.bounds.earning
    document = record.document
    for revert in drifted:
        document = trust.learned(
            document,
            revert.case,
            trust.Outcome.REDRIFTED,
            terms,
            now,
            decision=revert.decision,
            by=decision.actor.name,
        )
    if earned:
        case = trust.case_of(decision.plan, decision.actor)
        document = trust.acted(document, case, terms, now, decision=decision.id)
        shared = remembered[grants_key(remembered.place)]
        yield shared.saying(threshold.reverted(shared.document, terms))
    yield record.saying(document)


def of_undo(
    decision: Decision, by: str, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """A person took a revert back: it was wrong, and autonomy that was earned is lost."""
    by_maker = _is_maker(decision, by, policy)
    yield from _of(trust.Outcome.UNDONE, decision, by, remembered, policy, now, by_maker=by_maker)


def of_failure(
    decision: Decision, remembered: StateRecords, policy: Policy, now: datetime
) -> Iterator[StateRecord]:
    """The remediation was carried out, and the finding still stands."""
    yield from _of(trust.Outcome.FAILED, decision, trust.GUARD, remembered, policy, now)


def demotes(
    decision: Decision, by: str, remembered: StateRecords, policy: Policy, now: datetime
) -> str:
    """What an undo takes away, in words; "" where nothing had been earned."""
    case = trust.case_of(decision.plan, decision.actor)
    by_maker = _is_maker(decision, by, policy)
    lost = _lost(decision.control, case, remembered, policy, now, only_this=by_maker)
    if lost and by_maker:
        lost += "; for the other kinds of actor once a second person speaks against it"
    return lost


def overrules(
    decision: Decision, vote: Vote, remembered: StateRecords, policy: Policy, now: datetime
) -> str:
    """The autonomy lost, in words, when people accept what was reverted before; "" if none.

    If somebody repeats a change that was reverted and people accept it, the revert was as wrong as
    one that is undone.
    """
    before = _overruled(decision, vote, remembered, policy, now)
    if before is None:
        return ""
    lost = _lost(decision.control, before.case, remembered, policy, now)
    return f"that overrules the revert of {before.decision}: {lost}" if lost else ""


def _proven(decision: Decision, policy: Policy) -> bool:
    """Whether the policy knows every voter. The holder of a shared link may be anybody."""
    known = {person.name for person in policy.people}
    return all(vote.person in known for vote in decision.votes)


def _is_maker(decision: Decision, by: str, policy: Policy) -> bool:
    """Whether somebody made the change themselves: a name, an identity, or `name (identity)`."""
    name, _, identity = by.removesuffix(")").partition(" (")
    return policy.made_by(decision.makers, name, identity or name)


def _overruled(
    decision: Decision, vote: Vote, remembered: StateRecords, policy: Policy, now: datetime
) -> history.Revert | None:
    """The guard's own revert of the very state that people accept now.

    None if it was undone as well, or is the one that they vote on: it counts as wrong only once.
    """
    if vote.choice is not Choice.ACCEPT or not _proven(decision, policy):
        return None
    record = remembered[history_key(decision.control, decision.candidate.resource)].document
    before = history.revert_of(record, decision.before, now)
    known = remembered[trust_key(remembered.place, decision.control)].document
    if before is None or before.decision == decision.id:
        return None
    return None if trust.was_undone(known, before.decision) else before


def _lost(
    control: str,
    case: Case,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    only_this: bool = False,
) -> str:
    """What an undone revert of this case takes away, in words; `only_this`: of its own kind."""
    if not policy.earns(control):
        return ""
    terms, record = policy.bounds.earning, remembered[trust_key(remembered.place, control)].document
    shared = remembered[grants_key(remembered.place)].document
    others = [] if only_this else trust.other_kinds(record, case)
    lost = [
        kind.name
        for kind in (*others, replace(case, who=""), case)
        if standing(record, shared, control, kind, terms, now).earned
    ]
    if not lost:
        return ""
    return (
        f"{control} had earned to revert by itself ({', '.join(dict.fromkeys(lost))}) and "
        f"is demoted to ask, until {terms.outcomes} further outcomes are right"
    )


def _of(
    outcome: Outcome,
    decision: Decision,
    by: str,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    by_maker: bool = False,
) -> Iterator[StateRecord]:
    """The control's record after an outcome, and that of all controls where it changes."""
    control, place = decision.control, remembered.place
    known, shared = remembered[trust_key(place, control)], remembered[grants_key(place)]
    document, for_all = _with_outcome(
        decision, outcome, by, remembered, policy, now, by_maker=by_maker
    )
    yield known.saying(document)
    # Where nothing is to be earned, a decision does not read the shared record.
    if policy.earns(control) and for_all is not shared.document:
        yield shared.saying(for_all)


def _with_outcome(
    decision: Decision,
    outcome: Outcome,
    by: str,
    remembered: StateRecords,
    policy: Policy,
    now: datetime,
    *,
    by_maker: bool = False,
) -> tuple[Document, Document]:
    """What the control's record says with one outcome more, and that of all controls."""
    known, for_all = (
        remembered[key].document
        for key in (trust_key(remembered.place, decision.control), grants_key(remembered.place))
    )
    case, terms = trust.case_of(decision.plan, decision.actor), policy.bounds.earning
    if trust.is_news(known, case, outcome, terms, now, by=by):
        right = outcome is trust.Outcome.APPROVED
        for_all = granting.answered(for_all, decision.control, terms, now, right=right)
        if right:
            for_all = threshold.approved(for_all, terms)
    confirmed = trust.confirms(known, case, outcome, terms, now, by=by)
    if not by_maker and (outcome is trust.Outcome.UNDONE or confirmed):
        for_all = threshold.erred(for_all, terms, outcome.value, decision.id, now)
    learned = trust.learned(
        known, case, outcome, terms, now, decision=decision.id, by=by, by_maker=by_maker
    )
    return learned, for_all
