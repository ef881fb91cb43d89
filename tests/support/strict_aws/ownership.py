"""What belongs to something else: a cluster, AWS Backup, another service, another account."""

from __future__ import annotations

from typing import Any

from .rule import Account, Refusal, Request, Rule, of, refuses

# ------------------------------------------------------------------------ members of a cluster


def _instance(request: Request, account: Account) -> dict[str, Any]:
    told = account.ask(
        "rds", "DescribeDBInstances", DBInstanceIdentifier=request.get("DBInstanceIdentifier")
    )
    found: list[dict[str, Any]] = (told or {}).get("DBInstances", [])
    return found[0] if found else {}


def _of_the_cluster(id_: str, member: str, source: str, said: str) -> Rule:
    def check(request: Request, account: Account) -> None:
        if member in request.parameters and _instance(request, account).get("DBClusterIdentifier"):
            raise Refusal(
                "InvalidParameterCombination",
                f"The specified DB Instance is a member of a cluster. Modify {said} for the DB "
                "Cluster using the ModifyDbCluster API",
            )

    return refuses(id_, source, of("rds", "ModifyDBInstance"))(check)


_MODIFY = "RDS API Reference, ModifyDBInstance, "

MEMBER_RETENTION = _of_the_cluster(
    "rds.member-retention",
    "BackupRetentionPeriod",
    _MODIFY + "BackupRetentionPeriod: “This setting doesn't apply to Amazon Aurora DB instances. "
    "The retention period for automated backups is managed by the DB cluster.”",
    "backup retention",
)
MEMBER_PROTECTION = _of_the_cluster(
    "rds.member-deletion-protection",
    "DeletionProtection",
    _MODIFY + "DeletionProtection: “This setting doesn't apply to Amazon Aurora DB instances. You "
    "can enable or disable deletion protection for the DB cluster.”",
    "deletion protection",
)
MEMBER_PASSWORD = _of_the_cluster(
    "rds.member-password",
    "MasterUserPassword",
    _MODIFY + "MasterUserPassword: “The password for the master user is managed by the DB "
    "cluster” of Aurora.",
    "master user password",
)

_CLUSTERED_ENGINES = ("mysql", "postgres")


@refuses(
    "rds.multi-az-member",
    "RDS User Guide, “Modifying a Multi-AZ DB cluster”: the cluster is modified, not its DB "
    "instances; its members run the engines mysql and postgres.",
    of("rds", "ModifyDBInstance"),
)
def multi_az_member(request: Request, account: Account) -> None:
    instance = _instance(request, account)
    if instance.get("DBClusterIdentifier") and instance.get("Engine") in _CLUSTERED_ENGINES:
        raise Refusal(
            "InvalidParameterCombination",
            "It appears you are trying to modify attributes that are managed at the cluster "
            "level. Please see DB cluster modification documentation.",
        )


# ---------------------------------------------------------------------- owned by AWS Backup


@refuses(
    "rds.retention-of-aws-backup",
    "AWS Backup Developer Guide, “Changing your retention period”: for continuous backups “you "
    "must use your backup plan to increase or decrease the retention period”; DBInstance and "
    "DBCluster tell AwsBackupRecoveryPointArn.",
    of("rds", "ModifyDBInstance", "ModifyDBCluster"),
)
def retention_of_aws_backup(request: Request, account: Account) -> None:
    if "BackupRetentionPeriod" not in request.parameters:
        return
    if request.operation == "ModifyDBInstance":
        there = _instance(request, account)
    else:
        named = request.get("DBClusterIdentifier")
        told = account.ask("rds", "DescribeDBClusters", DBClusterIdentifier=named) or {}
        there = (told.get("DBClusters") or [{}])[0]
    if there.get("AwsBackupRecoveryPointArn"):
        raise Refusal(
            "InvalidParameterCombination",
            "The backup retention period can't be modified because it is managed by AWS Backup.",
        )


# ------------------------------------------------------------------- owned by another service


_MANAGED_RULE = (
    "EventBridge API Reference, ManagedRuleException: a rule that an AWS service made on behalf of "
    "the account cannot be modified by DisableRule, EnableRule, PutTargets, PutRule, TagResource; "
)
_IS_MANAGED = (
    "This rule was created by an AWS service on behalf of your account. It is managed by that "
    "service."
)


