"""SageMaker: a script that notebook instances run, as their role, when they start."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_SOURCE = "sagemaker.amazonaws.com"
_PREFIX = "notebook-instance-lifecycle-config"


def _scripted(change: Change) -> Iterator[Candidate]:
    name = text(change.request, "notebookInstanceLifecycleConfigName")
    scripts = [change.request.get(field) for field in ("onStart", "onCreate")]
    if name and (any(scripts) or omitted(change.request)):
        certainty = Certainty.EVIDENT if any(scripts) else Certainty.POSSIBLE
        where = f"sagemaker:{{region}}:{{account}}:{_PREFIX}/{name}"
        yield Candidate(resource(change, "sagemaker.lifecycle-config", name, where), certainty)


def _read(configuration: Resource, reader: Reader) -> Document | None:
    answer = reader.read(
        "sagemaker",
        "DescribeNotebookInstanceLifecycleConfig",
        NotebookInstanceLifecycleConfigName=configuration.id,
        absent=("ValidationException",),
    )
    # The scripts may hold secrets: the record says that they were changed, not what they are.
    return None if answer is None else {"configuration": configuration.id}


# A signed address of a notebook (CreatePresignedNotebookInstanceUrl) is how people open theirs.
LIFECYCLE_CONFIG = Advice(
    id="sagemaker.lifecycle-config",
    title="Notebook instances' start script changed",
    severity=65,
    references=References(
        attack=("T1059", "T1546"),
        stratus=("aws.execution.sagemaker-update-lifecycle-config",),
    ),
    triggers=(Trigger(_SOURCE, "UpdateNotebookInstanceLifecycleConfig"),),
    reads=("sagemaker:DescribeNotebookInstanceLifecycleConfig",),
    cuts=NOTHING,
    revert="Scripts may hold secrets, so that none is kept to be put back.",
    candidates=_scripted,
    why="a script that notebook instances run as their role was changed",
    advice="Read the script. If it is not yours, put the one from your repository back, and stop "
    "the instances that have started with it.",
    read=_read,
)

CONTROLS = (LIFECYCLE_CONFIG,)
