"""Findings of GuardDuty about what nothing here contains: people are told.

Types that are newer than our table, and findings that name nothing which a control contains: a pod
whose node GuardDuty does not name, for one.

Source: Amazon GuardDuty User Guide, "Remediating security issues discovered by GuardDuty".
"""

from __future__ import annotations

from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Autonomy, Candidate, Certainty, Change, Finding, Observation, Plan

from ..control import NOTHING, Control, References, resource
from ..iam.stranger_findings import GUARDDUTY, TRIGGER, used_by_strangers
from . import findings
from .finding_types import Sure, Target, entry
from .findings import ContainmentSettings
from .function import function_in
from .instance import instances_of
from .workloads.bucket import buckets_of
from .workloads.cluster import user_of
from .workloads.database import database_in
from .workloads.task import tasks_of


class NotContained(Control[ContainmentSettings]):
    """GuardDuty reports something that no control contains.

    A type that is unknown here, or one whose target no control contains and that is more than
    possible. People are told, and nobody is asked.
    """

    id = "containment.not-contained"
    title = "GuardDuty reports what nothing here contains"
    severity = 70
    references = References()
    triggers = (TRIGGER,)
    reads = findings.READS
    volatile = frozenset({findings.TOLD})
    writes = {}
    revert = "Nothing here contains what the finding is about."
    proven = "stub"
    cuts = NOTHING
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        hint = claimed_of_nobody(change, settings)
        if hint is not None:
            detector, claim = text(hint, "detector"), text(hint, "claim")
            tail = f"guardduty:{{region}}:{{account}}:detector/{detector}/finding/{claim}"
            where = resource(change, "guardduty.finding", claim, tail)
            yield Candidate(where, Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return {findings.TOLD: findings.told(candidate.hint, reader, lambda _: True)}

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        if not findings.stands(state, settings):
            return None
        said = mapping(state, findings.TOLD)
        if unknown := text(said, "unknown"):
            return Finding("GuardDuty reports something", unknown=unknown, at_most=Autonomy.OBSERVE)
        rated = said.get("severity")
        return Finding(
            f"{text(said, 'title')} (GuardDuty: {text(said, 'type')})",
            severity=min(rated, self.severity) if isinstance(rated, int) else None,
        )

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        claim, detector = text(candidate.hint, "claim"), text(candidate.hint, "detector")
        command = f"aws guardduty get-findings --detector-id {detector} --finding-ids {claim}"
        return Plan((), advice=f"See what GuardDuty says, and act by hand: {command}")


def claimed_of_nobody(change: Change, settings: ContainmentSettings) -> Document | None:
    """The hint of a finding that no control contains; None where one does, or it is left out."""
    if change.source != GUARDDUTY:
        return None
    hint, known = findings.claimed(change, settings.least), entry(text(change.request, "type"))
    if hint is None or known is None:
        return hint
    if known.sure is Sure.POSSIBLE or not known.targets:
        return None
    contained = any(_names(target, change) for target in known.targets)
    return None if contained or any(used_by_strangers(change)) else hint


def _names(target: Target, change: Change) -> bool:
    """Whether a finding names something of this kind that a control contains."""
    found, account, region = change.request, change.account, change.region
    match target:
        case Target.PRINCIPAL:
            return bool(findings.principals_of(found, account))
        case Target.INSTANCE:
            return bool(instances_of(found, account))
        case Target.FUNCTION:
            return bool(function_in(found, account))
        case Target.TASK:
            return bool(tasks_of(found, account, region))
        case Target.DATABASE:
            return bool(database_in(found, account)[1])
        case Target.POD:
            return user_of(found, account) is not None
        case Target.BUCKET:
            return bool(buckets_of(found) and findings.principals_of(found, account))


CONTROLS = (NotContained(),)
