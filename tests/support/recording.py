"""What the lab's recorder writes of calls that are made in moto, as they went by wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.endpoint import Endpoint
from moto.core.request import Request as HttpRequest

from driftguard_cli.commands.lab.recorder.names import is_recorded
from driftguard_cli.commands.lab.recorder.records import Caller, record_of
from driftguard_cli.commands.lab.recorder.wire import Answer, named

ACCOUNT = "123456789012"
MALLORY = Caller(
    {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/mallory", "accountId": ACCOUNT},
    "198.51.100.23",
)


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The records of all calls that are made in the block and that a control watches."""
    found: list[dict[str, Any]] = []
    plain = Endpoint._do_get_response

    def heard(endpoint: Endpoint, request: Any, operation: Any, context: Any) -> Any:
        answered = plain(endpoint, request, operation, context)
        http = HttpRequest.from_primitives(
            request.method, request.url, request.headers, request.body
        )
        call = named(http)
        if call is not None and is_recorded(call.service, call.operation):
            came = answered[0][0]
            answer = Answer(came.status_code, tuple(came.headers.items()), came.content)
            found.append(record_of(http, call, answer, MALLORY, ACCOUNT))
        return answered

    with monkeypatch.context() as patched:
        patched.setattr(Endpoint, "_do_get_response", heard)
        yield found
