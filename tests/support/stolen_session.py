"""Six changes by one stolen session, as Stratus Red Team's attacks make them, and two bystanders.

Each record is in the shape of AWS's own for the attack that its comment names; the calls are made
in moto, so that a guard has something to take back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from driftguard.approvals.desk import Desk
from driftguard.model import Change, Decision, Status
from tests.support.approving import Asked, asking
from tests.support.aws_policies import aws_policy
from tests.support.records import ACCOUNT, ec2, iam, nested_ingress, permission, s3
from tests.support.world import World

STRANGER = "999999999999"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci-build"


def in_session(name: str, access_key: str) -> dict[str, Any]:
    """A session of the one role that all of them use, by its name and its credentials."""
    identity = {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE0000000001:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/ci-build/{name}",
        "accountId": ACCOUNT,
        "accessKeyId": access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLE0000000001",
                "arn": ROLE,
                "accountId": ACCOUNT,
                "userName": "ci-build",
            },
            "attributes": {"creationDate": "2026-11-24T11:42:07Z", "mfaAuthenticated": "false"},
        },
    }
    return {"userIdentity": identity}


THIEF = in_session("GitHubActions", "ASIAEXAMPLE00000THIEF")
# One is called like the thief's session, as all workflows with GitHub's action are.
BYSTANDERS = (
    in_session("GitHubActions", "ASIAEXAMPLE0000BUILD1"),
    in_session("alice@example.com", "ASIAEXAMPLE0000ALICE1"),
)


@dataclass(frozen=True)
class Scene:
    """What the account has: names and ids of the resources."""

    group: str
    snapshot: str
    bucket: str = f"wares-{ACCOUNT}"
    user: str = "report-robot"
    role: str = "report-reader"

    def state(self) -> dict[str, Any]:
        """All that the six changes touch, but for the times and ids of what is made anew."""
        client, ec2_ = boto3.client("iam"), boto3.client("ec2")
        (group,) = ec2_.describe_security_groups(GroupIds=[self.group])["SecurityGroups"]
        shared = ec2_.describe_snapshot_attribute(
            SnapshotId=self.snapshot, Attribute="createVolumePermission"
        )
        keys = client.list_access_keys(UserName=self.user)["AccessKeyMetadata"]
        attached = client.list_attached_user_policies(UserName=self.user)["AttachedPolicies"]
        return {
            "keys": [one["Status"] for one in keys],
            "attached": attached,
            "trust": client.get_role(RoleName=self.role)["Role"]["AssumeRolePolicyDocument"],
            "ingress": [one["IpRanges"] for one in group["IpPermissions"]],
            "shared": shared["CreateVolumePermissions"],
            "policy": json.loads(
                boto3.client("s3").get_bucket_policy(Bucket=self.bucket)["Policy"]
            ),
        }


def _trust(*others: dict[str, str]) -> str:
    principals = ({"Service": "lambda.amazonaws.com"}, *others)
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole"}
                for one in principals
            ],
        }
    )


def _policy(bucket: str, **allowed: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"AWS": who},
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
            }
            for sid, who in allowed.items()
        ],
    }


_OURS = f"arn:aws:iam::{ACCOUNT}:role/reports"


def staged() -> Scene:
    """The account as it was before."""
    client, resources, s3_ = boto3.client("iam"), boto3.client("ec2"), boto3.client("s3")
    volume = resources.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    scene = Scene(
        group=resources.create_security_group(GroupName="web", Description="web")["GroupId"],
        snapshot=resources.create_snapshot(VolumeId=volume)["SnapshotId"],
    )
    client.create_user(UserName=scene.user)
    client.create_role(RoleName=scene.role, AssumeRolePolicyDocument=_trust())
    client.create_role(RoleName="reports", AssumeRolePolicyDocument=_trust())
    s3_.create_bucket(Bucket=scene.bucket)
    before = _policy(scene.bucket, Reports=_OURS)
    s3_.put_bucket_policy(Bucket=scene.bucket, Policy=json.dumps(before))
    return scene


def attacked(scene: Scene) -> list[Change]:
    """The thief's six changes, made, in the order in which they were: data first."""
    client, resources = boto3.client("iam"), boto3.client("ec2")
    made = []
    # aws.exfiltration.s3-backdoor-bucket-policy
    policy = _policy(scene.bucket, Reports=_OURS, Partner=f"arn:aws:iam::{STRANGER}:root")
    boto3.client("s3").put_bucket_policy(Bucket=scene.bucket, Policy=json.dumps(policy))
    request: dict[str, Any] = {"bucketName": scene.bucket, "policy": "", "bucketPolicy": policy}
    made.append(s3("PutBucketPolicy", request, **THIEF))
    # aws.exfiltration.ec2-share-ebs-snapshot
    resources.modify_snapshot_attribute(
        SnapshotId=scene.snapshot,
        Attribute="createVolumePermission",
        OperationType="add",
        UserIds=[STRANGER],
    )
    shared = {
        "snapshotId": scene.snapshot,
        "createVolumePermission": {"add": {"items": [{"userId": STRANGER}]}},
        "attributeType": "CREATE_VOLUME_PERMISSION",
    }
    made.append(ec2("ModifySnapshotAttribute", shared, **THIEF))
    # aws.exfiltration.ec2-security-group-open-port-22-ingress
    resources.authorize_security_group_ingress(
        GroupId=scene.group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    made.append(nested_ingress(scene.group, permission(22, "0.0.0.0/0"), **THIEF))
    # aws.persistence.iam-create-admin-user
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    admin = aws_policy("AdministratorAccess", everything)
    client.attach_user_policy(UserName=scene.user, PolicyArn=admin)
    attach = {"userName": scene.user, "policyArn": admin}
    made.append(iam("AttachUserPolicy", attach, **THIEF))
    # aws.persistence.iam-backdoor-role
    trust = _trust({"AWS": f"arn:aws:iam::{STRANGER}:root"})
    client.update_assume_role_policy(RoleName=scene.role, PolicyDocument=trust)
    named = {"roleName": scene.role, "policyDocument": trust}
    made.append(iam("UpdateAssumeRolePolicy", named, **THIEF))
    # aws.persistence.iam-backdoor-user
    key = client.create_access_key(UserName=scene.user)["AccessKey"]
    answer = {"accessKey": {"accessKeyId": key["AccessKeyId"], "status": "Active"}}
    answer["accessKey"]["userName"] = scene.user
    made.append(iam("CreateAccessKey", {"userName": scene.user}, responseElements=answer, **THIEF))
    return made


def bystanders() -> list[tuple[str, Change]]:
    """A change of each bystander, made, with the group that it opened."""
    found = []
    for number, somebody in enumerate(BYSTANDERS):
        resources, name = boto3.client("ec2"), f"bystander-{number}"
        group = resources.create_security_group(GroupName=name, Description=name)["GroupId"]
        resources.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        found.append((group, nested_ingress(group, permission(22, "0.0.0.0/0"), **somebody)))
    return found


class Stolen(Asked):
    """The six changes, each asked about, in one incident; ways to vote as with one request."""

    def __init__(self, world: World, **terms: Any) -> None:
        self.world, self.guard = world, asking(world, **terms)
        self.scene = staged()
        self.before = self.scene.state()
        changes = attacked(self.scene)
        self.decisions = []
        for change in changes:
            world.clock.pass_by(seconds=5)
            self.decisions += self.guard.handle(change)
        self.decision = self.decisions[0]
        self.desk = Desk(world.audit, world.state, self.guard.policy, world.clock.now)
        self.after = self.scene.state()

    def now(self, decision: Decision) -> Decision:
        """A decision as it stands."""
        found = self.world.audit.get(decision.id)
        assert found is not None
        return found

    @property
    def statuses(self) -> set[Status]:
        """Where the decisions stand."""
        return {self.now(one).status for one in self.decisions}
