"""Scenarios of the eks controls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import STRANGER, Fake, Scenario, Staged
from tests.support.records import ACCOUNT, REGION, change

KINDS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
ENDPOINT = {
    "endpointPublicAccess": True,
    "endpointPrivateAccess": True,
    "publicAccessCidrs": ["203.0.113.0/24"],
}


def eks(name: str, request: Any) -> Change:
    """A record of EKS."""
    return change("eks.amazonaws.com", name, request)


def cluster() -> Any:
    """Makes the cluster `prod`; answers what of it a control could touch."""
    client = boto3.client("eks")
    client.create_cluster(
        name="prod",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/eks",
        resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"], **ENDPOINT},
        logging={"clusterLogging": [{"types": KINDS[:3], "enabled": True}]},
    )

    def snapshot() -> Any:
        found = client.describe_cluster(name="prod")["cluster"]
        logs = [
            kind
            for one in found["logging"]["clusterLogging"]
            if one["enabled"]
            for kind in one["types"]
        ]
        return {
            "endpoint": {name: found["resourcesVpcConfig"].get(name) for name in ENDPOINT},
            "logs": sorted(logs),
        }

    return snapshot


def endpoint_opened() -> Staged:
    client, snapshot = boto3.client("eks"), cluster()

    def attack() -> Change:
        asked = {**ENDPOINT, "publicAccessCidrs": ["0.0.0.0/0"]}
        client.update_cluster_config(name="prod", resourcesVpcConfig=asked)
        return eks("UpdateClusterConfig", {"name": "prod", "resourcesVpcConfig": asked})

    return Staged(attack, snapshot, baseline=True)


def logs_disabled() -> Staged:
    client, snapshot = boto3.client("eks"), cluster()

    def attack() -> Change:
        asked = {"clusterLogging": [{"types": KINDS, "enabled": False}]}
        client.update_cluster_config(name="prod", logging=asked)
        return eks("UpdateClusterConfig", {"name": "prod", "logging": asked})

    return Staged(attack, snapshot, baseline=True)


class Entries:
    """The access entries of the cluster `prod`, as EKS keeps them."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.made = 0

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        principal, self.made = asked["principalArn"], self.made + 1
        kind, _, name = principal.rpartition(":")[2].partition("/")
        where = f"prod/{kind}/{principal.split(':')[4]}/{name}/{self.made:08x}"
        self.all[principal] = {
            "clusterName": "prod",
            "principalArn": principal,
            "accessEntryArn": f"arn:aws:eks:{REGION}:{ACCOUNT}:access-entry/{where}",
            "kubernetesGroups": asked.get("kubernetesGroups", []),
            "username": asked.get("username", principal),
            "type": asked.get("type", "STANDARD"),
            "tags": asked.get("tags", {}),
        }
        self.policies[principal] = {}
        return {"accessEntry": self.all[principal]}

    def describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self.all.get(asked["principalArn"])
        return {"accessEntry": found} if found else self.missing()

    def delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        del self.all[asked["principalArn"]], self.policies[asked["principalArn"]]
        return {}

    def associate(self, asked: dict[str, Any]) -> dict[str, Any]:
        one = {
            "policyArn": asked["policyArn"],
            "accessScope": asked["accessScope"],
            "associatedAt": datetime.now(UTC),
        }
        self.policies[asked["principalArn"]][asked["policyArn"]] = one
        return {"associatedAccessPolicy": one}

    def disassociate(self, asked: dict[str, Any]) -> dict[str, Any]:
        del self.policies[asked["principalArn"]][asked["policyArn"]]
        return {}

    def associated(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"associatedAccessPolicies": list(self.policies[asked["principalArn"]].values())}

    def missing(self) -> dict[str, Any]:
        return {"Error": {"Code": "ResourceNotFoundException"}}

    def fakes(self) -> dict[tuple[str, str], Fake]:
        return {
            ("eks", "CreateAccessEntry"): self.create,
            ("eks", "DescribeAccessEntry"): self.describe,
            ("eks", "DeleteAccessEntry"): self.delete,
            ("eks", "AssociateAccessPolicy"): self.associate,
            ("eks", "DisassociateAccessPolicy"): self.disassociate,
            ("eks", "ListAssociatedAccessPolicies"): self.associated,
        }

    def snapshot(self) -> Any:
        return {
            principal: {
                **entry,
                "policies": {
                    arn: one["accessScope"] for arn, one in self.policies[principal].items()
                },
            }
            for principal, entry in self.all.items()
        }


def without_ids(snapshot: Any) -> Any:
    """Access entries without the ARNs that EKS makes anew."""
    return {
        principal: {k: v for k, v in entry.items() if k != "accessEntryArn"}
        for principal, entry in snapshot.items()
    }


def policy(name: str) -> str:
    return f"arn:aws:eks::aws:cluster-access-policy/{name}"


def made_admin() -> Staged:
    entries, principal = Entries(), f"arn:aws:iam::{ACCOUNT}:role/reader"
    entry = {"clusterName": "prod", "principalArn": principal}
    whole = {"type": "cluster", "namespaces": []}
    entries.create(entry)
    entries.associate({**entry, "policyArn": policy("AmazonEKSViewPolicy"), "accessScope": whole})

    def attack() -> Change:
        admin = policy("AmazonEKSClusterAdminPolicy")
        entries.associate({**entry, "policyArn": admin, "accessScope": whole})
        return eks(
            "AssociateAccessPolicy",
            {
                "name": "prod",
                "principalArn": f"arn%3Aaws%3Aiam%3A%3A{ACCOUNT}%3Arole%2Freader",
                "policyArn": admin,
                "accessScope": {"type": "cluster"},
            },
        )

    return Staged(attack, entries.snapshot, fakes=entries.fakes())


def stranger_let_in() -> Staged:
    entries = Entries()
    entries.create({"principalArn": f"arn:aws:iam::{ACCOUNT}:role/reader"})
    entry = {"clusterName": "prod", "principalArn": f"arn:aws:iam::{STRANGER}:role/visitor"}

    def attack() -> Change:
        entries.create({**entry, "kubernetesGroups": ["viewers"], "tags": {"by": "mallory"}})
        entries.associate(
            {
                **entry,
                "policyArn": policy("AmazonEKSEditPolicy"),
                "accessScope": {"type": "namespace", "namespaces": ["shop"]},
            }
        )
        asked = {"name": "prod", "principalArn": entry["principalArn"]}
        return eks("CreateAccessEntry", {**asked, "kubernetesGroups": ["viewers"]})

    return Staged(attack, entries.snapshot, fakes=entries.fakes(), anew=without_ids)


SCENARIOS = (
    Scenario("eks.public-endpoint", endpoint_opened),
    Scenario("eks.logging-off", logs_disabled),
    Scenario("eks.admin-access", made_admin),
    Scenario("eks.external-access", stranger_let_in),
)
