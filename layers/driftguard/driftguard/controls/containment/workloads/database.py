"""Containment of a database: nothing reaches it any more, and a snapshot of it is kept.

Sources: Amazon GuardDuty User Guide, "Remediating a potentially compromised database with
successful login events", "GuardDuty RDS Protection finding types" and "RDSDBInstance" (finding
details); Amazon EC2 User Guide, "Amazon EC2 security group connection tracking"; Amazon Aurora User
Guide, "Using the Amazon RDS Data API" (it asks no security groups).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan, Resource

from ...control import Busy, Control, Cuts, References, resource
from ...ec2 import records
from ...iam.stranger_findings import TRIGGER
from ...rds import databases
from ...rds.databases import CLUSTER, CLUSTERS, INSTANCE, INSTANCES
from .. import findings, quarantine
from ..finding_types import Target
from ..findings import ContainmentSettings, claimed_of, told
from . import database_plan
from .database_plan import EVIDENCE

_GROUPS = records.any_of("security-group")
_VPCS = records.any_of("vpc")
_SNAPSHOTS = (f"{databases.WHERE}:snapshot:{EVIDENCE}*",)
_CLUSTER_SNAPSHOTS = (f"{databases.WHERE}:cluster-snapshot:{EVIDENCE}*",)

_NOT_CUT = (
    "Not cut: connections that are open, which security groups do not end. To end them, end the "
    "sessions in the database, change the passwords of its users, or reboot it (aws rds "
    "{reboot}), which breaks connections but loses what is in memory. Replicas, proxies and copies "
    "elsewhere have groups of their own."
)
_DATA_API = (
    "Its Data API answers over HTTPS, whatever the groups say: aws rds disable-http-endpoint "
    "--resource-arn {arn}"
)
_EVIDENCE = (
    "The snapshot is taken as soon as RDS has moved the database. An undo leaves it: delete it "
    "when it is no longer needed. Logs of the engine are kept only if they go to CloudWatch."
)


class Database(Control[ContainmentSettings]):
    """GuardDuty reports logins to a database that its owner would not make.

    The database is moved into a security group without rules, which is made for it, and protected
    from deletion; then a snapshot is taken. An instance of a cluster has its cluster's groups, so
    all of the cluster is contained. An undo puts the former groups and protection back, and keeps
    the snapshot. Connections that are open live on.
    """

    id = "containment.database"
    title = "A database is compromised"
    severity = 90
    references = References(attack=("T1078", "T1110", "T1213.006"))
    triggers = (TRIGGER,)
    reads = (*findings.READS, *database_plan.READS)
    volatile = database_plan.VOLATILE | {findings.TOLD}
    writes = {
        "ec2:CreateSecurityGroup": (_GROUPS, _VPCS),
        "ec2:CreateTags": (_GROUPS,),
        "ec2:DeleteSecurityGroup": (_GROUPS,),
        "ec2:DescribeSecurityGroups": ("*",),
        "ec2:RevokeSecurityGroupEgress": (_GROUPS,),
        "ec2:RevokeSecurityGroupIngress": (_GROUPS,),
        "rds:AddTagsToResource": (*_SNAPSHOTS, *_CLUSTER_SNAPSHOTS),
        "rds:CreateDBClusterSnapshot": (*CLUSTERS, *_CLUSTER_SNAPSHOTS),
        "rds:CreateDBSnapshot": (*INSTANCES, *_SNAPSHOTS),
        "rds:ModifyDBCluster": CLUSTERS,
        "rds:ModifyDBInstance": INSTANCES,
    }
    granted_where = quarantine.CONDITIONS
    contains = True
    cuts = Cuts(
        "everything that connects to the database",
        question="what needs the database?",
    )
    settling = databases.SETTLING
    # A group is in use until RDS has moved the database out of it.
    busy = (*databases.BUSY, *records.BUSY, *quarantine.BUSY, Busy("DependencyViolation"))
    settings = ContainmentSettings

    def screen(self, change: Change, settings: ContainmentSettings) -> Iterable[Candidate]:
        hint = claimed_of(change, Target.DATABASE, settings)
        if hint is None:
            return
        kind, name, _ = database_in(change.request, change.account)
        if name:
            short, _, _ = databases.KINDS[kind]
            where = f"rds:{{region}}:{{account}}:{short}:{name}"
            yield Candidate(resource(change, kind, name, where), Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        database = candidate.resource
        state = database_plan.state_of(database, reader)
        if state is None:
            return None

        def is_about(found: Document) -> bool:
            kind, name, id_ = database_in(found, reader.account)
            return (kind, name) == (database.kind, database.id) and id_ in ("", state["resource"])

        said = told(candidate.hint, reader, is_about)
        claim = text(candidate.hint, "claim")
        return {
            **state,
            "database": database_plan.thing(database),
            "left": list(database_plan.left(database, state, claim)),
            findings.TOLD: said,
        }

    def assess(
        self, state: Document, baseline: Document | None, settings: ContainmentSettings
    ) -> Finding | None:
        left = state["left"]
        assert isinstance(left, (list, tuple))
        if not left or not findings.stands(state, settings):
            return None
        summary = f"database {state['database']} is compromised: {'; '.join(map(str, left))}"
        return findings.finding(state, settings, Target.DATABASE, summary, self.severity)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: ContainmentSettings,
    ) -> Plan:
        database, state = candidate.resource, observation.state
        advice = [_NOT_CUT.format(reboot=_reboot(database))]
        if state["data_api"]:
            advice.append(_DATA_API.format(arn=database.arn))
        return Plan(
            database_plan.steps(database, state, text(candidate.hint, "claim")),
            untouched=("the database goes on running", "its users, passwords and data"),
            advice=" ".join((*advice, _EVIDENCE)),
        )


def _reboot(database: Resource) -> str:
    if database.kind == CLUSTER:
        return "reboot-db-instance, each of its instances"
    return f"reboot-db-instance --db-instance-identifier {database.id}"


# How RDS names databases.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


def database_in(found: Document, account: str) -> tuple[str, str, str]:
    """The account's database that a finding, as events have it, is about.

    Its kind, its name ("" for none), and RDS's lasting id of it ("" where the finding does not say:
    it tells that of instances). What is a member of a cluster stands for the cluster.
    """
    details = mapping(mapping(found, "resource"), "rdsDbInstanceDetails")
    limitless = mapping(mapping(found, "resource"), "rdsLimitlessDbDetails")
    arn = text(details, "dbInstanceArn") or text(limitless, "dbShardGroupArn")
    if arn.split(":")[4:5] != [account]:
        return "", "", ""
    cluster = text(details, "dbClusterIdentifier") or text(limitless, "dbClusterIdentifier")
    name = (cluster or text(details, "dbInstanceIdentifier")).lower()
    if not _NAME.fullmatch(name):
        return "", "", ""
    return (CLUSTER, name, "") if cluster else (INSTANCE, name, text(details, "dbiResourceId"))


CONTROLS = (Database(),)
