"""Puts what a plan only names into the parameters of a call that is about to be made."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from .aws import AwsError, Client, Unreachable, told_apart
from .held import HELD
from .model import Document, Json
from .trail import mapping, text

# Source: AWS Lambda API Reference, "UpdateFunctionCode" (`ZipFile`).
_MOST_IN_A_CALL = 50 * 1024 * 1024

Clients = Callable[[str], Client]


def fetched(value: Json, clients: Clients) -> object:
    """The parameters with all that is held in its place. Raises `AwsError`.

    `clients` makes the client of a service, with the plan's own credentials.
    """
    if isinstance(value, Mapping):
        if HELD in value:
            return _fetch(mapping(value, HELD), clients)
        return {name: fetched(one, clients) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [fetched(one, clients) for one in value]
    return value


def _fetch(wanted: Document, clients: Clients) -> object:
    if wanted["kind"] == "function-code":
        return _code(clients("lambda"), text(wanted, "function"), text(wanted, "sha256"))
    return _value(clients("ssm"), text(wanted, "name"), int(text(wanted, "version")))


def _code(client: Client, function: str, sha256: str) -> bytes:
    with told_apart("lambda", "ListVersionsByFunction"):
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
        versions = [one for page in pages for one in page["Versions"]]
    kept = [one["Version"] for one in versions if one["CodeSha256"] == sha256]
    # A published version cannot change under us; $LATEST can.
    published = [one for one in kept if one != "$LATEST"]
    if not published:
        raise AwsError(f"no version of {function} keeps the code {sha256} any more")
    with told_apart("lambda", "GetFunction"):
        found = client.get_function(FunctionName=function, Qualifier=published[-1])
    from .inventory.download import DownloadFailed, download

    try:
        with download(found["Code"]["Location"], _MOST_IN_A_CALL) as file:
            code = file.read()
    except DownloadFailed as error:
        # It may be had the next time; the plan goes on from here then.
        raise Unreachable(
            f"the code of {function}:{published[-1]} could not be had: {error}"
        ) from None
    if base64.b64encode(hashlib.sha256(code).digest()).decode() != sha256:
        raise AwsError(f"what Lambda gave as the code of {function}:{published[-1]} is another")
    return code


def _value(client: Client, name: str, version: int) -> str:
    with told_apart("ssm", "GetParameterHistory"):
        pages = client.get_paginator("get_parameter_history").paginate(Name=name)
        for page in pages:
            for one in page["Parameters"]:
                if one["Version"] == version:
                    return str(one["Value"])
    raise AwsError(f"the parameter {name} has no version {version} any more")
