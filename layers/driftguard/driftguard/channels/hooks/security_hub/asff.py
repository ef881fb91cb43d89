"""Writes a decision as a finding in the AWS Security Finding Format (ASFF). Pure.

One decision is one finding, with the same id for as long as the decision is recorded. It is active
while its risk stands, and archived once people or the guard have settled it.

Sources: AWS Security Hub User Guide, "Required top-level ASFF attributes", "Optional top-level ASFF
attributes", "Resources ASFF object", "Types taxonomy for ASFF", "BatchImportFindings for finding
providers" and "Integrating Security Hub CSPM with custom products"; AWS Security Hub API Reference,
"AwsSecurityFinding", "Resource", "Recommendation"; AWS Security Hub Partner Integration Guide,
"Guidelines for mapping findings into the AWS Security Finding Format (ASFF)".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from driftguard.controls.control import partition_of
from driftguard.documents import Json, moment, stamp
from driftguard.model import GLOBAL, Decision, Place, Resource, Status

from ...message.telling import message
from ...wording import clipped, presentable, severity_name, told

SCHEMA = "2018-10-08"
# What risks in the configuration of AWS resources are called in the taxonomy of types.
TYPE = "Software and Configuration Checks/AWS Security Best Practices"
# Where nothing is left for people to see to. What nobody voted on in time was accepted by nobody.
ARCHIVED = frozenset({Status.REVERTED, Status.DENIED, Status.EXEMPTED, Status.UNDONE})

_NAME = "Driftguard"
_ID = "driftguard"
_TITLE, _DESCRIPTION, _RECOMMENDATION = 256, 1_024, 512
_RESOURCE_ID, _FIELD = 512, 1_024
# Security Hub's name of a type of resource, by what the ARN says: service, and type if it has one.
_TYPES = {
    ("backup", "backup-vault"): "AwsBackupBackupVault",
    ("cloudformation", "stack"): "AwsCloudFormationStack",
    ("cloudtrail", "trail"): "AwsCloudTrailTrail",
    ("cloudwatch", "alarm"): "AwsCloudWatchAlarm",
    ("codebuild", "project"): "AwsCodeBuildProject",
    ("dynamodb", "table"): "AwsDynamoDbTable",
    ("ec2", "client-vpn-endpoint"): "AwsEc2ClientVpnEndpoint",
    ("ec2", "instance"): "AwsEc2Instance",
    ("ec2", "launch-template"): "AwsEc2LaunchTemplate",
    ("ec2", "network-acl"): "AwsEc2NetworkAcl",
    ("ec2", "network-interface"): "AwsEc2NetworkInterface",
    ("ec2", "security-group"): "AwsEc2SecurityGroup",
    ("ec2", "subnet"): "AwsEc2Subnet",
    ("ec2", "transit-gateway"): "AwsEc2TransitGateway",
    ("ec2", "vpc"): "AwsEc2Vpc",
    ("ec2", "vpc-endpoint-service"): "AwsEc2VpcEndpointService",
    ("ecr", "repository"): "AwsEcrRepository",
    ("ecs", "cluster"): "AwsEcsCluster",
    ("ecs", "service"): "AwsEcsService",
    ("ecs", "task-definition"): "AwsEcsTaskDefinition",
    ("eks", "cluster"): "AwsEksCluster",
    ("elasticfilesystem", "access-point"): "AwsEfsAccessPoint",
    ("es", "domain"): "AwsOpenSearchServiceDomain",
    ("events", "event-bus"): "AwsEventsEventbus",
    ("guardduty", "detector"): "AwsGuardDutyDetector",
    ("iam", "access-key"): "AwsIamAccessKey",
    ("iam", "group"): "AwsIamGroup",
    ("iam", "policy"): "AwsIamPolicy",
    ("iam", "role"): "AwsIamRole",
    ("iam", "user"): "AwsIamUser",
    ("kafka", "cluster"): "AwsMskCluster",
    ("kinesis", "stream"): "AwsKinesisStream",
    ("kms", "key"): "AwsKmsKey",
    ("lambda", "function"): "AwsLambdaFunction",
    ("lambda", "layer"): "AwsLambdaLayerVersion",
    ("mq", "broker"): "AwsAmazonMqBroker",
    ("network-firewall", "firewall"): "AwsNetworkFirewallFirewall",
    ("rds", "cluster"): "AwsRdsDbCluster",
    ("rds", "cluster-snapshot"): "AwsRdsDbClusterSnapshot",
    ("rds", "db"): "AwsRdsDbInstance",
    ("rds", "snapshot"): "AwsRdsDbSnapshot",
    ("redshift", "cluster"): "AwsRedshiftCluster",
    ("route53", "hostedzone"): "AwsRoute53HostedZone",
    ("s3", "accesspoint"): "AwsS3AccessPoint",
    ("s3", ""): "AwsS3Bucket",
    ("sagemaker", "notebook-instance"): "AwsSageMakerNotebookInstance",
    ("secretsmanager", "secret"): "AwsSecretsManagerSecret",
    ("sns", ""): "AwsSnsTopic",
    ("sqs", ""): "AwsSqsQueue",
    ("wafv2", "regional"): "AwsWafv2WebAcl",
}


def product_arn(place: Place) -> str:
    """The ARN of an account's own product in a region, by which it imports findings."""
    partition = partition_of(place.region)
    return (
        f"arn:{partition}:securityhub:{place.region}:{place.account}:"
        f"product/{place.account}/default"
    )


