"""The record that CloudTrail would write of a call.

Source: AWS CloudTrail User Guide, "CloudTrail record contents for management, data, and network
activity events".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.core.request import Request as HttpRequest
from werkzeug.datastructures import MultiDict

from driftguard.documents import Document, Json

from . import of_ec2, of_s3, spelling
from .names import event_of
from .wire import Answer, Named, answered, parameters

# Bytes of a request or an answer that a record holds.
_LONGEST = 100 * 1024
_OF_S3 = ("s3", "s3control")
# Their events are written in one region of a partition, whichever a call was sent to.
# Source: AWS CloudTrail User Guide, "Global service events".
_GLOBAL = {"cloudfront": "us-east-1", "iam": "us-east-1", "route53": "us-east-1"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made a call: their identity as records have it, and the address that they came from."""

    identity: Document
    address: str


def record_of(
    http: HttpRequest, call: Named, answer: Answer, caller: Caller, account: str
) -> dict[str, Any]:
    """The record of a call that was made just now, refused or not.

    Raises `ValueError` where the request or its answer cannot be read.
    """
    source, name = event_of(call.service, call.operation)
    asked = parameters(http, call)
    said = answered(call, answer)
    request_id = _request_id(answer)
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": dict(caller.identity),
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source,
        "eventName": name,
        "awsRegion": _GLOBAL.get(call.service, call.scope.region),
        "sourceIPAddress": caller.address,
        "userAgent": http.headers.get("User-Agent", ""),
        "requestParameters": _bounded(_request(http, call, asked), "requestParameters"),
        "responseElements": None,
        "requestID": request_id,
        "eventID": str(uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    if answer.status < 300:
        elements = _answer(call, said, answer, request_id)
        return {**record, "responseElements": _bounded(elements, "responseElements")}
    error = said.get("Error", {})
    side = "Client" if answer.status < 500 else "Server"
    code = str(error.get("Code") or answer.status)
    refusal = f"{side}.{code}" if call.service == "ec2" else code
    return {**record, "errorCode": refusal, "errorMessage": str(error.get("Message", ""))}


def _request(http: HttpRequest, call: Named, asked: Mapping[str, Any]) -> Json:
    if call.service == "ec2":
        return of_ec2.request_of(call, _sent(http.form), asked)
    if call.service in _OF_S3:
        headers = http.headers.items()
        return of_s3.request_of(call, _sent(http.args), headers, http.data, asked)
    return spelling.request_of(call, asked)


def _sent(values: MultiDict[str, str]) -> list[tuple[str, str]]:
    """The names and values of a form or a query, as they were sent."""
    return [(name, value) for name, several in values.lists() for value in several]


def _answer(call: Named, said: Mapping[str, Any], answer: Answer, request_id: str) -> Json:
    if call.service == "ec2":
        return of_ec2.answer_of(call, said, answer.body, request_id)
    return None if call.service in _OF_S3 else spelling.answer_of(call, said)


def _request_id(answer: Answer) -> str:
    headers = {name.lower(): value for name, value in answer.headers}
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or str(uuid4())


def _bounded(value: Json, name: str) -> Json:
    """The value; where it is longer than a record's may be, what CloudTrail writes instead."""
    size = len(json.dumps(value).encode())
    if size <= _LONGEST:
        return value
    return {"reason": f"{name} too large", "omitted": "true", "originalSize": str(size)}
