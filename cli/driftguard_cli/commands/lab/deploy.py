"""Deploys the real template into the pipeline's emulator: `sam build`, `sam deploy`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import environment, processes
from .errors import LabError
from .record import Client, Lab

STACK = "driftguard"
# The policy that a lab is built with, in its folder.
POLICY = "policy.yaml"

# The emulator refuses alarms on more than one metric.
_UNLIKE_AWS = {"AlarmOnRules": "false"}
_BUILD_SECONDS = 300.0
_DEPLOY_SECONDS = 300.0


def build(lab: Lab, root: Path) -> None:
    """Builds into the lab's own folder: a developer's `.aws-sam` is left as it is."""
    _keep_sam_at_home(lab)
    _sam(lab, root, "build", "--build-dir", str(lab.folder / "build"), timeout=_BUILD_SECONDS)


def deploy(lab: Lab, root: Path) -> dict[str, str]:
    """Deploys what was built. Returns the stack's outputs by name."""
    parameters = _UNLIKE_AWS | dict(lab.parameters)
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    try:
        _sam(
            lab,
            root,
            "deploy",
            *("--config-file", str(root / "samconfig.toml")),
            *("--template-file", str(_built_template(lab))),
            *("--stack-name", STACK),
            "--no-progressbar",
            *("--parameter-overrides", *overrides),
            timeout=_DEPLOY_SECONDS,
        )
    except LabError as error:
        raise LabError("\n".join([str(error), *_refusals(lab)])) from error
    _put_right(lab)
    [stack] = lab.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _sam(lab: Lab, root: Path, verb: str, *arguments: str, timeout: float) -> None:
    tools = environment.tools(root)
    policy = lab.folder / POLICY
    variables = environment.for_sam(lab.endpoints, _home(lab), tools, policy)
    processes.run(
        f"sam {verb}",
        [str(tools / "sam"), verb, *arguments],
        environment.clean(variables, lab.temporary),
        log=lab.folder / f"sam-{verb}.log",
        cwd=root,
        timeout=timeout,
        # Were we killed now, `driftguard lab down` would have to know of it.
        note=lambda process: lab.with_process(process).save(),
    )
    lab.save()


def _home(lab: Lab) -> Path:
    return lab.folder / "sam"


def _keep_sam_at_home(lab: Lab) -> None:
    # sam keeps its settings in the lab's folder, and believes that it has just looked for a newer
    # version of itself: nothing in the lab goes out to the network.
    _home(lab).mkdir(exist_ok=True)
    settings = {"telemetryEnabled": False, "lastVersionCheck": time.time()}
    (_home(lab) / "metadata.json").write_text(json.dumps(settings))


def _built_template(lab: Lab) -> Path:
    return lab.folder / "build" / "template.yaml"


def _refusals(lab: Lab) -> list[str]:
    """Why the stack was not made: the emulator says so in the stack's events only."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        events = lab.client("cloudformation").describe_stack_events(StackName=STACK)
    except (BotoCoreError, ClientError):
        return []
    failed = [event for event in events["StackEvents"] if "FAILED" in event["ResourceStatus"]]
    return [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
        for event in reversed(failed)
        if event.get("ResourceStatusReason")
    ]


def _put_right(lab: Lab) -> None:
    """Sets what the template says and the emulator's CloudFormation leaves out.

    On AWS all of this already holds: the queues' redrive policies, the tables' point-in-time
    recovery and time to live. And the functions find the stack's secrets where the lab leads
    them, which is the guarded account: on AWS it is the same one.
    """
    resources = _resources(_built_template(lab))
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in lab.client("cloudformation").describe_stack_resources(StackName=STACK)[
            "StackResources"
        ]
    }
    queues, tables = lab.client("sqs"), lab.client("dynamodb")
    for name, resource in resources.items():
        if name not in physical:
            continue
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in properties:
            _redrive(queues, physical, name, properties["RedrivePolicy"])
        if resource["Type"] == "AWS::DynamoDB::Table":
            _keep_and_expire(tables, physical[name], properties)
        if resource["Type"] == "AWS::SecretsManager::Secret":
            _hand_over(lab, physical[name])


def _redrive(
    queues: Client, physical: Mapping[str, str], name: str, policy: Mapping[str, Any]
) -> None:
    target = policy["deadLetterTargetArn"]["Fn::GetAtt"][0]
    arn = queues.get_queue_attributes(QueueUrl=physical[target], AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": policy["maxReceiveCount"],
    }
    queues.set_queue_attributes(
        QueueUrl=physical[name], Attributes={"RedrivePolicy": json.dumps(redrive)}
    )


def _keep_and_expire(tables: Client, name: str, properties: Mapping[str, Any]) -> None:
    if "PointInTimeRecoverySpecification" in properties:
        tables.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
        )
    if "TimeToLiveSpecification" in properties:
        tables.update_time_to_live(
            TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
        )


def _hand_over(lab: Lab, secret: str) -> None:
    made = lab.client("secretsmanager", lab.endpoints.pipeline).get_secret_value(SecretId=secret)
    lab.client("secretsmanager").create_secret(Name=made["Name"], SecretString=made["SecretString"])


def _resources(template: Path) -> Mapping[str, Any]:
    """The resources of a built template, which sam writes without any short forms."""
    import yaml

    resources: Mapping[str, Any] = yaml.safe_load(template.read_text())["Resources"]
    return resources
