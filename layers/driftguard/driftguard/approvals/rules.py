"""Says who may vote on an approval request, how many must agree, and until when. Pure.

A vote counts once, if it comes in time, from somebody who may vote, for the state that was shown.
Whoever made a change cannot approve accepting it, under any of their identities. A shared link does
not prove who uses it: it is one vote, `link`, which can ask for a revert; accepting needs a person,
and a quorum needs people besides the link. Where the policy names no people, everybody whom IAM
lets call the signed API is one, by the principal behind the call. To accept what a control had
earned to revert takes two people, where there are two: it counts against the control, and one
person errs too often for that.

A revert that failed and is tried again can be ended by accepting the change, with the same rules.
"""

from __future__ import annotations

from typing import Final

from driftguard.frozen import dataclass
from driftguard.guardrails.spoken import asks_about_what_is_earned
from driftguard.model import Autonomy, Choice, Decision, Plan, Status, Step, Vote
from driftguard.policy.model import Person, Policy

from .requester import not_named

LINK = "link"
_COMMANDS = {Choice.REVERT: "approve", Choice.ACCEPT: "accept"}
# What stands for the fingerprint of what is not there; of what could not be read, or was not read.
GONE = "gone"
UNREAD: Final = "unread"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a vote leads to: refused with a reason, or counted; and whether it decides.

    `outcome` is the decision's status while more votes are needed, else `approved` (revert) or
    `denied` (accept).
    """

    outcome: Status
    refusal: str = ""


def weigh(decision: Decision, vote: Vote, policy: Policy, now: str) -> Weighed:
    """Whether a vote counts, and what the decision becomes with it."""
    refusal = _refusal(decision, vote, policy, now)
    if refusal:
        return Weighed(decision.status, refusal)
    people = {cast.person for cast in counting(decision) if cast.choice is vote.choice}
    people.add(vote.person)
    if len(people) < quorum(decision, vote.choice, policy):
        return Weighed(decision.status)
    return Weighed(Status.APPROVED if vote.choice is Choice.REVERT else Status.DENIED)


def is_open(decision: Decision) -> bool:
    """Whether a vote may count: people are asked, or may end what is tried again."""
    return decision.status is Status.ASKED or is_tried_again(decision)


def is_of_one_answer(decision: Decision) -> bool:
    """Whether people answered the whole incident, so that this is carried out in its order."""
    return any(vote.incident for vote in decision.votes)


def is_tried_again(decision: Decision) -> bool:
    """Whether a revert failed, and is tried again until people end that."""
    return decision.status is Status.FAILED and bool(decision.next_try)


def shown(decision: Decision) -> str:
    """The fingerprint of the state that a vote is about: of a failed revert, what it left.

    One that did nothing has often not looked again: then it left what was there before.
    """
    looked_again = is_tried_again(decision) and decision.after not in ("", GONE, UNREAD)
    return decision.after if looked_again else decision.before


def counting(decision: Decision) -> list[Vote]:
    """The votes that count by now: what led to a revert that failed does not count against it."""
    if not is_tried_again(decision):
        return [*decision.votes]
    return [
        cast
        for cast in decision.votes
        if cast.choice is Choice.ACCEPT and cast.fingerprint == shown(decision)
    ]


def quorum(decision: Decision, choice: Choice, policy: Policy) -> int:
    """How many people must cast this vote for it to decide.

    To accept what nobody is asked about any more, an undo of it for example, takes as many as the
    policy says now; two, where the guard had earned to revert it.
    """
    if choice is Choice.REVERT:
        return decision.quorum
    terms = policy.terms(decision.control, decision.severity)
    asked = decision.status is Status.ASKED
    quorum = decision.quorum if asked else terms.quorum
    by_itself = decision.autonomy is Autonomy.REVERT and policy.earns(decision.control)
    if not asks_about_what_is_earned(decision.rulings) and not (by_itself and not asked):
        return quorum
    may_accept = [
        person.name
        for person in policy.people
        if (not terms.approvers or person.name in terms.approvers)
        and not policy.made_by(decision.makers, person.name, "")
    ]
    return max(quorum, min(2, len(may_accept)))


def _refusal(decision: Decision, vote: Vote, policy: Policy, now: str) -> str:
    """Why a vote does not count, in words for the voter; "" if it does."""
    if not is_open(decision):
        return already(decision)
    if decision.status is Status.ASKED and decision.expires and now >= decision.expires:
        return f"the approval request closed at {decision.expires}"
    if is_tried_again(decision) and vote.choice is Choice.REVERT:
        return f"it failed, and is tried again at {decision.next_try}: only accepting it ends that"
    if vote.fingerprint != shown(decision):
        return "the resource has changed since you were asked; look at the newer message"
    if any(vote.token and vote.token == cast.token for cast in decision.votes):
        return "this link or button was used before"
    if any(vote.person == cast.person for cast in counting(decision)):
        return f"{vote.person} has voted before"
    if vote.choice is Choice.REVERT and not decision.plan.steps:
        return f"no plan can revert this: {decision.plan.advice}"
    terms = policy.terms(decision.control, decision.severity)
    if vote.person == LINK:
        if vote.choice is Choice.ACCEPT:
            return "a shared link cannot prove who you are, and accepting the change needs a person"
        if terms.approvers:
            return "a shared link cannot prove who you are, and only some people may vote on this"
        return ""
    if not policy.people:
        if vote.via != "api":
            return (
                "the policy names no people, so that only the signed API proves who votes: vote "
                f"with `driftguard {_COMMANDS[vote.choice]} {decision.id}`, or add yourself to "
                "`people` in the policy"
            )
    elif vote.person not in {person.name for person in policy.people}:
        return not_named(vote.identity or vote.person)
    if terms.approvers and vote.person not in terms.approvers:
        return f"{vote.person} may not vote on {decision.control}"
    if vote.choice is Choice.ACCEPT and policy.made_by(decision.makers, vote.person, vote.identity):
        return "whoever made a change cannot approve accepting it"
    return ""


# The entries of a decision's log by which people ask for an undo: of it alone, or of its incident.
UNDO_REQUESTED, RELEASE_REQUESTED = "undo-requested", "release-requested"
UNDO_REQUESTS = (UNDO_REQUESTED, RELEASE_REQUESTED)


def undo_refusal(decision: Decision, person: Person | None, identity: str, policy: Policy) -> str:
    """Why somebody may not have a revert undone, in words for them; "" if they may.

    An undo accepts the change, so only those may ask for it who may approve that, and as many of
    them must (`quorum`). If a policy names no people, everybody whom the channel lets in may.
    """
    if decision.status is Status.NOTED:
        return f"{decision.id} is what an operator did to the guard: do the opposite instead"
    if policy.made_by(decision.makers, person.name if person else "", identity):
        return "whoever made a change cannot undo its revert"
    if not policy.people:
        return ""
    if person is None:
        return not_named(identity)
    terms = policy.terms(decision.control, decision.severity)
    if terms.approvers and person.name not in terms.approvers:
        return f"{person.name} may not vote on {decision.control}"
    return ""


# How the entry of a log begins that says that AWS still settles what was called.
SETTLING = "waiting for AWS until"

# What may have done something: each is also the event of the log entry that records it.
UNDOABLE = (Status.REVERTED, Status.FAILED, Status.DENIED)


def is_undoable(decision: Decision) -> bool:
    """Whether a decision has done something that could be undone.

    Of a revert that failed, and whose change was then accepted, that is what it had done.
    """
    return decision.status in UNDOABLE and bool(decision.done)


def is_reminder(decision: Decision) -> bool:
    """Whether the last that happened is that people are reminded of what it contains."""
    return (
        is_undoable(decision) and bool(decision.remind) and decision.told_again == decision.updated
    )


def inverse(plan: Plan, done: int) -> Plan:
    """The plan that undoes the first `done` steps, last first."""
    calls = [call for step in reversed(plan.steps[:done]) for call in step.undo]
    return Plan(tuple(Step(call, ()) for call in calls))


def why_not_undoable(decision: Decision) -> str:
    """Why a decision cannot be undone, by its record alone, in words; "" where it can."""
    if not is_undoable(decision):
        return f"there is nothing to undo: the decision is {decision.status.value}"
    if decision.lost:
        return f"what an undo would put back is lost from the record: {decision.lost}"
    if not any(step.undo for step in decision.plan.steps[: decision.done]):
        return f"it cannot be undone: {decision.plan.advice}".rstrip(": ")
    return ""


def already(decision: Decision) -> str:
    """What was decided, by whom and when, in words for a later voter."""
    deciding = [
        cast
        for cast in decision.votes
        if (cast.choice is Choice.ACCEPT) == (decision.status is Status.DENIED)
    ]
    by = ", ".join(f"{cast.person} via {cast.via}" for cast in deciding) or "the guard"
    at = deciding[-1].at if deciding else decision.updated
    return f"already {decision.status.value}, by {by} at {at}"
