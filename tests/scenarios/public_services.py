"""Scenarios of services that were opened to the internet, and of zones and backups switched off.

No emulator has these APIs; small models stand in (tests/support/kept.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, Fake, Scenario, Staged
from tests.support.kept import Kept
from tests.support.records import change

REGION = "us-east-1"
LIGHTSAIL = "lightsail.amazonaws.com"
IDENTIFIED = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


def of_lightsail(kind: str) -> str:
    return f"arn:aws:lightsail:{REGION}:{ACCOUNT}:{kind}/{IDENTIFIED}"


def port(number: int, *cidrs: str, protocol: str = "tcp") -> dict[str, Any]:
    return {"fromPort": number, "toPort": number, "protocol": protocol, "cidrs": [*cidrs]}


def open_ports() -> Staged:
    """The firewall of a web server: SSH from an office, and then from everywhere."""
    web, office = port(443, "0.0.0.0/0"), port(22, "192.0.2.0/24")
    kept = Kept([office, web])
    gone: dict[str, Any] = {"Error": {"Code": "NotFoundException"}}

    def instance(asked: dict[str, Any]) -> dict[str, Any]:
        found = {"instance": {"name": "shop", "arn": of_lightsail("Instance")}}
        return found if asked["instanceName"] == "shop" else gone

    def ports(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["instanceName"] == "shop"
        return {
            "portStates": [
                {**one, "state": "open", "ipv6Cidrs": [], "cidrListAliases": []}
                for one in kept.value
            ]
        }

    fakes: dict[tuple[str, str], Fake] = {
        ("lightsail", "GetInstances"): lambda asked: {"instances": [{"name": "shop"}]},
        ("lightsail", "GetInstance"): instance,
        ("lightsail", "GetInstancePortStates"): ports,
        ("lightsail", "PutInstancePublicPorts"): kept.take(lambda asked: asked["portInfos"]),
    }

    def attack() -> Change:
        kept.value = [
            port(22, "192.0.2.0/24", "0.0.0.0/0"),
            web,
            port(3306, "0.0.0.0/0"),
        ]
        request = {"instanceName": "shop", "portInfos": kept.value}
        return change(LIGHTSAIL, "PutInstancePublicPorts", request)

    return Staged(attack, lambda: sorted(kept.value, key=str), fakes=fakes, baseline=True)


def public_bucket() -> Staged:
    kept = Kept({"getObject": "private", "allowPublicOverrides": False})
    fakes: dict[tuple[str, str], Fake] = {
        ("lightsail", "GetBuckets"): kept.tell(
            lambda rules: {
                "buckets": [
                    {"name": "uploads", "arn": of_lightsail("Bucket"), "accessRules": rules}
                ]
            }
        ),
        ("lightsail", "UpdateBucket"): kept.take(lambda asked: asked["accessRules"]),
    }

    def attack() -> Change:
        kept.value = {"getObject": "public", "allowPublicOverrides": False}
        return change(
            LIGHTSAIL,
            "UpdateBucket",
            {"bucketName": "uploads", "accessRules": {"getObject": "public"}},
        )

    return Staged(attack, lambda: dict(kept.value), fakes=fakes, baseline=True)


def public_database() -> Staged:
    kept = Kept(False)

    def described(public: bool) -> dict[str, Any]:
        return {
            "name": "orders",
            "arn": of_lightsail("RelationalDatabase"),
            "publiclyAccessible": public,
        }

    fakes: dict[tuple[str, str], Fake] = {
        ("lightsail", "GetRelationalDatabases"): kept.tell(
            lambda public: {"relationalDatabases": [described(public)]}
        ),
        ("lightsail", "GetRelationalDatabase"): kept.tell(
            lambda public: {"relationalDatabase": described(public)}
        ),
        ("lightsail", "UpdateRelationalDatabase"): kept.take(
            lambda asked: asked["publiclyAccessible"]
        ),
    }

    def attack() -> Change:
        kept.value = True
        request = {"relationalDatabaseName": "orders", "publiclyAccessible": True}
        return change(LIGHTSAIL, "UpdateRelationalDatabase", request)

    return Staged(attack, lambda: kept.value, fakes=fakes)


def public_workgroup() -> Staged:
    kept = Kept(False)
    arn = f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/{IDENTIFIED}"

    def described(public: bool) -> dict[str, Any]:
        return {"workgroupName": "sales", "workgroupArn": arn, "publiclyAccessible": public}

    fakes: dict[tuple[str, str], Fake] = {
        ("redshift-serverless", "ListWorkgroups"): kept.tell(
            lambda public: {"workgroups": [described(public)]}
        ),
        ("redshift-serverless", "GetWorkgroup"): kept.tell(
            lambda public: {"workgroup": described(public)}
        ),
        ("redshift-serverless", "UpdateWorkgroup"): kept.take(
            lambda asked: asked["publiclyAccessible"],
            lambda asked: {"workgroup": described(asked["publiclyAccessible"])},
        ),
    }

    def attack() -> Change:
        kept.value = True
        request = {"workgroupName": "sales", "publiclyAccessible": True}
        response = {"workgroup": {"workgroupName": "sales", "workgroupArn": arn}}
        return change(
            "redshift-serverless.amazonaws.com",
            "UpdateWorkgroup",
            request,
            responseElements=response,
        )

    return Staged(attack, lambda: kept.value, fakes=fakes)


def no_backups() -> Staged:
    client = boto3.client("efs")
    name = client.create_file_system(CreationToken="shared")["FileSystemId"]
    kept = Kept("ENABLED")

    def of(asked: dict[str, Any]) -> str:
        assert asked["FileSystemId"] == name
        return str(asked["BackupPolicy"]["Status"])

    fakes: dict[tuple[str, str], Fake] = {
        ("efs", "DescribeBackupPolicy"): kept.tell(
            lambda status: {"BackupPolicy": {"Status": status}}
        ),
        ("efs", "PutBackupPolicy"): kept.take(
            of, lambda asked: {"BackupPolicy": asked["BackupPolicy"]}
        ),
    }

    def attack() -> Change:
        kept.value = "DISABLED"
        request = {"fileSystemId": name, "backupPolicy": {"status": "DISABLED"}}
        return change("elasticfilesystem.amazonaws.com", "PutBackupPolicy", request)

    return Staged(attack, lambda: kept.value, fakes=fakes, baseline=True)


def unsigned_zone() -> Staged:
    client = boto3.client("route53")
    made = client.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    zone = made.rpartition("/")[2]
    kept = Kept("SIGNING")
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    pending = {"ChangeInfo": {"Id": "C1", "Status": "PENDING", "SubmittedAt": at}}

    fakes: dict[tuple[str, str], Fake] = {
        ("route53", "GetDNSSEC"): kept.tell(
            lambda status: {
                "Status": {"ServeSignature": status},
                "KeySigningKeys": [{"Name": "first", "Status": "ACTIVE"}],
            }
        ),
        ("route53", "EnableHostedZoneDNSSEC"): kept.take(
            lambda asked: "SIGNING", lambda _: pending
        ),
        ("route53", "DisableHostedZoneDNSSEC"): kept.take(
            lambda asked: "NOT_SIGNING", lambda _: pending
        ),
    }

    def attack() -> Change:
        kept.value = "NOT_SIGNING"
        return change("route53.amazonaws.com", "DisableHostedZoneDNSSEC", {"hostedZoneId": zone})

    return Staged(attack, lambda: kept.value, fakes=fakes)


SCENARIOS = (
    Scenario("efs.backups-off", no_backups),
    Scenario("lightsail.public-bucket", public_bucket),
    Scenario("lightsail.public-database", public_database),
    Scenario("lightsail.public-port", open_ports),
    Scenario("redshiftserverless.public", public_workgroup),
    Scenario("route53.dnssec-off", unsigned_zone),
)
