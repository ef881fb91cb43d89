"""Containment of a task of ECS: nothing of ECS's own ends it, so that its evidence is kept.

AWS lets nobody cut one task off. Its network interface is ECS's, and EC2 changes no attribute of an
interface that a service manages; its security groups are its siblings', too; a service with another
network configuration makes new tasks, and leaves this one as it is or ends it. What is left is to
stop it, which destroys its memory and its storage and cannot be undone. So the task is marked and
protected, and people are told how to go on; to stop it is planned only where the policy's `stop`
says so, and always asked about.

Sources: Amazon ECS Developer Guide, "Amazon ECS task networking options for Fargate" and "Allocate
a network interface for an Amazon ECS task" (nobody may change the interface), "Protect your Amazon
ECS tasks from being terminated by scale-in events"; Amazon EC2 User Guide, "Modify network
interface attributes" (requester-managed interfaces); Amazon GuardDuty User Guide, "Remediating a
potentially compromised ECS cluster".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.frozen import dataclass
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ...control import Control, Cuts, References, partition_of
from ...ecs import definition
from ...iam.stranger_findings import TRIGGER
from .. import findings, quarantine
from ..finding_types import Target
from ..findings import ContainmentSettings, claimed_of, told

# With what a contained task is tagged: the finding, by its id.
TAG = quarantine.FINDING
# The longest that ECS protects a task, in minutes.
# Source: Amazon ECS API Reference, "UpdateTaskProtection" (`expiresInMinutes`).
_LONGEST = 2880

_TASKS = ("arn:{partition}:ecs:{region}:{account}:task/*",)
_GONE = ("ClusterNotFoundException", "ResourceNotFoundException")
# Where ECS cannot protect: a task of no service, or of one whose kind has no protection.
_NONE = ("ClientException", "InvalidParameterException", "UnsupportedFeatureException")

_RUNS_ON = "It is not cut off: AWS lets nobody change the interface of a task."
_BY_HAND = (
    "Save what it shows first (aws ecs execute-command, its logs), then stop it: aws ecs stop-task "
    "--cluster {cluster} --task {task}. A service starts another task from the same image: look at "
    "the image, and deploy one that you trust. If nothing else is in its security groups (aws ec2 "
    "describe-network-interfaces --filters Name=group-id,Values=…), take their rules away."
)
_OF_THE_INSTANCE = (
    "The task shares the network of its container instance {instance}, and perhaps more: "
    "containment.instance cuts that off with everything on it, where GuardDuty reports it."
)
_STOPPED = (
    "stopping it destroys its memory and its storage, which are evidence, and nothing brings them "
    "back; a service starts another task from the same image"
)


@dataclass(frozen=True, slots=True)
class TaskSettings(ContainmentSettings):
    """As of every containment, and `stop`: the plan is to stop the task, and people are asked.

    They are reminded every day: ECS ends the task's protection after two.
    """

    remind_after_days: int = 1
    stop: bool = False


class Task(Control[TaskSettings]):
    """GuardDuty reports that a task of ECS behaves as compromised.

    A task of a service is tagged with the finding, and protected for 48 hours from being ended by a
    scale-in or a deployment; an undo takes back both. It goes on running, on its network: AWS lets
    nobody cut off one task. With the setting `stop` the plan stops it, which cannot be undone:
    people are always asked. Of other tasks people are told.
    """

    id = "containment.task"
    title = "A task is compromised"
    severity = 90
    references = References(attack=("T1610", "T1496"))
    triggers = (TRIGGER,)
    reads = (
        *findings.READS,
        "ecs:DescribeContainerInstances",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:GetTaskProtection",
    )
    # ECS ends the protection by itself, so that it says nothing of what people did.
    volatile = frozenset({"instance", "interface", "protected", "role", findings.TOLD})
    writes = {
        "ecs:StopTask": _TASKS,
        "ecs:TagResource": _TASKS,
        "ecs:UntagResource": _TASKS,
        "ecs:UpdateTaskProtection": _TASKS,
    }
    # A task is given our tag, and loses it, and no other.
    # Source: Service Authorization Reference, "Condition keys for Amazon Elastic Container
    # Service".
    granted_where: ClassVar[Mapping[str, Document]] = {
        action: {"ForAllValues:StringEquals": {"aws:TagKeys": [TAG]}}
        for action in ("ecs:TagResource", "ecs:UntagResource")
    }
    contains = True
    # No emulator protects tasks.
    proven = "stub"
    cuts = Cuts(
        "that its service replaces or scales it in; with `stop`, what it serves",
        question="what needs the task, and may it go on running?",
    )
    settings = TaskSettings

    def screen(self, change: Change, settings: TaskSettings) -> Iterable[Candidate]:
        hint = claimed_of(change, Target.TASK, settings)
        if hint is None:
            return
        for arn in tasks_of(change.request, change.account, change.region):
            id_ = arn.partition(":task/")[2]
            task = Resource("ecs.task", id_, change.account, change.region, arn)
            yield Candidate(task, Certainty.EVIDENT, hint)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        state = _state_of(candidate.resource, reader)
        if state is None:
            return None
        arn = candidate.resource.arn
        said = told(
            candidate.hint,
            reader,
            lambda found: arn in tasks_of(found, reader.account, candidate.resource.region),
        )
        return {**state, findings.TOLD: said}

    def assess(
        self, state: Document, baseline: Document | None, settings: TaskSettings
    ) -> Finding | None:
        left = _left(state, settings)
        if not left or not findings.stands(state, settings):
            return None
        summary = f"task {state['task']} is compromised: {'; '.join(left)}"
        return findings.finding(state, settings, Target.TASK, summary, self.severity)

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: TaskSettings,
    ) -> Plan:
        task, state = candidate.resource, observation.state
        beside = " ".join(_beside(state))
        if settings.stop:
            return Plan((_stop(task),), advice=beside, drastic=_STOPPED)
        cluster, _, id_ = task.id.partition("/")
        by_hand = _BY_HAND.format(cluster=cluster, task=id_)
        return Plan(
            tuple(_steps(task, state, text(candidate.hint, "claim"))),
            untouched=("the task goes on running, on its network", "its service and its siblings"),
            advice=" ".join(filter(None, (_RUNS_ON, by_hand, beside))),
        )


def _state_of(task: Resource, reader: Reader) -> Document | None:
    """A task that runs; None where it is gone, or on its way to be.

    Shape: `tagged` is the finding that it is tagged with, "" for none; `protected` is null where
    ECS has no protection for it. `interface` is its own, "" where it shares that of `instance`.
    """
    cluster, _, id_ = task.id.partition("/")
    named: dict[str, Json] = {"cluster": cluster, "tasks": [task.arn]}
    answer = reader.read("ecs", "DescribeTasks", absent=_GONE, include=["TAGS"], **named)
    found = next(items(document(answer).get("tasks")), None)
    if found is None or text(found, "desiredStatus") == "STOPPED":
        return None
    tags = {text(one, "key"): text(one, "value") for one in items(found.get("tags"))}
    return {
        "task": id_,
        "cluster": cluster,
        "tagged": tags.get(TAG, ""),
        "protected": _protected(task, named, reader),
        "interface": _interface(found),
        "instance": _instance(cluster, text(found, "containerInstanceArn"), reader),
        "role": _role(found, reader),
    }


def _protected(task: Resource, named: Document, reader: Reader) -> bool | None:
    answer = reader.read("ecs", "GetTaskProtection", absent=(*_GONE, *_NONE), **named)
    for one in items(document(answer).get("protectedTasks")):
        if text(one, "taskArn") == task.arn:
            return flag(one.get("protectionEnabled")) is True
    return None


def _interface(found: Document) -> str:
    """The task's own interface, in the network mode `awsvpc`; "" in others."""
    for attachment in items(found.get("attachments")):
        if text(attachment, "type") == "ElasticNetworkInterface":
            for detail in items(attachment.get("details")):
                if text(detail, "name") == "networkInterfaceId":
                    return text(detail, "value")
    return ""


