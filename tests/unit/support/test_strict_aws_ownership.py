"""Rules about blocks of public access, and about what belongs to something else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.strict_aws.stand_in import Answer, absent, strict

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
EVERYBODY = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}
)
SOMEBODY = EVERYBODY.replace('"*"', '{"AWS": "arn:aws:iam::123456789012:root"}')
CALLER: Answer = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/alice"}


def blocked(*switches: str) -> Answer:
    return {"PublicAccessBlockConfiguration": {name: name in switches for name in SWITCHES}}


# --------------------------------------------------------------- blocks of public access: S3


def test_a_blocked_bucket_takes_no_public_policy() -> None:
    aws = strict(
        "s3.public-policy-blocked",
        GetPublicAccessBlock=blocked("BlockPublicPolicy"),
        GetCallerIdentity=CALLER,
    )

    assert aws.refused("s3", "PutBucketPolicy", Bucket="site", Policy=EVERYBODY) == (
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: "
        's3:PutBucketPolicy on resource: "arn:aws:s3:::site" because public policies are blocked '
        "by the BlockPublicPolicy block public access setting.",
    )
    aws.allowed("s3", "PutBucketPolicy", Bucket="site", Policy=SOMEBODY)
    aws = strict("s3.public-policy-blocked", GetPublicAccessBlock=blocked())
    aws.allowed("s3", "PutBucketPolicy", Bucket="site", Policy=EVERYBODY)


def test_the_accounts_block_counts_for_a_bucket_without_one() -> None:
    def told(asked: dict[str, Any]) -> dict[str, Any]:
        of_account: Any = blocked("BlockPublicPolicy")
        return of_account if "AccountId" in asked else {"Error": "NoSuchPublicAccessBlock"}

    aws = strict("s3.public-policy-blocked", GetPublicAccessBlock=told, GetCallerIdentity=CALLER)

    assert aws.refused("s3", "PutBucketPolicy", Bucket="site", Policy=EVERYBODY)


def test_a_blocked_bucket_takes_no_public_acl() -> None:
    aws = strict(
        "s3.public-acl-blocked",
        GetPublicAccessBlock=blocked("BlockPublicAcls"),
        GetCallerIdentity=CALLER,
    )
    put = ("s3", "PutBucketAcl")

    code, message = aws.refused(*put, Bucket="b", ACL="public-read")

    assert code == "AccessDenied"
    assert "public ACLs are blocked by the BlockPublicAcls" in message
    group = "http://acs.amazonaws.com/groups/global/AllUsers"
    assert aws.refused(*put, Bucket="b", GrantRead=f'uri="{group}"')
    aws.allowed(*put, Bucket="b", ACL="private")


OWNER = {"ID": "owner", "DisplayName": "owner"}
OWN = {"Grantee": {"Type": "CanonicalUser", "ID": "owner"}, "Permission": "FULL_CONTROL"}
ANOTHER = {"Grantee": {"Type": "CanonicalUser", "ID": "other"}, "Permission": "READ"}


def ownership(kind: str) -> Answer:
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": kind}]}}


def test_a_bucket_whose_owner_is_enforced_takes_no_acl() -> None:
    aws = strict("s3.acls-disabled", GetBucketOwnershipControls=ownership("BucketOwnerEnforced"))
    put = ("s3", "PutBucketAcl")

    assert aws.refused(*put, Bucket="b", ACL="public-read") == (
        "AccessControlListNotSupported",
        "The bucket does not allow ACLs",
    )
    aws.allowed(*put, Bucket="b", ACL="bucket-owner-full-control")
    aws.allowed(*put, Bucket="b", AccessControlPolicy={"Grants": [OWN], "Owner": OWNER})
    aws = strict("s3.acls-disabled", GetBucketOwnershipControls=ownership("ObjectWriter"))
    aws.allowed(*put, Bucket="b", ACL="public-read")


def test_an_owner_is_enforced_where_nobody_else_is_granted() -> None:
    enforce: Any = ownership("BucketOwnerEnforced")
    put = {"Bucket": "b", "OwnershipControls": enforce["OwnershipControls"]}
    shared: Answer = {"Owner": OWNER, "Grants": [OWN, ANOTHER]}
    aws = strict("s3.owner-enforced-needs-own-acl", GetBucketAcl=shared)

    assert aws.refused("s3", "PutBucketOwnershipControls", **put) == (
        "InvalidBucketAclWithObjectOwnership",
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    )
    own: Answer = {"Owner": OWNER, "Grants": [OWN]}
    aws = strict("s3.owner-enforced-needs-own-acl", GetBucketAcl=own)
    aws.allowed("s3", "PutBucketOwnershipControls", **put)


def test_a_new_bucket_is_blocked_and_its_owner_enforced() -> None:
    aws = strict("s3.new-buckets-are-blocked")

    aws.allowed("s3", "CreateBucket", Bucket="b")

    made = dict(aws.passed)
    assert made["PutPublicAccessBlock"]["PublicAccessBlockConfiguration"] == dict.fromkeys(
        SWITCHES, True
    )
    enforced: Any = ownership("BucketOwnerEnforced")
    assert made["PutBucketOwnershipControls"]["OwnershipControls"] == enforced["OwnershipControls"]
    aws = strict("s3.new-buckets-are-blocked")
    aws.allowed("s3", "CreateBucket", Bucket="b", ObjectOwnership="ObjectWriter")
    assert "PutBucketOwnershipControls" not in dict(aws.passed)


def test_a_replicated_bucket_stays_versioned() -> None:
    replicated: Answer = {"ReplicationConfiguration": {"Role": "r", "Rules": []}}
    aws = strict("s3.replication-keeps-versioning", GetBucketReplication=replicated)
    put = ("s3", "PutBucketVersioning")

    code, message = aws.refused(*put, Bucket="b", VersioningConfiguration={"Status": "Suspended"})

    assert code == "InvalidBucketState"
    assert message.startswith("A replication configuration is present on this bucket")
    aws.allowed(*put, Bucket="b", VersioningConfiguration={"Status": "Enabled"})
    none = absent("ReplicationConfigurationNotFoundError")
    aws = strict("s3.replication-keeps-versioning", GetBucketReplication=none)
    aws.allowed(*put, Bucket="b", VersioningConfiguration={"Status": "Suspended"})


# -------------------------------------------------------------- blocks of public access: EC2

ALL: dict[str, Any] = {"Add": [{"Group": "all"}]}
ONE: dict[str, Any] = {"Add": [{"UserId": "123456789012"}]}


def test_a_blocked_region_shares_no_image_with_everybody() -> None:
    on: Answer = {"ImageBlockPublicAccessState": "block-new-sharing"}
    aws = strict("ec2.public-image-blocked", GetImageBlockPublicAccessState=on)
    modify = ("ec2", "ModifyImageAttribute")

    code, message = aws.refused(*modify, ImageId="ami-1", LaunchPermission=ALL)

    assert code == "OperationNotPermitted"
    assert message.startswith("You can't publicly share this image because block public access")
    aws.allowed(*modify, ImageId="ami-1", LaunchPermission=ONE)
    off: Answer = {"ImageBlockPublicAccessState": "unblocked"}
    aws = strict("ec2.public-image-blocked", GetImageBlockPublicAccessState=off)
    aws.allowed(*modify, ImageId="ami-1", LaunchPermission=ALL)


@pytest.mark.parametrize("level", ["block-all-sharing", "block-new-sharing"])
def test_a_blocked_region_shares_no_snapshot_with_everybody(level: str) -> None:
    aws = strict("ec2.public-snapshot-blocked", GetSnapshotBlockPublicAccessState={"State": level})
    modify = ("ec2", "ModifySnapshotAttribute")

    assert aws.refused(*modify, SnapshotId="s", OperationType="add", GroupNames=["all"])[0] == (
        "OperationNotPermitted"
    )
    aws.allowed(*modify, SnapshotId="s", CreateVolumePermission=ONE)
    off: Answer = {"State": "unblocked"}
    aws = strict("ec2.public-snapshot-blocked", GetSnapshotBlockPublicAccessState=off)
    aws.allowed(*modify, SnapshotId="s", CreateVolumePermission=ALL)


def test_an_encrypted_snapshot_is_never_public() -> None:
    def snapshot(encrypted: bool) -> Answer:
        return {"Snapshots": [{"SnapshotId": "s", "Encrypted": encrypted}]}

    aws = strict("ec2.encrypted-snapshot-stays-private", DescribeSnapshots=snapshot(True))
    modify = ("ec2", "ModifySnapshotAttribute")

    assert aws.refused(*modify, SnapshotId="s", CreateVolumePermission=ALL)[0] == (
        "OperationNotPermitted"
    )
    aws.allowed(*modify, SnapshotId="s", CreateVolumePermission=ONE)
    aws = strict("ec2.encrypted-snapshot-stays-private", DescribeSnapshots=snapshot(False))
    aws.allowed(*modify, SnapshotId="s", CreateVolumePermission=ALL)


# --------------------------------------------------------------------- members of a cluster


def instance(**told: Any) -> Answer:
    return {"DBInstances": [{"DBInstanceIdentifier": "db", **told}]}


@pytest.mark.parametrize(
    ("rule", "setting", "said"),
    [
        ("rds.member-retention", {"BackupRetentionPeriod": 7}, "backup retention"),
        ("rds.member-deletion-protection", {"DeletionProtection": True}, "deletion protection"),
        ("rds.member-password", {"MasterUserPassword": "secret"}, "master user password"),
    ],
)
def test_a_clusters_setting_is_not_its_members(
    rule: str, setting: dict[str, Any], said: str
) -> None:
    aws = strict(rule, DescribeDBInstances=instance(DBClusterIdentifier="c"))
    modify = ("rds", "ModifyDBInstance")

    assert aws.refused(*modify, DBInstanceIdentifier="db", **setting) == (
        "InvalidParameterCombination",
        f"The specified DB Instance is a member of a cluster. Modify {said} for the DB Cluster "
        "using the ModifyDbCluster API",
    )
    aws.allowed(*modify, DBInstanceIdentifier="db", PubliclyAccessible=False)
    aws = strict(rule, DescribeDBInstances=instance())
    aws.allowed(*modify, DBInstanceIdentifier="db", **setting)


def test_a_member_of_a_multi_az_cluster_is_not_modified() -> None:
    member = instance(DBClusterIdentifier="c", Engine="postgres")
    aws = strict("rds.multi-az-member", DescribeDBInstances=member)
    modify = {"DBInstanceIdentifier": "db", "PubliclyAccessible": False}

    code, message = aws.refused("rds", "ModifyDBInstance", **modify)

    assert code == "InvalidParameterCombination"
    assert "managed at the cluster level" in message
    aurora = instance(DBClusterIdentifier="c", Engine="aurora-postgresql")
    strict("rds.multi-az-member", DescribeDBInstances=aurora).allowed(
        "rds", "ModifyDBInstance", **modify
    )


# ------------------------------------------------------------------------- owned elsewhere


@pytest.mark.parametrize("kind", ["Instance", "Cluster"])
def test_retention_that_aws_backup_owns_is_not_modified(kind: str) -> None:
    identifier, operation = {f"DB{kind}Identifier": "db"}, f"ModifyDB{kind}"
    owned = {**identifier, "AwsBackupRecoveryPointArn": "arn:aws:backup:us-east-1:1:recovery-point"}
    aws = strict("rds.retention-of-aws-backup", **{f"DescribeDB{kind}s": {f"DB{kind}s": [owned]}})

    code, message = aws.refused("rds", operation, **identifier, BackupRetentionPeriod=7)

    assert code == "InvalidParameterCombination"
    assert "managed by AWS Backup" in message
    aws.allowed("rds", operation, **identifier, DeletionProtection=True)
    own: Answer = {f"DB{kind}s": [identifier]}
    aws = strict("rds.retention-of-aws-backup", **{f"DescribeDB{kind}s": own})
    aws.allowed("rds", operation, **identifier, BackupRetentionPeriod=7)


MANAGED: Answer = {"Name": "r", "ManagedBy": "securityhub.amazonaws.com"}


def test_a_managed_rule_is_not_modified() -> None:
    aws = strict("events.managed-rule", DescribeRule=MANAGED)

    assert aws.refused("events", "DisableRule", Name="r") == (
        "ManagedRuleException",
        "This rule was created by an AWS service on behalf of your account. It is managed by that "
        "service.",
    )
    aws = strict("events.managed-rule", DescribeRule={"Name": "r"})
    aws.allowed("events", "DisableRule", Name="r")


def test_a_managed_rule_is_deleted_by_force_only() -> None:
    aws = strict("events.managed-rule-force", DescribeRule=MANAGED)

    assert aws.refused("events", "DeleteRule", Name="r")[0] == "ManagedRuleException"
    aws.allowed("events", "DeleteRule", Name="r", Force=True)
    aws = strict("events.managed-rule-force", DescribeRule={"Name": "r"})
    aws.allowed("events", "DeleteRule", Name="r")


@pytest.mark.parametrize(
    "name", ["AWSServiceRoleForConfig", "AWSReservedSSO_Admin_0123456789abcdef"]
)
def test_a_role_of_aws_is_not_modified(name: str) -> None:
    aws = strict("iam.protected-role", GetRole=absent())
    attach = ("iam", "DetachRolePolicy")
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"

    assert aws.refused(*attach, RoleName=name, PolicyArn=policy) == (
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only "
        "modifiable by AWS",
    )
    aws.allowed(*attach, RoleName="ours", PolicyArn=policy)


def test_a_policy_of_aws_is_not_modified() -> None:
    aws = strict("iam.aws-managed-policy")
    change = ("iam", "SetDefaultPolicyVersion")

    assert aws.refused(*change, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess", VersionId="v1")[
        0
    ] == ("AccessDenied")
    aws.allowed(*change, PolicyArn="arn:aws:iam::123456789012:policy/ours", VersionId="v1")


def test_a_secret_that_a_service_manages_is_that_services() -> None:
    aws = strict("secretsmanager.managed-secret", DescribeSecret={"OwningService": "rds"})
    cancel = ("secretsmanager", "CancelRotateSecret")

    code, message = aws.refused(*cancel, SecretId="s")

    assert code == "InvalidRequestException"
    assert "managed by rds" in message
    strict("secretsmanager.managed-secret", DescribeSecret={}).allowed(*cancel, SecretId="s")


def test_a_service_linked_recorder_is_not_put() -> None:
    aws = strict("config.service-linked-recorder")
    put = ("config", "PutConfigurationRecorder")

    assert aws.refused(*put, ConfigurationRecorder={"name": "AWSConfigurationRecorderForX"})[0] == (
        "UnmodifiableEntityException"
    )
    aws.allowed(*put, ConfigurationRecorder={"name": "default"})


def test_a_service_linked_rule_is_not_put() -> None:
    source = {"Owner": "AWS", "SourceIdentifier": "X"}
    there = {"ConfigRuleName": "r", "Source": source, "CreatedBy": "securityhub.amazonaws.com"}
    aws = strict("config.service-linked-rule", DescribeConfigRules={"ConfigRules": [there]})
    rule = {"ConfigRuleName": "r", "Source": source}

    assert aws.refused("config", "PutConfigRule", ConfigRule=rule)[0] == "AccessDeniedException"
    aws = strict("config.service-linked-rule", DescribeConfigRules=absent("NoSuchConfigRule"))
    assert aws.refused("config", "PutConfigRule", ConfigRule=there)
    aws.allowed("config", "PutConfigRule", ConfigRule=rule)


def test_a_service_that_codedeploy_deploys_takes_no_task_definition() -> None:
    def service(controller: str) -> Answer:
        return {"services": [{"serviceName": "s", "deploymentController": {"type": controller}}]}

    aws = strict("ecs.deployed-by-codedeploy", DescribeServices=service("CODE_DEPLOY"))

    assert aws.refused("ecs", "UpdateService", service="s", taskDefinition="t:1") == (
        "InvalidParameterException",
        "Unable to update task definition on services with a CODE_DEPLOY deployment controller. "
        "Use AWS CodeDeploy to trigger a new deployment.",
    )
    aws.allowed("ecs", "UpdateService", service="s", desiredCount=2)
    aws = strict("ecs.deployed-by-codedeploy", DescribeServices=service("ECS"))
    aws.allowed("ecs", "UpdateService", service="s", taskDefinition="t:1")


@pytest.mark.parametrize("kind", ["gateway", "network"])
def test_a_load_balancer_made_without_security_groups_takes_none(kind: str) -> None:
    def balancer(**told: Any) -> Answer:
        return {"LoadBalancers": [{"LoadBalancerArn": "l", **told}]}

    aws = strict("elbv2.no-security-groups", DescribeLoadBalancers=balancer(Type=kind))
    put = ("elbv2", "SetSecurityGroups")

    assert aws.refused(*put, LoadBalancerArn="l", SecurityGroups=["sg-1"])[0] == (
        "InvalidConfigurationRequest"
    )
    with_groups = balancer(Type="network", SecurityGroups=["sg-2"])
    aws = strict("elbv2.no-security-groups", DescribeLoadBalancers=with_groups)
    aws.allowed(*put, LoadBalancerArn="l", SecurityGroups=["sg-1"])


def test_a_mirror_target_is_one_that_is_seen() -> None:
    aws = strict(
        "ec2.mirror-target-of-its-owner", DescribeTrafficMirrorTargets={"TrafficMirrorTargets": []}
    )
    create = {
        "NetworkInterfaceId": "eni-1",
        "TrafficMirrorTargetId": "tmt-1",
        "TrafficMirrorFilterId": "tmf-1",
        "SessionNumber": 1,
    }

    assert aws.refused("ec2", "CreateTrafficMirrorSession", **create) == (
        "InvalidTrafficMirrorTargetId.NotFound",
        "The traffic mirror target ID 'tmt-1' does not exist",
    )
    seen: Answer = {
        "TrafficMirrorTargets": [{"TrafficMirrorTargetId": "tmt-1", "OwnerId": "999999999999"}]
    }
    aws = strict("ec2.mirror-target-of-its-owner", DescribeTrafficMirrorTargets=seen)
    aws.allowed("ec2", "CreateTrafficMirrorSession", **create)


def test_a_share_within_the_organization_takes_no_stranger() -> None:
    arn = "arn:aws:ram:us-east-1:123456789012:resource-share/s"
    share: Answer = {
        "resourceShares": [{"resourceShareArn": arn, "allowExternalPrincipals": False}]
    }
    members: Answer = {"Accounts": [{"Id": "111111111111"}]}
    aws = strict("ram.external-principals", GetResourceShares=share, ListAccounts=members)
    associate = ("ram", "AssociateResourceShare")

    assert aws.refused(*associate, resourceShareArn=arn, principals=["999999999999"])[0] == (
        "OperationNotPermittedException"
    )
    aws.allowed(*associate, resourceShareArn=arn, principals=["111111111111"])
    open_: Answer = {"resourceShares": [{"resourceShareArn": arn, "allowExternalPrincipals": True}]}
    aws = strict("ram.external-principals", GetResourceShares=open_, ListAccounts=members)
    aws.allowed(*associate, resourceShareArn=arn, principals=["999999999999"])
