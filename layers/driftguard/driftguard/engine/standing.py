"""Tells what a change made from what stood before it.

A call that writes a whole document, such as PutBucketPolicy, does not say what was there before.
What the sweep had found, and nobody has taken back since, was there before: it is not this
change's doing, and people are asked about it at most.
"""

from __future__ import annotations

from dataclasses import replace

from driftguard.documents import digest
from driftguard.model import Autonomy, Finding, Status
from driftguard.state import history
from driftguard.state.keys import history_key

from .case import Case
from .comparing import Assessment

# How people let something stand that would be contained: whatever it is reported for, and for the
# one finding that they were asked about.
_LET_STAND = {Status.DENIED: "accepted", Status.UNDONE: "released"}
_NOT_ANSWERED = {Status.ASKED: "were asked about", Status.EXPIRED: "did not answer about"}


def parts_of(finding: Finding) -> list[str]:
    """Short digests of the parts that make a state risky."""
    return [digest(part)[:16] for part in finding.offending]


def released(case: Case, assessment: Assessment) -> Assessment:
    """The assessment, with people asked at most where they did not want it contained before.

    GuardDuty tells of one finding again and again, also after people have released what was
    contained, have accepted the finding, or have not answered.
    """
    if not case.control.contains:
        return assessment
    stored = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    for earlier in case.context.audit.many(history.decisions(stored)):
        same = earlier.candidate.hint.get("claim") == case.candidate.hint.get("claim")
        how = _LET_STAND.get(earlier.status) or (same and _NOT_ANSWERED.get(earlier.status))
        if how:
            finding = assessment.finding
            asked = replace(
                finding,
                at_most=min(finding.at_most, Autonomy.ASK),
                at_most_why=finding.at_most_why or f"people {how} it before ({earlier.id})",
            )
            return replace(assessment, finding=asked)
        # It was contained since, so what people said before that no longer counts.
        if earlier.status is Status.REVERTED:
            break
    return assessment


def limited(case: Case, assessment: Assessment) -> Assessment:
    """The assessment, with people asked at most where part of it stood before the change."""
    finding = assessment.finding
    stored = case.remembered[history_key(case.control.id, case.candidate.resource)].document
    left = history.left_standing(stored)
    for part in parts_of(finding):
        earlier = case.context.audit.get(left[part]) if part in left else None
        # What was taken back since is new where it is there again.
        if earlier is not None and earlier.status is not Status.REVERTED:
            why = f"part of it stood before this change: {earlier.id} found it on {earlier.decided}"
            asked = replace(
                finding,
                at_most=min(finding.at_most, Autonomy.ASK),
                at_most_why=finding.at_most_why or why,
            )
            return replace(assessment, finding=asked)
    return assessment
