"""A text put into the configuration of each service that the controls look at, and its record.

Each function puts a text under a name, makes what has to be there first, and answers with the
change, in the shape of CloudTrail's record of it: with what it hides hidden.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import boto3

from driftguard.events.cloudtrail import change_from_event
from driftguard.model import Change
from tests.scenarios.lambda_ import code
from tests.support.records import ACCOUNT, REGION, change, ec2

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
lambda_ = partial(change, "lambda.amazonaws.com")
ecs = partial(change, "ecs.amazonaws.com")
ssm = partial(change, "ssm.amazonaws.com")
codebuild = partial(change, "codebuild.amazonaws.com")

# Puts a text under a name, and answers with the change.
Put = Callable[[str, str], Change]


def function(**variables: str) -> Change:
    """A function whose environment has these variables, and no others."""
    client = boto3.client("lambda")
    if not client.list_functions()["Functions"]:
        role = boto3.client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument="{}")
        client.create_function(
            FunctionName="orders",
            Runtime="python3.12",
            Role=role["Role"]["Arn"],
            Handler="app.handler",
            Code={"ZipFile": code()},
        )
    client.update_function_configuration(
        FunctionName="orders", Environment={"Variables": variables}
    )
    asked = {"functionName": "orders", "environment": {}}
    return lambda_("UpdateFunctionConfiguration20150331v2", asked)


def registered(container: dict[str, Any]) -> str:
    """A new revision of `web` with this container; its ARN."""
    made = boto3.client("ecs").register_task_definition(
        family="web",
        containerDefinitions=[{"name": "web", "image": "web:1", "memory": 128, **container}],
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def definition(container: dict[str, Any]) -> Change:
    """A revision is registered."""
    arn = registered(container)
    told = [{"name": "web", "image": "web:1", **dict.fromkeys(container, HIDDEN)}]
    return ecs(
        "RegisterTaskDefinition",
        {"family": "web", "containerDefinitions": told},
        responseElements={"taskDefinition": {"taskDefinitionArn": arn}},
    )


def variable(name: str, value: str) -> dict[str, Any]:
    """A container with a variable."""
    return {"environment": [{"name": name, "value": value}]}


def service(container: dict[str, Any]) -> Change:
    """The service `web` is made to run a new revision."""
    client, arn = boto3.client("ecs"), registered(container)
    if not client.list_clusters()["clusterArns"]:
        client.create_cluster(clusterName="shop")
    named = {"cluster": "shop", "taskDefinition": arn}
    if client.list_services(cluster="shop")["serviceArns"]:
        client.update_service(service="web", **named)
        return ecs("UpdateService", {"service": "web", **named})
    client.create_service(serviceName="web", desiredCount=1, **named)
    return ecs("CreateService", {"serviceName": "web", **named})


def instance(script: str) -> Change:
    """An instance is launched with this user data."""
    client = boto3.client("ec2")
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    made = client.run_instances(ImageId=image, MinCount=1, MaxCount=1, UserData=script)
    told = {"instancesSet": {"items": [{"instanceId": made["Instances"][0]["InstanceId"]}]}}
    asked = {"userData": "<sensitiveDataRemoved>", "instanceType": "t3.micro"}
    return ec2("RunInstances", asked, responseElements=told)


def project(name: str, value: str, **source: str) -> Change:
    """The project `release` is given a plain-text variable, and perhaps another source."""
    client = boto3.client("codebuild")
    if "release" in client.list_projects()["projects"]:
        client.delete_project(name="release")
    where = {"type": "GITHUB", "location": "https://github.com/example/shop.git"}
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": [{"name": name, "value": value, "type": "PLAINTEXT"}],
    }
    client.create_project(
        name="release",
        source={**where, **source},
        artifacts={"type": "NO_ARTIFACTS"},
        environment=environment,
        serviceRole=f"arn:aws:iam::{ACCOUNT}:role/service-role/release",
    )
    told = [{"name": name, "value": HIDDEN, "type": "PLAINTEXT"}]
    asked = {"name": "release", "environment": {"environmentVariables": told}}
    return codebuild("UpdateProject", asked)


def parameter(value: str, name: str = "/shop/setting", type_: str = "String") -> Change:
    """A plain parameter is given a value."""
    boto3.client("ssm").put_parameter(Name=name, Value=value, Type=type_, Overwrite=True)
    asked = {"name": name, "type": type_, "value": HIDDEN, "overwrite": True}
    return ssm("PutParameter", asked)


def stack(name: str, value: str) -> Change:
    """A stack is done that shows a value in its outputs; CloudFormation says so itself."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value}},
    }
    client, body = boto3.client("cloudformation"), json.dumps(template)
    known = [one["StackName"] for one in client.describe_stacks()["Stacks"]]
    act = client.update_stack if "shop" in known else client.create_stack
    made = act(StackName="shop", TemplateBody=body)["StackId"]
    return stack_done(made, "UPDATE_COMPLETE" if "shop" in known else "CREATE_COMPLETE")


def stack_done(stack_id: str, status: str) -> Change:
    """CloudFormation's own event of a stack whose status has changed."""
    return change_from_event(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "source": "aws.cloudformation",
            "detail-type": "CloudFormation Stack Status Change",
            "account": ACCOUNT,
            "time": "2026-11-24T12:00:00Z",
            "region": REGION,
            "resources": [stack_id],
            "detail": {
                "stack-id": stack_id,
                "status-details": {"status": status, "status-reason": ""},
            },
        }
    )


# Every control over secrets in the open, and how a text gets where it looks.
PLACES: dict[str, Put] = {
    "cloudformation.secret-in-parameters-or-outputs": stack,
    "codebuild.secret-in-environment": project,
    "ec2.secret-in-user-data": lambda name, text: instance(f"#!/bin/sh\nexport {name}='{text}'\n"),
    "ecs.secret-in-task-definition": lambda name, text: definition(variable(name, text)),
    "ecs.service-with-secret": lambda name, text: service(variable(name, text)),
    "lambda.secret-in-environment": lambda name, text: function(**{name: text}),
    "ssm.secret-in-plain-parameter": lambda name, text: parameter(text, f"/shop/{name}"),
}
