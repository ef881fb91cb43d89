"""Resources that take one update at a time, and what is answered while one is under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from .rule import Account, Proceed, Refusal, Request, Response, Rule, of, refuses, surrounds

SECONDS = timedelta(seconds=10)
MINUTES = timedelta(minutes=5)


def _one_at_a_time(
    id_: str,
    source: str,
    service: str,
    *,
    writes: tuple[str, ...],
    reads: tuple[str, ...],
    name: Callable[[Request], str],
    takes: timedelta,
    busy: Callable[[Request], Refusal],
    meanwhile: Callable[[Request, Response, Any], Response],
    counts: Callable[[Request], bool] = lambda _: True,
    remember: Callable[[Request, Account], Any] = lambda *_: True,
) -> Rule:
    """A rule: a write while another is under way is refused, and a read tells of it.

    `counts` says which writes are updates. `remember` is asked before the write, and what it
    answers is handed to `meanwhile` with each read.
    """

    def around(request: Request, account: Account, proceed: Proceed) -> Response:
        key = (id_, name(request))
        before = account.settling(*key)
        if request.operation in reads:
            response = proceed(request)
            return response if before is None else meanwhile(request, response, before)
        if not counts(request):
            return proceed(request)
        if before is not None:
            raise busy(request)
        remembered = remember(request, account)
        response = proceed(request)
        account.settle(*key, after=takes, value=remembered)
        return response

    return Rule(id_, source, of(service, *writes, *reads), around)


def _in(response: Response, member: str, changes: Mapping[str, Any]) -> Response:
    return {**response, member: {**response.get(member, {}), **changes}}


def _in_each(response: Response, member: str, changes: Mapping[str, Any]) -> Response:
    return {**response, member: [{**row, **changes} for row in response.get(member, [])]}


# ------------------------------------------------------------------------------- OpenSearch


def _domain(request: Request, response: Response, _: Any) -> Response:
    if request.operation == "DescribeDomain":
        return _in(response, "DomainStatus", {"Processing": True})
    if request.operation == "DescribeDomains":
        return _in_each(response, "DomainStatusList", {"Processing": True})
    policies = response.get("DomainConfig", {}).get("AccessPolicies")
    if not policies:
        return response
    status = {**policies.get("Status", {}), "State": "Processing"}
    return _in(response, "DomainConfig", {"AccessPolicies": {**policies, "Status": status}})


OPENSEARCH = _one_at_a_time(
    "opensearch.domain-is-processing",
    "OpenSearch Service API Reference, DomainStatus, Processing: “True if OpenSearch Service is "
    "processing configuration changes”; meanwhile UpdateDomainConfig is a ValidationException.",
    "opensearch",
    writes=("UpdateDomainConfig",),
    reads=("DescribeDomain", "DescribeDomainConfig"),
    name=lambda request: str(request.get("DomainName")),
    takes=MINUTES,
    busy=lambda _: Refusal(
        "ValidationException",
        "A change/update is in progress. Please wait for it to complete before requesting another "
        "change.",
    ),
    meanwhile=_domain,
    counts=lambda request: not request.get("DryRun"),
)

# -------------------------------------------------------------------------------------- EKS


def _cluster_before(request: Request, account: Account) -> Any:
    told = account.ask("eks", "DescribeCluster", name=request.get("name")) or {}
    cluster = told.get("cluster", {})
    return {name: cluster[name] for name in ("logging", "resourcesVpcConfig") if name in cluster}


EKS = _one_at_a_time(
    "eks.cluster-is-updating",
    "EKS API Reference, UpdateClusterConfig: an asynchronous update; the cluster's status is "
    "UPDATING until it is done, then ACTIVE; ResourceInUseException meanwhile.",
    "eks",
    writes=("UpdateClusterConfig",),
    reads=("DescribeCluster",),
    name=lambda request: str(request.get("name")),
    takes=MINUTES,
    busy=lambda request: Refusal(
        "ResourceInUseException",
        f"Cannot {'LoggingUpdate' if request.get('logging') else 'EndpointAccessUpdate'} because "
        f"cluster {request.get('name')} currently has update in progress",
        409,
    ),
    meanwhile=lambda _, response, before: _in(
        response, "cluster", {**before, "status": "UPDATING"}
    ),
    remember=_cluster_before,
)

# ------------------------------------------------------------------------- transit gateways


@surrounds(
    "ec2.transit-gateway-is-modifying",
    "EC2 API Reference, TransitGateway, State: modifying before it is available; another change "
    "meanwhile is IncorrectState.",
    of("ec2", "ModifyTransitGateway", "DescribeTransitGateways"),
)
def transit_gateway(request: Request, account: Account, proceed: Proceed) -> Response:
    kind = "ec2.transit-gateway"
    if request.operation == "ModifyTransitGateway":
        id_ = str(request.get("TransitGatewayId"))
        if account.settling(kind, id_):
            raise Refusal("IncorrectState", f"{id_} is in invalid state")
        response = proceed(request)
        account.settle(kind, id_, after=MINUTES)
        return _in(response, "TransitGateway", {"State": "modifying"})
    response = proceed(request)

    def told(gateway: dict[str, Any]) -> dict[str, Any]:
        under_way = account.settling(kind, str(gateway.get("TransitGatewayId")))
        return {**gateway, "State": "modifying"} if under_way else gateway

    found = [told(gateway) for gateway in response.get("TransitGateways", [])]
    return {**response, "TransitGateways": found}


# ---------------------------------------------------------------------------- RDS, Redshift


def _modifying(
    id_: str,
    source: str,
    service: str,
    *,
    write: str,
    read: str,
    rows: str,
    identifier: str,
    status: str,
    pending: tuple[str, ...],
    refusal: Refusal,
) -> Rule:
    """Rows with a status, and values that are pending until the modification is done."""

    def around(request: Request, account: Account, proceed: Proceed) -> Response:
        if request.operation == write:
            name = str(request.get(identifier))
            if account.settling(id_, name):
                raise Refusal(refusal.code, refusal.message)
            told = account.ask(service, read, **{identifier: name}) or {}
            row = (told.get(rows) or [{}])[0]
            changing = [member for member in pending if member in request.parameters]
            before = {member: row[member] for member in changing if member in row}
            response = proceed(request)
            account.settle(id_, name, after=MINUTES, value={**before, status: "modifying"})
            return response
        response = proceed(request)

        def told_now(row: dict[str, Any]) -> dict[str, Any]:
            before = account.settling(id_, str(row.get(identifier)))
            if before is None:
                return row
            values = {member: row[member] for member in before if member != status}
            awaited = {**row.get("PendingModifiedValues", {}), **values}
            return {**row, **before, "PendingModifiedValues": awaited}

        return {**response, rows: [told_now(row) for row in response.get(rows, [])]}

    return Rule(id_, source, of(service, write, read), around)


RDS_INSTANCE = _modifying(
    "rds.instance-is-modifying",
    "RDS User Guide, “Viewing Amazon RDS DB instance status”: modifying; RDS API Reference, "
    "DBInstance, PendingModifiedValues, and InvalidDBInstanceState while not available.",
    "rds",
    write="ModifyDBInstance",
    read="DescribeDBInstances",
    rows="DBInstances",
    identifier="DBInstanceIdentifier",
    status="DBInstanceStatus",
    pending=("BackupRetentionPeriod",),
    refusal=Refusal("InvalidDBInstanceState", "Database instance is not in available state."),
)
RDS_CLUSTER = _modifying(
    "rds.cluster-is-modifying",
    "RDS User Guide, “Viewing DB cluster status”: modifying; RDS API Reference, "
    "InvalidDBClusterStateFault: “can't be performed while the cluster is in this state”.",
    "rds",
    write="ModifyDBCluster",
    read="DescribeDBClusters",
    rows="DBClusters",
    identifier="DBClusterIdentifier",
    status="Status",
    pending=("BackupRetentionPeriod",),
    refusal=Refusal("InvalidDBClusterStateFault", "DBCluster is not in available state."),
)
REDSHIFT = _modifying(
    "redshift.cluster-is-modifying",
    "Redshift API Reference, Cluster: ClusterStatus modifying, PendingModifiedValues "
    "(PubliclyAccessible among them); InvalidClusterState: not in the available state.",
    "redshift",
    write="ModifyCluster",
    read="DescribeClusters",
    rows="Clusters",
    identifier="ClusterIdentifier",
    status="ClusterStatus",
    pending=("PubliclyAccessible",),
    refusal=Refusal("InvalidClusterState", "There is an operation running on the Cluster."),
)

# ----------------------------------------------------------------------------------- Lambda


def _function(request: Request) -> str:
    return str(request.get("FunctionName")).split(":function:")[-1].partition(":")[0]


def _function_meanwhile(request: Request, response: Response, _: Any) -> Response:
    status = {"LastUpdateStatus": "InProgress"}
    if request.operation == "GetFunction":
        return _in(response, "Configuration", status)
    return {**response, **status}


LAMBDA_FUNCTION = _one_at_a_time(
    "lambda.function-is-updating",
    "Lambda Developer Guide, “Lambda function states”: while LastUpdateStatus is InProgress, "
    "updates and new versions are refused with ResourceConflictException.",
    "lambda",
    writes=("UpdateFunctionConfiguration", "UpdateFunctionCode"),
    reads=("GetFunctionConfiguration", "GetFunction"),
    name=_function,
    takes=SECONDS,
    busy=lambda request: Refusal(
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: "
        f"{request.get('FunctionName')}",
        409,
    ),
    meanwhile=_function_meanwhile,
    counts=lambda request: not request.get("DryRun"),
)


@refuses(
    "lambda.no-version-while-updating",
    "Lambda Developer Guide, “Lambda function states”: PublishVersion while LastUpdateStatus is "
    "InProgress is refused with ResourceConflictException.",
    of("lambda", "PublishVersion"),
)
def no_version(request: Request, account: Account) -> None:
    if account.settling(LAMBDA_FUNCTION.id, _function(request)):
        raise Refusal(
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {request.get('FunctionName')}",
            409,
        )


EVENT_SOURCE = _one_at_a_time(
    "lambda.event-source-is-updating",
    "Lambda API Reference, ResourceInUseException: an event source mapping that is Updating cannot "
    "be updated; its State tells.",
    "lambda",
    writes=("UpdateEventSourceMapping",),
    reads=("GetEventSourceMapping",),
    name=lambda request: str(request.get("UUID")),
    takes=timedelta(seconds=30),
    busy=lambda _: Refusal(
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    ),
    meanwhile=lambda _, response, __: {**response, "State": "Updating"},
)

# --------------------------------------------------------------------------------- DynamoDB


def _table(request: Request) -> str:
    return str(request.get("TableName")).rpartition("/")[2]


TABLE = _one_at_a_time(
    "dynamodb.table-is-updating",
    "DynamoDB API Reference, UpdateTable: the status changes from ACTIVE to UPDATING; “While it's "
    "UPDATING, you can't issue another UpdateTable request”.",
    "dynamodb",
    writes=("UpdateTable",),
    reads=("DescribeTable",),
    name=_table,
    takes=SECONDS,
    busy=lambda request: Refusal(
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being updated: "
        f"{_table(request)}",
    ),
    meanwhile=lambda _, response, __: _in(response, "Table", {"TableStatus": "UPDATING"}),
)

BACKUPS = _one_at_a_time(
    "dynamodb.backups-are-being-enabled",
    "DynamoDB API Reference, UpdateContinuousBackups: ContinuousBackupsUnavailableException while "
    "backups are not yet enabled for the table.",
    "dynamodb",
    writes=("UpdateContinuousBackups",),
    reads=(),
    name=_table,
    takes=SECONDS,
    busy=lambda request: Refusal(
        "ContinuousBackupsUnavailableException",
        f"Backups are being enabled for the table: {_table(request)}. Please retry later",
    ),
    meanwhile=lambda _, response, __: response,
    counts=lambda request: bool(
        request.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
    ),
)

# -------------------------------------------------------------------------------- rotations

ROTATION = _one_at_a_time(
    "secretsmanager.rotation-is-under-way",
    "Secrets Manager API Reference, RotateSecret: while AWSPENDING stands alone, “any later "
    "invocation of RotateSecret assumes that a previous rotation request is still in progress and "
    "returns an error”.",
    "secretsmanager",
    writes=("RotateSecret",),
    reads=(),
    name=lambda request: str(request.get("SecretId")),
    takes=timedelta(seconds=30),
    busy=lambda _: Refusal(
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    ),
    meanwhile=lambda _, response, __: response,
    counts=lambda request: request.get("RotateImmediately") is not False,
)

RULES = (
    OPENSEARCH,
    EKS,
    transit_gateway,
    RDS_INSTANCE,
    RDS_CLUSTER,
    REDSHIFT,
    LAMBDA_FUNCTION,
    no_version,
    EVENT_SOURCE,
    TABLE,
    BACKUPS,
    ROTATION,
)
