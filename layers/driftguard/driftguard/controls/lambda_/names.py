"""Names functions, layer versions and their calls for the controls of Lambda.

CloudTrail's events carry the API's date and version (`AddPermission20150331v2`); a change's name
does not. Source: AWS Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, text
from driftguard.model import Call, Change, Resource

from ..control import Busy, Cuts, Settling, partition_of, resource
from ..mechanisms.deployed import FRESH_IN_WORDS

LAMBDA = "lambda.amazonaws.com"
FUNCTIONS = ("arn:{partition}:lambda:{region}:{account}:function:*",)
LAYERS = ("arn:{partition}:lambda:{region}:{account}:layer:*",)
FOREIGN_LAYERS = ("arn:{partition}:lambda:{region}:*:layer:*",)
# A customer's key, under which a function's environment is encrypted: Lambda makes its grant on it
# with the caller's permission whenever the function changes.
# Sources: AWS Lambda Developer Guide, "Securing Lambda environment variables"; AWS KMS Developer
# Guide, "How AWS Lambda uses AWS KMS".
KEYS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt"),
    ("arn:{partition}:kms:{region}:{account}:key/*",),
)
GONE = ("ResourceNotFoundException",)
# Sources: AWS Lambda Developer Guide, "Lambda function states"; AWS Lambda API Reference,
# "UpdateFunctionCode" and "UpdateEventSourceMapping", errors. A permission that exists already is a
# ResourceConflictException too, with other words.
BUSY = (
    Busy("ResourceConflictException", "cannot be performed at this time"),
    Busy("ResourceConflictException", "in progress"),
    Busy("ResourceInUseException"),
)
SETTLING = Settling(
    600,
    "a function takes one update at a time, and publishes no version meanwhile "
    '(AWS Lambda Developer Guide, "Lambda function states")',
)
# What it costs to go back to code that ran before.
OLDER_CODE = Cuts(
    "callers of what the new code can and the code before cannot",
    FRESH_IN_WORDS,
    "can the code before serve everybody who calls it now?",
)
# What is called without a qualifier.
LATEST = "$LATEST"


def function_of(change: Change) -> Resource | None:
    """The function of a change, with its version or alias where one is meant.

    A function is named by its name, a part of its ARN (`123456789012:function:f`) or all of it,
    and each may end with a qualifier. Sources: AWS Lambda API Reference, "AddPermission" and
    "PutResourcePolicy" (`ResourceArn`).
    """
    named = text(change.request, "functionName", "resourceArn")
    short = named.rpartition(":function:")[2]
    name, _, qualifier = short.partition(":")
    qualifier = text(change.request, "qualifier") or qualifier
    if not name:
        return None
    path = f"{name}:{qualifier}" if qualifier else name
    where = f"lambda:{{region}}:{{account}}:function:{path}"
    return resource(change, "lambda.function", path, where)


def layer_version_of(change: Change) -> Resource | None:
    """The layer's version of a change; a layer is named by its name or its ARN."""
    name = text(change.request, "layerName").rpartition(":layer:")[2]
    version = text(change.request, "versionNumber")
    if not name or not version.isdigit():
        return None
    where = f"lambda:{{region}}:{{account}}:layer:{name}:{version}"
    return resource(change, "lambda.layer-version", f"{name}:{version}", where)


def functions(reader: Reader) -> Iterator[Resource]:
    """The functions of the account and region, for the sweep: not their versions and aliases."""
    where = f"arn:{partition_of(reader.region)}:lambda:{reader.region}:{reader.account}:function"
    for function in reader.pages("lambda", "ListFunctions", "Functions"):
        name = text(document(function), "FunctionName")
        yield Resource("lambda.function", name, reader.account, reader.region, f"{where}:{name}")


def named(resource_: Resource) -> Document:
    """The parameters that name a function or a layer's version."""
    name, _, rest = resource_.id.partition(":")
    if resource_.kind == "lambda.layer-version":
        return {"LayerName": name, "VersionNumber": int(rest)}
    return {"FunctionName": name, "Qualifier": rest} if rest else {"FunctionName": name}


def call(
    resource_: Resource, operation: str, more: Document | None = None, settled: tuple[str, ...] = ()
) -> Call:
    """A call about a function or a layer's version."""
    parameters: Document = {**named(resource_), **(more or {})}
    return Call("lambda", operation, parameters, on=(resource_.arn,), settled_by=settled)
