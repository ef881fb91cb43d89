"""Secrets in the plain-text environment of CodeBuild projects.

Source: AWS CodeBuild API Reference, "EnvironmentVariable" (`PLAINTEXT`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..aws import Reader, document
from ..model import Certainty, Change, Resource, Suspect
from ..trail import items, mapping, text
from .control import References, Trigger, resource
from .open_secrets import OpenSecret

_SOURCE = "codebuild.amazonaws.com"


def projects(change: Change) -> Iterator[Suspect]:
    """The project of a change."""
    name = text(change.request, "name").rpartition("/")[2]
    if name:
        where = f"codebuild:{{region}}:{{account}}:project/{name}"
        yield Suspect(resource(change, "codebuild.project", name, where), Certainty.POSSIBLE)


def variables(project: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """The plain-text variables of a project, and its inline build specification."""
    answer = document(reader.read("codebuild", "BatchGetProjects", names=[project.id]))
    for one in items(answer.get("projects")):
        texts = [
            (f"environment.{text(each, 'name')}", text(each, "value"))
            for each in items(mapping(one, "environment").get("environmentVariables"))
            if text(each, "type") in ("", "PLAINTEXT")
        ]
        return [*texts, ("buildspec", text(mapping(one, "source"), "buildspec"))]
    return None


TRIGGERS = (Trigger(_SOURCE, "CreateProject"), Trigger(_SOURCE, "UpdateProject"))

SECRET_IN_ENVIRONMENT = OpenSecret(
    id="codebuild.secret-in-environment",
    title="Secret in a build project's environment",
    severity=75,
    references=References(security_hub=("CodeBuild.2",), attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("codebuild:BatchGetProjects",),
    revert="CodeBuild keeps no earlier environment of a project.",
    suspects=projects,
    values=variables,
)

CONTROLS = (SECRET_IN_ENVIRONMENT,)
