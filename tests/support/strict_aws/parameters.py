"""Parameters that AWS does not take together, does not take at all, or cannot do without."""

from __future__ import annotations

from typing import Any

from .policies import lets_everybody_in
from .rule import Account, Refusal, Request, Response, Rule, answers, of, refuses

# ------------------------------------------------------------------------------ not together


@refuses(
    "secretsmanager.one-rotation-schedule",
    "Secrets Manager API Reference, RotationRulesType: in RotateSecret, “AutomaticallyAfterDays or "
    "ScheduleExpression, but not both”; DescribeSecret answers both.",
    of("secretsmanager", "RotateSecret"),
)
def one_schedule(request: Request, account: Account) -> None:
    rules = request.get("RotationRules") or {}
    if "AutomaticallyAfterDays" in rules and "ScheduleExpression" in rules:
        raise Refusal(
            "InvalidParameterException",
            "You cannot specify both rotation frequency and schedule expression together.",
        )


@answers(
    "secretsmanager.both-schedules-are-told",
    "Secrets Manager API Reference, RotationRulesType: in DescribeSecret AutomaticallyAfterDays is "
    "calculated from the rotation schedule, so it is there beside ScheduleExpression.",
    of("secretsmanager", "DescribeSecret"),
)
def both_schedules(request: Request, response: Response, account: Account) -> Response:
    rules = response.get("RotationRules") or {}
    if "ScheduleExpression" not in rules:
        return response
    number = "".join(c for c in rules["ScheduleExpression"] if c.isdigit()) or "30"
    days = int(number) if "day" in rules["ScheduleExpression"] else 1
    return {**response, "RotationRules": {"AutomaticallyAfterDays": days, **rules}}


@refuses(
    "guardduty.one-runtime-monitoring",
    "GuardDuty API Reference, UpdateDetector: “Specifying both EKS Runtime Monitoring and Runtime "
    "Monitoring will cause an error”.",
    of("guardduty", "UpdateDetector", "CreateDetector"),
)
def one_runtime_monitoring(request: Request, account: Account) -> None:
    named = {feature.get("Name") for feature in request.get("Features") or []}
    if {"EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING"} <= named:
        raise Refusal(
            "BadRequestException",
            "The request was rejected because EKS_RUNTIME_MONITORING and RUNTIME_MONITORING "
            "cannot be specified together.",
        )


_ONE_ATTRIBUTE = "You can specify only one attribute at a time."


def _one_attribute(id_: str, operation: str, attributes: frozenset[str]) -> Rule:
    def check(request: Request, account: Account) -> None:
        named = sorted(attributes & request.parameters.keys())
        if len(named) > 1:
            first = [name[0].lower() + name[1:] for name in named]
            raise Refusal(
                "InvalidParameterCombination",
                f"Fields for multiple attribute types specified: {', '.join(first)}",
            )

    source = f"EC2 API Reference, {operation}: “{_ONE_ATTRIBUTE}”"
    return refuses(id_, source, of("ec2", operation))(check)


SUBNET_ATTRIBUTE = _one_attribute(
    "ec2.one-subnet-attribute",
    "ModifySubnetAttribute",
    frozenset(
        {
            "AssignIpv6AddressOnCreation",
            "MapPublicIpOnLaunch",
            "EnableDns64",
            "PrivateDnsHostnameTypeOnLaunch",
            "EnableResourceNameDnsARecordOnLaunch",
            "EnableResourceNameDnsAAAARecordOnLaunch",
        }
    ),
)
INSTANCE_ATTRIBUTE = _one_attribute(
    "ec2.one-instance-attribute",
    "ModifyInstanceAttribute",
    frozenset(
        {
            "DisableApiTermination",
            "DisableApiStop",
            "EbsOptimized",
            "Groups",
            "InstanceInitiatedShutdownBehavior",
            "InstanceType",
            "SourceDestCheck",
            "UserData",
        }
    ),
)
IMAGE_ATTRIBUTE = _one_attribute(
    "ec2.one-image-attribute",
    "ModifyImageAttribute",
    frozenset({"Description", "ImdsSupport", "LaunchPermission"}),
)


@refuses(
    "ec2.snapshot-adds-or-removes",
    "EC2 API Reference, ModifySnapshotAttribute: you can add or remove account IDs “but you cannot "
    "do both in a single operation”.",
    of("ec2", "ModifySnapshotAttribute"),
)
def snapshot_adds_or_removes(request: Request, account: Account) -> None:
    permission = request.get("CreateVolumePermission") or {}
    if permission.get("Add") and permission.get("Remove"):
        raise Refusal(
            "InvalidParameterCombination",
            "The parameters Add and Remove cannot be used together.",
        )


@refuses(
    "ec2.snapshot-block-level",
    "EC2 API Reference, EnableSnapshotBlockPublicAccess: “unblocked is not a valid value”.",
    of("ec2", "EnableSnapshotBlockPublicAccess"),
)
def snapshot_block_level(request: Request, account: Account) -> None:
    state = request.get("State")
    if state not in ("block-all-sharing", "block-new-sharing"):
        raise Refusal("InvalidParameterValue", f"Value ({state}) for parameter State is invalid.")


