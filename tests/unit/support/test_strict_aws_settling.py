"""Rules about time: what is made later, what a read answers meanwhile, and who is busy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import strict_aws
from tests.support.strict_aws.stand_in import Answer, Strict, absent, strict

# -------------------------------------------------------------------------------- settling


BLOCKED = {"ImageBlockPublicAccessState": "block-new-sharing"}


def image_block() -> Strict:
    level = dict(BLOCKED)

    def set_to(state: str) -> dict[str, Any]:
        level["ImageBlockPublicAccessState"] = state
        return dict(level)

    return strict(
        "ec2.image-block-settles",
        GetImageBlockPublicAccessState=lambda _: dict(level),
        EnableImageBlockPublicAccess=lambda _: set_to("block-new-sharing"),
        DisableImageBlockPublicAccess=lambda _: set_to("unblocked"),
    )


def told_block(aws: Strict) -> str:
    told = aws.allowed("ec2", "GetImageBlockPublicAccessState")
    return str(told["ImageBlockPublicAccessState"])


def test_the_block_on_images_takes_ten_minutes_both_ways() -> None:
    aws = image_block()

    aws.allowed("ec2", "DisableImageBlockPublicAccess")
    assert told_block(aws) == "block-new-sharing"
    aws.wait(minutes=11)
    assert told_block(aws) == "unblocked"

    aws.allowed("ec2", "EnableImageBlockPublicAccess", **BLOCKED)
    assert told_block(aws) == "unblocked"
    aws.wait(minutes=11)
    assert told_block(aws) == "block-new-sharing"


def test_what_is_taken_back_leaves_nothing_to_wait_for() -> None:
    aws = image_block()

    aws.allowed("ec2", "DisableImageBlockPublicAccess")
    aws.allowed("ec2", "EnableImageBlockPublicAccess", **BLOCKED)

    assert told_block(aws) == "block-new-sharing"
    aws.wait(minutes=11)
    assert told_block(aws) == "block-new-sharing"


INSTANCE, SET = "arn:aws:sso:::instance/ssoins-1", "arn:aws:sso:::permissionSet/ssoins-1/ps-1"
ASSIGNMENT = {
    "InstanceArn": INSTANCE,
    "TargetId": "123456789012",
    "TargetType": "AWS_ACCOUNT",
    "PermissionSetArn": SET,
    "PrincipalType": "USER",
    "PrincipalId": "mallory",
}


def assignments(rule: str) -> Strict:
    rows: list[dict[str, Any]] = []
    row = {
        "AccountId": "123456789012",
        "PermissionSetArn": SET,
        "PrincipalType": "USER",
        "PrincipalId": "mallory",
    }

    def create(_: dict[str, Any]) -> dict[str, Any]:
        rows.append(row)
        status = {k: v for k, v in ASSIGNMENT.items() if k != "InstanceArn"}
        return {"AccountAssignmentCreationStatus": {**status, "Status": "SUCCEEDED"}}

    def delete(_: dict[str, Any]) -> dict[str, Any]:
        rows.clear()
        return {"AccountAssignmentDeletionStatus": {"Status": "SUCCEEDED"}}

    done = {**{k: v for k, v in ASSIGNMENT.items() if k != "InstanceArn"}, "Status": "SUCCEEDED"}
    return strict(
        rule,
        CreateAccountAssignment=create,
        DeleteAccountAssignment=delete,
        ListAccountAssignments=lambda _: {"AccountAssignments": list(rows)},
        DescribeAccountAssignmentCreationStatus={"AccountAssignmentCreationStatus": done},
        DescribeAccountAssignmentDeletionStatus={"AccountAssignmentDeletionStatus": done},
    )


def listed(aws: Strict) -> list[str]:
    asked = {"InstanceArn": INSTANCE, "AccountId": "123456789012", "PermissionSetArn": SET}
    told = aws.allowed("sso-admin", "ListAccountAssignments", **asked)
    return [row["PrincipalId"] for row in told["AccountAssignments"]]


def test_an_assignment_is_not_listed_while_it_is_created() -> None:
    aws = assignments("sso.assignment-creation-settles")
    follow = {"InstanceArn": INSTANCE, "AccountAssignmentCreationRequestId": "0" * 36}

    made = aws.allowed("sso-admin", "CreateAccountAssignment", **ASSIGNMENT)

    assert made["AccountAssignmentCreationStatus"]["Status"] == "IN_PROGRESS"
    assert listed(aws) == []
    told = aws.allowed("sso-admin", "DescribeAccountAssignmentCreationStatus", **follow)
    assert told["AccountAssignmentCreationStatus"]["Status"] == "IN_PROGRESS"
    aws.wait(minutes=1)
    assert listed(aws) == ["mallory"]
    told = aws.allowed("sso-admin", "DescribeAccountAssignmentCreationStatus", **follow)
    assert told["AccountAssignmentCreationStatus"]["Status"] == "SUCCEEDED"


def test_an_assignment_is_listed_while_it_is_deleted() -> None:
    aws = assignments("sso.assignment-deletion-settles")
    follow = {"InstanceArn": INSTANCE, "AccountAssignmentDeletionRequestId": "0" * 36}
    aws.allowed("sso-admin", "CreateAccountAssignment", **ASSIGNMENT)

    gone = aws.allowed("sso-admin", "DeleteAccountAssignment", **ASSIGNMENT)

    assert gone["AccountAssignmentDeletionStatus"]["Status"] == "IN_PROGRESS"
    assert listed(aws) == ["mallory"]
    told = aws.allowed("sso-admin", "DescribeAccountAssignmentDeletionStatus", **follow)
    assert told["AccountAssignmentDeletionStatus"]["Status"] == "IN_PROGRESS"
    aws.wait(minutes=1)
    assert listed(aws) == []


def test_identity_center_takes_one_write_at_a_time() -> None:
    aws = assignments("sso.one-write-at-a-time")
    aws.allowed("sso-admin", "CreateAccountAssignment", **ASSIGNMENT)

    assert aws.refused("sso-admin", "DeleteAccountAssignment", **ASSIGNMENT)[0] == (
        "ConflictException"
    )
    aws.allowed("sso-admin", "DeleteAccountAssignment", **{**ASSIGNMENT, "PrincipalId": "another"})
    aws.wait(minutes=1)
    aws.allowed("sso-admin", "DeleteAccountAssignment", **ASSIGNMENT)


def test_a_domains_lock_is_an_operation_of_its_own() -> None:
    status = ["clientUpdateProhibited", "clientTransferProhibited"]

    def disable(_: dict[str, Any]) -> dict[str, Any]:
        status.remove("clientTransferProhibited")
        return {"OperationId": "1"}

    aws = strict(
        "route53domains.lock-is-an-operation",
        GetDomainDetail=lambda _: {"StatusList": list(status)},
        DisableDomainTransferLock=disable,
    )
    domain = {"DomainName": "example.com"}
    aws.allowed("route53domains", "DisableDomainTransferLock", **domain)

    told = aws.allowed("route53domains", "GetDomainDetail", **domain)
    assert "clientTransferProhibited" in told["StatusList"]
    assert aws.refused("route53domains", "EnableDomainTransferLock", **domain) == (
        "DuplicateRequest",
        "The request is already in progress for the domain.",
    )
    aws.wait(minutes=11)
    told = aws.allowed("route53domains", "GetDomainDetail", **domain)
    assert told["StatusList"] == ["clientUpdateProhibited"]
    aws.allowed("route53domains", "EnableDomainTransferLock", **domain)


def test_the_block_of_vpcs_is_updated_for_minutes() -> None:
    options: Answer = {
        "VpcBlockPublicAccessOptions": {
            "InternetGatewayBlockMode": "off",
            "State": "update-complete",
        }
    }
    aws = strict(
        "ec2.vpc-block-settles",
        ModifyVpcBlockPublicAccessOptions=options,
        DescribeVpcBlockPublicAccessOptions=options,
    )

    def state(operation: str, **asked: Any) -> str:
        told = aws.allowed("ec2", operation, **asked)["VpcBlockPublicAccessOptions"]
        return str(told["State"])

    assert state("DescribeVpcBlockPublicAccessOptions") == "update-complete"
    assert (
        state("ModifyVpcBlockPublicAccessOptions", InternetGatewayBlockMode="off")
        == "update-in-progress"
    )
    assert state("DescribeVpcBlockPublicAccessOptions") == "update-in-progress"
    aws.wait(minutes=11)
    assert state("DescribeVpcBlockPublicAccessOptions") == "update-complete"


def test_an_exclusion_from_the_block_is_in_progress_first() -> None:
    exclusion = {"ExclusionId": "e", "State": "create-complete"}
    aws = strict(
        "ec2.vpc-exclusion-settles",
        CreateVpcBlockPublicAccessExclusion={"VpcBlockPublicAccessExclusion": exclusion},
        DescribeVpcBlockPublicAccessExclusions={"VpcBlockPublicAccessExclusions": [exclusion]},
    )

    def states() -> list[str]:
        told = aws.allowed("ec2", "DescribeVpcBlockPublicAccessExclusions")
        return [exclusion["State"] for exclusion in told["VpcBlockPublicAccessExclusions"]]

    assert states() == ["create-complete"]
    made = aws.allowed(
        "ec2", "CreateVpcBlockPublicAccessExclusion", InternetGatewayExclusionMode="allow-egress"
    )
    assert made["VpcBlockPublicAccessExclusion"]["State"] == "create-in-progress"
    assert states() == ["create-in-progress"]
    aws.wait(minutes=1)
    assert states() == ["create-complete"]


def test_query_logging_comes_and_goes_under_a_status() -> None:
    rows = [{"ResolverQueryLogConfigId": "c", "ResourceId": "vpc-1", "Status": "ACTIVE"}]

    def associate(asked: dict[str, Any]) -> dict[str, Any]:
        rows.append({**asked, "Status": "ACTIVE"})
        return {}

    def disassociate(asked: dict[str, Any]) -> dict[str, Any]:
        rows[:] = [row for row in rows if row["ResourceId"] != asked["ResourceId"]]
        return {}

    aws = strict(
        "route53resolver.association-settles",
        ListResolverQueryLogConfigAssociations=lambda _: {
            "ResolverQueryLogConfigAssociations": list(rows)
        },
        AssociateResolverQueryLogConfig=associate,
        DisassociateResolverQueryLogConfig=disassociate,
    )

    def statuses() -> dict[str, str]:
        told = aws.allowed("route53resolver", "ListResolverQueryLogConfigAssociations")
        found = told["ResolverQueryLogConfigAssociations"]
        return {row["ResourceId"]: row["Status"] for row in found}

    of = {"ResolverQueryLogConfigId": "c"}
    aws.allowed("route53resolver", "AssociateResolverQueryLogConfig", **of, ResourceId="vpc-2")
    aws.allowed("route53resolver", "DisassociateResolverQueryLogConfig", **of, ResourceId="vpc-1")
    assert statuses() == {"vpc-1": "DELETING", "vpc-2": "CREATING"}
    aws.wait(minutes=1)
    assert statuses() == {"vpc-2": "ACTIVE"}


def test_a_shares_principals_come_and_go_under_a_status() -> None:
    rows = {"111111111111": "ASSOCIATED"}

    def associate(asked: dict[str, Any]) -> dict[str, Any]:
        rows.update(dict.fromkeys(asked["principals"], "ASSOCIATED"))
        return {}

    def disassociate(asked: dict[str, Any]) -> dict[str, Any]:
        for principal in asked["principals"]:
            rows.pop(principal)
        return {}

    aws = strict(
        "ram.association-settles",
        GetResourceShareAssociations=lambda _: {
            "resourceShareAssociations": [
                {"associatedEntity": who, "status": status} for who, status in rows.items()
            ]
        },
        AssociateResourceShare=associate,
        DisassociateResourceShare=disassociate,
    )

    def statuses() -> dict[str, str]:
        told = aws.allowed("ram", "GetResourceShareAssociations", associationType="PRINCIPAL")
        found = told["resourceShareAssociations"]
        return {row["associatedEntity"]: row["status"] for row in found}

    share = {"resourceShareArn": "s"}
    aws.allowed("ram", "AssociateResourceShare", **share, principals=["222222222222"])
    aws.allowed("ram", "DisassociateResourceShare", **share, principals=["111111111111"])
    assert statuses() == {"111111111111": "DISASSOCIATING", "222222222222": "ASSOCIATING"}
    aws.wait(minutes=1)
    assert statuses() == {"222222222222": "ASSOCIATED"}


def test_a_standard_is_pending_and_deleting() -> None:
    row = {
        "StandardsArn": "a",
        "StandardsSubscriptionArn": "b",
        "StandardsInput": {},
        "StandardsStatus": "READY",
    }
    rows = [row]

    def enable(_: dict[str, Any]) -> dict[str, Any]:
        rows.append(row)
        return {}

    def disable(_: dict[str, Any]) -> dict[str, Any]:
        rows.clear()
        return {}

    aws = strict(
        "securityhub.standard-settles",
        GetEnabledStandards=lambda _: {"StandardsSubscriptions": list(rows)},
        BatchEnableStandards=enable,
        BatchDisableStandards=disable,
    )

    def statuses() -> list[str]:
        told = aws.allowed("securityhub", "GetEnabledStandards")["StandardsSubscriptions"]
        return [row["StandardsStatus"] for row in told]

    aws.allowed("securityhub", "BatchDisableStandards", StandardsSubscriptionArns=["b"])
    assert statuses() == ["DELETING"]
    aws.wait(minutes=1)
    assert statuses() == []
    aws.allowed(
        "securityhub", "BatchEnableStandards", StandardsSubscriptionRequests=[{"StandardsArn": "a"}]
    )
    assert statuses() == ["PENDING"]
    aws.wait(minutes=1)
    assert statuses() == ["READY"]


def test_a_tables_policy_is_read_as_it_was_for_a_moment() -> None:
    there: dict[str, Any] = {"Error": "PolicyNotFoundException"}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        there.clear()
        there["Policy"] = asked["Policy"]
        return {}

    aws = strict(
        "dynamodb.policy-is-eventually-consistent",
        GetResourcePolicy=lambda _: dict(there),
        PutResourcePolicy=put,
    )
    aws.allowed("dynamodb", "PutResourcePolicy", ResourceArn="t", Policy="first")
    assert aws.refused("dynamodb", "GetResourcePolicy", ResourceArn="t")[0] == (
        "PolicyNotFoundException"
    )
    aws.wait(seconds=5)
    aws.allowed("dynamodb", "PutResourcePolicy", ResourceArn="t", Policy="second")
    told = aws.gate.make("dynamodb", "GetResourcePolicy", {"ResourceArn": "t"})
    assert told == {"Policy": "first"}
    aws.wait(seconds=5)
    assert aws.allowed("dynamodb", "GetResourcePolicy", ResourceArn="t") == {"Policy": "second"}


def test_a_key_is_pending_deletion_for_a_moment_after_that_is_cancelled() -> None:
    aws = strict("kms.cancel-is-eventually-consistent")
    aws.allowed("kms", "CancelKeyDeletion", KeyId="k")

    assert aws.refused("kms", "EnableKey", KeyId="k") == (
        "KMSInvalidStateException",
        "k is pending deletion.",
    )
    aws.allowed("kms", "EnableKey", KeyId="another")
    aws.wait(seconds=15)
    aws.allowed("kms", "EnableKey", KeyId="k")


# ------------------------------------------------------------------- one update at a time


def test_a_domain_that_is_processing_takes_no_other_change() -> None:
    status = {
        "CreationDate": 0,
        "UpdateDate": 0,
        "State": "Active",
    }
    config = {"AccessPolicies": {"Options": "{}", "Status": status}}
    domain = {"DomainId": "d", "DomainName": "dom", "ARN": "arn", "ClusterConfig": {}}
    aws = strict(
        "opensearch.domain-is-processing",
        DescribeDomain={"DomainStatus": {**domain, "Processing": False}},
        DescribeDomainConfig={"DomainConfig": config},
    )
    update = ("opensearch", "UpdateDomainConfig")
    aws.allowed(*update, DomainName="dom", AccessPolicies="{}")

    assert aws.refused(*update, DomainName="dom", AccessPolicies="{}") == (
        "ValidationException",
        "A change/update is in progress. Please wait for it to complete before requesting another "
        "change.",
    )
    told = aws.allowed("opensearch", "DescribeDomain", DomainName="dom")
    assert told["DomainStatus"]["Processing"] is True
    told = aws.allowed("opensearch", "DescribeDomainConfig", DomainName="dom")
    assert told["DomainConfig"]["AccessPolicies"]["Status"]["State"] == "Processing"
    aws.wait(minutes=6)
    assert aws.allowed("opensearch", "DescribeDomainConfig", DomainName="dom") == {
        "DomainConfig": config
    }
    aws.allowed(*update, DomainName="dom", AccessPolicies="{}")


def test_a_cluster_that_is_updating_is_read_as_it_was() -> None:
    cluster = {"name": "prod", "status": "ACTIVE", "logging": {"clusterLogging": []}}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        cluster["logging"] = asked["logging"]
        return {}

    aws = strict(
        "eks.cluster-is-updating",
        DescribeCluster=lambda _: {"cluster": dict(cluster)},
        UpdateClusterConfig=update,
    )
    on = {"clusterLogging": [{"types": ["audit"], "enabled": True}]}
    aws.allowed("eks", "UpdateClusterConfig", name="prod", logging=on)

    told = aws.allowed("eks", "DescribeCluster", name="prod")["cluster"]
    assert (told["status"], told["logging"]) == ("UPDATING", {"clusterLogging": []})
    code, message = aws.refused("eks", "UpdateClusterConfig", name="prod", logging=on)
    assert code == "ResourceInUseException"
    assert message.startswith("Cannot LoggingUpdate because cluster prod currently has update")
    aws.wait(minutes=6)
    told = aws.allowed("eks", "DescribeCluster", name="prod")["cluster"]
    assert (told["status"], told["logging"]) == ("ACTIVE", on)


def test_a_transit_gateway_that_is_modifying_takes_no_other_change() -> None:
    gateway = {"TransitGatewayId": "tgw-1", "State": "available", "Options": {}}
    aws = strict(
        "ec2.transit-gateway-is-modifying",
        ModifyTransitGateway={"TransitGateway": gateway},
        DescribeTransitGateways={"TransitGateways": [gateway]},
    )
    made = aws.allowed("ec2", "ModifyTransitGateway", TransitGatewayId="tgw-1")

    assert made["TransitGateway"]["State"] == "modifying"
    assert aws.refused("ec2", "ModifyTransitGateway", TransitGatewayId="tgw-1") == (
        "IncorrectState",
        "tgw-1 is in invalid state",
    )
    (told,) = aws.allowed("ec2", "DescribeTransitGateways")["TransitGateways"]
    assert told["State"] == "modifying"
    aws.wait(minutes=6)
    (told,) = aws.allowed("ec2", "DescribeTransitGateways")["TransitGateways"]
    assert told == gateway
    aws.allowed("ec2", "ModifyTransitGateway", TransitGatewayId="tgw-1")


@pytest.mark.parametrize(
    ("rule", "service", "kind", "rows", "identifier", "status", "setting", "code", "message"),
    [
        (
            "rds.instance-is-modifying",
            "rds",
            "DBInstance",
            "DBInstances",
            "DBInstanceIdentifier",
            "DBInstanceStatus",
            ("BackupRetentionPeriod", 7, 0),
            "InvalidDBInstanceState",
            "Database instance is not in available state.",
        ),
        (
            "rds.cluster-is-modifying",
            "rds",
            "DBCluster",
            "DBClusters",
            "DBClusterIdentifier",
            "Status",
            ("BackupRetentionPeriod", 7, 1),
            "InvalidDBClusterStateFault",
            "DBCluster is not in available state.",
        ),
        (
            "redshift.cluster-is-modifying",
            "redshift",
            "Cluster",
            "Clusters",
            "ClusterIdentifier",
            "ClusterStatus",
            ("PubliclyAccessible", False, True),
            "InvalidClusterState",
            "There is an operation running on the Cluster.",
        ),
    ],
)
def test_a_database_that_is_modifying_tells_what_is_pending(
    rule: str,
    service: str,
    kind: str,
    rows: str,
    identifier: str,
    status: str,
    setting: tuple[str, Any, Any],
    code: str,
    message: str,
) -> None:
    name, after, before = setting
    row = {identifier: "db", status: "available", name: before}

    def modify(asked: dict[str, Any]) -> dict[str, Any]:
        row[name] = asked[name]
        return {}

    aws = strict(
        rule,
        **{f"Describe{rows}": lambda _: {rows: [dict(row)]}, f"Modify{kind}": modify},
    )
    aws.allowed(service, f"Modify{kind}", **{identifier: "db", name: after})

    (told,) = aws.allowed(service, f"Describe{rows}")[rows]
    assert (told[status], told[name]) == ("modifying", before)
    assert told["PendingModifiedValues"] == {name: after}
    assert aws.refused(service, f"Modify{kind}", **{identifier: "db", name: after}) == (
        code,
        message,
    )
    aws.wait(minutes=6)
    (told,) = aws.allowed(service, f"Describe{rows}")[rows]
    assert (told[status], told[name]) == ("available", after)
    aws.allowed(service, f"Modify{kind}", **{identifier: "db", name: after})


def test_a_function_that_is_updating_takes_no_other_update() -> None:
    aws = strict(
        "lambda.function-is-updating",
        GetFunctionConfiguration={"LastUpdateStatus": "Successful"},
    )
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    aws.allowed("lambda", "UpdateFunctionConfiguration", FunctionName="f", Layers=[])

    code, message = aws.refused("lambda", "UpdateFunctionCode", FunctionName=arn)
    assert code == "ResourceConflictException"
    assert "An update is in progress for resource" in message
    told = aws.allowed("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert told["LastUpdateStatus"] == "InProgress"
    aws.wait(minutes=1)
    told = aws.allowed("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert told["LastUpdateStatus"] == "Successful"
    aws.allowed("lambda", "UpdateFunctionCode", FunctionName=arn)


def test_a_function_that_is_updating_gets_no_version() -> None:
    ids = ("lambda.function-is-updating", "lambda.no-version-while-updating")
    rules = [strict_aws.rule(id_) for id_ in ids]
    aws = strict("lambda.no-version-while-updating")
    aws.gate = strict_aws.Gate(aws.gate.account.call, rules, lambda: aws.at)
    aws.allowed("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=b"")

    assert aws.refused("lambda", "PublishVersion", FunctionName="f")[0] == (
        "ResourceConflictException"
    )
    aws.wait(minutes=1)
    aws.allowed("lambda", "PublishVersion", FunctionName="f")


UUID = "0" * 36


def test_an_event_source_that_is_updating_takes_no_other_update() -> None:
    aws = strict("lambda.event-source-is-updating", GetEventSourceMapping={"State": "Enabled"})
    aws.allowed("lambda", "UpdateEventSourceMapping", UUID=UUID, Enabled=True)

    assert aws.refused("lambda", "UpdateEventSourceMapping", UUID=UUID, Enabled=True) == (
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
    )
    assert aws.allowed("lambda", "GetEventSourceMapping", UUID=UUID)["State"] == "Updating"
    aws.wait(minutes=1)
    assert aws.allowed("lambda", "GetEventSourceMapping", UUID=UUID)["State"] == "Enabled"
    aws.allowed("lambda", "UpdateEventSourceMapping", UUID=UUID, Enabled=True)


def test_a_table_that_is_updating_takes_no_other_update() -> None:
    aws = strict("dynamodb.table-is-updating", DescribeTable={"Table": {"TableStatus": "ACTIVE"}})
    aws.allowed("dynamodb", "UpdateTable", TableName="t", DeletionProtectionEnabled=True)

    assert aws.refused("dynamodb", "UpdateTable", TableName="t") == (
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being updated: t",
    )
    told = aws.allowed("dynamodb", "DescribeTable", TableName="t")
    assert told["Table"]["TableStatus"] == "UPDATING"
    aws.wait(minutes=1)
    aws.allowed("dynamodb", "UpdateTable", TableName="t")


def test_backups_that_are_being_enabled_are_busy() -> None:
    aws = strict("dynamodb.backups-are-being-enabled")
    on = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    off = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}}
    aws.allowed("dynamodb", "UpdateContinuousBackups", TableName="t", **off)
    aws.allowed("dynamodb", "UpdateContinuousBackups", TableName="t", **on)

    assert aws.refused("dynamodb", "UpdateContinuousBackups", TableName="t", **on) == (
        "ContinuousBackupsUnavailableException",
        "Backups are being enabled for the table: t. Please retry later",
    )
    aws.wait(minutes=1)
    aws.allowed("dynamodb", "UpdateContinuousBackups", TableName="t", **on)


def test_a_secret_that_is_rotating_is_not_rotated_again() -> None:
    aws = strict("secretsmanager.rotation-is-under-way")
    aws.allowed("secretsmanager", "RotateSecret", SecretId="s", RotateImmediately=False)
    aws.allowed("secretsmanager", "RotateSecret", SecretId="s")

    assert aws.refused("secretsmanager", "RotateSecret", SecretId="s") == (
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )
    aws.wait(minutes=1)
    aws.allowed("secretsmanager", "RotateSecret", SecretId="s")


# ------------------------------------------------------------------------------------ busy


@pytest.mark.parametrize(
    ("rule", "operation", "asked", "code"),
    [
        (
            "s3.conflicting-operation",
            "PutBucketPolicy",
            {"Bucket": "b", "Policy": "{}"},
            "OperationAborted",
        ),
        (
            "iam.concurrent-modification",
            "TagRole",
            {"RoleName": "r", "Tags": []},
            "ConcurrentModification",
        ),
        (
            "organizations.concurrent-modification",
            "DetachPolicy",
            {"PolicyId": "p-12345678", "TargetId": "r-1234"},
            "ConcurrentModificationException",
        ),
        (
            "events.concurrent-modification",
            "EnableRule",
            {"Name": "r"},
            "ConcurrentModificationException",
        ),
        ("cloudtrail.not-ready", "UpdateTrail", {"Name": "t"}, "ConflictException"),
        (
            "logs.conflicting-requests",
            "DeleteRetentionPolicy",
            {"logGroupName": "g"},
            "OperationAbortedException",
        ),
        (
            "ssm.too-many-updates",
            "PutParameter",
            {"Name": "n", "Value": "v"},
            "TooManyUpdates",
        ),
        (
            "wafv2.unavailable-entity",
            "AssociateWebACL",
            {"WebACLArn": "a" * 20, "ResourceArn": "b" * 20},
            "WAFUnavailableEntityException",
        ),
    ],
)
def test_an_answer_that_comes_by_chance_comes_when_it_is_asked_for(
    rule: str, operation: str, asked: dict[str, Any], code: str
) -> None:
    aws, service = strict(rule), rule.partition(".")[0]
    aws.allowed(service, operation, **asked)

    aws.gate.answer_busy(rule)

    assert aws.refused(service, operation, **asked)[0] == code
    aws.allowed(service, operation, **asked)


# ----------------------------------------------------------------------------------- lists


@pytest.mark.parametrize(
    ("rule", "rows", "asks", "tells", "most", "row"),
    [
        ("kms.ListKeys-pages", "Keys", "Marker", "NextMarker", 100, {}),
        ("kms.ListGrants-pages", "Grants", "Marker", "NextMarker", 50, {}),
        ("lambda.ListFunctions-pages", "Functions", "Marker", "NextMarker", 50, {}),
        ("iam.ListRoles-pages", "Roles", "Marker", "Marker", 100, {}),
        ("iam.ListUsers-pages", "Users", "Marker", "Marker", 100, {}),
        ("rds.DescribeDBInstances-pages", "DBInstances", "Marker", "Marker", 100, {}),
        ("ssm.DescribeParameters-pages", "Parameters", "NextToken", "NextToken", 50, {}),
    ],
)
def test_a_list_is_told_in_pages(
    rule: str, rows: str, asks: str, tells: str, most: int, row: dict[str, Any]
) -> None:
    service, _, operation = rule.removesuffix("-pages").partition(".")
    there = [{**row, "number": number} for number in range(most + 3)]
    aws = strict(rule, **{operation: {rows: there}})
    asked = {"KeyId": "k"} if operation == "ListGrants" else {}

    first = aws.allowed(service, operation, **asked)
    rest = aws.allowed(service, operation, **asked, **{asks: first[tells]})

    assert len(first[rows]) == most
    assert first[rows] + rest[rows] == there
    assert tells not in rest
    few = strict(rule, **{operation: {rows: there[:3]}}).allowed(service, operation, **asked)
    assert len(few[rows]) == 3
    assert tells not in few


def test_a_page_of_the_emulators_own_is_read_to_its_end() -> None:
    def told(asked: dict[str, Any]) -> dict[str, Any]:
        start = int(asked.get("Marker", 0))
        page: dict[str, Any] = {"Keys": [{"KeyId": str(n)} for n in range(start, start + 30)]}
        return page | ({"NextMarker": str(start + 30), "Truncated": True} if start < 90 else {})

    aws = strict("kms.ListKeys-pages", ListKeys=told)

    first = aws.allowed("kms", "ListKeys")
    rest = aws.allowed("kms", "ListKeys", Marker=first["NextMarker"])

    assert [len(page["Keys"]) for page in (first, rest)] == [100, 20]
    assert (first["Truncated"], rest["Truncated"]) == (True, False)


def test_queues_end_at_a_thousand_without_a_size_of_pages() -> None:
    queues: Answer = {"QueueUrls": [f"q{number}" for number in range(1005)], "NextToken": "more"}
    aws = strict("sqs.ListQueues-ends-at-1000", ListQueues=queues)

    told = aws.allowed("sqs", "ListQueues")
    assert (len(told["QueueUrls"]), "NextToken" in told) == (1000, False)
    assert aws.allowed("sqs", "ListQueues", MaxResults=1000)["NextToken"] == "more"


def test_what_a_stand_in_lacks_is_no_reason_to_refuse() -> None:
    aws = strict("rds.member-retention", DescribeDBInstances=absent())

    aws.allowed("rds", "ModifyDBInstance", DBInstanceIdentifier="db", BackupRetentionPeriod=7)
