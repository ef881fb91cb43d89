"""Scenarios of the controls that contain a database, or a principal at a bucket.

No emulator has GuardDuty's findings.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import boto3

from tests.scenarios.containment import make_role
from tests.scenarios.containment_compute import AT_ONCE, finding, reported, telling
from tests.scenarios.model import ACCOUNT, Scenario, Staged, policy_of

GUESSED = "CredentialAccess:RDS/AnomalousBehavior.SuccessfulBruteForce"


# ------------------------------------------------------------------------------------ a database


def about_database(name: str, *, cluster: str = "", id_: str = "") -> dict[str, Any]:
    """A finding about logins to one instance, which may be a cluster's."""
    details = {
        "dbInstanceIdentifier": name,
        "dbInstanceArn": f"arn:aws:rds:us-east-1:{ACCOUNT}:db:{name}",
        "engine": "Aurora PostgreSQL" if cluster else "PostgreSQL",
        **({"dbClusterIdentifier": cluster} if cluster else {}),
        **({"dbiResourceId": id_} if id_ else {}),
    }
    user = {"user": "app", "application": "psql", "database": "orders", "ssl": "TLSv1.3"}
    resource = {
        "resourceType": "RDSDBInstance",
        "rdsDbInstanceDetails": details,
        "rdsDbUserDetails": {**user, "authMethod": "password"},
    }
    return finding(GUESSED, resource)


def _groups() -> list[str]:
    ec2 = boto3.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return [
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc["VpcId"])["GroupId"]
        for name in ("database", "admin")
    ]


def databases() -> Any:
    """All that a containment could touch; groups by their names, as ids are made anew."""
    rds, ec2 = boto3.client("rds"), boto3.client("ec2")
    found = ec2.describe_security_groups()["SecurityGroups"]
    names = {one["GroupId"]: one["GroupName"] for one in found}
    snapshots = [
        *(one["DBSnapshotIdentifier"] for one in rds.describe_db_snapshots()["DBSnapshots"]),
        *(
            one["DBClusterSnapshotIdentifier"]
            for one in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
        ),
    ]
    every = [
        *rds.describe_db_clusters()["DBClusters"],
        *rds.describe_db_instances()["DBInstances"],
    ]
    return {
        "groups": {
            one["GroupName"]: (one["IpPermissions"], one["IpPermissionsEgress"]) for one in found
        },
        "databases": {
            one.get("DBInstanceIdentifier") or one["DBClusterIdentifier"]: {
                "groups": sorted(
                    names[held["VpcSecurityGroupId"]] for held in one["VpcSecurityGroups"]
                ),
                "protected": one["DeletionProtection"],
                "class": one.get("DBInstanceClass"),
            }
            for one in every
        },
        "evidence": sorted(one for one in snapshots if not one.startswith("rds:")),
    }


def _cut_off(before: Any, name: str, thing: str, snapshot: str, members: tuple[str, ...]) -> Any:
    """What is there once a database is contained: of the others, as it was."""
    group = f"driftguard-quarantine-{thing}:{name}"
    held = before["databases"]
    cut: dict[str, Any] = {one: held[one] | {"groups": [group]} for one in (name, *members)}
    cut[name] = cut[name] | {"protected": True}
    return {
        "groups": before["groups"] | {group: ([], [])},
        "databases": held | cut,
        "evidence": sorted([*before["evidence"], snapshot]),
    }


def _without_evidence(snapshot: Any) -> Any:
    """What an undo brings back: it keeps the evidence."""
    return {name: held for name, held in snapshot.items() if name != "evidence"}


def _instance(name: str, groups: list[str], **more: Any) -> Any:
    given = {
        "DBInstanceIdentifier": name,
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "postgres",
        "AllocatedStorage": 20,
        "MasterUsername": "admin",
        "MasterUserPassword": "an-example-only",
        "VpcSecurityGroupIds": groups,
        **more,
    }
    return boto3.client("rds").create_db_instance(**given)["DBInstance"]


def database(*, protected: bool = False) -> Staged:
    """Somebody guesses their way into one of two instances, which share their groups."""
    groups = _groups()
    made = _instance("orders", groups, DeletionProtection=protected)
    _instance("billing", groups)
    found = about_database("orders", id_=made["DbiResourceId"])
    evidence = f"driftguard-evidence-{found['id']}-orders"
    return Staged(
        lambda: reported(found),
        databases,
        lambda before: _cut_off(before, "orders", "db", evidence, ()),
        fakes=telling(found),
        anew=_without_evidence,
    )


