"""API calls as HTTP carries them: which one a request is, and what it and its answer say.

moto knows both ends of every protocol: its parsers read requests, its serializers write responses.
botocore knows the other two. Here they meet in one place.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore import awsrequest, parsers, serialize
from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as HttpRequest
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

from .rule import Parameters, Refusal, Request, Response

_SCOPE = re.compile(r"Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
# botocore's names where a signature's scope says another.
_SIGNED_AS = {
    "monitoring": "cloudwatch",
    "elasticfilesystem": "efs",
    "elasticmapreduce": "emr",
    "es": "opensearch",
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
        signed = _model(service).metadata
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
    """Which API call a request is, before anything but its address and its signer is read."""

    service: str
    operation: str
    protocol: str
    scope: Scope
    in_the_path: Parameters


@cache
def _model(service: str) -> ServiceModel:
    """The service's model, of our own: a client of S3 takes the bucket off its model's paths."""
    description = deepcopy(get_service_model(service)._service_description)
    for operation in description["operations"].values():
        if path := operation["http"].pop("authPath", ""):
            operation["http"]["requestUri"] = path.rstrip("/")
    return ServiceModel(description, service)


def _operation(service: str, operation: str) -> OperationModel:
    found: OperationModel = _model(service).operation_model(operation)
    return found


def named(http: HttpRequest) -> Named | None:
    """The API call that a request is; None where it is none, or in a protocol that moto lacks."""
    found = _SCOPE.search(http.headers.get("Authorization", ""))
    if found is None:
        return None
    access_key, day, region, signed_for = found.groups()
    service = _service(http, signed_for.lower())
    try:
        protocol = determine_request_protocol(_model(service), http.content_type)
    except (UnknownServiceError, NotImplementedError):
        return None
    operation, in_the_path = _operation_of(http, service, protocol)
    if operation is None or protocol not in PROTOCOL_PARSERS:
        return None
    return Named(service, operation, protocol, Scope(access_key, day, region), in_the_path)


def parameters(http: HttpRequest, call: Named) -> Response:
    """What a request asks for."""
    parsed = PROTOCOL_PARSERS[call.protocol](_operation(call.service, call.operation)).parse(
        {
            "method": http.method,
            "values": http.values,
            "headers": http.headers,
            "body": http.data,
            "url_path": http.path,
            "url_params": dict(call.in_the_path),
        }
    )
    return {name: value for name, value in parsed.items() if value is not None}


def _service(http: HttpRequest, signed_for: str) -> str:
    if signed_for == "elasticloadbalancing":
        return "elb" if http.values.get("Version") == "2012-06-01" else "elbv2"
    if signed_for == "s3" and http.path.startswith("/v20180820/"):
        return "s3control"
    return _SIGNED_AS.get(signed_for, signed_for)


def _operation_of(
    http: HttpRequest, service: str, protocol: str
) -> tuple[str | None, dict[str, str]]:
    if protocol in ("query", "ec2"):
        return http.values.get("Action"), {}
    if protocol == "json":
        return http.headers.get("X-Amz-Target", "").rpartition(".")[2] or None, {}
    best: tuple[int, str, dict[str, str]] | None = None
    for method, pattern, asked, name in _routes(service):
        matched = pattern.fullmatch(http.path.rstrip("/") or "/")
        if method != http.method or matched is None or not asked <= set(http.args):
            continue
        weight = 10 * len(asked) - len(matched.groups())
        if best is None or weight > best[0]:
            in_the_path = {key: unquote(value) for key, value in matched.groupdict().items()}
            best = (weight, name, in_the_path)
    return (best[1], best[2]) if best else (None, {})


@cache
def _routes(service: str) -> tuple[tuple[str, re.Pattern[str], frozenset[str], str], ...]:
    """Method, path, the query that it must have, operation."""
    found = []
    for name in _model(service).operation_names:
        http = _operation(service, name).http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}",
            lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})",
            re.escape(path.rstrip("/") or "/").replace(r"\-", "-"),
        )
        asked = frozenset(part.partition("=")[0] for part in query.split("&") if part)
        found.append((http["method"], re.compile(pattern), asked, name))
    return tuple(found)


def to_environment(
    call: Request, protocol: str, scope: Scope, base: dict[str, Any]
) -> dict[str, Any]:
    """The WSGI environment of a call, as a client would make it."""
    model = _operation(call.service, call.operation)
    serializer = serialize.create_serializer(protocol, include_validation=False)
    asked = serializer.serialize_to_request(dict(call.parameters), model)
    asked["headers"]["Authorization"] = scope.header(call.service)
    awsrequest.prepare_request_dict(asked, endpoint_url=f"http://{base['HTTP_HOST']}", context={})
    sent = awsrequest.create_request_object(asked).prepare()
    made = HttpRequest.from_primitives(sent.method, sent.url, sent.headers, sent.body)
    # The address of the request that we answer must not stand in for this one's.
    return {**base, "RAW_URI": "", "REQUEST_URI": "", "werkzeug.request": None, **made.environ}


def protocol_of(service: str) -> str:
    """The first protocol of a service that moto reads."""
    model = _model(service)
    offered = model.metadata.get("protocols") or [model.protocol]
    readable = [protocol for protocol in offered if protocol in PROTOCOL_PARSERS]
    return str(readable[0] if readable else model.protocol)


def read(call: Request, protocol: str, answer: Answer) -> Response:
    """What an answer says, without its metadata."""
    shape: Any = _operation(call.service, call.operation).output_shape
    parsed: Response = parsers.create_parser(protocol).parse(
        {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}, shape
    )
    return {key: value for key, value in parsed.items() if key != "ResponseMetadata"}


def written(call: Request, protocol: str, said: Parameters | Refusal) -> Answer:
    """An answer in the words of a service."""
    # A refusal has the two members, code and message, that a serializer looks for in an error.
    result: Any = said if isinstance(said, Refusal) else dict(said)
    serializer = get_serializer_class(call.service, protocol)
    made = serializer(_operation(call.service, call.operation)).serialize(result)
    status = said.status if isinstance(said, Refusal) else int(made["status_code"])
    body = made["body"]
    headers = tuple((str(name), str(value)) for name, value in made["headers"].items())
    return Answer(status, headers, body.encode() if isinstance(body, str) else bytes(body))
