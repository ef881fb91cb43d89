"""A moto server that knows the rules: for a lab of several processes.

    python -m tests.support.strict_aws.server -H 127.0.0.1 -p 5000 [--hasten 60]

It stands where `moto_server` stood and takes the same two options, so that a lab starts this
instead. `--hasten 60` lets ten minutes of settling pass in ten seconds.
"""

from __future__ import annotations

import argparse
import io
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeAlias

from botocore.exceptions import ClientError
from moto.core.request import Request as HttpRequest
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple
from werkzeug.test import run_wsgi_app

from driftguard_cli.commands.lab.recorder.wire import (
    Answer,
    Named,
    Scope,
    answered,
    named,
    parameters,
    protocol_of,
)
from tests.support import mended_moto
from tests.support.guardduty_findings import Findings

from . import RULES
from .gate import Gate
from .rule import Parameters, Refusal, Request, Response, Rule
from .wire import to_environment, written

Environment: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environment, Any], Iterable[bytes]]

# The HTTP request that is being answered: what rules ask is asked as its signer, in its region.
_asking: ContextVar[tuple[Environment, Scope]] = ContextVar("asking")


class _Answered(Exception):
    """The stand-in has refused by itself: its answer goes out as it came."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Door:
    """Stands before an application that answers AWS's API, and enforces rules on what it gets."""

    def __init__(
        self, application: Application, rules: Iterable[Rule], now: Callable[[], datetime]
    ) -> None:
        self._application = application
        self._one_at_a_time = threading.Lock()
        self._gate = Gate(self._ask, rules, now, lambda: _asking.get()[1].region)

    def __call__(self, environment: Environment, start_response: Any) -> Iterable[bytes]:
        # Moto iterates over its dictionaries while other threads insert into them, and answers 500.
        with self._one_at_a_time:
            return self._through(environment, start_response)

    def _through(self, environment: Environment, start_response: Any) -> Iterable[bytes]:
        length = int(environment.get("CONTENT_LENGTH") or 0)
        body = environment["wsgi.input"].read(length) if length else b""
        http = HttpRequest({**environment, "wsgi.input": io.BytesIO(body)})
        environment = {**environment, "wsgi.input": io.BytesIO(body)}
        call = named(http)
        if call is None or not self._gate.rules_for(call.service, call.operation):
            return self._application(environment, start_response)
        answer = self._answer(call, parameters(http, call), environment)
        headers = [pair for pair in answer.headers if pair[0].lower() != "content-length"]
        start_response(f"{answer.status} ", [*headers, ("Content-Length", str(len(answer.body)))])
        return [answer.body]

    def _answer(self, call: Named, asked: Parameters, environment: Environment) -> Answer:
        came = Request(call.service, call.operation, asked)
        raw: list[tuple[Answer, Response]] = []

        def on(request: Request) -> Response:
            sent = environment
            if request.parameters != came.parameters:
                sent = to_environment(request, call.protocol, call.scope, environment)
            answer = self._made(sent)
            if answer.status >= 300:
                raise _Answered(answer)
            said = answered(call, answer)
            raw.append((answer, said))
            return said

        token = _asking.set((environment, call.scope))
        try:
            said = self._gate.through(came, on)
        except Refusal as refusal:
            return written(came, call.protocol, refusal)
        except _Answered as refused:
            return refused.answer
        finally:
            _asking.reset(token)
        # What no rule has changed goes out as it came.
        for answer, as_it_came in raw[-1:]:
            if said == as_it_came:
                return answer
        return written(came, call.protocol, said)

    def _made(self, environment: Environment) -> Answer:
        made, status, headers = run_wsgi_app(self._application, environment, buffered=True)
        return Answer(int(status.split()[0]), tuple(headers.to_wsgi_list()), b"".join(made))

    def _ask(self, service: str, operation: str, parameters: Parameters) -> Response:
        base, scope = _asking.get()
        call = Named(service, operation, protocol_of(service), scope, {})
        request = Request(service, operation, parameters)
        answer = self._made(to_environment(request, call.protocol, scope, base))
        if answer.status >= 300:
            raise ClientError({"Error": {"Code": str(answer.status), "Message": ""}}, operation)
        return answered(call, answer)


def hastened(times: float) -> Callable[[], datetime]:
    """A clock that runs so many times as fast as the true one."""
    began = datetime.now(UTC)
    return lambda: began + (datetime.now(UTC) - began) * times


def main() -> None:
    """Serves until it is ended."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-H", "--host", default="127.0.0.1")
    options.add_argument("-p", "--port", type=int, default=5000)
    options.add_argument("--hasten", type=float, default=1.0)
    given = options.parse_args()
    mended_moto.install()
    account = Findings(DomainDispatcherApplication(create_backend_app))
    run_simple(
        given.host,
        given.port,
        Door(account, RULES, hastened(given.hasten)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )


if __name__ == "__main__":
    main()
