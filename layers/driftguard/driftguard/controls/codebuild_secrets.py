"""Finds secrets in CodeBuild projects: plain variables, inline specifications, source addresses.

A variable that only names a parameter or a secret shows nothing. What has another type, which AWS
may add, is read.

Source: AWS CodeBuild API Reference, "EnvironmentVariable" and "ProjectSource".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.exposed_secret import OpenSecret, Shown

_SOURCE = "codebuild.amazonaws.com"
_NAMES = ("PARAMETER_STORE", "SECRETS_MANAGER")


def projects(change: Change) -> Iterator[Candidate]:
    """The project of a change that may have put a secret into it."""
    name = text(change.request, "name") or text(mapping(change.response, "project"), "name")
    if name and _may_hold(change.request):
        where = f"codebuild:{{region}}:{{account}}:project/{name}"
        yield Candidate(resource(change, "codebuild.project", name, where), Certainty.POSSIBLE)


def _may_hold(request: Document) -> bool:
    if omitted(request) or _may_be_set(request.get("environment")):
        return True
    sources = (request.get("source"), request.get("secondarySources"))
    return any(source is not None and _may_tell(source) for source in sources)


def _may_be_set(environment: Json) -> bool:
    """Whether plain-text variables were given; hidden parameters may hold some."""
    if environment is None:
        return False
    if not isinstance(environment, Mapping):
        return True
    variables = environment.get("environmentVariables")
    if variables is None:
        return False
    if not isinstance(variables, (list, tuple, Mapping)):
        return True
    return any(text(item, "type") not in _NAMES for item in items(variables))


def _may_tell(source: Json) -> bool:
    """Whether a source has its specification inline, or credentials in its address."""
    if not isinstance(source, (list, tuple, Mapping)):
        return True
    return any(
        not text(item, "buildspec").endswith((".yml", ".yaml", ".json"))
        if text(item, "buildspec")
        else "@" in text(item, "location")
        for item in items(source)
    )


def variables(project: Resource, reader: Reader) -> Shown | None:
    """The plain-text variables of a project, its inline specifications and sources."""
    answer = document(reader.read("codebuild", "BatchGetProjects", names=[project.id]))
    for item in items(answer.get("projects")):
        texts = [
            (f"environment.{text(item, 'name')}", text(item, "value"))
            for item in items(mapping(item, "environment").get("environmentVariables"))
            if text(item, "type") not in _NAMES
        ]
        for source in (mapping(item, "source"), *items(item.get("secondarySources"))):
            place = text(source, "sourceIdentifier") or "source"
            texts += [(f"{place}.{name}", text(source, name)) for name in ("buildspec", "location")]
        return Shown(texts)
    return None


def _every_project(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:codebuild:{reader.region}:{reader.account}:project"
    for name in map(str, reader.pages("codebuild", "ListProjects", "projects")):
        yield Resource("codebuild.project", name, reader.account, reader.region, f"{where}/{name}")


TRIGGERS = (Trigger(_SOURCE, "CreateProject"), Trigger(_SOURCE, "UpdateProject"))

SECRET_IN_ENVIRONMENT = OpenSecret(
    id="codebuild.secret-in-environment",
    title="Secret in a build project's environment",
    severity=75,
    references=References(security_hub=("CodeBuild.1", "CodeBuild.2"), attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("codebuild:BatchGetProjects", "codebuild:ListProjects"),
    found_by=_every_project,
    cuts=NOTHING,
    revert="CodeBuild keeps no earlier environment of a project.",
    candidates=projects,
    values=variables,
)

CONTROLS = (SECRET_IN_ENVIRONMENT,)
