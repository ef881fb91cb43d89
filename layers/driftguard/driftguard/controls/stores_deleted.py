"""Deleted stores of data, a control for each service: nothing brings them back, but people should
know.

What a final snapshot keeps is not lost. The services of `data.py` are not repeated here.

Sources: the API references of each service (parameters of the deletion, its final snapshot);
Amazon RDS User Guide, "Retaining automated backups".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from driftguard.aws.client import Reader
from driftguard.documents import Document, flag, items, text
from driftguard.model import Candidate, Certainty, Change, Finding, Observation, Plan

from .control import NOTHING, Control, References, Trigger, resource
from .data import DeletionSettings, is_routine
from .mechanisms.declared import Declared, not_done

_HERE = "{region}:{account}"


def _named(*parameters: str) -> Callable[[Document], list[str]]:
    """The resource under the first of these parameters that is there; an ARN's last part."""

    def names(request: Document) -> list[str]:
        given = text(request, *parameters)
        if given.startswith("arn:") and given.count(":") >= 5:
            # Its kind comes first: `table/orders`, `auto-backup:ab-1`.
            kind_and_name = given.split(":", 5)[5].replace(":", "/", 1)
            return [kind_and_name.partition("/")[2]]
        return [given] if given else []

    return names


@dataclass(frozen=True)
class _Loss:
    """A call that deletes data: what, which, the ARN's tail, and when nothing is lost by it.

    `refused` are the ids, each an ARN's last part, that the response says are still there.
    """

    what: str
    tail: str
    names: Callable[[Document], list[str]]
    spared: Callable[[Document], bool] = lambda _: False
    refused: Callable[[Document], frozenset[str]] = lambda _: frozenset()


@dataclass(frozen=True, kw_only=True)
class StoreDeleted(Declared, Control[DeletionSettings]):
    """Data of one service was deleted by somebody whose everyday work it is not."""

    # Nothing is ever called, so nothing was tried against a service.
    proven: str = "stub"
    losses: dict[Trigger, _Loss]
    advice: str
    settings: type[DeletionSettings] = DeletionSettings

    def screen(self, change: Change, settings: DeletionSettings) -> Iterable[Candidate]:
        loss = self.losses.get(Trigger(change.source, change.name))
        if loss is None or is_routine(change.actor, settings) or loss.spared(change.request):
            return
        refused = loss.refused(change.response)
        for name in loss.names(change.request):
            if name.rpartition("/")[2] in refused:
                continue
            kind = f"data.{loss.what.replace(' ', '-')}"
            where = resource(change, kind, name, loss.tail + name)
            yield Candidate(where, Certainty.EVIDENT, {"deleted": f"{loss.what} {name}"})

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        return candidate.hint

    def assess(
        self, state: Document, baseline: Document | None, settings: DeletionSettings
    ) -> Finding | None:
        return Finding(f"{text(state, 'deleted')} was deleted")

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: DeletionSettings,
    ) -> Plan:
        return Plan((), advice=self.advice)


_REVERT = "what is deleted is gone, unless a backup holds it"
_ADVICE = "If nobody meant to: stop the one who does it first. Then look for backups."


def _control(
    id_: str,
    title: str,
    severity: int,
    losses: dict[Trigger, _Loss],
    advice: str = _ADVICE,
) -> StoreDeleted:
    return StoreDeleted(
        id=id_,
        title=title,
        severity=severity,
        cuts=NOTHING,
        references=References(attack=("T1485", "T1490")),
        triggers=tuple(losses),
        revert=_REVERT,
        losses=losses,
        advice=advice,
    )


_DYNAMODB, _EC2 = "dynamodb.amazonaws.com", "ec2.amazonaws.com"
_RDS, _REDSHIFT = "rds.amazonaws.com", "redshift.amazonaws.com"
_SERVERLESS = "redshift-serverless.amazonaws.com"
_ECR, _CACHE = "ecr.amazonaws.com", "elasticache.amazonaws.com"
_MEMORYDB, _ES = "memorydb.amazonaws.com", "es.amazonaws.com"
_FSX, _KINESIS = "fsx.amazonaws.com", "kinesis.amazonaws.com"


