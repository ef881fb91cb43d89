"""Finds secrets in the environment of functions, which everybody who may read a function reads.

Sources: AWS Lambda Developer Guide, "Working with Lambda environment variables"; AWS Lambda API
Reference, "EnvironmentResponse" (CloudTrail's records leave the variables out).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Candidate, Certainty, Change, Resource

from ..control import NOTHING, References, Trigger
from ..mechanisms.exposed_secret import OpenSecret, Shown, texts_in
from .names import GONE, LAMBDA, function_of, functions


def function_changed(change: Change) -> Iterator[Candidate]:
    """The function whose environment a change may have set, whatever version or alias it names.

    CloudTrail hides the variables, and writes an empty environment even if none was given. Only a
    record without any environment proves that none was set.
    """
    if "environment" not in change.request and not omitted(change.request):
        return
    named = text(change.request, "functionName") or text(change.response, "functionName")
    function = function_of(replace(change, request={"functionName": named}))
    if function is not None:
        name = function.id.partition(":")[0]
        arn = function.arn.removesuffix(function.id) + name
        yield Candidate(replace(function, id=name, arn=arn), Certainty.POSSIBLE)


def environment(function: Resource, reader: Reader) -> Shown | None:
    """The variables of a function's environment.

    Under a customer's key that the guard may not use they are unread, and not empty: whoever
    deploys a function chooses the key.

    Source: AWS Lambda API Reference, "EnvironmentResponse" (`Error`).
    """
    found = reader.read("lambda", "GetFunctionConfiguration", FunctionName=function.id, absent=GONE)
    if found is None:
        return None
    told = mapping(document(found), "Environment")
    code = text(mapping(told, "Error"), "ErrorCode")
    unread = f"the guard may not decrypt the environment ({code})" if code else ""
    texts = texts_in(dict(mapping(told, "Variables")), "Environment.Variables")
    return Shown([*texts], unread=unread)


TRIGGERS = (
    Trigger(LAMBDA, "CreateFunction"),
    Trigger(LAMBDA, "UpdateFunctionConfiguration"),
)

SECRET_IN_ENVIRONMENT = OpenSecret(
    id="lambda.secret-in-environment",
    title="Secret in a function's environment",
    severity=75,
    cuts=NOTHING,
    references=References(attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("lambda:GetFunctionConfiguration", "lambda:ListFunctions"),
    found_by=functions,
    revert="Only published versions keep an earlier environment, and they keep this one too.",
    candidates=function_changed,
    values=environment,
)

CONTROLS = (SECRET_IN_ENVIRONMENT,)