def finding_id(decision: str, place: Place) -> str:
    """The id of the finding of a decision that the guard of this place made."""
    return f"{_ID}/{place.region}/{place.account}/{decision}"


def decision_in(finding: str, place: Place) -> str:
    """The decision that a finding's id names; "" where it is no id of this place's guard."""
    _, _, decision = finding.rpartition("/")
    return decision if decision and finding == finding_id(decision, place) else ""


def finding_of(decision: Decision, place: Place) -> dict[str, Json]:
    """The finding about a decision of the guard of this place, as the decision stands.

    Severity and types are the provider's: what people set in their place stays. So does the
    workflow status, which no provider can change after the first import.
    """
    shown = presentable(decision)
    said = message(shown)
    resource = decision.candidate.resource
    stands = told(shown.status)
    title = f"{shown.title}: {resource.id}"
    settled = shown.status in ARCHIVED
    return {
        "SchemaVersion": SCHEMA,
        "Id": finding_id(decision.id, place),
        "ProductArn": product_arn(place),
        "ProductName": _NAME,
        "CompanyName": _NAME,
        "GeneratorId": decision.control,
        "AwsAccountId": resource.account,
        "CreatedAt": decision.decided,
        "UpdatedAt": updated_at(decision),
        **_observed(decision),
        "Title": clipped(title, _TITLE),
        "Description": clipped(f"{said.risk} Now: {stands}. {said.decided}", _DESCRIPTION),
        "FindingProviderFields": {
            "Severity": {
                "Label": severity_name(decision.severity).upper(),
                "Original": str(decision.severity),
            },
            "Types": [TYPE],
        },
        "Remediation": {
            "Recommendation": {"Text": clipped(_recommended(shown), _RECOMMENDATION)},
        },
        "ProductFields": {
            f"{_ID}/{name}": clipped(value, _FIELD)
            for name, value in (
                ("decision", decision.id),
                ("status", shown.status.value),
                ("change", shown.change_name),
                ("actor", shown.actor.session or shown.actor.principal),
                ("log_entries", str(decision.version)),
            )
            if value
        },
        "Compliance": {"Status": "PASSED" if shown.status is Status.REVERTED else "FAILED"},
        "RecordState": "ARCHIVED" if settled else "ACTIVE",
        "Resources": [_resource(resource)],
    }


def updated_at(decision: Decision) -> str:
    """When the decision last moved, later for each version of it (ISO 8601, UTC).

    Security Hub ignores an update that is not newer than what it has. A decision may move twice in
    a millisecond, so the microseconds, which no time of a decision has, count its versions.
    """
    at = datetime.fromisoformat(decision.updated)
    at = at.replace(microsecond=at.microsecond // 1_000 * 1_000)
    later = at + timedelta(microseconds=min(decision.version, 999))
    return f"{later:%Y-%m-%dT%H:%M:%S.%f}Z"


def _observed(decision: Decision) -> dict[str, Json]:
    """When the change was made, where its record says a time."""
    at = moment(decision.change_time)
    return {} if at is None else {"FirstObservedAt": stamp(at.astimezone(UTC))}


def _recommended(shown: Decision) -> str:
    """What people can do about the finding now."""
    commands = "; ".join(f"{one.line}: {one.does}" for one in message(shown).commands)
    return f"{shown.plan.advice} {commands}" if shown.plan.advice else commands


def _resource(resource: Resource) -> dict[str, Json]:
    """The resource that a finding is about. One that has no region is told without it."""
    region = resource.region if resource.region not in ("", GLOBAL) else ""
    return {
        "Type": resource_type(resource.arn),
        "Id": clipped(resource.arn, _RESOURCE_ID),
        **({"Partition": resource.partition} if resource.arn.startswith("arn:") else {}),
        **({"Region": region} if region else {}),
        "Details": {"Other": {"kind": resource.kind, "id": clipped(resource.id, _FIELD)}},
    }


def resource_type(arn: str) -> str:
    """Security Hub's name for the type of a resource; `Other` where it has none."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return "Other"
    service, rest = parts[2], parts[5]
    kind = rest.replace("/", ":").partition(":")[0] if ":" in rest or "/" in rest else ""
    return _TYPES.get((service, kind), "Other")
