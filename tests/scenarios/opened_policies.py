"""Scenarios of resource policies that were opened, in services where a control has only that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Fake, Scenario, Staged, policy_of
from tests.support.kept import Kept
from tests.support.records import change

REGION = "us-east-1"
OURS = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
THEIRS = {"AWS": f"arn:aws:iam::{STRANGER}:root"}

Put = Callable[[str], Change]


def allowing(sid: str, who: Any, action: Any, resource: str) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": who,
        "Action": action,
        "Resource": resource,
    }


def parsed(written: str | None) -> Any:
    """A policy without its layout: a surgical edit may lay the text out anew."""
    return json.loads(written) if written else None


def staged(
    put: Put,
    there: Callable[[], str | None],
    *,
    action: Any,
    resource: str,
    who: Any = "*",
    before: bool = True,
    fakes: Mapping[tuple[str, str], Fake] | None = None,
) -> Staged:
    """A policy that lets our account in, or none, and a statement that lets in a stranger."""
    statements = [allowing("Ours", OURS, action, resource)] if before else []
    if before:
        put(policy_of(*statements))

    def attack() -> Change:
        return put(policy_of(*statements, allowing("Oops", who, action, resource)))

    return Staged(attack, there, normal=parsed, fakes=fakes or {})


# ---------------------------------------------------------------------------------- emulated


def registry(before: bool) -> Staged:
    client = boto3.client("ecr")

    def put(written: str) -> Change:
        client.put_registry_policy(policyText=written)
        return change("ecr.amazonaws.com", "PutRegistryPolicy", {"policyText": written})

    def there() -> str | None:
        try:
            return str(client.get_registry_policy()["policyText"])
        except client.exceptions.RegistryPolicyNotFoundException:
            return None

    where = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"
    return staged(
        put, there, action="ecr:ReplicateImage", resource=where, who=THEIRS, before=before
    )


def stream(before: bool) -> Staged:
    client = boto3.client("kinesis")
    client.create_stream(StreamName="orders", ShardCount=1)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders"

    def put(written: str) -> Change:
        client.put_resource_policy(ResourceARN=arn, Policy=written)
        request = {"resourceARN": arn, "policy": written}
        return change("kinesis.amazonaws.com", "PutResourcePolicy", request)

    def there() -> str | None:
        written = client.get_resource_policy(ResourceARN=arn)["Policy"]
        return None if written == "{}" else str(written)

    return staged(put, there, action="kinesis:GetRecords", resource=arn, before=before)


def unencrypted_stream() -> Staged:
    client = boto3.client("kinesis")
    for name in ("orders", "clicks"):
        client.create_stream(StreamName=name, ShardCount=1)
        client.start_stream_encryption(
            StreamName=name, EncryptionType="KMS", KeyId="alias/aws/kinesis"
        )

    def attack() -> Change:
        asked = {"StreamName": "orders", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
        client.stop_stream_encryption(**asked)
        request = {name[0].lower() + name[1:]: value for name, value in asked.items()}
        return change("kinesis.amazonaws.com", "StopStreamEncryption", request)

    def snapshot() -> Any:
        found = [
            client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            for name in ("orders", "clicks")
        ]
        names = ("StreamName", "EncryptionType", "KeyId")
        return [{name: one.get(name) for name in names} for one in found]

    return Staged(attack, snapshot)


def authority(before: bool) -> Staged:
    client = boto3.client("acm-pca")
    arn = client.create_certificate_authority(
        CertificateAuthorityConfiguration={
            "KeyAlgorithm": "RSA_2048",
            "SigningAlgorithm": "SHA256WITHRSA",
            "Subject": {"CommonName": "ca.example.com"},
        },
        CertificateAuthorityType="ROOT",
    )["CertificateAuthorityArn"]
    # AWS takes a policy from the first; moto only once a certificate is installed.
    certificate = client.issue_certificate(
        CertificateAuthorityArn=arn,
        Csr=client.get_certificate_authority_csr(CertificateAuthorityArn=arn)["Csr"],
        SigningAlgorithm="SHA256WITHRSA",
        TemplateArn="arn:aws:acm-pca:::template/RootCACertificate/V1",
        Validity={"Value": 10, "Type": "YEARS"},
    )["CertificateArn"]
    issued = client.get_certificate(CertificateAuthorityArn=arn, CertificateArn=certificate)
    client.import_certificate_authority_certificate(
        CertificateAuthorityArn=arn, Certificate=issued["Certificate"]
    )

    def put(written: str) -> Change:
        client.put_policy(ResourceArn=arn, Policy=written)
        request = {"resourceArn": arn, "policy": written}
        return change("acm-pca.amazonaws.com", "PutPolicy", request)

    def there() -> str | None:
        try:
            return str(client.get_policy(ResourceArn=arn)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            return None

    return staged(
        put, there, action="acm-pca:IssueCertificate", resource=arn, who=THEIRS, before=before
    )


def destination() -> Staged:
    client = boto3.client("logs")
    arn = client.put_destination(
        destinationName="central",
        targetArn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/logs",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/to-kinesis",
    )["destination"]["arn"]

    def put(written: str) -> Change:
        client.put_destination_policy(destinationName="central", accessPolicy=written)
        request = {"destinationName": "central", "accessPolicy": written}
        return change("logs.amazonaws.com", "PutDestinationPolicy", request)

    def there() -> str | None:
        (found,) = client.describe_destinations()["destinations"]
        return str(found["accessPolicy"])

    return staged(put, there, action="logs:PutSubscriptionFilter", resource=arn)


def logs_policy(before: bool) -> Staged:
    client = boto3.client("logs")

    def put(written: str) -> Change:
        client.put_resource_policy(policyName="delivery", policyDocument=written)
        request = {"policyName": "delivery", "policyDocument": written}
        return change("logs.amazonaws.com", "PutResourcePolicy", request)

    def there() -> str | None:
        found = client.describe_resource_policies()["resourcePolicies"]
        return next((str(one["policyDocument"]) for one in found), None)

    where = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"
    return staged(put, there, action="logs:PutLogEvents", resource=where, before=before)


def access_point(before: bool) -> Staged:
    boto3.client("s3").create_bucket(Bucket="reports-of-acme")
    client = boto3.client("s3control")
    client.create_access_point(AccountId=ACCOUNT, Name="partners", Bucket="reports-of-acme")

    def put(written: str) -> Change:
        client.put_access_point_policy(AccountId=ACCOUNT, Name="partners", Policy=written)
        request = {"name": "partners", "policy": parsed(written)}
        return change("s3.amazonaws.com", "PutAccessPointPolicy", request)

    def there() -> str | None:
        try:
            found = client.get_access_point_policy(AccountId=ACCOUNT, Name="partners")
        except client.exceptions.ClientError:
            return None
        return str(found["Policy"])

    where = f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/partners/object/*"
    return staged(put, there, action="s3:GetObject", resource=where, who=THEIRS, before=before)


# ------------------------------------------------------------------------- by small models


def bus() -> Staged:
    """moto merges the statements of a policy into those that are there; AWS replaces them."""
    kept, client = Kept(), boto3.client("events")
    arn = client.create_event_bus(Name="orders")["EventBusArn"]
    fakes: dict[tuple[str, str], Fake] = {
        ("events", "DescribeEventBus"): kept.tell(
            lambda policy: {"Name": "orders", "Arn": arn, **({"Policy": policy} if policy else {})}
        ),
        ("events", "PutPermission"): kept.take(lambda asked: asked["Policy"]),
        ("events", "RemovePermission"): kept.drop("ResourceNotFoundException"),
    }

    def put(written: str) -> Change:
        kept.value = written
        request = {"eventBusName": "orders", "policy": written}
        return change("events.amazonaws.com", "PutPermission", request)

    return staged(put, lambda: kept.value, action="events:PutEvents", resource=arn, fakes=fakes)


def bus_by_principal() -> Staged:
    """One statement, for everybody, as the console makes it."""
    made = bus()
    fakes = made.fakes
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/orders"
    written = policy_of(allowing("all", "*", "events:PutEvents", arn))
    drop, put = (fakes["events", f"{name}Permission"] for name in ("Remove", "Put"))
    drop({})

    def attack() -> Change:
        put({"Policy": written})
        request = {
            "eventBusName": "orders",
            "action": "events:PutEvents",
            "principal": "*",
            "statementId": "all",
        }
        return change("events.amazonaws.com", "PutPermission", request)

    return Staged(attack, made.snapshot, normal=parsed, fakes=fakes)


def packages(kind: str, before: bool) -> Staged:
    """A domain, or a repository in it."""
    kept = Kept()
    name = {"domain": "acme"} | ({"repository": "shop"} if kind == "Repository" else {})
    arn = f"arn:aws:codeartifact:{REGION}:{ACCOUNT}:{kind.lower()}/{'/'.join(name.values())}"
    gone = "ResourceNotFoundException"

    def described(policy: str | None) -> dict[str, Any]:
        return {"policy": {"resourceArn": arn, "revision": "r1", "document": policy}}

    def checked(asked: dict[str, Any]) -> Any:
        assert {key: asked.get(key) for key in name} == name
        return asked["policyDocument"]

    listed = (
        {"domains": [{"name": "acme", "owner": ACCOUNT, "arn": arn}]}
        if kind == "Domain"
        else {
            "repositories": [
                {"name": "shop", "domainName": "acme", "domainOwner": ACCOUNT, "arn": arn}
            ]
        }
    )
    plural = "Domains" if kind == "Domain" else "Repositories"
    fakes: dict[tuple[str, str], Fake] = {
        ("codeartifact", f"List{plural}"): lambda asked: listed,
        ("codeartifact", f"Get{kind}PermissionsPolicy"): kept.tell(described, gone),
        ("codeartifact", f"Put{kind}PermissionsPolicy"): kept.take(checked),
        ("codeartifact", f"Delete{kind}PermissionsPolicy"): kept.drop(gone),
    }

    def put(written: str) -> Change:
        kept.value = written
        request = {**name, "policyDocument": written}
        return change("codeartifact.amazonaws.com", f"Put{kind}PermissionsPolicy", request)

    return staged(
        put,
        lambda: kept.value,
        action="codeartifact:GetAuthorizationToken",
        resource="*",
        who=THEIRS,
        before=before,
        fakes=fakes,
    )


def vault(before: bool) -> Staged:
    kept = Kept()
    boto3.client("glacier").create_vault(vaultName="ledgers")
    arn = f"arn:aws:glacier:{REGION}:{ACCOUNT}:vaults/ledgers"
    gone = "ResourceNotFoundException"
    fakes: dict[tuple[str, str], Fake] = {
        ("glacier", "GetVaultAccessPolicy"): kept.tell(
            lambda policy: {"policy": {"Policy": policy}}, gone
        ),
        ("glacier", "SetVaultAccessPolicy"): kept.take(lambda asked: asked["policy"]["Policy"]),
        ("glacier", "DeleteVaultAccessPolicy"): kept.drop(),
    }

    def put(written: str) -> Change:
        kept.value = written
        request = {"accountId": ACCOUNT, "vaultName": "ledgers", "policy": {"policy": written}}
        return change("glacier.amazonaws.com", "SetVaultAccessPolicy", request)

    return staged(
        put,
        lambda: kept.value,
        action="glacier:InitiateJob",
        resource=arn,
        before=before,
        fakes=fakes,
    )


def identity(before: bool) -> Staged:
    """A domain that sends mail; its policy `partners`."""
    kept = Kept()
    boto3.client("ses").verify_domain_identity(Domain="example.com")
    arn = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com"

    def of(asked: dict[str, Any]) -> Any:
        assert (asked["Identity"], asked["PolicyName"]) == ("example.com", "partners")
        return asked["Policy"]

    fakes: dict[tuple[str, str], Fake] = {
        ("ses", "ListIdentityPolicies"): kept.tell(
            lambda policy: {"PolicyNames": ["partners"] if policy else []}
        ),
        ("ses", "GetIdentityPolicies"): kept.tell(
            lambda policy: {"Policies": {"partners": policy} if policy else {}}
        ),
        ("ses", "PutIdentityPolicy"): kept.take(of),
        ("ses", "DeleteIdentityPolicy"): kept.drop(),
    }

    def put(written: str) -> Change:
        kept.value = written
        request = {"emailIdentity": "example.com", "policyName": "partners", "policy": written}
        return change("ses.amazonaws.com", "CreateEmailIdentityPolicy", request)

    return staged(
        put,
        lambda: kept.value,
        action="ses:SendEmail",
        resource=arn,
        who=THEIRS,
        before=before,
        fakes=fakes,
    )


def cluster(before: bool) -> Staged:
    kept = Kept()
    arn = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/orders/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-1"
    gone = "NotFoundException"
    fakes: dict[tuple[str, str], Fake] = {
        ("kafka", "ListClustersV2"): lambda asked: {
            "ClusterInfoList": [{"ClusterName": "orders", "ClusterArn": arn}]
        },
        ("kafka", "GetClusterPolicy"): kept.tell(
            lambda policy: {"CurrentVersion": "K1", "Policy": policy}, gone
        ),
        ("kafka", "PutClusterPolicy"): kept.take(
            lambda asked: asked["Policy"], lambda asked: {"CurrentVersion": "K2"}
        ),
        ("kafka", "DeleteClusterPolicy"): kept.drop(gone),
    }

    def put(written: str) -> Change:
        kept.value = written
        request = {"clusterArn": arn, "policy": written}
        return change("kafka.amazonaws.com", "PutClusterPolicy", request)

    return staged(
        put,
        lambda: kept.value,
        action="kafka:CreateVpcConnection",
        resource=arn,
        who=THEIRS,
        before=before,
        fakes=fakes,
    )


EITHER_WAY: dict[str, Callable[[bool], Staged]] = {
    "acmpca.public-policy": authority,
    "codeartifact.public-domain": partial(packages, "Domain"),
    "codeartifact.public-repository": partial(packages, "Repository"),
    "ecr.public-registry": registry,
    "glacier.public-vault": vault,
    "kafka.public-policy": cluster,
    "kinesis.public-policy": stream,
    "logs.public-policy": logs_policy,
    "s3.public-access-point": access_point,
    "ses.public-identity": identity,
}
SCENARIOS = (
    *(Scenario(id_, partial(stage, True)) for id_, stage in EITHER_WAY.items()),
    *(Scenario(id_, partial(stage, False), "emptied") for id_, stage in EITHER_WAY.items()),
    Scenario("events.public-bus", bus),
    Scenario("events.public-bus", bus_by_principal, "principal"),
    Scenario("kinesis.encryption-off", unencrypted_stream),
    Scenario("logs.public-destination", destination),
)
