"""ECS services in moto, images in ECR, and what their scans have found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from moto.ecr.models import ecr_backends

from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Change
from tests.support.records import ACCOUNT, REGION, change

ecs = partial(change, "ecs.amazonaws.com")
REPOSITORY = "shop/orders"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"


def basic(id_: str, severity: str, package: str = "openssl", version: str = "3.0.1") -> Any:
    """A finding as ECR's basic scanning tells it."""
    said = {"package_name": package, "package_version": version}
    return {
        "name": id_,
        "severity": severity,
        "description": f"{package} is wrong",
        "attributes": [{"key": key, "value": value} for key, value in said.items()],
    }


def enhanced(id_: str, package: str, version: str, status: str = "ACTIVE") -> Any:
    """A finding as ECR's enhanced scanning tells it: Inspector's own."""
    return {
        "awsAccountId": ACCOUNT,
        "findingArn": f"arn:aws:inspector2:{REGION}:{ACCOUNT}:finding/{id_}",
        "type": "PACKAGE_VULNERABILITY",
        "severity": "CRITICAL",
        "status": status,
        "score": 9.8,
        "title": f"{id_} - {package}",
        "packageVulnerabilityDetails": {
            "vulnerabilityId": id_,
            "vulnerablePackages": [
                {"name": package, "version": version, "packageManager": "JAR"},
            ],
        },
    }


def push(tag: str, *found: Any, status: str = "COMPLETE", scanned: bool = True) -> str:
    """Pushes an image, and has it scanned with these findings. Its address."""
    client = boto3.client("ecr")
    names = [one["repositoryName"] for one in client.describe_repositories()["repositories"]]
    if REPOSITORY not in names:
        client.create_repository(repositoryName=REPOSITORY)
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": tag}
    image = {"schemaVersion": 2, "mediaType": kind, "config": {**config, "size": 1}, "layers": []}
    manifest = json.dumps(image)
    client.put_image(repositoryName=REPOSITORY, imageManifest=manifest, imageTag=tag)
    if scanned:
        which = {"imageTag": tag}
        client.start_image_scan(repositoryName=REPOSITORY, imageId=which)
        findings = {
            "findings": [one for one in found if "name" in one],
            "enhancedFindings": [one for one in found if "findingArn" in one],
        }
        ecr_backends[ACCOUNT][REGION].scan_finding_results.append(
            {
                "registryId": ACCOUNT,
                "repositoryName": REPOSITORY,
                "imageId": which,
                "imageScanStatus": {"status": status},
                "imageScanFindings": findings,
            }
        )
    return f"{REGISTRY}/{REPOSITORY}:{tag}"


@dataclass(frozen=True)
class Service:
    """A service of the cluster `shop`, by its name."""

    name: str = "orders"

    @property
    def client(self) -> Any:
        return boto3.client("ecs")

    def register(self, image: str, *more: str) -> str:
        """A new revision of its task definition, with a container for each image; its ARN."""
        made = self.client.register_task_definition(
            family=self.name,
            taskRoleArn=ROLE,
            executionRoleArn=ROLE,
            containerDefinitions=[
                {"name": f"c{number}", "image": one, "memory": 128}
                for number, one in enumerate((image, *more))
            ],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def create(self, revision: str, **more: Any) -> None:
        """Makes the service, and its cluster where there is none."""
        self.client.create_cluster(clusterName="shop")
        self.client.create_service(
            cluster="shop", serviceName=self.name, taskDefinition=revision, desiredCount=1, **more
        )

    def deploy(self, revision: str) -> Change:
        """Has it run a revision. Returns the record of it."""
        self.client.update_service(cluster="shop", service=self.name, taskDefinition=revision)
        asked = {"cluster": "shop", "service": self.name, "taskDefinition": revision}
        return ecs("UpdateService", asked)

    def runs(self) -> str:
        """The short name of the revision that it runs."""
        found = self.client.describe_services(cluster="shop", services=[self.name])["services"]
        return str(found[0]["taskDefinition"]).rpartition("/")[2]


def scan_completed(**counts: int) -> Change:
    """ECR's event that a scan of an image is complete."""
    return change_from_event(
        {
            "version": "0",
            "id": "85fc3613-e913-7fc4-a80c-a3753e4aa9ae",
            "detail-type": "ECR Image Scan",
            "source": "aws.ecr",
            "account": ACCOUNT,
            "time": "2026-11-24T12:00:00Z",
            "region": REGION,
            "resources": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{REPOSITORY}"],
            "detail": {
                "scan-status": "COMPLETE",
                "repository-name": REPOSITORY,
                "finding-severity-counts": counts,
                "image-digest": f"sha256:{hashlib.sha256(b'an image').hexdigest()}",
                "image-tags": ["any"],
            },
        }
    )
