"""Turns Lambda's function-URL events into HTTP requests, and responses back.

Source: AWS Lambda Developer Guide, "Invoking Lambda function URLs", request and response payloads
(format version 2.0). Nothing in a request is trusted: what cannot be read is refused in words.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from driftguard.documents import Document, mapping, parsed, text

# For every response: nothing keeps it, frames it, or learns where it came from.
_ALWAYS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}

NOT_THE_BUTTON = "A vote comes from the button on the page."


class BadRequest(Exception):
    """A request that cannot be taken, and the HTTP status that says so."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its header names in lower case.

    `caller` is the ARN that IAM verified, where the URL asks for that.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source: str = ""
    caller: str = ""

    @classmethod
    def from_event(cls, event: Document) -> Request:
        """The request in a function URL's event. Raises `BadRequest`."""
        context = mapping(event, "requestContext")
        http = mapping(context, "http")
        headers = mapping(event, "headers")
        return cls(
            method=text(http, "method").upper(),
            path=text(event, "rawPath") or "/",
            query=text(event, "rawQueryString"),
            headers={name.lower(): text(headers, name) for name in headers},
            body=_body(event),
            source=text(http, "sourceIp"),
            caller=text(mapping(mapping(context, "authorizer"), "iam"), "userArn"),
        )

    @property
    def speculative(self) -> bool:
        """Whether a browser or a proxy fetches ahead, so that no person has asked for this yet.

        Source: WHATWG Fetch, `Sec-Purpose`; before it browsers sent `Purpose` or `X-Moz`.
        """
        said = (self.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
        return any(
            "prefetch" in purpose or "preview" in purpose for purpose in map(str.lower, said)
        )

    def parameter(self, name: str) -> str:
        """A parameter of the query; "" where it is missing or given twice."""
        return _only(self.query, name)

    def within(self, limit: int) -> Request:
        """This request, if its body has at most so many bytes. Raises `BadRequest`."""
        if len(self.body) > limit:
            raise BadRequest("That is longer than any vote needs to be.", 413)
        return self

    def form(self) -> Mapping[str, str]:
        """The fields of a form. Raises `BadRequest` for a body that is none."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise BadRequest(NOT_THE_BUTTON, 415)
        try:
            pairs = parse_qsl(self.body.decode("ascii"), strict_parsing=True, max_num_fields=20)
        except ValueError:
            raise BadRequest(NOT_THE_BUTTON) from None
        if len(dict(pairs)) < len(pairs):
            raise BadRequest("A form gives each field once.")
        return dict(pairs)

    def document(self) -> Document:
        """The JSON object in the body. Raises `BadRequest`."""
        try:
            found = parsed(self.body)
        except ValueError:
            raise BadRequest("The body is not JSON.") from None
        if not isinstance(found, Mapping):
            raise BadRequest("The body is not a JSON object.")
        return found


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int
    body: str = ""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_event(self) -> dict[str, object]:
        """The response as Lambda hands it to the function URL."""
        return {
            "statusCode": self.status,
            "headers": {"Content-Type": self.kind, **_ALWAYS, **self.headers},
            "body": self.body,
        }


def as_json(status: int, document: Document) -> Response:
    """A JSON object as a response."""
    return Response(status, json.dumps(document), "application/json")


def _body(event: Document) -> bytes:
    body = text(event, "body")
    if event.get("isBase64Encoded") is not True:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:  # also of letters that base 64 has not
        raise BadRequest("The body is not what it says it is.") from None


def _only(query: str, name: str) -> str:
    try:
        found = [value for key, value in parse_qsl(query, max_num_fields=20) if key == name]
    except ValueError:
        return ""
    return found[0] if len(found) == 1 else ""