@refuses(
    "events.one-input",
    "EventBridge API Reference, PutTargets: “Input, InputPath, and InputTransformer are mutually "
    "exclusive”.",
    of("events", "PutTargets"),
)
def one_input(request: Request, account: Account) -> None:
    for target in request.get("Targets") or []:
        if len({"Input", "InputPath", "InputTransformer"} & target.keys()) > 1:
            raise Refusal(
                "ValidationException",
                f"Only one of Input, InputPath, or InputTransformer must be provided for target "
                f"{target['Id']}.",
            )


@refuses(
    "events.five-targets",
    "EventBridge API Reference, PutTargets: “Each rule can have up to five (5) targets associated "
    "with it at one time”.",
    of("events", "PutTargets"),
)
def five_targets(request: Request, account: Account) -> None:
    rule = {k: v for k, v in request.parameters.items() if k in ("Rule", "EventBusName")}
    there = (account.ask("events", "ListTargetsByRule", **rule) or {}).get("Targets", [])
    ids = {target["Id"] for target in [*there, *(request.get("Targets") or [])]}
    if len(ids) > 5:
        raise Refusal(
            "LimitExceededException", "The requested resource exceeds the maximum number allowed."
        )


@refuses(
    "cloudwatch.metrics-or-metric",
    "CloudWatch API Reference, PutMetricAlarm: “If you use the Metrics parameter, you cannot "
    "include the Namespace, MetricName, Dimensions, Period, Unit, Statistic, or ExtendedStatistic”",
    of("cloudwatch", "PutMetricAlarm"),
)
def metrics_or_metric(request: Request, account: Account) -> None:
    single = ("Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic")
    named = [name for name in (*single, "ExtendedStatistic") if name in request.parameters]
    if request.get("Metrics") and named:
        raise Refusal(
            "InvalidParameterCombination",
            f"The parameters Metrics and {named[0]} cannot be used together.",
        )


@refuses(
    "cloudwatch.one-statistic",
    "CloudWatch API Reference, PutMetricAlarm: “you must specify either Statistic or "
    "ExtendedStatistic but not both”.",
    of("cloudwatch", "PutMetricAlarm"),
)
def one_statistic(request: Request, account: Account) -> None:
    if "Statistic" in request.parameters and "ExtendedStatistic" in request.parameters:
        raise Refusal(
            "InvalidParameterCombination",
            "The parameters Statistic and ExtendedStatistic cannot be used together.",
        )


@refuses(
    "elbv2.one-default-certificate",
    "ELB API Reference v2, ModifyListener, Certificates: “You must provide exactly one "
    "certificate. Set CertificateArn to the certificate ARN but do not set IsDefault”.",
    of("elbv2", "ModifyListener", "CreateListener"),
)
def one_certificate(request: Request, account: Account) -> None:
    certificates = request.get("Certificates") or []
    if any("IsDefault" in certificate for certificate in certificates):
        raise Refusal("ValidationError", "IsDefault must not be set for a listener's certificate")
    if len(certificates) > 1:
        raise Refusal(
            "ValidationError",
            f"Up to '1' certificates can be specified, but '{len(certificates)}' were specified",
        )


# ------------------------------------------------------------------------------ not without


@refuses(
    "securityhub.disabled-reason",
    "Security Hub API Reference, UpdateStandardsControl, DisabledReason: “If you are disabling a "
    "control, then this is required”.",
    of("securityhub", "UpdateStandardsControl"),
)
def disabled_reason(request: Request, account: Account) -> None:
    if request.get("ControlStatus") == "DISABLED" and not request.get("DisabledReason"):
        raise Refusal(
            "InvalidInputException",
            "Invalid parameter: DisabledReason is required when ControlStatus is DISABLED",
        )


@answers(
    "config.policy-text-is-not-told",
    "AWS Config API Reference, GetCustomRulePolicy: returns the policy definition that holds the "
    "logic of a Config Custom Policy rule; DescribeConfigRules tells the runtime.",
    of("config", "DescribeConfigRules"),
)
def policy_text(request: Request, response: Response, account: Account) -> Response:
    def without_text(rule: dict[str, Any]) -> dict[str, Any]:
        source = rule.get("Source", {})
        details = source.get("CustomPolicyDetails")
        if not details:
            return rule
        kept = {name: value for name, value in details.items() if name != "PolicyText"}
        return {**rule, "Source": {**source, "CustomPolicyDetails": kept}}

    rules = response.get("ConfigRules", [])
    return {**response, "ConfigRules": [without_text(rule) for rule in rules]}


def _values(attributes: list[dict[str, str]] | None) -> dict[str, str]:
    return {attribute["Key"]: attribute.get("Value", "") for attribute in attributes or []}


