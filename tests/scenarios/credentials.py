"""Scenarios of the controls over credentials for one service, contacts and key stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from driftguard.model import Change
from tests.scenarios.model import Scenario, Staged
from tests.support.records import change, iam

kms = partial(change, "kms.amazonaws.com")
account = partial(change, "account.amazonaws.com")


def ssh_key() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder", Path="/team/")

    def upload(name: str) -> dict[str, Any]:
        asked = {"UserName": "builder", "SSHPublicKeyBody": f"ssh-rsa AAAAB3 {name}"}
        return dict(client.upload_ssh_public_key(**asked)["SSHPublicKey"])

    upload("own")

    def attack() -> Change:
        made = upload("theirs")
        answer = {"userName": "builder", "sSHPublicKeyId": made["SSHPublicKeyId"]}
        asked = {"userName": "builder", "sSHPublicKeyBody": made["SSHPublicKeyBody"]}
        return iam("UploadSSHPublicKey", asked, responseElements={"sSHPublicKey": answer})

    def snapshot() -> Any:
        found = client.list_ssh_public_keys(UserName="builder")["SSHPublicKeys"]
        return sorted(one["Status"] for one in found)

    return Staged(attack, snapshot, lambda before: sorted([*before, "Inactive"]))


def certificate(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def signing_certificate() -> Staged:
    client = boto3.client("iam")
    client.create_user(UserName="builder")
    ids = [
        client.upload_signing_certificate(UserName="builder", CertificateBody=certificate(name))[
            "Certificate"
        ]["CertificateId"]
        for name in ("own", "other")
    ]
    client.update_signing_certificate(UserName="builder", CertificateId=ids[1], Status="Inactive")

    def attack() -> Change:
        asked = {"UserName": "builder", "CertificateId": ids[1], "Status": "Active"}
        client.update_signing_certificate(**asked)
        return iam(
            "UpdateSigningCertificate",
            {"userName": "builder", "certificateId": ids[1], "status": "Active"},
        )

    def snapshot() -> Any:
        found = client.list_signing_certificates(UserName="builder")["Certificates"]
        return {one["CertificateId"]: one["Status"] for one in found}

    return Staged(attack, snapshot)


def service_credential() -> Staged:
    boto3.client("iam").create_user(UserName="builder")
    ours, theirs = "ACCAEXAMPLE1111111111", "ACCAEXAMPLE2222222222"
    credentials = {ours: "Active"}

    def listed(asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["UserName"] == "builder"
        # One a page.
        marker = asked.get("Marker", ours)
        following = theirs if marker == ours and theirs in credentials else ""
        one = {
            "UserName": "builder",
            "Status": credentials[marker],
            "CreateDate": datetime.now(UTC),
            "ServiceSpecificCredentialId": marker,
            "ServiceName": "bedrock.amazonaws.com",
        }
        more = {"IsTruncated": True, "Marker": following} if following else {"IsTruncated": False}
        return {"ServiceSpecificCredentials": [one], **more}

    def update(asked: dict[str, Any]) -> dict[str, Any]:
        credentials[asked["ServiceSpecificCredentialId"]] = asked["Status"]
        return {}

    def attack() -> Change:
        credentials[theirs] = "Active"
        answer = {
            "userName": "builder",
            "serviceName": "bedrock.amazonaws.com",
            "serviceSpecificCredentialId": theirs,
            "status": "Active",
        }
        return iam(
            "CreateServiceSpecificCredential",
            {"userName": "builder", "serviceName": "bedrock.amazonaws.com"},
            responseElements={"serviceSpecificCredential": answer},
        )

    fakes = {
        ("iam", "ListServiceSpecificCredentials"): listed,
        ("iam", "UpdateServiceSpecificCredential"): update,
    }
    return Staged(
        attack,
        lambda: dict(credentials),
        lambda before: {**before, theirs: "Inactive"},
        fakes=fakes,
    )


def root_management_off(feature: str, named: str) -> Staged:
    features = {"RootCredentialsManagement", "RootSessions"}

    def enable(_: dict[str, Any]) -> dict[str, Any]:
        features.add(feature)
        return {"EnabledFeatures": sorted(features)}

    def disable(_: dict[str, Any]) -> dict[str, Any]:
        features.discard(feature)
        return {"EnabledFeatures": sorted(features)}

    def attack() -> Change:
        disable({})
        answer = {"organizationId": "o-a1b2c3d4e5", "enabledFeatures": sorted(features)}
        return iam(f"Disable{named}", None, responseElements=answer)

    fakes = {
        ("iam", "ListOrganizationsFeatures"): lambda _: {"EnabledFeatures": sorted(features)},
        ("iam", f"Enable{named}"): enable,
        ("iam", f"Disable{named}"): disable,
    }
    return Staged(attack, lambda: sorted(features), fakes=fakes)


CONTACT = {
    "Name": "Security",
    "Title": "On call",
    "EmailAddress": "security@example.com",
    "PhoneNumber": "+49 30 1234",
}


def contact_of(type_: str) -> Any:
    try:
        found = boto3.client("account").get_alternate_contact(AlternateContactType=type_)
    except boto3.client("account").exceptions.ResourceNotFoundException:
        return None
    return found["AlternateContact"]


def contact(*, deleted: bool) -> Staged:
    client = boto3.client("account")
    for type_ in ("SECURITY", "BILLING"):
        client.put_alternate_contact(AlternateContactType=type_, **CONTACT)

    def attack() -> Change:
        of_type = {"alternateContactType": "SECURITY"}
        if deleted:
            client.delete_alternate_contact(AlternateContactType="SECURITY")
            return account("DeleteAlternateContact", of_type)
        theirs = CONTACT | {"EmailAddress": "mallory@example.net"}
        client.put_alternate_contact(AlternateContactType="SECURITY", **theirs)
        return account("PutAlternateContact", of_type)

    return Staged(
        attack, lambda: [contact_of(type_) for type_ in ("SECURITY", "BILLING")], baseline=True
    )


def key_store_disconnected() -> Staged:
    ours, other = "cks-1234567890abcdef0", "cks-fedcba0987654321f"
    stores = {ours: "CONNECTED", other: "CONNECTED"}

    def described(asked: dict[str, Any]) -> dict[str, Any]:
        id_ = asked["CustomKeyStoreId"]
        return {"CustomKeyStores": [{"CustomKeyStoreId": id_, "ConnectionState": stores[id_]}]}

    def setting(state: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def put(asked: dict[str, Any]) -> dict[str, Any]:
            stores[asked["CustomKeyStoreId"]] = state
            return {}

        return put

    def attack() -> Change:
        stores[ours] = "DISCONNECTED"
        return kms("DisconnectCustomKeyStore", {"customKeyStoreId": ours})

    fakes = {
        ("kms", "DescribeCustomKeyStores"): described,
        ("kms", "ConnectCustomKeyStore"): setting("CONNECTED"),
        ("kms", "DisconnectCustomKeyStore"): setting("DISCONNECTED"),
    }
    return Staged(attack, lambda: dict(stores), fakes=fakes)


SCENARIOS = (
    Scenario("iam.service-credential-for-other-user", service_credential),
    Scenario("iam.ssh-key-for-other-user", ssh_key),
    Scenario("iam.signing-certificate-for-other-user", signing_certificate),
    Scenario(
        "iam.root-management-off",
        partial(
            root_management_off,
            "RootCredentialsManagement",
            "OrganizationsRootCredentialsManagement",
        ),
    ),
    Scenario(
        "iam.root-management-off",
        partial(root_management_off, "RootSessions", "OrganizationsRootSessions"),
        "sessions",
    ),
    Scenario("account.alternate-contact", partial(contact, deleted=False)),
    Scenario("account.alternate-contact", partial(contact, deleted=True), "deleted"),
    Scenario("kms.key-store-disconnected", key_store_disconnected),
)
