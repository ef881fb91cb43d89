"""The ways in which one call to AWS goes wrong.

All of them are what is left when the SDK has given up its own retries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    ReadTimeoutError,
)

from driftguard.controls.control import AnyControl

# Makes the call as it should be made.
Effect = Callable[[], Any]
WHERE = "https://aws.example"


class Killed(BaseException):
    """The process is no more. Nothing of the guard's may catch it."""


@dataclass(frozen=True)
class Call:
    """One call that the guard makes: `number` counts all of a life's, `nth` those alike."""

    number: int
    service: str
    operation: str
    nth: int

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}.{self.nth}"

    def alike(self, other: Call) -> bool:
        """Whether the other is of the same operation."""
        return (self.service, self.operation) == (other.service, other.operation)


@dataclass(frozen=True)
class Kind:
    """A way to go wrong. `again`: later calls of the operation meet it as well."""

    name: str
    strike: Callable[[Call, Effect, AnyControl], Any]
    again: bool = False
    meets: Callable[[Call, AnyControl], bool] = lambda call, control: True


def _error(call: Call, code: str, message: str, status: int = 400) -> ClientError:
    told: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(told, call.operation)


def _throttled(call: Call, effect: Effect, control: AnyControl) -> Any:
    codes = {"s3": "SlowDown", "ec2": "RequestLimitExceeded"}
    code = codes.get(call.service, "ThrottlingException")
    raise _error(call, code, "Rate exceeded", 503 if call.service == "s3" else 400)


def _broken(call: Call, effect: Effect, control: AnyControl) -> Any:
    raise _error(call, "InternalError", "An internal error has occurred", 500)


def _busy(call: Call, effect: Effect, control: AnyControl) -> Any:
    answer = control.busy[0]
    raise _error(call, answer.code, answer.says or "Another operation is in progress", 409)


def _lost(call: Call, effect: Effect, control: AnyControl) -> Any:
    effect()
    raise ReadTimeoutError(endpoint_url=WHERE)


def _resent(call: Call, effect: Effect, control: AnyControl) -> Any:
    effect()
    try:
        return effect()
    except ClientError as error:
        # As botocore notes it of an answer that only another of its attempts got.
        error.response.setdefault("ResponseMetadata", {})["RetryAttempts"] = 1
        raise


def _late(call: Call, effect: Effect, control: AnyControl) -> Any:
    raise ConnectTimeoutError(endpoint_url=WHERE)


def _refused(call: Call, effect: Effect, control: AnyControl) -> Any:
    code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
    raise _error(call, code, "You are not authorized to perform this operation", 403)


def _expired(call: Call, effect: Effect, control: AnyControl) -> Any:
    code = "RequestExpired" if call.service == "ec2" else "ExpiredTokenException"
    code = "ExpiredToken" if call.service in ("s3", "sts", "iam") else code
    raise _error(call, code, "The security token included in the request is expired", 403)


def _reset(call: Call, effect: Effect, control: AnyControl) -> Any:
    raise ConnectionClosedError(endpoint_url=WHERE)


def _killed(call: Call, effect: Effect, control: AnyControl) -> Any:
    effect()
    raise Killed


def _of_its_service(call: Call, control: AnyControl) -> bool:
    """Whether the call is one that the control's service may call busy: a write of its plans."""
    reads = call.operation.startswith(("Get", "List", "Describe"))
    return (
        bool(control.busy) and not reads and f"{call.service}:{call.operation}" in _writes(control)
    )


def _writes(control: AnyControl) -> set[str]:
    """The operations whose IAM actions the control writes with."""
    from driftguard.aws.permissions import actions_of

    found = set()
    for action in control.writes:
        service, _, name = action.partition(":")
        if action in actions_of(service, name):
            found.add(action)
    return found


KINDS: tuple[Kind, ...] = (
    Kind("throttled", _throttled),
    Kind("500", _broken),
    Kind("busy", _busy, meets=_of_its_service),
    Kind("lost", _lost),
    Kind("resent", _resent),
    Kind("late", _late),
    Kind("refused", _refused),
    Kind("forbidden", _refused, again=True),
    Kind("expired", _expired),
    Kind("reset", _reset),
    Kind("killed", _killed),
)
MEANINGS = {
    "throttled": "AWS asks to slow down, beyond the SDK's own retries",
    "500": "AWS is out of order",
    "busy": "the answer by which the control's service says 'try again later'",
    "lost": "the call takes effect, and its answer never comes",
    "resent": "the answer is lost, and the SDK makes the call again",
    "late": "no connection within the time for it",
    "refused": "refused once, as a new policy is until it has spread",
    "forbidden": "refused from then on",
    "expired": "the credentials have expired",
    "reset": "the connection is closed before the call has an effect",
    "killed": "the process is killed right after the call",
    "pairs": "any two of these, at any two calls",
}


def kind(name: str) -> Kind:
    """The kind with this name."""
    return next(known for known in KINDS if known.name == name)