def cluster() -> Staged:
    """Somebody guesses their way into an instance of a cluster: its groups are the cluster's."""
    groups, rds = _groups(), boto3.client("rds")
    for name in ("shop", "blog"):
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername="admin",
            MasterUserPassword="an-example-only",
            VpcSecurityGroupIds=groups,
        )
    for name, of in (("shop-1", "shop"), ("shop-2", "shop"), ("blog-1", "blog")):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier=of,
        )
    found = about_database("shop-1", cluster="shop")
    evidence = f"driftguard-evidence-{found['id']}-shop"
    return Staged(
        lambda: reported(found),
        databases,
        lambda before: _cut_off(before, "shop", "cluster", evidence, ("shop-1", "shop-2")),
        fakes=telling(found),
        anew=_without_evidence,
    )


# ------------------------------------------------------------------------------------- a bucket

STOLEN = "Exfiltration:S3/MaliciousIPCaller"


def about_bucket(name: str, role: str, role_id: str, type_: str = STOLEN) -> dict[str, Any]:
    """A finding about what a session of a role did with a bucket."""
    key = {
        "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "principalId": f"{role_id}:alice",
        "userType": "AssumedRole",
        "userName": role,
    }
    bucket = {"name": name, "arn": f"arn:aws:s3:::{name}", "type": "Destination"}
    about = {"resourceType": "S3Bucket", "s3BucketDetails": [bucket], "accessKeyDetails": key}
    return finding(type_, about)


def buckets() -> Any:
    """All that a containment could touch."""
    s3 = boto3.client("s3")

    def written(name: str) -> str | None:
        try:
            return str(s3.get_bucket_policy(Bucket=name)["Policy"])
        except s3.exceptions.ClientError:
            return None

    return {
        one["Name"]: {
            "policy": written(one["Name"]),
            "versioning": s3.get_bucket_versioning(Bucket=one["Name"]).get("Status"),
        }
        for one in s3.list_buckets()["Buckets"]
    }


def denial(bucket: str, *arns: str) -> dict[str, Any]:
    """The statement that contains."""
    return {
        "Sid": "DriftguardContainment",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": [*arns]}},
    }


OWN_STATEMENT = {
    "Sid": "Tls",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::orders", "arn:aws:s3:::orders/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def bucket(*, policy: bool = True, versioning: str = "Suspended") -> Staged:
    """Credentials of a role read a bucket from where nobody of ours is."""
    s3: Any = boto3.client("s3")
    id_ = make_role("reader")
    for name in ("orders", "returns"):
        s3.create_bucket(Bucket=name)
    if policy:
        s3.put_bucket_policy(Bucket="orders", Policy=policy_of(OWN_STATEMENT))
    if versioning:
        for status in ("Enabled", versioning):
            s3.put_bucket_versioning(Bucket="orders", VersioningConfiguration={"Status": status})
    found = about_bucket("orders", "reader", id_)
    ours = denial("orders", f"arn:aws:iam::{ACCOUNT}:role/shop/reader")

    def reverted(before: Any) -> Any:
        statements = [OWN_STATEMENT, ours] if policy else [ours]
        whole = {"Version": "2012-10-17", "Statement": statements}
        now = {"policy": whole, "versioning": "Enabled" if versioning else None}
        return before | {"orders": now}

    def normal(snapshot: Any) -> Any:
        """The policy as it is meant, however it is written."""
        held = snapshot["orders"]
        read = held["policy"]
        return snapshot | {"orders": held | {"policy": json.loads(read) if read else None}}

    return Staged(lambda: reported(found), buckets, reverted, normal, fakes=telling(found))


SCENARIOS = (
    Scenario("containment.database", database, settings=AT_ONCE),
    Scenario("containment.database", partial(database, protected=True), "protected", asked=True),
    Scenario("containment.database", cluster, "cluster", asked=True),
    Scenario("containment.bucket", bucket, settings=AT_ONCE),
    Scenario(
        "containment.bucket", partial(bucket, policy=False, versioning=""), "asked", asked=True
    ),
)
