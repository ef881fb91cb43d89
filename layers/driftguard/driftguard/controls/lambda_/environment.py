"""Secrets in the environment of functions, where everybody who may read a function reads them.

Source: AWS Lambda Developer Guide, "Using environment variables".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...aws import Reader, document
from ...model import Certainty, Change, Resource, Suspect
from ...trail import mapping
from ..control import References, Trigger
from ..open_secrets import OpenSecret, texts_in
from .names import GONE, LAMBDA, function_of


def function_changed(change: Change) -> Iterator[Suspect]:
    """The function itself of a change, whatever version or alias it names.

    CloudTrail hides an environment's values: that there is a function is all that a record says.
    """
    function = function_of(change)
    if function is not None:
        name = function.id.partition(":")[0]
        arn = function.arn.removesuffix(function.id) + name
        yield Suspect(replace(function, id=name, arn=arn), Certainty.POSSIBLE)


def environment(function: Resource, reader: Reader) -> list[tuple[str, str]] | None:
    """The variables of a function's environment, each with its place."""
    found = reader.read("lambda", "GetFunctionConfiguration", FunctionName=function.id, absent=GONE)
    if found is None:
        return None
    variables = mapping(mapping(document(found), "Environment"), "Variables")
    return list(texts_in(dict(variables), "Environment.Variables"))


TRIGGERS = (
    Trigger(LAMBDA, "CreateFunction"),
    Trigger(LAMBDA, "UpdateFunctionConfiguration"),
)

SECRET_IN_ENVIRONMENT = OpenSecret(
    id="lambda.secret-in-environment",
    title="Secret in a function's environment",
    severity=75,
    references=References(attack=("T1552.001",)),
    triggers=TRIGGERS,
    reads=("lambda:GetFunctionConfiguration",),
    revert="Only published versions keep an earlier environment, and they keep this one too.",
    suspects=function_changed,
    values=environment,
)

CONTROLS = (SECRET_IN_ENVIRONMENT,)
