"""Scenarios of the efs controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Fake, Scenario, Staged, policy_of
from tests.support.records import change

EFS = "elasticfilesystem.amazonaws.com"
TLS_ONLY = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
VIA_MOUNT_TARGET = {
    "Sid": "ViaMountTarget",
    "Effect": "Allow",
    "Principal": {"AWS": "*"},
    "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
    "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
}


def open_policy() -> Staged:
    client = boto3.client("efs")
    name = client.create_file_system(CreationToken="files")["FileSystemId"]
    client.put_file_system_policy(FileSystemId=name, Policy=policy_of(VIA_MOUNT_TARGET, TLS_ONLY))

    def snapshot() -> Any:
        return client.describe_file_system_policy(FileSystemId=name)["Policy"]

    def attack() -> Change:
        everybody = {key: value for key, value in VIA_MOUNT_TARGET.items() if key != "Condition"}
        written = policy_of(VIA_MOUNT_TARGET, TLS_ONLY, everybody | {"Sid": "Everybody"})
        client.put_file_system_policy(FileSystemId=name, Policy=written)
        request = {
            "fileSystemId": name,
            "policy": written,
            "bypassPolicyLockoutSafetyCheck": False,
        }
        return change(EFS, "PutFileSystemPolicy", request)

    return Staged(attack, snapshot, normal=json.loads)


def deleted_policy() -> Staged:
    """moto cannot delete a policy: a fake keeps one."""
    name = "fs-0123456789abcdef0"
    policies = {name: policy_of(VIA_MOUNT_TARGET, TLS_ONLY)}
    system = {
        "OwnerId": ACCOUNT,
        "CreationToken": "files",
        "FileSystemId": name,
        "FileSystemArn": f"arn:aws:elasticfilesystem:us-east-1:{ACCOUNT}:file-system/{name}",
        "CreationTime": "2026-01-01T00:00:00Z",
        "LifeCycleState": "available",
        "NumberOfMountTargets": 1,
        "SizeInBytes": {"Value": 0},
        "PerformanceMode": "generalPurpose",
        "Tags": [],
    }

    def describe(asked: dict[str, Any]) -> dict[str, Any]:
        if asked["FileSystemId"] not in policies:
            return {"Error": {"Code": "PolicyNotFound"}}
        return {"FileSystemId": name, "Policy": policies[name]}

    def put(asked: dict[str, Any]) -> dict[str, Any]:
        policies[asked["FileSystemId"]] = asked["Policy"]
        return {"FileSystemId": name, "Policy": asked["Policy"]}

    def delete(asked: dict[str, Any]) -> dict[str, Any]:
        policies.pop(asked["FileSystemId"], None)
        return {}

    fakes: dict[tuple[str, str], Fake] = {
        ("efs", "DescribeFileSystems"): lambda asked: {"FileSystems": [system]},
        ("efs", "DescribeFileSystemPolicy"): describe,
        ("efs", "PutFileSystemPolicy"): put,
        ("efs", "DeleteFileSystemPolicy"): delete,
    }

    def attack() -> Change:
        boto3.client("efs").delete_file_system_policy(FileSystemId=name)
        return change(EFS, "DeleteFileSystemPolicy", {"fileSystemId": name})

    return Staged(attack, lambda: dict(policies), fakes=fakes, baseline=True)


SCENARIOS = (
    Scenario("efs.public-policy", open_policy),
    Scenario("efs.policy-deleted", deleted_policy),
)
