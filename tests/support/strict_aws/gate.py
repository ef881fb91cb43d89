"""Enforces rules on API calls, whichever way the calls come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from .rule import Account, Parameters, Proceed, Refusal, Request, Response, Rule, Unruled


class Gate:
    """Takes calls, lets the rules have their say in order, and passes the rest on.

    Parameters
    ----------
    call
        What stands in for AWS, without any rule.
    rules
        Those that are enforced.
    now
        The clock that settling follows. Nothing ever sleeps.
    region
        Where the call is made that is being taken.
    """

    def __init__(
        self,
        call: Unruled,
        rules: Iterable[Rule],
        now: Callable[[], datetime],
        region: Callable[[], str] = str,
    ) -> None:
        self.account = Account(call, now, region)
        self._wait: Callable[[], object] | None = None
        self._lifted = False
        self._rules: dict[tuple[str, str], tuple[Rule, ...]] = defaultdict(tuple)
        for rule in rules:
            for operation in rule.operations:
                self._rules[operation] += (rule,)

    def rules_for(self, service: str, operation: str) -> tuple[Rule, ...]:
        """The rules that stand around an operation."""
        return () if self._lifted else self._rules.get((service, operation), ())

    def answer_busy(self, id_: str, times: int = 1) -> None:
        """Makes the next calls meet one of the answers that come by chance."""
        self.account.by_chance[id_] = times

    @contextmanager
    def waited_out(self, wait: Callable[[], object]) -> Iterator[None]:
        """Lets whoever is refused wait and try again, as a person who makes a change does.

        `wait` moves the clock far enough for what is under way to settle. What is refused for
        another reason than time still is.
        """
        self._wait = wait
        try:
            yield
        finally:
            self._wait = None

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Lets calls pass without rules: for a look at what is there, not at what AWS tells."""
        self._lifted = True
        try:
            yield
        finally:
            self._lifted = False

    def make(self, service: str, operation: str, parameters: Parameters) -> Response:
        """The response to a call. Raises Refusal, or whatever the stand-in raises."""
        return self.through(Request(service, operation, parameters), self._on)

    def through(self, request: Request, proceed: Proceed) -> Response:
        """The response to a call that goes on by a way of its own."""
        try:
            return self._through(request, proceed)
        except Refusal:
            if self._wait is None:
                raise
            self._wait()
        return self._through(request, proceed)

    def _through(self, request: Request, proceed: Proceed) -> Response:
        for rule in reversed(self.rules_for(request.service, request.operation)):
            proceed = partial(_around, rule, self.account, proceed)
        return proceed(request)

    def _on(self, request: Request) -> Response:
        return self.account.call(request.service, request.operation, request.parameters)


def _around(rule: Rule, account: Account, proceed: Proceed, request: Request) -> Response:
    return rule.around(request, account, proceed)


@contextmanager
def enforced(
    rules: Iterable[Rule], now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Gate]:
    """Enforces rules on every botocore client of this process while the block lasts.

    The rules stand above everything that answers calls when the block begins: moto, and any fakes
    of single operations. Fakes must therefore be installed first; a block that ends with something
    else above it says so.
    """
    seam: Any = BaseClient
    below = seam._make_api_call
    gate = Gate(partial(_plain_call, below), rules, now, lambda: _region.get(""))
    lasting = True

    def ruled(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        if not (lasting and gate.rules_for(service, operation)):
            return below(client, operation, parameters)

        def on(request: Request) -> Response:
            answered: Response = below(client, operation, dict(request.parameters))
            return answered

        here = _region.set(client.meta.region_name)
        try:
            return gate.through(Request(service, operation, parameters), on)
        except Refusal as refusal:
            raise _client_error(client, operation, refusal) from None
        finally:
            _region.reset(here)

    seam._make_api_call = ruled
    try:
        yield gate
    finally:
        lasting = False
        on_top, seam._make_api_call = seam._make_api_call, below
        assert on_top is ruled, "fakes were installed above the rules: install them first"


# The region of the call that the rules are looking at: what they ask is asked there.
_region: ContextVar[str] = ContextVar("region")


@cache
def _client(service: str, region: str) -> Any:
    made: Any = boto3.client
    return made(service, region_name=region)


def _plain_call(
    below: Callable[..., Any], service: str, operation: str, parameters: Parameters
) -> Response:
    client = _client(service, _region.get())
    answered: Response = below(client, operation, dict(parameters))
    return answered


def _client_error(client: BaseClient, operation: str, refusal: Refusal) -> ClientError:
    """The refusal as botocore raises it: of the service's own class, where it models one."""
    said: Any = {
        "Error": {"Code": refusal.code, "Message": refusal.message},
        "ResponseMetadata": {"HTTPStatusCode": refusal.status},
    }
    of_the_service: Any = client.exceptions.from_code(refusal.code)
    raised: ClientError = of_the_service(said, operation)
    return raised
