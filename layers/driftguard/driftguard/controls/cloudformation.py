"""Finds secrets in a stack's parameters and outputs, which everybody who may describe it reads.

Parameters with `NoEcho` are shown as asterisks and never found. A call tells of the parameters that
it was given; defaults, change sets and outputs are looked at when the stack is done.

Sources: AWS CloudFormation API Reference, "DescribeStacks"; AWS CloudFormation User Guide, "Stack
Status Change event detail" and "Stack status codes".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.exposed_secret import OpenSecret, Shown

CALLS = "cloudformation.amazonaws.com"
EVENTS = "aws.cloudformation"
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


def stacks(change: Change) -> Iterator[Candidate]:
    """The stack of a change that may show something new."""
    if change.source == EVENTS:
        named = text(change.request, "stack-id")
        new = text(mapping(change.request, "status-details"), "status") in _DONE
    else:
        named = text(change.response, "stackId") or text(change.request, "stackName")
        new = omitted(change.request) or _is_given(change.request.get("parameters"))
    # `stack/name/id` of an ARN, or the name alone.
    path = named.rpartition(":stack/")[2]
    if path and new:
        where = f"cloudformation:{{region}}:{{account}}:stack/{path}"
        found = resource(change, "cloudformation.stack", path.partition("/")[0], where)
        yield Candidate(found, Certainty.POSSIBLE)


def _is_given(parameters: Json) -> bool:
    """Whether a value was given. Records have the keys of parameters, never their values.

    Source: AWS CloudFormation User Guide, "Logging AWS CloudFormation API calls with AWS
    CloudTrail".
    """
    if parameters is None:
        return False
    if not isinstance(parameters, (list, tuple, Mapping)):
        return True
    return any(not flag(item.get("usePreviousValue")) for item in items(parameters))


def shown(stack: Resource, reader: Reader) -> Shown | None:
    """A stack's parameters and outputs."""
    try:
        found = document(reader.read("cloudformation", "DescribeStacks", StackName=stack.id))
    except AwsError as error:
        if error.code == "ValidationError":
            return None
        raise
    texts: list[tuple[str, str]] = []
    for item in items(found.get("Stacks")):
        texts += [
            (f"Parameters.{text(item, 'ParameterKey')}", text(item, "ParameterValue"))
            for item in items(item.get("Parameters"))
        ]
        texts += [
            (f"Outputs.{text(item, 'OutputKey')}", text(item, "OutputValue"))
            for item in items(item.get("Outputs"))
        ]
    return Shown(texts)


def _every_stack(reader: Reader) -> Iterator[Resource]:
    for stack in map(document, reader.pages("cloudformation", "DescribeStacks", "Stacks")):
        name, arn = text(stack, "StackName"), text(stack, "StackId")
        yield Resource("cloudformation.stack", name, reader.account, reader.region, arn)


TRIGGERS = (
    Trigger(CALLS, "CreateStack"),
    Trigger(CALLS, "UpdateStack"),
    Trigger(EVENTS, "CloudFormation Stack Status Change"),
)

IN_PARAMETERS_OR_OUTPUTS = OpenSecret(
    id="cloudformation.secret-in-parameters-or-outputs",
    title="Secret in a stack's parameters or outputs",
    severity=70,
    cuts=NOTHING,
    references=References(attack=("T1552.001",)),
    triggers=TRIGGERS,
    # To describe all stacks is to list them, too.
    # Source: Service Authorization Reference, "CloudFormation" (`ListStacks`).
    reads=("cloudformation:DescribeStacks", "cloudformation:ListStacks"),
    found_by=_every_stack,
    revert="A stack goes back only by an update of all it holds.",
    advice="Mark the parameter NoEcho, or take it from Secrets Manager by a dynamic reference; "
    "rotate the secret.",
    candidates=stacks,
    values=shown,
)

CONTROLS = (IN_PARAMETERS_OR_OUTPUTS,)
