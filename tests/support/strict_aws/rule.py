"""What a rule is: a fact that AWS documents, and what AWS answers because of it.

A rule stands around one API call. It may refuse the call, change what comes back, or remember the
call until it has settled. It imports nothing of Driftguard, so that it can run in any process that
stands in for AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

# What a call is given and what it gives back, in the members of the service's model.
Parameters: TypeAlias = Mapping[str, Any]
Response: TypeAlias = dict[str, Any]

# Makes a call without any rule: (service, operation, parameters) → response.
Unruled: TypeAlias = Callable[[str, str, Parameters], Response]


@dataclass(frozen=True, slots=True)
class Request:
    """One API call: botocore's name of the service, the operation as the model spells it."""

    service: str
    operation: str
    parameters: Parameters

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter's value."""
        return self.parameters.get(name, default)

    def with_parameters(self, **changed: Any) -> Request:
        """The same call with some parameters replaced; None takes one away."""
        merged = {**self.parameters, **changed}
        return replace(self, parameters={k: v for k, v in merged.items() if v is not None})


class Refusal(Exception):
    """AWS refuses the call.

    Parameters
    ----------
    code, message
        As AWS gives them.
    status
        The HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


@dataclass
class Account:
    """What a rule knows beside the call: the account behind it, the time, and what was remembered.

    Parameters
    ----------
    call
        Reaches what stands in for AWS without meeting any rule.
    now
        The time.
    region
        Where the call that is being looked at is made: what is remembered is remembered there.
    by_chance
        How often an answer that comes by chance is still to come, by the rule's id.
    """

    call: Unruled
    now: Callable[[], datetime]
    region: Callable[[], str] = str
    by_chance: dict[str, int] = field(default_factory=dict)
    _memories: dict[str, dict[tuple[str, ...], Any]] = field(default_factory=dict)

    @property
    def memory(self) -> dict[tuple[str, ...], Any]:
        """The rules' own, of this region: keys begin with what a rule calls them."""
        return self._memories.setdefault(self.region(), {})

    def ask(self, service: str, operation: str, /, **parameters: Any) -> Response | None:
        """A read's response; None where it is refused or where nothing implements it."""
        try:
            return self.call(service, operation, parameters)
        except Exception:  # noqa: BLE001 - whatever stands in for AWS fails in its own ways
            return None

    def settling(self, *key: str) -> Any | None:
        """What was remembered under this key until a time that has not come yet."""
        remembered = self.memory.get(key)
        if remembered is None:
            return None
        until, value = remembered
        if self.now() >= until:
            del self.memory[key]
            return None
        return value

    def settle(self, *key: str, after: timedelta, value: Any = True) -> None:
        """Remembers `value` under this key until `after` has passed."""
        self.memory[key] = (self.now() + after, value)


# Goes on with a call: to the next rule, or to what stands in for AWS.
Proceed: TypeAlias = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Rule:
    """A documented behavior of AWS that the emulators lack.

    Parameters
    ----------
    id
        `service.what-it-says`.
    source
        The AWS document, and the fact that it states.
    operations
        The calls that the rule stands around, as (service, operation).
    around
        Is given the call, the account and the way on.
    """

    id: str
    source: str
    operations: frozenset[tuple[str, str]]
    around: Callable[[Request, Account, Proceed], Response]

    def __str__(self) -> str:
        return self.id


Check: TypeAlias = Callable[[Request, Account], None]
Amend: TypeAlias = Callable[[Request, Response, Account], Response]


def of(service: str, *operations: str) -> frozenset[tuple[str, str]]:
    """Operations of one service."""
    return frozenset((service, operation) for operation in operations)


def refuses(
    id_: str, source: str, operations: Iterable[tuple[str, str]]
) -> Callable[[Check], Rule]:
    """Makes a rule of a function that raises a Refusal where AWS would refuse."""

    def made(check: Check) -> Rule:
        def around(request: Request, account: Account, proceed: Proceed) -> Response:
            check(request, account)
            return proceed(request)

        return Rule(id_, source, frozenset(operations), around)

    return made


def answers(
    id_: str, source: str, operations: Iterable[tuple[str, str]]
) -> Callable[[Amend], Rule]:
    """Makes a rule of a function that changes what comes back."""

    def made(amend: Amend) -> Rule:
        def around(request: Request, account: Account, proceed: Proceed) -> Response:
            return amend(request, proceed(request), account)

        return Rule(id_, source, frozenset(operations), around)

    return made


def surrounds(
    id_: str, source: str, operations: Iterable[tuple[str, str]]
) -> Callable[[Callable[[Request, Account, Proceed], Response]], Rule]:
    """Makes a rule of a function that has the whole call in its hands."""
    return lambda around: Rule(id_, source, frozenset(operations), around)
