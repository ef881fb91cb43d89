"""CodeBuild: a project's builds, logs and artifacts shown to everybody."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, text
from driftguard.model import Call, Candidate, Change, Resource

from .control import NOTHING, References, Trigger, partition_of, resource
from .mechanisms.declared import unrecorded
from .mechanisms.switch import Switch, since_before
from .mechanisms.weakened import told

_SOURCE = "codebuild.amazonaws.com"
_PROJECT = ("arn:{partition}:codebuild:{region}:{account}:project/*",)
_ROLE = ("arn:{partition}:iam::{account}:role/*",)


def _shown(change: Change) -> Iterator[Candidate]:
    arn = text(change.request, "projectArn")
    if arn.startswith("arn:") and text(change.request, "projectVisibility") == "PUBLIC_READ":
        where = resource(change, "codebuild.project", arn, arn.split(":", 2)[2])
        yield told(where, "visibility")


def _projects(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:codebuild:{reader.region}:{reader.account}:project"
    for name in map(str, reader.pages("codebuild", "ListProjects", "projects")):
        arn = f"{where}/{name}"
        yield Resource("codebuild.project", arn, reader.account, reader.region, arn)


def _read(project: Resource, reader: Reader) -> Document | None:
    answer = document(reader.read("codebuild", "BatchGetProjects", names=[project.id]))
    for item in items(answer.get("projects")):
        return {
            "visibility": text(item, "projectVisibility") or "PRIVATE",
            "role": text(item, "resourceAccessRole"),
        }
    return None


def _put(project: Resource, state: Document) -> Call:
    parameters = {"projectArn": project.id, "projectVisibility": state["visibility"]}
    role = text(state, "role")
    if role and state["visibility"] == "PUBLIC_READ":
        # By this role CodeBuild shows logs and artifacts; it has to be passed anew.
        parameters["resourceAccessRole"] = role
        return Call("codebuild", "UpdateProjectVisibility", parameters, on=(project.arn, role))
    return Call("codebuild", "UpdateProjectVisibility", parameters, on=(project.arn,))


PUBLIC = Switch(
    id="codebuild.public",
    title="Builds visible to everybody",
    severity=80,
    references=References(attack=("T1530", "T1552.001")),
    triggers=(Trigger(_SOURCE, "UpdateProjectVisibility"),),
    reads=("codebuild:BatchGetProjects", "codebuild:ListProjects"),
    cuts=NOTHING,
    baselined=True,
    found_by=_projects,
    writes={"codebuild:UpdateProjectVisibility": _PROJECT, "iam:PassRole": _ROLE},
    candidates=_shown,
    read=_read,
    risky=since_before(
        lambda state: (
            "its builds, logs and artifacts are visible to everybody"
            if state["visibility"] == "PUBLIC_READ"
            else ""
        )
    ),
    asks=unrecorded,
    safe=lambda state, _: {**state, "visibility": "PRIVATE"},
    put=_put,
    advice="Logs of builds from before were visible too: rotate what they show.",
    proven="stub",
)

CONTROLS = (PUBLIC,)