def _managed(name: Any, bus: Any, account: Account) -> bool:
    asked = {"Name": name, "EventBusName": bus} if bus else {"Name": name}
    return bool((account.ask("events", "DescribeRule", **asked) or {}).get("ManagedBy"))


@refuses(
    "events.managed-rule",
    _MANAGED_RULE + "DescribeRule tells it by ManagedBy.",
    of("events", "DisableRule", "EnableRule", "PutTargets", "PutRule"),
)
def managed_rule(request: Request, account: Account) -> None:
    name = request.get("Name") or request.get("Rule")
    if _managed(name, request.get("EventBusName"), account):
        raise Refusal("ManagedRuleException", _IS_MANAGED)


@refuses(
    "events.managed-rule-force",
    _MANAGED_RULE + "DeleteRule and RemoveTargets need Force.",
    of("events", "DeleteRule", "RemoveTargets"),
)
def managed_rule_force(request: Request, account: Account) -> None:
    name = request.get("Name") or request.get("Rule")
    if not request.get("Force") and _managed(name, request.get("EventBusName"), account):
        raise Refusal("ManagedRuleException", _IS_MANAGED)


_ROLE_OPERATIONS = (
    *("UpdateAssumeRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy"),
    *("DeleteRolePolicy", "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"),
)


@refuses(
    "iam.protected-role",
    "IAM API Reference, UnmodifiableEntityException: service-linked roles are protected AWS "
    "resources; IAM Identity Center User Guide, troubleshooting: so are AWSReservedSSO roles.",
    of("iam", *_ROLE_OPERATIONS),
)
def protected_role(request: Request, account: Account) -> None:
    name = str(request.get("RoleName"))
    role = (account.ask("iam", "GetRole", RoleName=name) or {}).get("Role", {})
    of_aws = role.get("Path", "").startswith(("/aws-service-role/", "/aws-reserved/"))
    if of_aws or name.startswith(("AWSServiceRoleFor", "AWSReservedSSO_")):
        raise Refusal(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{name}' - this role is only "
            "modifiable by AWS",
        )


@refuses(
    "iam.aws-managed-policy",
    "IAM User Guide, “Managed policies and inline policies”: you cannot change the permissions "
    "defined in AWS managed policies.",
    of("iam", "SetDefaultPolicyVersion", "CreatePolicyVersion", "DeletePolicyVersion"),
)
def aws_managed_policy(request: Request, account: Account) -> None:
    arn = str(request.get("PolicyArn"))
    if arn.split(":")[4:5] == ["aws"]:
        raise Refusal("AccessDenied", f"{request.operation} is not allowed on {arn}", 403)


@refuses(
    "secretsmanager.managed-secret",
    "Secrets Manager API Reference, InvalidRequestException: “The secret is managed by another "
    "service, and you must use that service to update it”; DescribeSecret tells OwningService.",
    of(
        "secretsmanager",
        *("RotateSecret", "CancelRotateSecret", "UpdateSecret", "PutSecretValue", "DeleteSecret"),
    ),
)
def managed_secret(request: Request, account: Account) -> None:
    told = account.ask("secretsmanager", "DescribeSecret", SecretId=request.get("SecretId"))
    if owner := (told or {}).get("OwningService"):
        raise Refusal(
            "InvalidRequestException",
            f"You can't perform this operation on a secret that is managed by {owner}.",
        )


@refuses(
    "config.service-linked-recorder",
    "AWS Config API Reference, UnmodifiableEntityException: the requested operation is not valid "
    "for a service-linked configuration recorder (`AWSConfigurationRecorderFor…`).",
    of("config", "PutConfigurationRecorder", "StopConfigurationRecorder"),
)
def service_linked_recorder(request: Request, account: Account) -> None:
    recorder = request.get("ConfigurationRecorder") or {}
    name = recorder.get("name") or request.get("ConfigurationRecorderName") or ""
    if name.startswith("AWSConfigurationRecorderFor"):
        raise Refusal(
            "UnmodifiableEntityException",
            "The requested operation is not valid. You cannot modify a service-linked "
            "configuration recorder.",
        )


