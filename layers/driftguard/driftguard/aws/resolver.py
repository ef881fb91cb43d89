"""Fetches what a plan only names into the parameters of a call that is about to be made."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from driftguard.documents import Document, Json, mapping, text

from .calls import AwsError, Client, Unreachable, told_apart
from .references import HELD

# Source: AWS Lambda API Reference, "UpdateFunctionCode" (`ZipFile`).
_MOST_IN_A_CALL = 50 * 1024 * 1024
# How long its download may take, in seconds.
_SECONDS = 30.0

Clients = Callable[[str], Client]


def fetched(value: Json, clients: Clients) -> object:
    """The parameters with their references replaced by the values. Raises `AwsError`.

    `clients` makes the client of a service, with the plan's own credentials.
    """
    if isinstance(value, Mapping):
        if HELD in value:
            return _fetch(mapping(value, HELD), clients)
        return {name: fetched(inner, clients) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [fetched(inner, clients) for inner in value]
    return value


def _fetch(wanted: Document, clients: Clients) -> object:
    if wanted["kind"] == "function-code":
        return _code(clients("lambda"), text(wanted, "function"), text(wanted, "sha256"))
    if wanted["kind"] == "lock-token":
        return _token(clients("wafv2"), text(wanted, "arn"))
    if wanted["kind"] == "security-group":
        return _group(clients("ec2"), text(wanted, "name"), text(wanted, "vpc"))
    return _value(clients("ssm"), text(wanted, "name"), int(text(wanted, "version")))


def _code(client: Client, function: str, sha256: str) -> bytes:
    with told_apart("lambda", "ListVersionsByFunction"):
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        versions = [version for page in pages for version in page["Versions"]]
    numbers = [version["Version"] for version in versions if version["CodeSha256"] == sha256]
    # A published version cannot change under us; $LATEST can.
    published = [number for number in numbers if number != "$LATEST"]
    if not published:
        raise AwsError(f"no version of {function} keeps the code {sha256} any more")
    with told_apart("lambda", "GetFunction"):
        found = client.get_function(FunctionName=function, Qualifier=published[-1])
    from .download import DownloadFailed, download

    try:
        with download(found["Code"]["Location"], _MOST_IN_A_CALL, _SECONDS) as file:
            code = file.read()
    except DownloadFailed as error:
        # It may be had the next time; the plan goes on from here then.
        raise Unreachable(
            f"the code of {function}:{published[-1]} could not be had: {error}"
        ) from None
    if base64.b64encode(hashlib.sha256(code).digest()).decode() != sha256:
        raise AwsError(f"what Lambda gave as the code of {function}:{published[-1]} is another")
    return code


def _token(client: Client, arn: str) -> str:
    """The web ACL's token now: `…:regional/webacl/NAME/ID`."""
    scope, _, name, id_ = arn.split(":", 5)[5].split("/")
    named = "REGIONAL" if scope == "regional" else "CLOUDFRONT"
    with told_apart("wafv2", "GetWebACL"):
        return str(client.get_web_acl(Name=name, Scope=named, Id=id_)["LockToken"])


def _group(client: Client, name: str, vpc: str) -> str:
    """The id of the group of this name. EC2 may show a group only seconds after it was made."""
    named = (("group-name", name), ("vpc-id", vpc))
    filters = [{"Name": key, "Values": [value]} for key, value in named]
    with told_apart("ec2", "DescribeSecurityGroups"):
        found = client.describe_security_groups(Filters=filters)["SecurityGroups"]
    if not found:
        raise AwsError(f"there is no group {name} in {vpc}", code="InvalidGroup.NotFound")
    return str(found[0]["GroupId"])


def _value(client: Client, name: str, version: int) -> str:
    with told_apart("ssm", "GetParameterHistory"):
        pages = client.get_paginator("get_parameter_history").paginate(Name=name)
        for page in pages:
            for entry in page["Parameters"]:
                if entry["Version"] == version:
                    return str(entry["Value"])
    raise AwsError(f"the parameter {name} has no version {version} any more")
