"""Secrets in a stack's parameters and outputs, which everybody who may describe it reads.

Parameters with `NoEcho` are shown as asterisks and never found.

Source: AWS CloudFormation API Reference, "DescribeStacks".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..aws import AwsError, Reader, document
from ..model import Certainty, Change, Resource, Suspect
from ..trail import items, text
from .control import References, Trigger, resource
from .open_secrets import OpenSecret

_SOURCE = "cloudformation.amazonaws.com"


def stacks(change: Change) -> Iterator[Suspect]:
    """The stack of a change."""
    named = text(change.response, "stackId") or text(change.request, "stackName", "stackId")
    name = named.rpartition(":stack/")[2].partition("/")[0]
    if name:
        where = f"cloudformation:{{region}}:{{account}}:stack/{name}"
        yield Suspect(resource(change, "cloudformation.stack", name, where), Certainty.POSSIBLE)


def shown(stack: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """A stack's parameters and outputs."""
    try:
        found = document(reader.read("cloudformation", "DescribeStacks", StackName=stack.id))
    except AwsError as error:
        if error.code == "ValidationError":
            return None
        raise
    texts: list[tuple[str, str]] = []
    for one in items(found.get("Stacks")):
        texts += [
            (f"Parameters.{text(each, 'ParameterKey')}", text(each, "ParameterValue"))
            for each in items(one.get("Parameters"))
        ]
        texts += [
            (f"Outputs.{text(each, 'OutputKey')}", text(each, "OutputValue"))
            for each in items(one.get("Outputs"))
        ]
    return texts


TRIGGERS = (Trigger(_SOURCE, "CreateStack"), Trigger(_SOURCE, "UpdateStack"))

IN_PARAMETERS_OR_OUTPUTS = OpenSecret(
    id="cloudformation.secret-in-parameters-or-outputs",
    title="Secret in a stack's parameters or outputs",
    severity=70,
    references=References(attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("cloudformation:DescribeStacks",),
    revert="A stack goes back only by an update of all it holds.",
    advice="Mark the parameter NoEcho, or take it from Secrets Manager by a dynamic reference; "
    "rotate the secret.",
    suspects=stacks,
    values=shown,
)

CONTROLS = (IN_PARAMETERS_OR_OUTPUTS,)
