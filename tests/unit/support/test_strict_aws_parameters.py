"""Rules about parameters: reserved, not taken together, or not to be left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.strict_aws.stand_in import Answer, strict

NOT_ALLOWED = "aws: prefixed tag key names are not allowed for external use."

# ---------------------------------------------------------------------------- reserved tags


@pytest.mark.parametrize(
    ("rule", "operation", "code", "message", "tagged"),
    [
        (
            "ec2.reserved-tag",
            "CreateTags",
            "InvalidParameterValue",
            "Tag keys starting with 'aws:' are reserved for internal use",
            lambda key: {"Resources": ["sg-1"], "Tags": [{"Key": key, "Value": "x"}]},
        ),
        (
            "cloudtrail.reserved-tag",
            "AddTags",
            "InvalidTagParameterException",
            NOT_ALLOWED,
            lambda key: {"ResourceId": "t", "TagsList": [{"Key": key, "Value": "x"}]},
        ),
        (
            "events.reserved-tag",
            "TagResource",
            "ValidationException",
            NOT_ALLOWED,
            lambda key: {"ResourceARN": "r", "Tags": [{"Key": key, "Value": "x"}]},
        ),
        (
            "config.reserved-tag",
            "TagResource",
            "ValidationException",
            NOT_ALLOWED,
            lambda key: {"ResourceArn": "r", "Tags": [{"Key": key, "Value": "x"}]},
        ),
        (
            "cloudwatch.reserved-tag",
            "TagResource",
            "ValidationError",
            NOT_ALLOWED,
            lambda key: {"ResourceARN": "r", "Tags": [{"Key": key, "Value": "x"}]},
        ),
        (
            "eks.reserved-tag",
            "TagResource",
            "InvalidParameterException",
            NOT_ALLOWED,
            lambda key: {"resourceArn": "r", "tags": {key: "x"}},
        ),
        (
            "iam.reserved-tag",
            "TagRole",
            "InvalidInput",
            NOT_ALLOWED,
            lambda key: {"RoleName": "r", "Tags": [{"Key": key, "Value": "x"}]},
        ),
    ],
)
def test_a_tag_of_aws_is_not_given_by_anybody_else(
    rule: str, operation: str, code: str, message: str, tagged: Any
) -> None:
    aws, service = strict(rule), rule.partition(".")[0]

    reserved = tagged("aws:cloudformation:stack-name")
    assert aws.refused(service, operation, **reserved) == (code, message)
    aws.allowed(service, operation, **tagged("owner"))


def test_a_reserved_tag_is_refused_where_it_comes_with_the_resource() -> None:
    aws = strict("ec2.reserved-tag")
    made = {"GroupName": "g", "Description": "d"}
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "AWS:x", "Value": "y"}]}]

    assert aws.refused("ec2", "CreateSecurityGroup", **made, TagSpecifications=tags)
    aws.allowed("ec2", "CreateSecurityGroup", **made)


# ----------------------------------------------------------------------------- not together


def test_a_rotation_has_one_schedule() -> None:
    aws = strict("secretsmanager.one-rotation-schedule")
    rotate = ("secretsmanager", "RotateSecret")
    both = {"AutomaticallyAfterDays": 30, "ScheduleExpression": "rate(30 days)"}

    assert aws.refused(*rotate, SecretId="s", RotationRules=both) == (
        "InvalidParameterException",
        "You cannot specify both rotation frequency and schedule expression together.",
    )
    aws.allowed(*rotate, SecretId="s", RotationRules={"AutomaticallyAfterDays": 30})
    aws.allowed(
        *rotate, SecretId="s", RotationRules={"ScheduleExpression": "rate(1 day)", "Duration": "2h"}
    )


def test_a_secret_tells_both_schedules_though_one_was_given() -> None:
    rules = {"ScheduleExpression": "rate(10 days)"}
    aws = strict("secretsmanager.both-schedules-are-told", DescribeSecret={"RotationRules": rules})

    told = aws.allowed("secretsmanager", "DescribeSecret", SecretId="s")

    assert told["RotationRules"] == {**rules, "AutomaticallyAfterDays": 10}
    plain = {"RotationRules": {"AutomaticallyAfterDays": 7}}
    aws = strict("secretsmanager.both-schedules-are-told", DescribeSecret=plain)
    assert aws.allowed("secretsmanager", "DescribeSecret", SecretId="s") == plain


def test_a_detector_has_one_kind_of_runtime_monitoring() -> None:
    aws = strict("guardduty.one-runtime-monitoring")
    update = ("guardduty", "UpdateDetector")
    kinds = [
        {"Name": name, "Status": "ENABLED"}
        for name in ("EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING")
    ]

    assert aws.refused(*update, DetectorId="d", Features=kinds)[0] == "BadRequestException"
    aws.allowed(*update, DetectorId="d", Features=kinds[1:])


def test_a_subnet_takes_one_attribute_at_a_time() -> None:
    aws = strict("ec2.one-subnet-attribute")
    on = {"Value": True}

    assert aws.refused(
        "ec2", "ModifySubnetAttribute", SubnetId="s", MapPublicIpOnLaunch=on, EnableDns64=on
    ) == (
        "InvalidParameterCombination",
        "Fields for multiple attribute types specified: enableDns64, mapPublicIpOnLaunch",
    )
    aws.allowed("ec2", "ModifySubnetAttribute", SubnetId="s", MapPublicIpOnLaunch=on)


def test_an_instance_takes_one_attribute_at_a_time() -> None:
    aws = strict("ec2.one-instance-attribute")
    modify, on = ("ec2", "ModifyInstanceAttribute"), {"Value": True}

    assert aws.refused(*modify, InstanceId="i", DisableApiTermination=on, DisableApiStop=on)[0] == (
        "InvalidParameterCombination"
    )
    aws.allowed(*modify, InstanceId="i", DisableApiTermination=on)


def test_an_image_takes_one_attribute_at_a_time() -> None:
    aws = strict("ec2.one-image-attribute")
    modify, permission = ("ec2", "ModifyImageAttribute"), {"Remove": [{"Group": "all"}]}

    assert aws.refused(
        *modify, ImageId="ami-1", LaunchPermission=permission, Description={"Value": "x"}
    )[0] == ("InvalidParameterCombination")
    aws.allowed(*modify, ImageId="ami-1", LaunchPermission=permission)


def test_a_snapshots_permissions_are_added_or_removed() -> None:
    aws = strict("ec2.snapshot-adds-or-removes")
    modify, to = ("ec2", "ModifySnapshotAttribute"), [{"UserId": "123456789012"}]

    both = {"Add": to, "Remove": to}
    assert aws.refused(*modify, SnapshotId="s", CreateVolumePermission=both)[0] == (
        "InvalidParameterCombination"
    )
    aws.allowed(*modify, SnapshotId="s", CreateVolumePermission={"Remove": to})


def test_snapshots_are_not_unblocked_by_enabling_the_block() -> None:
    aws = strict("ec2.snapshot-block-level")
    enable = ("ec2", "EnableSnapshotBlockPublicAccess")

    assert aws.refused(*enable, State="unblocked") == (
        "InvalidParameterValue",
        "Value (unblocked) for parameter State is invalid.",
    )
    aws.allowed(*enable, State="block-new-sharing")


def test_a_target_has_one_input() -> None:
    aws = strict("events.one-input")
    target = {"Id": "t", "Arn": "a", "Input": "{}"}

    assert aws.refused(
        "events", "PutTargets", Rule="r", Targets=[{**target, "InputPath": "$"}]
    ) == (
        "ValidationException",
        "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
    )
    aws.allowed("events", "PutTargets", Rule="r", Targets=[target])


def test_a_rule_has_five_targets() -> None:
    there = [{"Id": str(number), "Arn": "a"} for number in range(5)]
    aws = strict("events.five-targets", ListTargetsByRule={"Targets": there})
    put = ("events", "PutTargets")

    assert aws.refused(*put, Rule="r", Targets=[{"Id": "new", "Arn": "a"}]) == (
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    )
    # The same target again is an update.
    aws.allowed(*put, Rule="r", Targets=[{"Id": "4", "Arn": "b"}])


ALARM = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}


def test_an_alarm_is_on_metrics_or_on_a_metric() -> None:
    aws = strict("cloudwatch.metrics-or-metric")
    put, metrics = ("cloudwatch", "PutMetricAlarm"), [{"Id": "m", "Expression": "1"}]

    assert aws.refused(*put, **ALARM, Metrics=metrics, Period=60) == (
        "InvalidParameterCombination",
        "The parameters Metrics and Period cannot be used together.",
    )
    aws.allowed(*put, **ALARM, Metrics=metrics)
    aws.allowed(*put, **ALARM, MetricName="m", Namespace="n", Period=60)


def test_an_alarm_has_one_statistic() -> None:
    aws = strict("cloudwatch.one-statistic")
    put = ("cloudwatch", "PutMetricAlarm")

    assert aws.refused(*put, **ALARM, Statistic="Sum", ExtendedStatistic="p90")[0] == (
        "InvalidParameterCombination"
    )
    aws.allowed(*put, **ALARM, ExtendedStatistic="p90")


def test_a_listener_takes_its_default_certificate_alone() -> None:
    aws = strict("elbv2.one-default-certificate")
    modify, first, second = (
        ("elbv2", "ModifyListener"),
        {"CertificateArn": "1"},
        {"CertificateArn": "2"},
    )

    assert aws.refused(*modify, ListenerArn="l", Certificates=[first, second]) == (
        "ValidationError",
        "Up to '1' certificates can be specified, but '2' were specified",
    )
    told = [{**first, "IsDefault": True}]
    assert aws.refused(*modify, ListenerArn="l", Certificates=told)[0] == "ValidationError"
    aws.allowed(*modify, ListenerArn="l", Certificates=[first])


# ------------------------------------------------------------------------------ not without


def test_a_standards_control_is_disabled_for_a_reason() -> None:
    aws = strict("securityhub.disabled-reason")
    update, off = ("securityhub", "UpdateStandardsControl"), {"ControlStatus": "DISABLED"}

    assert aws.refused(*update, StandardsControlArn="c", **off)[0] == "InvalidInputException"
    aws.allowed(*update, StandardsControlArn="c", **off, DisabledReason="elsewhere")
    aws.allowed(*update, StandardsControlArn="c", ControlStatus="ENABLED")


def test_a_custom_policy_rule_does_not_tell_its_text() -> None:
    details = {"PolicyRuntime": "guard-2.x.x", "PolicyText": "rule x {}"}
    source = {"Owner": "CUSTOM_POLICY", "CustomPolicyDetails": details}
    plain = {"ConfigRuleName": "m", "Source": {"Owner": "AWS", "SourceIdentifier": "X"}}
    rules = {"ConfigRules": [{"ConfigRuleName": "c", "Source": source}, plain]}
    aws = strict("config.policy-text-is-not-told", DescribeConfigRules=rules)

    custom, managed = aws.allowed("config", "DescribeConfigRules")["ConfigRules"]

    assert custom["Source"]["CustomPolicyDetails"] == {"PolicyRuntime": "guard-2.x.x"}
    assert managed == plain


def test_access_logs_need_a_bucket() -> None:
    on = [{"Key": "access_logs.s3.enabled", "Value": "true"}]
    bucket = [{"Key": "access_logs.s3.bucket", "Value": "logs"}]
    aws = strict("elbv2.access-log-bucket", DescribeLoadBalancerAttributes={"Attributes": []})
    modify = ("elbv2", "ModifyLoadBalancerAttributes")

    assert aws.refused(*modify, LoadBalancerArn="l", Attributes=on)[0] == (
        "InvalidConfigurationRequest"
    )
    aws.allowed(*modify, LoadBalancerArn="l", Attributes=on + bucket)
    known: Answer = {"Attributes": bucket}
    aws = strict("elbv2.access-log-bucket", DescribeLoadBalancerAttributes=known)
    aws.allowed(*modify, LoadBalancerArn="l", Attributes=on)


@pytest.mark.parametrize(
    "destinations",
    [
        ["arn:aws:s3:::my-logs"],
        ["arn:aws:s3:::aws-waf-logs-a", "arn:aws:s3:::aws-waf-logs-b"],
    ],
)
def test_a_web_acl_logs_to_one_destination_of_the_right_name(destinations: list[str]) -> None:
    aws = strict("wafv2.log-destination-name")

    def configuration(arns: list[str]) -> dict[str, Any]:
        return {
            "ResourceArn": "arn:aws:wafv2:us-east-1:1:regional/webacl/a/b",
            "LogDestinationConfigs": arns,
        }

    put = ("wafv2", "PutLoggingConfiguration")
    code, message = aws.refused(*put, LoggingConfiguration=configuration(destinations))

    assert code == "WAFInvalidParameterException"
    assert "field: LOG_DESTINATION" in message
    for arn in (
        "arn:aws:s3:::aws-waf-logs-a",
        "arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-a",
        "arn:aws:firehose:us-east-1:123456789012:deliverystream/aws-waf-logs-a",
    ):
        aws.allowed(*put, LoggingConfiguration=configuration([arn]))


def test_access_entries_need_an_authentication_mode() -> None:
    def cluster(mode: str) -> Answer:
        return {"cluster": {"name": "c", "accessConfig": {"authenticationMode": mode}}}

    aws = strict("eks.authentication-mode", DescribeCluster=cluster("CONFIG_MAP"))
    create = ("eks", "CreateAccessEntry")

    assert aws.refused(*create, clusterName="c", principalArn="arn:aws:iam::1:role/r") == (
        "InvalidRequestException",
        "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to "
        "perform this operation.",
    )
    aws = strict("eks.authentication-mode", DescribeCluster=cluster("API_AND_CONFIG_MAP"))
    aws.allowed(*create, clusterName="c", principalArn="arn:aws:iam::1:role/r")


def test_an_advanced_parameter_stays_advanced() -> None:
    advanced = {"Parameters": [{"Name": "/p", "Tier": "Advanced"}]}
    aws = strict("ssm.advanced-stays-advanced", DescribeParameters=advanced)
    put = {"Name": "/p", "Value": "v", "Overwrite": True}

    code, message = aws.refused("ssm", "PutParameter", **put, Tier="Standard")

    assert code == "ValidationException"
    assert message.startswith(
        "This parameter uses the advanced-parameter tier. You can't downgrade"
    )
    aws.allowed("ssm", "PutParameter", **put, Tier="Advanced")
    aws.allowed("ssm", "PutParameter", **put)


def test_a_broad_policy_is_blocked_where_that_was_asked_for() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*"}
    aws = strict("secretsmanager.broad-policy-blocked")
    put = {"SecretId": "s", "ResourcePolicy": json.dumps({"Statement": [statement]})}

    assert aws.refused("secretsmanager", "PutResourcePolicy", **put, BlockPublicPolicy=True)[0] == (
        "PublicPolicyException"
    )
    aws.allowed("secretsmanager", "PutResourcePolicy", **put)


def test_logs_are_kept_for_one_of_the_listed_numbers_of_days() -> None:
    aws = strict("logs.retention-days")

    code, message = aws.refused("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays=31)

    assert code == "InvalidParameterException"
    assert "Member must satisfy enum value set" in message
    aws.allowed("logs", "PutRetentionPolicy", logGroupName="g", retentionInDays=30)
