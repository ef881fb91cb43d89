"""DynamoDB: tables without deletion protection or backups, or open by their policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, mapping, text, whole_number
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Settling, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy
from .mechanisms.weakened import Weakened, told, weaker_than_before

_DYNAMODB = "dynamodb.amazonaws.com"
# Sources: Amazon DynamoDB API Reference, "UpdateTable", "UpdateContinuousBackups".
_BUSY = (Busy("ResourceInUseException"), Busy("ContinuousBackupsUnavailableException"))
_SETTLING = Settling(
    300,
    "a table is updated while it stays in use, and a policy read at once may be the one before "
    "(Amazon DynamoDB API Reference, “UpdateTable”, “PutResourcePolicy”)",
)
_TABLE = "arn:{partition}:dynamodb:{region}:{account}:table/*"
_STREAM = f"{_TABLE}/stream/*"
_GONE = ("ResourceNotFoundException", "TableNotFoundException")


def _table(change: Change) -> Iterator[Resource]:
    """The table of a record, which may name it by its ARN."""
    name = text(change.request, "tableName").rpartition("/")[2]
    if name:
        where = f"dynamodb:{{region}}:{{account}}:table/{name}"
        yield resource(change, "dynamodb.table", name, where)


def _tables(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:dynamodb:{reader.region}:{reader.account}:table"
    for name in map(str, reader.pages("dynamodb", "ListTables", "TableNames")):
        yield Resource("dynamodb.table", name, reader.account, reader.region, f"{where}/{name}")


def _turned_off(
    field: str, asked: Callable[[Document], Json]
) -> Callable[[Change], Iterable[Candidate]]:
    """Candidates of the records that turn something off."""

    def candidates(change: Change) -> Iterable[Candidate]:
        if flag(asked(change.request)) is False:
            yield from (told(table, field) for table in _table(change))
        elif omitted(change.request):
            yield from (Candidate(table, Certainty.POSSIBLE) for table in _table(change))

    return candidates


def _deletion_protection(table: Resource, reader: Reader) -> Document | None:
    found = reader.read("dynamodb", "DescribeTable", absent=_GONE, TableName=table.id)
    if found is None:
        return None
    described = mapping(document(found), "Table")
    return {"deletion_protection": described.get("DeletionProtectionEnabled") is True}


PROTECTION_OFF = Weakened(
    id="dynamodb.protection-off",
    title="Table's deletion protection off",
    severity=55,
    cuts=NOTHING,
    settling=_SETTLING,
    busy=_BUSY,
    references=References(security_hub=("DynamoDB.6",), attack=("T1485", "T1490")),
    triggers=(Trigger(_DYNAMODB, "UpdateTable"),),
    reads=("dynamodb:DescribeTable", "dynamodb:ListTables"),
    writes={"dynamodb:UpdateTable": (_TABLE,)},
    found_by=_tables,
    candidates=_turned_off(
        "deletion_protection", lambda request: request.get("deletionProtectionEnabled")
    ),
    read=_deletion_protection,
    weaker=weaker_than_before(
        lambda state: (
            {}
            if state["deletion_protection"]
            else {"deletion_protection": "the table's deletion protection is off"}
        )
    ),
    default={"deletion_protection": True},
    guards=frozenset({"deletion_protection"}),
    put=lambda table, state, fields: Call(
        "dynamodb",
        "UpdateTable",
        {"TableName": table.id, "DeletionProtectionEnabled": state["deletion_protection"]},
        on=(table.arn,),
    ),
)


# -------------------------------------------------------------------- point-in-time recovery


def _recovery(table: Resource, reader: Reader) -> Document | None:
    found = reader.read("dynamodb", "DescribeContinuousBackups", absent=_GONE, TableName=table.id)
    if found is None:
        return None
    backups = mapping(document(found), "ContinuousBackupsDescription")
    described = mapping(backups, "PointInTimeRecoveryDescription")
    on = text(described, "PointInTimeRecoveryStatus") == "ENABLED"
    days = described.get("RecoveryPeriodInDays")
    return {"recovery": {"PointInTimeRecoveryEnabled": on, **_period(on, days)}}


def _period(on: bool, days: Json) -> dict[str, Json]:
    return {"RecoveryPeriodInDays": days} if on and days else {}


def _recovery_lessened(change: Change) -> Iterable[Candidate]:
    asked = mapping(change.request, "pointInTimeRecoverySpecification")
    if flag(asked.get("pointInTimeRecoveryEnabled")) is False:
        yield from (told(table, "recovery") for table in _table(change))
    elif asked.get("recoveryPeriodInDays") or omitted(change.request):
        # Whether that is less than before only the baseline can tell.
        yield from (Candidate(table, Certainty.POSSIBLE) for table in _table(change))


_off = weaker_than_before(
    lambda state: {} if _days(state) else {"recovery": "point-in-time recovery is off"}
)


def _less_recoverable(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """Recovery is off, or reaches back for fewer days than it did."""
    if baseline is None or not _days(state):
        return _off(state, baseline)
    now, before = _days(state), _days(baseline)
    if now >= before:
        return {}
    return {"recovery": f"the table can be restored to the last {now} days, not to {before}"}


def _days(state: Document) -> int:
    """For how many days the table can be restored, 0 for none.

    Source: Amazon DynamoDB API Reference, "PointInTimeRecoverySpecification" (35 by default).
    """
    recovery = mapping(state, "recovery")
    days = whole_number(text(recovery, "RecoveryPeriodInDays"))
    if not recovery.get("PointInTimeRecoveryEnabled"):
        return 0
    return 35 if days is None else days


RECOVERY_OFF = Weakened(
    id="dynamodb.recovery-off",
    title="Table's point-in-time recovery off or shortened",
    severity=65,
    cuts=NOTHING,
    settling=_SETTLING,
    busy=_BUSY,
    references=References(security_hub=("DynamoDB.2",), attack=("T1490",)),
    triggers=(Trigger(_DYNAMODB, "UpdateContinuousBackups"),),
    reads=("dynamodb:DescribeContinuousBackups", "dynamodb:ListTables"),
    writes={"dynamodb:UpdateContinuousBackups": (_TABLE,)},
    found_by=_tables,
    candidates=_recovery_lessened,
    read=_recovery,
    weaker=_less_recoverable,
    default={"recovery": {"PointInTimeRecoveryEnabled": True}},
    put=lambda table, state, fields: Call(
        "dynamodb",
        "UpdateContinuousBackups",
        {"TableName": table.id, "PointInTimeRecoverySpecification": state["recovery"]},
        on=(table.arn,),
    ),
    advice="The table can be restored to moments from now on; what was before is lost.",
)


# ------------------------------------------------------------------------------------ policy


def _governed(change: Change) -> Iterable[Candidate]:
    """The table or stream whose policy a record sets."""
    arn = text(change.request, "resourceArn")
    if change.name == "CreateTable":
        if change.request.get("resourcePolicy") or omitted(change.request):
            yield from (Candidate(table, Certainty.POSSIBLE) for table in _table(change))
    elif arn:
        kind = "dynamodb.stream" if "/stream/" in arn else "dynamodb.table"
        governed = Resource(kind, arn.partition("/")[2], change.account, change.region, arn)
        yield Candidate(governed, Certainty.POSSIBLE)


def _policy(governed: Resource, reader: Reader) -> Document | None:
    absent = ("PolicyNotFoundException", *_GONE)
    found = reader.read("dynamodb", "GetResourcePolicy", absent=absent, ResourceArn=governed.arn)
    return {"policy": text(document(found), "Policy")}


def _put(governed: Resource, written: str, state: Document) -> Call:
    return Call(
        "dynamodb",
        "PutResourcePolicy",
        {"ResourceArn": governed.arn, "Policy": written},
        on=(governed.arn,),
    )


def _delete(governed: Resource, state: Document) -> Call:
    return Call(
        "dynamodb",
        "DeleteResourcePolicy",
        {"ResourceArn": governed.arn},
        on=(governed.arn,),
        settled_by=("PolicyNotFoundException",),
    )


PUBLIC_POLICY = OpenPolicy(
    id="dynamodb.public-policy",
    title="Table open to foreign accounts by its policy",
    severity=88,
    cuts=NOTHING,
    settling=_SETTLING,
    busy=_BUSY,
    references=References(attack=("T1537", "T1530")),
    triggers=(Trigger(_DYNAMODB, "PutResourcePolicy"), Trigger(_DYNAMODB, "CreateTable")),
    reads=("dynamodb:GetResourcePolicy", "dynamodb:ListTables"),
    found_by=_tables,
    writes={
        "dynamodb:PutResourcePolicy": (_TABLE, _STREAM),
        "dynamodb:DeleteResourcePolicy": (_TABLE, _STREAM),
    },
    service="dynamodb",
    candidates=_governed,
    written=lambda change: change.request.get("policy") or change.request.get("resourcePolicy"),
    read=_policy,
    put=_put,
    delete=_delete,
)

CONTROLS = (PROTECTION_OFF, RECOVERY_OFF, PUBLIC_POLICY)
