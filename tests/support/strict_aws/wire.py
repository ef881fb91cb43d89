"""API calls as HTTP carries them, the other way round: a call as a client would make it, and an
answer as a service would give it.

botocore's serializers write requests, moto's write answers. What reads both is the lab's own
(`driftguard_cli.commands.lab.recorder.wire`).
"""

from __future__ import annotations

from typing import Any

from botocore import awsrequest, serialize
from moto.core.request import Request as HttpRequest
from moto.core.serialize import get_serializer_class

from driftguard_cli.commands.lab.recorder.wire import Answer, Scope, operation_of

from .rule import Parameters, Refusal, Request


def to_environment(
    call: Request, protocol: str, scope: Scope, base: dict[str, Any]
) -> dict[str, Any]:
    """The WSGI environment of a call, as a client would make it."""
    model = operation_of(call.service, call.operation)
    serializer = serialize.create_serializer(protocol, include_validation=False)
    asked = serializer.serialize_to_request(dict(call.parameters), model)
    asked["headers"]["Authorization"] = scope.header(call.service)
    awsrequest.prepare_request_dict(asked, endpoint_url=f"http://{base['HTTP_HOST']}", context={})
    sent = awsrequest.create_request_object(asked).prepare()
    made = HttpRequest.from_primitives(sent.method, sent.url, sent.headers, sent.body)
    # The address of the request that we answer must not stand in for this one's.
    return {**base, "RAW_URI": "", "REQUEST_URI": "", "werkzeug.request": None, **made.environ}


def written(call: Request, protocol: str, said: Parameters | Refusal) -> Answer:
    """An answer in the words of a service."""
    # A refusal has the two members, code and message, that a serializer looks for in an error.
    result: Any = said if isinstance(said, Refusal) else dict(said)
    serializer = get_serializer_class(call.service, protocol)
    made = serializer(operation_of(call.service, call.operation)).serialize(result)
    status = said.status if isinstance(said, Refusal) else int(made["status_code"])
    body = made["body"]
    headers = tuple((str(name), str(value)) for name, value in made["headers"].items())
    return Answer(status, headers, body.encode() if isinstance(body, str) else bytes(body))
