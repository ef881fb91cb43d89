"""Scenarios of the ecr controls."""

from __future__ import annotations

import json
from typing import Any

import boto3

from driftguard.model import Change
from tests.scenarios.model import ACCOUNT, STRANGER, Scenario, Staged, policy_of
from tests.support.records import change

ECR = "ecr.amazonaws.com"


def repository() -> Any:
    """The repository `shop`, careful in all ways, and ECR's client."""
    client = boto3.client("ecr")
    client.create_repository(
        repositoryName="shop",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
    )
    return client


def shop() -> Any:
    """What a control could touch of the repository."""
    client = boto3.client("ecr")
    (found,) = client.describe_repositories(repositoryNames=["shop"])["repositories"]
    try:
        policy = client.get_repository_policy(repositoryName="shop")["policyText"]
    except client.exceptions.RepositoryPolicyNotFoundException:
        policy = "null"
    return {
        "policy": policy,
        "tags": found["imageTagMutability"],
        "exclusions": found.get("imageTagMutabilityExclusionFilters"),
        "scanning": found["imageScanningConfiguration"],
    }


def statement(sid: str, principal: Any) -> dict[str, Any]:
    """A statement that lets somebody pull images."""
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": actions}


def parsed(snapshot: Any) -> Any:
    return snapshot | {"policy": json.loads(snapshot["policy"])}


def open_policy() -> Staged:
    client = repository()
    fine = statement("Ours", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/runner"})
    client.set_repository_policy(repositoryName="shop", policyText=policy_of(fine))

    def attack() -> Change:
        theirs = statement("Theirs", {"AWS": f"arn:aws:iam::{STRANGER}:root"})
        written = policy_of(fine, theirs)
        client.set_repository_policy(repositoryName="shop", policyText=written)
        request = {"repositoryName": "shop", "policyText": written, "force": False}
        return change(ECR, "SetRepositoryPolicy", request)

    return Staged(attack, shop, normal=parsed)


def only_open_policy() -> Staged:
    client = repository()

    def attack() -> Change:
        written = policy_of(statement("Everybody", "*"))
        client.set_repository_policy(repositoryName="shop", policyText=written)
        request = {"repositoryName": "shop", "policyText": written, "force": False}
        return change(ECR, "SetRepositoryPolicy", request)

    return Staged(attack, shop)


def mutable_tags() -> Staged:
    client = repository()

    def attack() -> Change:
        client.put_image_tag_mutability(repositoryName="shop", imageTagMutability="MUTABLE")
        request = {"repositoryName": "shop", "imageTagMutability": "MUTABLE"}
        return change(ECR, "PutImageTagMutability", request)

    return Staged(attack, shop, baseline=True)


def unscanned() -> Staged:
    client = repository()

    def attack() -> Change:
        client.put_image_scanning_configuration(
            repositoryName="shop", imageScanningConfiguration={"scanOnPush": False}
        )
        asked = {"repositoryName": "shop", "imageScanningConfiguration": {"scanOnPush": False}}
        return change(ECR, "PutImageScanningConfiguration", asked)

    return Staged(attack, shop, baseline=True)


def registry_unscanned() -> Staged:
    """The registry scans only one of two kinds of repositories, and no longer with Inspector."""
    client = boto3.client("ecr")

    def rule(frequency: str, *filters: str) -> Any:
        named = [{"filter": one, "filterType": "WILDCARD"} for one in filters]
        return {"scanFrequency": frequency, "repositoryFilters": named}

    client.put_registry_scanning_configuration(
        scanType="ENHANCED", rules=[rule("CONTINUOUS_SCAN", "shop*", "bank*")]
    )

    def attack() -> Change:
        asked: dict[str, Any] = {"scanType": "BASIC", "rules": [rule("SCAN_ON_PUSH", "bank*")]}
        client.put_registry_scanning_configuration(**asked)
        return change(ECR, "PutRegistryScanningConfiguration", asked)

    def scanning() -> Any:
        return client.get_registry_scanning_configuration()["scanningConfiguration"]

    return Staged(attack, scanning, baseline=True)


SCENARIOS = (
    Scenario("ecr.public-policy", open_policy),
    Scenario("ecr.public-policy", only_open_policy, "emptied"),
    Scenario("ecr.tags-mutable", mutable_tags),
    Scenario("ecr.scanning-off", unscanned),
    Scenario("ecr.scanning-off", registry_unscanned, "registry"),
)
