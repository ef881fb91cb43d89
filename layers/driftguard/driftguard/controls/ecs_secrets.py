"""Finds secrets in ECS task definitions: in a container's environment, command or labels.

A service that runs such a revision can go back to the one before. The definition itself stays.

The guard reads no bucket: variables that a definition takes from files are unread, and never clean.

Sources: Amazon ECS Developer Guide, "Pass sensitive data to an Amazon ECS container", "Pass an
environment variable to an Amazon ECS container"; Amazon ECS API Reference, "ContainerDefinition"
and "UpdateService".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftguard.aws.calls import AwsError
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Resource, Step

from .control import NOTHING, References, Trigger, resource
from .ecs import (
    ECS,
    NEWER_REVISION,
    ROLES,
    SERVICES,
    definition,
    described,
    earlier_revisions,
    newer_revisions_use,
    roles_of,
    service_of,
    use,
)
from .mechanisms.exposed_secret import OpenSecret, Shown, is_clean, texts_in

# The parts of a container's definition that hold whatever people write there.
_COMMANDS = ("command", "entryPoint")
_FREE = (
    *("environment", "environmentFiles", *_COMMANDS),
    *("healthCheck", "dockerLabels", "firelensConfiguration"),
)
# How many files are named in one line.
_NAMED = 3


def definitions(change: Change) -> Iterator[Candidate]:
    """The task definition that a change has registered, unless nothing in it could be a secret."""
    made = mapping(change.response, "taskDefinition")
    short = text(made, "taskDefinitionArn").rpartition("/")[2]
    if short and _may_hold(change.request):
        where = f"ecs:{{region}}:{{account}}:task-definition/{short}"
        found = resource(change, "ecs.task-definition", short, where)
        yield Candidate(found, Certainty.POSSIBLE)


def _may_hold(request: Document) -> bool:
    """Whether the definition may hold a secret: anything that the record hides may be one."""
    containers = request.get("containerDefinitions")
    if omitted(request) or not isinstance(containers, (list, tuple, Mapping)):
        return True
    found = list(items(containers))
    return not found or any(
        any(container.get(part) is not None for part in _FREE) or _logs_elsewhere(container)
        for container in found
    )


def _logs_elsewhere(container: Document) -> bool:
    """Whether logs go to a driver that takes tokens; CloudWatch's takes none."""
    logs = container.get("logConfiguration")
    if logs is None:
        return False
    return not isinstance(logs, Mapping) or text(logs, "logDriver") != "awslogs"


def _services(change: Change) -> Iterator[Candidate]:
    """The service of a change that has it run a revision; scaling one does not."""
    if "taskDefinition" in change.request or omitted(change.request):
        for service in service_of(change):
            yield Candidate(service, Certainty.POSSIBLE)


def texts_of(found: Document) -> list[tuple[str, str]]:
    """The texts of a task definition that may hold a secret, each with its place."""
    texts: list[tuple[str, str]] = []
    for item in items(found.get("containerDefinitions")):
        name = text(item, "name")
        texts += [
            (f"{name}.environment.{text(item, 'name')}", text(item, "value"))
            for item in items(item.get("environment"))
        ]
        # A password on a command line is told by the option before it.
        texts += [(f"{name}.{part}", _line(item.get(part))) for part in _COMMANDS]
        texts.append((f"{name}.healthCheck", _line(mapping(item, "healthCheck").get("command"))))
        texts += texts_in(item.get("dockerLabels"), f"{name}.dockerLabels")
        for part in ("logConfiguration", "firelensConfiguration"):
            texts += texts_in(mapping(item, part).get("options"), f"{name}.{part}")
    return texts


def unread_in(found: Document) -> str:
    """What of a task definition is not read, in words: its containers' environment files."""
    files = [
        text(file, "value")
        for container in items(found.get("containerDefinitions"))
        for file in items(container.get("environmentFiles"))
    ]
    named = ", ".join(dict.fromkeys(files[:_NAMED]))
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return f"the guard does not read environment files ({named}{more})" if files else ""


def _line(command: Json) -> str:
    return " ".join(map(str, command)) if isinstance(command, (list, tuple)) else ""


def in_definition(wanted: Resource, reader: Reader) -> Shown | None:
    """The texts of a task definition; None when it is deleted."""
    try:
        found = definition(wanted.id, reader)
    except AwsError as error:
        if error.code == "ClientException":
            return None
        raise
    return Shown(texts_of(found), unread=unread_in(found))


def in_service(service: Resource, reader: Reader) -> Shown | None:
    """The texts of the revision that a service runs."""
    found = described(service, reader)
    if found is None:
        return None
    runs = text(found, "taskDefinition")
    controller = text(mapping(found, "deploymentController"), "type") or "ECS"
    what = definition(runs, reader) if runs else {}
    beside: Document = {"runs": runs, "controller": controller, "roles": roles_of(what)}
    return Shown(texts_of(what), beside, unread_in(what))


def _earlier(service: Resource, shown: Document, reader: Reader) -> Json:
    """The newest earlier revision that holds no secret, and nothing that is not read.

    None for a service that CodeDeploy or somebody else deploys: ECS refuses to change it.
    """
    if text(shown, "controller") != "ECS":
        return None
    for earlier_revision in earlier_revisions(text(shown, "runs"), reader):
        what = definition(earlier_revision, reader)
        if not unread_in(what) and is_clean(texts_of(what), reader):
            return {"revision": earlier_revision, "roles": roles_of(what)}
    return None


def _back(service: Resource, state: Document) -> tuple[Step, ...]:
    earlier, now = mapping(state, "earlier"), text(state, "runs")
    then = text(earlier, "revision")
    if not then:
        return ()
    there, back = use(service, then, _roles(earlier)), use(service, now, _roles(state))
    return (Step(there, (back,)),)


def _roles(looked: Document) -> list[str]:
    found = looked.get("roles")
    return [str(role) for role in found] if isinstance(found, (list, tuple)) else []


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
    cuts=NOTHING,
    revert="A revision cannot be changed, and is read by who may read it whether it runs or not.",
    candidates=definitions,
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
    writes={"ecs:UpdateService": SERVICES, "iam:PassRole": ROLES},
    cuts=NEWER_REVISION,
    uses=lambda service, _, reader: newer_revisions_use((service,), reader),
    # Which revisions there are still does not depend on the service.
    volatile=frozenset({"earlier"}),
    momentary=frozenset({"runs", "roles", "earlier"}),
    candidates=_services,
    values=in_service,
    earlier=_earlier,
    steps=_back,
)

CONTROLS = (IN_DEFINITION, IN_SERVICE)
