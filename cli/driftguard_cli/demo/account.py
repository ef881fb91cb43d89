"""The account that the demo guards: a small web shop, in good order until somebody comes along."""

from __future__ import annotations

import json
from dataclasses import dataclass

from driftguard_cli.lab.record import Client, Lab

PARTNER = "111122223333"


@dataclass(frozen=True, slots=True)
class Account:
    """What was staged, and the clients to look at it and to change it as anybody else would."""

    id: str
    region: str
    ec2: Client
    s3: Client
    iam: Client
    events: Client
    web: str
    assets: str
    uploads: str
    invoices: str
    user: str
    leaked_key: str
    other_key: str


def stage(lab: Lab) -> Account:
    """Builds what the risky changes will later be made to; everything in it is legitimate."""
    ec2, s3, iam = (lab.client(service) for service in ("ec2", "s3", "iam"))
    account, region = lab.account_id, lab.region
    buckets = {name: f"shop-{name}-{account}" for name in ("assets", "uploads", "invoices")}
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    s3.put_bucket_policy(Bucket=buckets["assets"], Policy=policy_of(buckets["assets"]))
    s3.put_public_access_block(
        Bucket=buckets["invoices"],
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_tagging(
        Bucket=buckets["invoices"], Tagging={"TagSet": [{"Key": "data", "Value": "financial"}]}
    )
    user = "deployer"
    iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user,
        PolicyName="deploy",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"},
                ],
            }
        ),
    )
    leaked, other = (iam.create_access_key(UserName=user)["AccessKey"] for _ in range(2))
    return Account(
        id=account,
        region=region,
        ec2=ec2,
        s3=s3,
        iam=iam,
        events=lab.client("events"),
        web=_web_group(ec2),
        **buckets,
        user=user,
        leaked_key=leaked["AccessKeyId"],
        other_key=other["AccessKeyId"],
    )


def policy_of(bucket: str, *more: dict[str, object]) -> str:
    """The policy of a bucket that a partner may read, with any further statements."""
    statement = {
        "Sid": "PartnerReads",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/catalogue/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement, *more]}, indent=2)


def _web_group(ec2: Client) -> str:
    [network] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    group: str = ec2.create_security_group(
        GroupName="web", Description="The shop's web servers", VpcId=network["VpcId"]
    )["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "customers"}],
            },
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "operators, by VPN"}],
            },
        ],
    )
    return group
