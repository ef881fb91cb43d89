"""Takes one answer to an incident: a vote to revert on each decision of it that still waits.

Each vote is weighed by itself, for the state in which its decision was shown: who may vote and how
many must agree is as for any vote. The answer as a whole counts only for the incident as it was
shown: where a decision has come or changed since, it is to be looked at again first. An actor who
goes on makes that so twenty times at most, because an incident takes no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from driftguard.audit import Conflict
from driftguard.aws.calls import AwsError
from driftguard.model import Choice, Decision, Status, Vote

from .incidents import Incident
from .requester import Reply
from .rules import shown


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one answer: whether any vote counted, in words, and for each decision."""

    counted: bool
    text: str
    replies: tuple[tuple[Decision, Reply], ...] = ()


# Casts a vote on a decision of this id.
Cast = Callable[[str, Vote], Reply]


def contain(incident: Incident, vote: Vote, fingerprint: str, cast: Cast) -> Answered:
    """Votes to revert all that waits in an incident, in its order.

    `vote` says who votes and how; `fingerprint` is the incident's, as it was shown. A vote that
    does not count, or cannot be recorded, keeps no other from being cast.
    """
    if incident.fingerprint != fingerprint:
        return Answered(
            False,
            "The incident is not the one that you were shown: a decision has come to it or has "
            f"changed since. Look at it again: `driftguard incident show {incident.id}`.",
        )
    if not incident.waiting:
        return Answered(False, "Nothing of the incident waits for an answer.")
    replies = tuple(_votes(incident, vote, cast))
    counted = [reply for _, reply in replies if reply.counted]
    approved = [
        reply for reply in counted if reply.decision and reply.decision.status is Status.APPROVED
    ]
    words = f"{len(approved)} of {len(replies)} are being reverted, in order"
    if waiting := len(counted) - len(approved):
        words += f"; {waiting} wait for more votes"
    if refused := len(replies) - len(counted):
        words += f"; your vote does not count on {refused}"
    return Answered(bool(counted), f"{words}.", replies)


def _votes(incident: Incident, vote: Vote, cast: Cast) -> Iterator[tuple[Decision, Reply]]:
    fingerprint = incident.fingerprint
    for one in incident.waiting:
        # The guard is told of an incident by the id of its first decision. What is no longer
        # remembered under that is carried out by itself.
        whole = fingerprint if incident.id == (one.incident or one.id) else ""
        of_one = replace(vote, choice=Choice.REVERT, fingerprint=shown(one), incident=whole)
        try:
            yield one, cast(one.id, of_one)
        except (AwsError, Conflict) as error:
            yield one, Reply(False, f"Your vote may not be recorded; answer again: {error}", one)
