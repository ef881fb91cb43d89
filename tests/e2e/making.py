"""Makes the buckets, groups and policies of the end-to-end tests in the emulator."""

from __future__ import annotations

import json
from uuid import uuid4

from tests.e2e.world import World


def web_group(world: World) -> str:
    """A group with 443 for everybody and SSH for the private network."""
    [network] = world.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])[
        "Vpcs"
    ]
    group: str = world.ec2.create_security_group(
        GroupName=f"web-{uuid4()}", Description="web servers", VpcId=network["VpcId"]
    )["GroupId"]
    world.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            permission(443, IpRanges=[{"CidrIp": "0.0.0.0/0", "Description": "customers"}]),
            permission(22, IpRanges=[{"CidrIp": "10.0.0.0/8", "Description": "operators"}]),
        ],
    )
    return group


def permission(port: int, **sources: object) -> dict[str, object]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **sources}


def make_bucket(world: World) -> str:
    """A bucket of the old days: with ACLs, and nothing that blocks public access."""
    name = f"bucket-{uuid4()}"
    world.s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    world.s3.delete_public_access_block(Bucket=name)
    return name


def named(bucket: str, **more: object) -> dict[str, object]:
    """What CloudTrail logs of every bucket request."""
    return {"bucketName": bucket, "Host": f"{bucket}.s3.us-east-1.amazonaws.com", **more}


def publish_bucket(lab: World, bucket: str) -> str:
    """Makes a bucket public by its policy; returns the policy's text, oddly spaced."""
    everybody = {
        "Sid": "Everybody",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    mine = everybody | {"Sid": "Mine", "Principal": {"AWS": lab.account}}
    written = {"Version": "2012-10-17", "Statement": [mine, everybody]}
    text = json.dumps(written, indent=3)
    lab.s3.put_bucket_policy(Bucket=bucket, Policy=text)
    lab.api_call("s3", "PutBucketPolicy", named(bucket, bucketPolicy=written, policy=""))
    return text


def policy_text(lab: World, bucket: str) -> str:
    text: str = lab.s3.get_bucket_policy(Bucket=bucket)["Policy"]
    return text
