"""SageMaker: a script that notebook instances run, as their role, when they start."""

from __future__ import annotations

from collections.abc import Iterator

from ..aws import Reader
from ..model import Certainty, Change, Document, Resource, Suspect
from ..trail import omitted, text
from .control import References, Trigger, resource
from .mechanisms import Advice

_SOURCE = "sagemaker.amazonaws.com"
_PREFIX = "notebook-instance-lifecycle-config"


def _scripted(change: Change) -> Iterator[Suspect]:
    name = text(change.request, "notebookInstanceLifecycleConfigName")
    scripts = [change.request.get(one) for one in ("onStart", "onCreate")]
    if name and (any(scripts) or omitted(change.request)):
        certainty = Certainty.EVIDENT if any(scripts) else Certainty.POSSIBLE
        where = f"sagemaker:{{region}}:{{account}}:{_PREFIX}/{name}"
        yield Suspect(resource(change, "sagemaker.lifecycle-config", name, where), certainty)


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
    revert="Scripts may hold secrets, so that none is kept to be put back.",
    suspects=_scripted,
    why="a script that notebook instances run as their role was changed",
    advice="Read the script. If it is not yours, put the one from your repository back, and stop "
    "the instances that have started with it.",
    read=_read,
)

CONTROLS = (LIFECYCLE_CONFIG,)