def _has(parameter: str) -> Callable[[Document], bool]:
    """Whether a deletion makes a final snapshot first: it names it."""
    return lambda request: bool(text(request, parameter))


def _snapshots(request: Document) -> list[str]:
    """The snapshots of a batch, each with its cluster, as ARNs name them."""
    named = (
        f"{text(one, 'snapshotClusterIdentifier') or '*'}/{text(one, 'snapshotIdentifier')}"
        for one in items(request.get("identifiers"))
    )
    return [name for name in named if not name.endswith("/")]


def _snapshot(request: Document) -> list[str]:
    name = text(request, "snapshotIdentifier")
    return [f"{text(request, 'snapshotClusterIdentifier') or '*'}/{name}"] if name else []


def _fsx_spared(request: Document) -> bool:
    """Whether a file system leaves a last backup; for Windows it does unless told not to."""
    for kind in ("windowsConfiguration", "lustreConfiguration", "openZFSConfiguration"):
        skip = flag(next(items(request.get(kind)), {}).get("skipFinalBackup"))
        if skip is False:
            return True
    return False


TABLE_DELETED = _control(
    "dynamodb.table-deleted",
    "Table or its backup deleted",
    75,
    {
        Trigger(_DYNAMODB, "DeleteTable"): _Loss(
            "table", f"dynamodb:{_HERE}:table/", _named("tableName")
        ),
        Trigger(_DYNAMODB, "DeleteBackup"): _Loss(
            "table backup", f"dynamodb:{_HERE}:table/", _named("backupArn")
        ),
    },
    "If nobody meant to: stop the one who does it first. A table with point-in-time recovery has a "
    "system backup of its last moment for 35 days.",
)

VOLUME_DELETED = _control(
    "ec2.volume-deleted",
    "Volume deleted",
    45,
    {
        Trigger(_EC2, "DeleteVolume"): _Loss("volume", f"ec2:{_HERE}:volume/", _named("volumeId")),
    },
    "If nobody meant to: stop the one who does it first. Then look for snapshots of the volume, "
    "and in the Recycle Bin.",
)

AUTOMATED_BACKUPS_DELETED = _control(
    "rds.automated-backups-deleted",
    "Automated backups of a database deleted",
    75,
    {
        Trigger(_RDS, "DeleteDBInstanceAutomatedBackup"): _Loss(
            "automated backups of database",
            f"rds:{_HERE}:auto-backup:",
            _named("dbiResourceId", "dBInstanceAutomatedBackupsArn"),
        ),
        Trigger(_RDS, "DeleteDBClusterAutomatedBackup"): _Loss(
            "automated backups of cluster",
            f"rds:{_HERE}:cluster-auto-backup:",
            _named("dbClusterResourceId"),
        ),
    },
)

REDSHIFT_DELETED = _control(
    "redshift.deleted",
    "Data warehouse or its snapshot deleted",
    75,
    {
        Trigger(_REDSHIFT, "DeleteCluster"): _Loss(
            "cluster",
            f"redshift:{_HERE}:cluster:",
            _named("clusterIdentifier"),
            _has("finalClusterSnapshotIdentifier"),
        ),
        Trigger(_REDSHIFT, "DeleteClusterSnapshot"): _Loss(
            "cluster snapshot", f"redshift:{_HERE}:snapshot:", _snapshot
        ),
        Trigger(_REDSHIFT, "BatchDeleteClusterSnapshots"): _Loss(
            "cluster snapshot",
            f"redshift:{_HERE}:snapshot:",
            _snapshots,
            refused=lambda response: not_done(response, "Errors", "SnapshotIdentifier"),
        ),
        Trigger(_SERVERLESS, "DeleteNamespace"): _Loss(
            "namespace",
            f"redshift-serverless:{_HERE}:namespace/",
            _named("namespaceName"),
            _has("finalSnapshotName"),
        ),
        Trigger(_SERVERLESS, "DeleteSnapshot"): _Loss(
            "namespace snapshot",
            f"redshift-serverless:{_HERE}:snapshot/",
            _named("snapshotName"),
        ),
    },
)

