"""What CloudFormation would refuse of an update from the last release's template to this one.

`released.json` beside this module keeps of the last release's template what matters for that. Who
makes a release writes it anew: `python -m tests.support.updates`.

Sources: AWS CloudFormation User Guide, "Update behaviors of stack resources", "Troubleshooting
CloudFormation" (a custom-named resource cannot be replaced), "AWS::DynamoDB::Table" (one global
secondary index is created or deleted an update); AWS Lambda API Reference,
"CreateEventSourceMapping" (ResourceConflictException).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.support.world import ROOT

RELEASED = Path(__file__).with_name("released.json")
# What SAM makes of its own types.
_MADE_OF = {"AWS::Serverless::Function": "AWS::Lambda::Function"}
# The properties that give a resource a name of our choice, with AWS's limits, in characters.
# Sources: the API references of each service.
NAMES = {
    "AWS::CloudTrail::Trail": ("TrailName", 128),
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::IAM::Policy": ("PolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::Scheduler::ScheduleGroup": ("Name", 64),
    "AWS::SecretsManager::Secret": ("Name", 512),
    "AWS::Serverless::Function": ("FunctionName", 64),
}
# What holds something that a replacement would lose, or leave behind.
_HOLDING = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
}


def current() -> dict[str, Any]:
    """The template as it is, its short forms read as functions; a copy to be changed."""
    read: dict[str, Any] = json.loads(_read())
    return read


@cache
def _read() -> str:
    return json.dumps(load(str(ROOT / "template.yaml")))


@cache
def _create_only(kind: str) -> tuple[str, ...]:
    made_of = _MADE_OF.get(kind, kind)
    if made_of.startswith("AWS::Serverless::"):
        return ()
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", made_of).schema
    named = [path.rsplit("/", 1)[-1] for path in schema.get("createOnlyProperties", [])]
    return (*named, *(["KeySchema", "LocalSecondaryIndexes"] * (kind == "AWS::DynamoDB::Table")))


def essence(template: Mapping[str, Any]) -> dict[str, Any]:
    """What of a template decides whether an update from it is taken."""
    return {
        "parameters": sorted(template.get("Parameters", {})),
        "resources": {
            name: _of_resource(resource) for name, resource in template["Resources"].items()
        },
    }


def _of_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    kind, properties = resource["Type"], resource.get("Properties", {})
    named_by = NAMES[kind][0] if kind in NAMES else ""
    name = _text(properties.get(named_by, ""))
    fixed = {
        key: properties[key] for key in _create_only(kind) if key in properties and key != named_by
    }
    indexes = {
        index["IndexName"]: {"KeySchema": index["KeySchema"], "Projection": index["Projection"]}
        for index in properties.get("GlobalSecondaryIndexes", [])
    }
    sources = {
        event: _text(
            properties["Events"][event]["Properties"].get("Queue")
            or properties["Events"][event]["Properties"].get("Stream")
        )
        for event in properties.get("Events", {})
        if properties["Events"][event]["Type"] in ("SQS", "DynamoDB")
    }
    found = {"type": kind, "name": name, "fixed": fixed, "indexes": indexes, "sources": sources}
    return {key: value for key, value in found.items() if value}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def refused(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why CloudFormation refuses the update from one essence to another, or loses by it."""
    return [*_of_parameters(before, after), *_of_resources(before, after)]


def _of_parameters(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    required = current().get("Parameters", {})
    for name in sorted(set(after["parameters"]) - set(before["parameters"])):
        if "Default" not in required.get(name, {"Default": ""}):
            yield f"the parameter {name} is new and has no default"


def _of_resources(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, was in before["resources"].items():
        now = after["resources"].get(name)
        if now is None:
            if was["type"] in _HOLDING:
                yield f"{name} is gone, with what it holds"
            continue
        if was["type"] != now["type"]:
            yield f"{name} changes its type from {was['type']} to {now['type']}"
            continue
        yield from _of_names(name, was, now)
        yield from _of_indexes(name, was.get("indexes", {}), now.get("indexes", {}))
        yield from _of_sources(name, was.get("sources", {}), now.get("sources", {}))


def _of_names(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    fixed = was.get("fixed", {}), now.get("fixed", {})
    changed = sorted(
        key for key in {*fixed[0], *fixed[1]} if fixed[0].get(key) != fixed[1].get(key)
    )
    if was["type"] in _HOLDING and now.get("name") != was.get("name"):
        changed = ["name", *changed]
    if not changed:
        return
    if was["type"] in _HOLDING:
        yield f"{name} is replaced, and what it holds is left behind: {', '.join(changed)}"
    elif now.get("name") and now["name"] == was.get("name"):
        yield f"{name} has a name of our choice and is to be replaced: {', '.join(changed)}"


def _of_indexes(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    made_or_gone = sorted(set(was) ^ set(now))
    if len(made_or_gone) > 1:
        yield f"{name} changes {len(made_or_gone)} indexes at once: {', '.join(made_or_gone)}"
    for index in sorted(set(was) & set(now)):
        if was[index] != now[index]:
            yield f"{name} changes the index {index} in place"


def _of_sources(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A mapping is made before the old one is deleted, and there can be one a source."""
    for event, source in sorted(now.items()):
        if event not in was and source in was.values():
            yield f"{name} maps a source under another name, {event}, while the old one exists"


if __name__ == "__main__":
    written = essence(current())
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(about, sort_keys=True)}"
        for name, about in sorted(written["resources"].items())
    )
    parameters = json.dumps(written["parameters"])
    RELEASED.write_text(f'{{"parameters": {parameters},\n"resources": {{\n{lines}\n}}}}\n')
