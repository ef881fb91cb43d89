"""API calls as HTTP carries them: which one a request is, and what it and its answer say.

moto's parsers read requests of every protocol, botocore's parsers read answers, both by the models
of the services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import unquote

from botocore import parsers
from botocore.awsrequest import HeadersDict
from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as HttpRequest
from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model

Parameters: TypeAlias = Mapping[str, Any]

# The bucket, where the host names it and not the path.
_HOSTED = re.compile(r"(?P<bucket>.+)\.(s3[.-][a-z0-9.-]*amazonaws\.com|localhost)(:\d+)?")
_SCOPE = re.compile(r"Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
# botocore's names where a signature's scope says another.
_SIGNED_AS = {
    "access-analyzer": "accessanalyzer",
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "es": "opensearch",
    "monitoring": "cloudwatch",
    "sso": "sso-admin",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Who signed a request, and for what."""

    access_key: str
    day: str
    region: str

    def header(self, service: str) -> str:
        """An Authorization header of the same signer for another service; nothing checks it."""
        signed = model_of(service).metadata
        name = signed.get("signingName") or signed["endpointPrefix"]
        return (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{self.day}/{self.region}/{name}/"
            "aws4_request, SignedHeaders=host, Signature=0"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Named:
    """Which API call a request is, before anything but its address and its signer is read.

    `in_the_path` holds what the path names, as it is spelled there: encoded.
    """

    service: str
    operation: str
    protocol: str
    scope: Scope
    in_the_path: Mapping[str, str]


@cache
def model_of(service: str) -> ServiceModel:
    """The service's model, of our own: a client of S3 takes the bucket off its model's paths."""
    description = deepcopy(get_service_model(service).__dict__["_service_description"])
    for operation in description["operations"].values():
        if path := operation["http"].pop("authPath", ""):
            operation["http"]["requestUri"] = path.rstrip("/")
    return ServiceModel(description, service)


def operation_of(service: str, operation: str) -> OperationModel:
    """The model of an operation."""
    found: OperationModel = model_of(service).operation_model(operation)
    return found


def service_of(http: HttpRequest) -> str | None:
    """The service that a request was signed for, by botocore's name; None if it was not signed."""
    found = _SCOPE.search(http.headers.get("Authorization", ""))
    return _service(http, found[4].lower()) if found else None


def named(http: HttpRequest) -> Named | None:
    """The API call that a request is; None where it is none, or in a protocol that moto lacks."""
    found, service = _SCOPE.search(http.headers.get("Authorization", "")), service_of(http)
    if found is None or service is None:
        return None
    access_key, day, region, _ = found.groups()
    try:
        protocol = determine_request_protocol(model_of(service), http.content_type)
    except (UnknownServiceError, NotImplementedError):
        return None
    operation, in_the_path = _operation_of(http, service, protocol)
    if operation is None or protocol not in PROTOCOL_PARSERS:
        return None
    return Named(service, operation, protocol, Scope(access_key, day, region), in_the_path)


def parameters(http: HttpRequest, call: Named) -> dict[str, Any]:
    """What a request asks for."""
    parsed = PROTOCOL_PARSERS[call.protocol](operation_of(call.service, call.operation)).parse(
        {
            "method": http.method,
            "values": http.values,
            "headers": http.headers,
            "body": http.data,
            "url_path": http.path,
            "url_params": {name: unquote(value) for name, value in call.in_the_path.items()},
        }
    )
    return {name: value for name, value in parsed.items() if value is not None}


def answered(call: Named, answer: Answer) -> dict[str, Any]:
    """What an answer says, without its metadata; of a refusal, its `Error`."""
    shape: Any = operation_of(call.service, call.operation).output_shape
    headers = HeadersDict(dict(answer.headers))
    parsed: dict[str, Any] = parsers.create_parser(call.protocol).parse(
        {"status_code": answer.status, "headers": headers, "body": answer.body}, shape
    )
    return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}


def protocol_of(service: str) -> str:
    """The first protocol of a service that moto reads."""
    model = model_of(service)
    offered = model.metadata.get("protocols") or [model.protocol]
    readable = [protocol for protocol in offered if protocol in PROTOCOL_PARSERS]
    return str(readable[0] if readable else model.protocol)


def _service(http: HttpRequest, signed_for: str) -> str:
    if signed_for == "elasticloadbalancing":
        return "elb" if http.values.get("Version") == "2012-06-01" else "elbv2"
    if signed_for == "s3" and http.path.startswith("/v20180820/"):
        return "s3control"
    if signed_for == "es" and http.path.startswith("/2015-01-01/"):
        return "es"
    return _SIGNED_AS.get(signed_for, signed_for)


def _operation_of(
    http: HttpRequest, service: str, protocol: str
) -> tuple[str | None, dict[str, str]]:
    if protocol in ("query", "ec2"):
        return http.values.get("Action"), {}
    if protocol == "json":
        return http.headers.get("X-Amz-Target", "").rpartition(".")[2] or None, {}
    path = http.raw_path
    if service == "s3" and (hosted := _HOSTED.fullmatch(http.host)):
        path = f"/{hosted['bucket']}{path}"
    best: tuple[int, str, dict[str, str]] | None = None
    for method, pattern, asked, name in _routes(service):
        if method != http.method or not asked <= set(http.args):
            continue
        # An ARN in the path is encoded: the slash in it is none of the path's.
        matched = pattern.fullmatch(path.rstrip("/") or "/")
        if matched is None:
            continue
        weight = 10 * len(asked) - len(matched.groups())
        if best is None or weight > best[0]:
            best = (weight, name, matched.groupdict())
    return (best[1], best[2]) if best else (None, {})


@cache
def _routes(service: str) -> tuple[tuple[str, re.Pattern[str], frozenset[str], str], ...]:
    """Method, path, the query that it must have, operation."""
    found = []
    for name in model_of(service).operation_names:
        http = operation_of(service, name).http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}",
            lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})",
            re.escape(path.rstrip("/") or "/").replace(r"\-", "-"),
        )
        asked = frozenset(part.partition("=")[0] for part in query.split("&") if part)
        found.append((http["method"], re.compile(pattern), asked, name))
    return tuple(found)
