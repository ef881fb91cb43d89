"""Scenarios of the controls that contain a task or access to a cluster.

No emulator has GuardDuty's findings, nor what protects a task.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.scenarios.containment import make_role
from tests.scenarios.containment_compute import AT_ONCE, finding, reported, telling
from tests.scenarios.eks import Entries, policy
from tests.scenarios.model import ACCOUNT, Fake, Scenario, Staged

MINES = "Impact:Runtime/CryptoMinerExecuted"
ECS = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
TASK, SIBLING = (f"{ECS}:task/shop/{id_ * 32}" for id_ in ("a", "b"))


# ---------------------------------------------------------------------------------------- a task


def about_task(arn: str = TASK) -> dict[str, Any]:
    """A finding about one task."""
    task = {"arn": arn, "definitionArn": f"{ECS}:task-definition/web:7", "group": "service:web"}
    details = {
        "name": "shop",
        "arn": f"{ECS}:cluster/shop",
        "status": "ACTIVE",
        "taskDetails": {**task, "launchType": "FARGATE"},
    }
    return finding(MINES, {"resourceType": "ECSCluster", "ecsClusterDetails": details})


class Service:
    """A service with two tasks, as ECS tells and changes them."""

    def __init__(self, group: str = "service:web") -> None:
        self.group = group
        self.tasks: dict[str, dict[str, Any]] = {
            arn: {"tags": {"team": "shop"}, "protected": False, "runs": True}
            for arn in (TASK, SIBLING)
        }

    def described(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["cluster"] == "shop" and asked["include"] == ["TAGS"]
        interface = {"name": "networkInterfaceId", "value": "eni-0abc"}
        return {
            "tasks": [
                {
                    "taskArn": arn,
                    "clusterArn": f"{ECS}:cluster/shop",
                    "taskDefinitionArn": f"{ECS}:task-definition/web:7",
                    "group": self.group,
                    "launchType": "FARGATE",
                    "desiredStatus": "RUNNING" if self.tasks[arn]["runs"] else "STOPPED",
                    "lastStatus": "RUNNING" if self.tasks[arn]["runs"] else "DEPROVISIONING",
                    "attachments": [{"type": "ElasticNetworkInterface", "details": [interface]}],
                    "tags": [
                        {"key": key, "value": value}
                        for key, value in self.tasks[arn]["tags"].items()
                    ],
                }
                for arn in asked["tasks"]
            ]
        }

    def protection(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not self.group.startswith("service:"):
            failures = [{"arn": arn, "reason": "TASK_NOT_VALID"} for arn in asked["tasks"]]
            return {"protectedTasks": [], "failures": failures}
        for arn in asked["tasks"] if "protectionEnabled" in asked else ():
            assert asked["protectionEnabled"] is False or asked["expiresInMinutes"] == 2880
            self.tasks[arn]["protected"] = asked["protectionEnabled"]
        told = [
            {"taskArn": arn, "protectionEnabled": self.tasks[arn]["protected"]}
            for arn in asked["tasks"]
        ]
        return {"protectedTasks": told, "failures": []}

    def tagged(self, asked: dict[str, Any]) -> dict[str, Any]:
        tags = {one["key"]: one["value"] for one in asked["tags"]}
        self.tasks[asked["resourceArn"]]["tags"].update(tags)
        return {}

    def untagged(self, asked: dict[str, Any]) -> dict[str, Any]:
        for key in asked["tagKeys"]:
            self.tasks[asked["resourceArn"]]["tags"].pop(key, None)
        return {}

    def stopped(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.tasks[asked["task"]]["runs"] = False
        return {}

    def fakes(self) -> dict[tuple[str, str], Fake]:
        role = f"arn:aws:iam::{ACCOUNT}:role/web-task"
        defined = {"taskDefinition": {"family": "web", "taskRoleArn": role}}
        made: dict[str, Fake] = {
            "DescribeTasks": self.described,
            "DescribeTaskDefinition": lambda _: defined,
            "GetTaskProtection": self.protection,
            "UpdateTaskProtection": self.protection,
            "TagResource": self.tagged,
            "UntagResource": self.untagged,
            "StopTask": self.stopped,
        }
        return {("ecs", name): fake for name, fake in made.items()}

    def snapshot(self) -> Any:
        return {arn: {**held, "tags": dict(held["tags"])} for arn, held in self.tasks.items()}


def task() -> Staged:
    """One of two tasks mines."""
    service, found = Service(), about_task()

    def reverted(before: Any) -> Any:
        tags = before[TASK]["tags"] | {"driftguard:finding": found["id"]}
        return before | {TASK: before[TASK] | {"protected": True, "tags": tags}}

    fakes = telling(found) | service.fakes()
    return Staged(lambda: reported(found), service.snapshot, reverted, fakes=fakes)


# ------------------------------------------------------------------------- access to a cluster

READS_SECRETS = "CredentialAccess:Kubernetes/MaliciousIPCaller"
CLUSTER = f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/prod"


def about_user(username: str, *, uid: str = "", **more: Any) -> dict[str, Any]:
    """A finding about what a user did in a cluster."""
    user = {"username": username, "uid": uid, "groups": ["system:authenticated"]}
    resource = {
        "resourceType": "EKSCluster",
        "eksClusterDetails": {"name": "prod", "arn": CLUSTER, "vpcId": "vpc-1", "status": "ACTIVE"},
        "kubernetesDetails": {"kubernetesUserDetails": user},
        **more,
    }
    return finding(READS_SECRETS, resource)


class AccessEntries(Entries):
    """The access entries of a cluster that asks them."""

    mode = "API_AND_CONFIG_MAP"
    changed = datetime(2026, 11, 1, tzinfo=UTC)

    def update(self, asked: dict[str, Any]) -> dict[str, Any]:
        entry = self.all[asked["principalArn"]]
        assert {*asked} == {"clusterName", "principalArn", "kubernetesGroups"}
        self.all[asked["principalArn"]] = entry | {"kubernetesGroups": asked["kubernetesGroups"]}
        self.changed = datetime.now(UTC)
        return {}

    def describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = super().describe(asked)
        if "accessEntry" not in found:
            return found
        return {"accessEntry": found["accessEntry"] | {"modifiedAt": self.changed}}

    def fakes(self) -> dict[tuple[str, str], Fake]:
        how = {"cluster": {"name": "prod", "accessConfig": {"authenticationMode": self.mode}}}
        return super().fakes() | {
            ("eks", "UpdateAccessEntry"): self.update,
            ("eks", "DescribeCluster"): lambda _: how,
        }


def let_in(entries: AccessEntries, principal: str) -> None:
    """Somebody who works in a cluster by a group, and by two policies in different scopes."""
    entry = {"clusterName": "prod", "principalArn": principal}
    groups = {"kubernetesGroups": ["deployers", "viewers"], "username": "deployer:{{SessionName}}"}
    entries.create({**entry, **groups, "type": "STANDARD", "tags": {"team": "shop"}})
    for name, scope in (
        ("AmazonEKSEditPolicy", {"type": "namespace", "namespaces": ["shop", "blog"]}),
        ("AmazonEKSViewPolicy", {"type": "cluster", "namespaces": []}),
    ):
        entries.associate({**entry, "policyArn": policy(name), "accessScope": scope})


def cluster() -> Staged:
    """A role reads secrets of a cluster from where nobody of ours is."""
    id_ = make_role("deployer")
    entries, principal = AccessEntries(), f"arn:aws:iam::{ACCOUNT}:role/shop/deployer"
    let_in(entries, principal)
    let_in(entries, f"arn:aws:iam::{ACCOUNT}:role/reader")
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/alice"
    found = about_user(session, uid=f"aws-iam-authenticator:{ACCOUNT}:{id_}")

    def reverted(before: Any) -> Any:
        nothing: dict[str, Any] = {"kubernetesGroups": [], "policies": {}}
        return before | {principal: before[principal] | nothing}

    fakes = telling(found) | entries.fakes()
    return Staged(lambda: reported(found), entries.snapshot, reverted, fakes=fakes)


SCENARIOS = (
    Scenario("containment.task", task, settings=AT_ONCE),
    Scenario("containment.task", task, "asked", asked=True),
    Scenario("containment.cluster", cluster, settings=AT_ONCE),
    Scenario("containment.cluster", cluster, "asked", asked=True),
)

# What nothing undoes: no round trip, but its calls are the control's, too.
STOPPED = Scenario("containment.task", task, "stopped", {**AT_ONCE, "stop": True}, asked=True)