def _instance(cluster: str, container: str, reader: Reader) -> str:
    """The EC2 instance that a container instance is; "" for none."""
    if not container:
        return ""
    answer = reader.read(
        "ecs",
        "DescribeContainerInstances",
        absent=_GONE,
        cluster=cluster,
        containerInstances=[container],
    )
    listed = items(document(answer).get("containerInstances"))
    return next((text(one, "ec2InstanceId") for one in listed), "")


def _role(found: Document, reader: Reader) -> str:
    """The ARN of the task's role; "" where it has none."""
    overridden = text(mapping(found, "overrides"), "taskRoleArn")
    return overridden or text(definition(text(found, "taskDefinitionArn"), reader), "taskRoleArn")


def _left(state: Document, settings: TaskSettings) -> list[str]:
    """What is still to do, in words; nothing where all is done that can be."""
    if settings.stop:
        return ["it runs"]
    if state["protected"] is None:
        return ["it runs, and ECS cannot protect it"]
    said = []
    if not state["tagged"]:
        said.append("it runs, and is not marked")
    if state["protected"] is False:
        said.append("a scale-in or a deployment may end it")
    return said


def _steps(task: Resource, state: Document, finding: str) -> Iterator[Step]:
    """A task of a service is marked and protected; nothing is done to others."""
    if state["protected"] is None:
        return
    if not state["tagged"]:
        tag: Document = {"resourceArn": task.arn, "tags": [{"key": TAG, "value": finding}]}
        untag: Document = {"resourceArn": task.arn, "tagKeys": [TAG]}
        on = (task.arn,)
        yield Step(
            Call("ecs", "TagResource", tag, on), (Call("ecs", "UntagResource", untag, on, _GONE),)
        )
    if state["protected"] is False:
        yield Step(
            _protect(task, protectionEnabled=True, expiresInMinutes=_LONGEST),
            (_protect(task, protectionEnabled=False),),
        )