REPOSITORY_DELETED = _control(
    "ecr.repository-deleted",
    "Image repository deleted",
    60,
    {
        # Without force ECR deletes only what is empty.
        Trigger(_ECR, "DeleteRepository"): _Loss(
            "repository",
            f"ecr:{_HERE}:repository/",
            lambda request: [name] if (name := text(request, "repositoryName")) else [],
            lambda request: flag(request.get("force")) is not True,
        ),
    },
    "If nobody meant to: stop the one who does it first. Then push the images again, from where "
    "they run or were built.",
)

CACHE_DELETED = _control(
    "elasticache.deleted",
    "Cache or its snapshot deleted",
    50,
    {
        Trigger(_CACHE, "DeleteReplicationGroup"): _Loss(
            "replication group",
            f"elasticache:{_HERE}:replicationgroup:",
            _named("replicationGroupId"),
            _has("finalSnapshotIdentifier"),
        ),
        Trigger(_CACHE, "DeleteServerlessCache"): _Loss(
            "serverless cache",
            f"elasticache:{_HERE}:serverlesscache:",
            _named("serverlessCacheName"),
            _has("finalSnapshotName"),
        ),
        Trigger(_CACHE, "DeleteSnapshot"): _Loss(
            "cache snapshot", f"elasticache:{_HERE}:snapshot:", _named("snapshotName")
        ),
    },
)

MEMORYDB_DELETED = _control(
    "memorydb.deleted",
    "MemoryDB cluster or its snapshot deleted",
    70,
    {
        Trigger(_MEMORYDB, "DeleteCluster"): _Loss(
            "MemoryDB cluster",
            f"memorydb:{_HERE}:cluster/",
            _named("clusterName"),
            _has("finalSnapshotName"),
        ),
        Trigger(_MEMORYDB, "DeleteSnapshot"): _Loss(
            "MemoryDB snapshot", f"memorydb:{_HERE}:snapshot/", _named("snapshotName")
        ),
    },
)

DOMAIN_DELETED = _control(
    "opensearch.domain-deleted",
    "Search domain deleted",
    65,
    {
        Trigger(_ES, name): _Loss("search domain", f"es:{_HERE}:domain/", _named("domainName"))
        for name in ("DeleteDomain", "DeleteElasticsearchDomain")
    },
)

FILE_SYSTEM_DELETED = _control(
    "fsx.deleted",
    "FSx file system or its backup deleted",
    75,
    {
        Trigger(_FSX, "DeleteFileSystem"): _Loss(
            "FSx file system",
            f"fsx:{_HERE}:file-system/",
            _named("fileSystemId"),
            _fsx_spared,
        ),
        Trigger(_FSX, "DeleteBackup"): _Loss(
            "FSx backup", f"fsx:{_HERE}:backup/", _named("backupId")
        ),
    },
)

STREAM_DELETED = _control(
    "kinesis.stream-deleted",
    "Data stream deleted",
    55,
    {
        Trigger(_KINESIS, "DeleteStream"): _Loss(
            "stream", f"kinesis:{_HERE}:stream/", _named("streamName", "streamARN")
        ),
    },
)

CONTROLS = (
    AUTOMATED_BACKUPS_DELETED,
    CACHE_DELETED,
    DOMAIN_DELETED,
    FILE_SYSTEM_DELETED,
    MEMORYDB_DELETED,
    REDSHIFT_DELETED,
    REPOSITORY_DELETED,
    STREAM_DELETED,
    TABLE_DELETED,
    VOLUME_DELETED,
)
