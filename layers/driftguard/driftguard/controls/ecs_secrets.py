"""Secrets in ECS task definitions: in a container's environment, its command or its labels.

A service that runs such a revision can go back to the one before. The definition itself stays.

Source: Amazon ECS Developer Guide, "Pass sensitive data to an Amazon ECS container".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..aws import Reader
from ..model import Certainty, Change, Document, Json, Resource, Step, Suspect
from ..trail import items, mapping, text
from .control import References, Trigger, resource
from .ecs import ECS, SERVICES, definition, described, earlier_revisions, service_of, use
from .open_secrets import OpenSecret, exposed_in, texts_in


def definitions(change: Change) -> Iterator[Suspect]:
    """The task definition that a change has registered."""
    made = mapping(change.response, "taskDefinition")
    arn = text(made, "taskDefinitionArn")
    short = arn.rpartition("/")[2]
    if short:
        where = f"ecs:{{region}}:{{account}}:task-definition/{short}"
        found = resource(change, "ecs.task-definition", short, where)
        yield Suspect(found, Certainty.POSSIBLE)


def _service(change: Change) -> Iterator[Suspect]:
    for service in service_of(change):
        yield Suspect(service, Certainty.POSSIBLE)


def texts_of(found: Document) -> list[tuple[str, str]]:
    """What of a task definition may hold a secret, each text with its place."""
    texts: list[tuple[str, str]] = []
    for one in items(found.get("containerDefinitions")):
        name = text(one, "name")
        texts += [
            (f"{name}.environment.{text(each, 'name')}", text(each, "value"))
            for each in items(one.get("environment"))
        ]
        for part in ("command", "entryPoint", "dockerLabels"):
            texts += texts_in(one.get(part), f"{name}.{part}")
        texts += texts_in(mapping(one, "logConfiguration").get("options"), f"{name}.log.options")
    return texts


def in_definition(wanted: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """The texts of a task definition."""
    found = definition(wanted.id, reader)
    return texts_of(found) if found else None


def in_service(service: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """The texts of the revision that a service runs."""
    found = described(service, reader)
    return None if found is None else texts_of(definition(text(found, "taskDefinition"), reader))


def _earlier(service: Resource, reader: Reader) -> Document:
    """What a service runs, and the newest earlier revision that holds no secret."""
    found = described(service, reader) or {}
    runs, then = text(found, "taskDefinition"), ""
    for one in earlier_revisions(runs, reader) if runs else ():
        if not exposed_in(texts_of(definition(one, reader)), reader):
            then = one
            break
    told: dict[str, Json] = {"runs": runs, "earlier": then}
    return told


def _back(service: Resource, state: Document) -> tuple[Step, ...]:
    then, now = text(state, "earlier"), text(state, "runs")
    return (Step(use(service, then), (use(service, now),)),) if then else ()


DEFINITION_TRIGGER = Trigger(ECS, "RegisterTaskDefinition")
SERVICE_TRIGGERS = (Trigger(ECS, "CreateService"), Trigger(ECS, "UpdateService"))
_REFERENCES = References(security_hub=("ECS.8",), attack=("T1552.001",))

IN_DEFINITION = OpenSecret(
    id="ecs.secret-in-task-definition",
    title="Secret in a task definition",
    severity=75,
    references=_REFERENCES,
    triggers=(DEFINITION_TRIGGER,),
    reads=("ecs:DescribeTaskDefinition",),
    revert="A revision cannot be changed, and is read by who may read it whether it runs or not.",
    suspects=definitions,
    values=in_definition,
)

IN_SERVICE = OpenSecret(
    id="ecs.service-with-secret",
    title="Service that runs a task definition with a secret",
    severity=75,
    references=_REFERENCES,
    triggers=SERVICE_TRIGGERS,
    reads=(
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitions",
    ),
    writes={"ecs:UpdateService": SERVICES},
    suspects=_service,
    values=in_service,
    beside=_earlier,
    steps=_back,
)

CONTROLS = (IN_DEFINITION, IN_SERVICE)