@refuses(
    "config.service-linked-rule",
    "AWS Config API Reference, ConfigRule, CreatedBy: the service principal name of the service "
    "that created the rule; a rule that the customer made has none.",
    of("config", "PutConfigRule", "DeleteConfigRule"),
)
def service_linked_rule(request: Request, account: Account) -> None:
    named = (request.get("ConfigRule") or {}).get("ConfigRuleName") or request.get("ConfigRuleName")
    told = account.ask("config", "DescribeConfigRules", ConfigRuleNames=[named]) or {}
    there = (told.get("ConfigRules") or [{}])[0].get("CreatedBy")
    if there or (request.get("ConfigRule") or {}).get("CreatedBy"):
        raise Refusal(
            "AccessDeniedException",
            "An AWS service owns ServiceLinkedConfigRule. You do not have permissions to take "
            "action on this rule.",
        )


@refuses(
    "ecs.deployed-by-codedeploy",
    "ECS API Reference, UpdateService: for services with the CODE_DEPLOY deployment controller, "
    "a new task definition needs a CodeDeploy deployment.",
    of("ecs", "UpdateService"),
)
def deployed_by_codedeploy(request: Request, account: Account) -> None:
    if "taskDefinition" not in request.parameters:
        return
    asked = {"services": [request.get("service")]}
    if request.get("cluster"):
        asked["cluster"] = request.get("cluster")
    told = account.ask("ecs", "DescribeServices", **asked) or {}
    service = (told.get("services") or [{}])[0]
    if service.get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        raise Refusal(
            "InvalidParameterException",
            "Unable to update task definition on services with a CODE_DEPLOY deployment "
            "controller. Use AWS CodeDeploy to trigger a new deployment.",
        )


@refuses(
    "elbv2.no-security-groups",
    "ELB API Reference v2, SetSecurityGroups: not on a Network Load Balancer unless a security "
    "group was given when it was made, nor on a Gateway Load Balancer.",
    of("elbv2", "SetSecurityGroups"),
)
def no_security_groups(request: Request, account: Account) -> None:
    arn = request.get("LoadBalancerArn")
    told = account.ask("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[arn]) or {}
    balancer = (told.get("LoadBalancers") or [{}])[0]
    kind, groups = balancer.get("Type"), balancer.get("SecurityGroups")
    if kind == "gateway" or (kind == "network" and not groups):
        raise Refusal(
            "InvalidConfigurationRequest",
            f"The operation is not supported on this load balancer of type '{kind}'",
        )


# ------------------------------------------------------------------ owned by another account


@refuses(
    "ec2.mirror-target-of-its-owner",
    "VPC Traffic Mirroring, “Share a traffic mirror target”: a target shared by RAM is the "
    "owner's; a consumer names it by its id, and it is seen while it is shared.",
    of("ec2", "CreateTrafficMirrorSession"),
)
def mirror_target(request: Request, account: Account) -> None:
    named = request.get("TrafficMirrorTargetId")
    told = account.ask("ec2", "DescribeTrafficMirrorTargets", TrafficMirrorTargetIds=[named])
    if told is not None and not told.get("TrafficMirrorTargets"):
        raise Refusal(
            "InvalidTrafficMirrorTargetId.NotFound",
            f"The traffic mirror target ID '{named}' does not exist",
        )


@refuses(
    "ram.external-principals",
    "RAM API Reference, CreateResourceShare, allowExternalPrincipals: false means that only "
    "principals of the organization can be associated.",
    of("ram", "AssociateResourceShare"),
)
def external_principals(request: Request, account: Account) -> None:
    principals = [str(principal) for principal in request.get("principals") or []]
    strangers = [principal for principal in principals if principal.isdigit()]
    if not strangers:
        return
    arn = request.get("resourceShareArn")
    told = account.ask("ram", "GetResourceShares", resourceOwner="SELF", resourceShareArns=[arn])
    share = ((told or {}).get("resourceShares") or [{}])[0]
    members = (account.ask("organizations", "ListAccounts") or {}).get("Accounts", [])
    outside = set(strangers) - {member["Id"] for member in members}
    if share.get("allowExternalPrincipals") is False and outside:
        raise Refusal(
            "OperationNotPermittedException",
            "The resource share does not allow principals outside of your organization.",
        )


RULES = (
    MEMBER_RETENTION,
    MEMBER_PROTECTION,
    MEMBER_PASSWORD,
    multi_az_member,
    retention_of_aws_backup,
    managed_rule,
    managed_rule_force,
    protected_role,
    aws_managed_policy,
    managed_secret,
    service_linked_recorder,
    service_linked_rule,
    deployed_by_codedeploy,
    no_security_groups,
    mirror_target,
    external_principals,
)