def _protect(task: Resource, **how: Json) -> Call:
    cluster = task.id.partition("/")[0]
    parameters: Document = {"cluster": cluster, "tasks": [task.arn], **how}
    return Call("ecs", "UpdateTaskProtection", parameters, (task.arn,))


def _stop(task: Resource) -> Step:
    cluster = task.id.partition("/")[0]
    why = "Driftguard: GuardDuty reports that the task is compromised"
    parameters: Document = {"cluster": cluster, "task": task.arn, "reason": why}
    return Step(Call("ecs", "StopTask", parameters, (task.arn,)), ())


def _beside(state: Document) -> Iterator[str]:
    """What is to be done beside the plan."""
    if role := text(state, "role"):
        yield (
            f"Sessions of its role {role.rpartition('/')[2]} that it was given work elsewhere: see "
            "containment.role-sessions."
        )
    instance = text(state, "instance")
    if instance and not text(state, "interface"):
        yield _OF_THE_INSTANCE.format(instance=instance)


# How ECS names tasks, by the ARN's longer form, which tells the cluster.
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}/[0-9a-f-]{32,36}")


def tasks_of(found: Document, account: str, region: str) -> list[str]:
    """The ARNs of the account's tasks in a region that a finding, as events have it, is about."""
    cluster = mapping(mapping(found, "resource"), "ecsClusterDetails")
    named = [text(mapping(cluster, "taskDetails"), "arn")]
    sequence = mapping(mapping(mapping(found, "service"), "detection"), "sequence")
    for one in items(sequence.get("resources")):
        if text(one, "resourceType") == "ECS_TASK":
            named.append(text(one, "uid"))
    here = f"arn:{partition_of(region)}:ecs:{region}:{account}:task/"
    return [
        arn
        for arn in dict.fromkeys(named)
        if arn.startswith(here) and _ID.fullmatch(arn.removeprefix(here))
    ]


CONTROLS = (Task(),)
