"""Scenarios of the iam controls about whom the account trusts."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Fake, Scenario, Staged, policy_of
from tests.support.records import iam

METADATA = "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata'>{}</EntityDescriptor>"


def trusts(principal: dict[str, Any]) -> dict[str, Any]:
    """A statement of a trust policy."""
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}


EC2 = trusts({"Service": "ec2.amazonaws.com"})


def trust_of(role: str) -> Any:
    return boto3.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]


def backdoor() -> Staged:
    """A stranger beside a colleague in one statement: only the stranger goes."""
    client = boto3.client("iam")
    colleague = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    fine = trusts({"AWS": [colleague]})
    client.create_role(
        RoleName="work", Path="/team/", AssumeRolePolicyDocument=policy_of(EC2, fine)
    )

    def attack() -> Change:
        both = trusts({"AWS": [colleague, f"arn:aws:iam::{STRANGER}:root"]})
        written = policy_of(EC2, both)
        client.update_assume_role_policy(RoleName="work", PolicyDocument=written)
        return iam("UpdateAssumeRolePolicy", {"roleName": "work", "policyDocument": written})

    def normal(snapshot: Any) -> Any:
        """One principal may stand in a list or by itself."""
        text = json.dumps(snapshot)
        return json.loads(text.replace(f'["{colleague}"]', f'"{colleague}"'))

    return Staged(attack, lambda: trust_of("work"), normal=normal)


def backdoor_role() -> Staged:
    """Nothing would be left of the trust policy: a Deny stands in its place."""
    client = boto3.client("iam")
    client.create_role(RoleName="work", AssumeRolePolicyDocument=policy_of(EC2))
    written = policy_of(trusts({"AWS": f"arn:aws:iam::{STRANGER}:root"}))

    def attack() -> Change:
        client.create_role(RoleName="backdoor", AssumeRolePolicyDocument=written)
        asked = {"roleName": "backdoor", "path": "/", "assumeRolePolicyDocument": written}
        return iam("CreateRole", asked)

    def snapshot() -> Any:
        names = [one["RoleName"] for one in client.list_roles()["Roles"]]
        return {name: trust_of(name) for name in sorted(names)}

    def normal(found: Any) -> Any:
        denies = {"Effect": "Deny"}
        return {
            name: denies if all(one["Effect"] == "Deny" for one in trust["Statement"]) else trust
            for name, trust in found.items()
        }

    return Staged(
        attack, snapshot, lambda before: before | {"backdoor": {"Effect": "Deny"}}, normal
    )


def saml(providers: dict[str, dict[str, Any]]) -> dict[tuple[str, str], Fake]:
    """IAM's SAML providers with their tags, which the emulator does not keep."""

    def created(asked: dict[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:iam::{ACCOUNT}:saml-provider/{asked['Name']}"
        providers[arn] = {
            "SAMLMetadataDocument": asked["SAMLMetadataDocument"],
            "Tags": asked.get("Tags", []),
        }
        return {"SAMLProviderArn": arn}

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        gone = {"Error": {"Code": "NoSuchEntity"}}
        return providers.get(asked["SAMLProviderArn"], gone)

    def deleted(asked: dict[str, Any]) -> dict[str, Any]:
        del providers[asked["SAMLProviderArn"]]
        return {}

    return {
        ("iam", "CreateSAMLProvider"): created,
        ("iam", "GetSAMLProvider"): told,
        ("iam", "DeleteSAMLProvider"): deleted,
    }


def saml_added() -> Staged:
    corporate = {"SAMLMetadataDocument": METADATA.format("corporate" * 120), "Tags": []}
    providers = {f"arn:aws:iam::{ACCOUNT}:saml-provider/corporate": corporate}
    fakes = saml(providers)

    def attack() -> Change:
        metadata = METADATA.format("mallory" * 150)
        tags = [{"Key": "by", "Value": "mallory"}]
        asked = {"Name": "mallory", "SAMLMetadataDocument": metadata, "Tags": tags}
        made = fakes["iam", "CreateSAMLProvider"](asked)
        return iam(
            "CreateSAMLProvider",
            {"name": "mallory", "sAMLMetadataDocument": metadata},
            responseElements={"sAMLProviderArn": made["SAMLProviderArn"]},
        )

    return Staged(attack, lambda: dict(providers), fakes=fakes)


def saml_replaced() -> Staged:
    client = boto3.client("iam")
    made = client.create_saml_provider(
        Name="corporate", SAMLMetadataDocument=METADATA.format("corporate" * 120)
    )
    arn = made["SAMLProviderArn"]

    def attack() -> Change:
        metadata = METADATA.format("mallory" * 150)
        client.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=metadata)
        asked = {"sAMLProviderArn": arn, "sAMLMetadataDocument": metadata}
        return iam("UpdateSAMLProvider", asked, responseElements={"sAMLProviderArn": arn})

    def snapshot() -> Any:
        return client.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"]

    return Staged(attack, snapshot, baseline=True)


def oidc_providers() -> Any:
    client = boto3.client("iam")
    told = ("Url", "ClientIDList", "ThumbprintList", "Tags")
    found = {}
    for one in client.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        arn = one["Arn"]
        answer = client.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        found[arn] = {name: answer.get(name) for name in told}
    return found


def oidc_added() -> Staged:
    client = boto3.client("iam")
    client.create_open_id_connect_provider(
        Url="https://token.actions.githubusercontent.com",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["a" * 40],
    )

    def attack() -> Change:
        made = client.create_open_id_connect_provider(
            Url="https://id.mallory.example",
            ClientIDList=["one", "two"],
            ThumbprintList=["b" * 40],
            Tags=[{"Key": "by", "Value": "mallory"}],
        )
        return iam(
            "CreateOpenIDConnectProvider",
            {
                "url": "https://id.mallory.example",
                "clientIDList": ["one", "two"],
                "thumbprintList": ["b" * 40],
            },
            responseElements={"openIDConnectProviderArn": made["OpenIDConnectProviderArn"]},
        )

    return Staged(attack, oidc_providers)


def client_added() -> Staged:
    clients = ["sts.amazonaws.com"]
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example"

    def told(asked: dict[str, Any]) -> dict[str, Any]:
        return {"Url": "id.example", "ClientIDList": list(clients), "ThumbprintList": ["a" * 40]}

    def added(asked: dict[str, Any]) -> dict[str, Any]:
        clients.append(asked["ClientID"])
        return {}

    def removed(asked: dict[str, Any]) -> dict[str, Any]:
        clients.remove(asked["ClientID"])
        return {}

    def attack() -> Change:
        clients.append("mallory")
        asked = {"openIDConnectProviderArn": arn, "clientID": "mallory"}
        return iam("AddClientIDToOpenIDConnectProvider", asked)

    return Staged(
        attack,
        lambda: list(clients),
        fakes={
            ("iam", "GetOpenIDConnectProvider"): told,
            ("iam", "AddClientIDToOpenIDConnectProvider"): added,
            ("iam", "RemoveClientIDFromOpenIDConnectProvider"): removed,
        },
    )


SCENARIOS = (
    Scenario("iam.trust-external", backdoor),
    Scenario("iam.trust-external", backdoor_role, "emptied"),
    Scenario("iam.idp-added", saml_added),
    Scenario("iam.idp-replaced", saml_replaced),
    Scenario("iam.oidc-provider-added", oidc_added),
    Scenario("iam.oidc-client-added", client_added),
)