@refuses(
    "elbv2.access-log-bucket",
    "ELB API Reference v2, LoadBalancerAttribute: access_logs.s3.bucket “is required if access "
    "logs are enabled”.",
    of("elbv2", "ModifyLoadBalancerAttributes"),
)
def access_log_bucket(request: Request, account: Account) -> None:
    asked = _values(request.get("Attributes"))
    if asked.get("access_logs.s3.enabled") != "true":
        return
    arn = request.get("LoadBalancerArn")
    told = account.ask("elbv2", "DescribeLoadBalancerAttributes", LoadBalancerArn=arn) or {}
    there = _values(told.get("Attributes"))
    if not {**there, **asked}.get("access_logs.s3.bucket"):
        raise Refusal(
            "InvalidConfigurationRequest",
            "The attribute 'access_logs.s3.bucket' is required when access logs are enabled",
        )


@refuses(
    "wafv2.log-destination-name",
    "WAF API Reference, PutLoggingConfiguration: “The name that you give the destination must "
    "start with aws-waf-logs-”; one destination for a web ACL.",
    of("wafv2", "PutLoggingConfiguration"),
)
def log_destination(request: Request, account: Account) -> None:
    destinations = request.get("LoggingConfiguration", {}).get("LogDestinationConfigs", [])
    names = [arn.replace("/", ":").rpartition("aws-waf-logs-") for arn in destinations]
    if len(destinations) != 1 or not all(before.endswith(":") for before, _, _ in names):
        raise Refusal(
            "WAFInvalidParameterException",
            "Error reason: The ARN isn't valid. A valid ARN begins with arn: and includes other "
            "information separated by colons or slashes., field: LOG_DESTINATION, parameter: "
            f"{', '.join(destinations)}",
        )


_EKS_MODE = (
    "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform "
    "this operation."
)


@refuses(
    "eks.authentication-mode",
    "EKS User Guide, “Change authentication mode to use access entries”: with CONFIG_MAP the "
    "cluster takes no access entries.",
    of("eks", "CreateAccessEntry", "AssociateAccessPolicy", "DisassociateAccessPolicy"),
)
def authentication_mode(request: Request, account: Account) -> None:
    told = account.ask("eks", "DescribeCluster", name=request.get("clusterName")) or {}
    access = told.get("cluster", {}).get("accessConfig") or {}
    if access.get("authenticationMode") == "CONFIG_MAP":
        raise Refusal("InvalidRequestException", _EKS_MODE)


@refuses(
    "ssm.advanced-stays-advanced",
    "Systems Manager User Guide, “Managing parameter tiers”: an advanced parameter cannot be "
    "reverted to a standard parameter.",
    of("ssm", "PutParameter"),
)
def advanced(request: Request, account: Account) -> None:
    if request.get("Tier") != "Standard" or not request.get("Overwrite"):
        return
    filters = [{"Key": "Name", "Option": "Equals", "Values": [request.get("Name")]}]
    told = account.ask("ssm", "DescribeParameters", ParameterFilters=filters) or {}
    if any(parameter.get("Tier") == "Advanced" for parameter in told.get("Parameters", [])):
        raise Refusal(
            "ValidationException",
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from "
            "the advanced-parameter tier to the standard-parameter tier. If necessary, you can "
            "delete the advanced parameter and recreate it as a standard parameter.",
        )


@refuses(
    "secretsmanager.broad-policy-blocked",
    "Secrets Manager API Reference, PublicPolicyException: “The BlockPublicPolicy parameter is set "
    "to true, and the resource policy did not prevent broad access to the secret”.",
    of("secretsmanager", "PutResourcePolicy"),
)
def broad_policy(request: Request, account: Account) -> None:
    if request.get("BlockPublicPolicy") and lets_everybody_in(request.get("ResourcePolicy")):
        raise Refusal(
            "PublicPolicyException",
            "The BlockPublicPolicy parameter is set to true, and the resource policy did not "
            "prevent broad access to the secret.",
        )


# What CloudWatch Logs takes. Source: CloudWatch Logs API Reference, PutRetentionPolicy.
_RETENTION = frozenset(
    {
        *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
        *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
    }
)


@refuses(
    "logs.retention-days",
    "CloudWatch Logs API Reference, PutRetentionPolicy, retentionInDays: one of 1, 3, 5, 7, 14, "
    "30, … 3653.",
    of("logs", "PutRetentionPolicy"),
)
def retention(request: Request, account: Account) -> None:
    if request.get("retentionInDays") not in _RETENTION:
        raise Refusal(
            "InvalidParameterException",
            f"1 validation error detected: Value '{request.get('retentionInDays')}' at "
            "'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: "
            f"{sorted(_RETENTION)}",
        )


RULES = (
    one_schedule,
    both_schedules,
    one_runtime_monitoring,
    SUBNET_ATTRIBUTE,
    INSTANCE_ATTRIBUTE,
    IMAGE_ATTRIBUTE,
    snapshot_adds_or_removes,
    snapshot_block_level,
    one_input,
    five_targets,
    metrics_or_metric,
    one_statistic,
    one_certificate,
    disabled_reason,
    policy_text,
    access_log_bucket,
    log_destination,
    authentication_mode,
    advanced,
    broad_policy,
    retention,
)
