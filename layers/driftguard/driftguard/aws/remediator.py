"""Makes the calls of one plan, with credentials that allow nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from driftguard.frozen import dataclass
from driftguard.model import Call

from .calls import AwsError, Client, Refused, _wanted, invoke
from .permissions import grants_of
from .references import wanted

# Source: AWS STS API Reference, "AssumeRole".
SESSION_POLICY_LIMIT = 2048


@dataclass(frozen=True, slots=True)
class Remediator:
    """Makes the calls of the plan whose session is open.

    `client_of` gives the client of a service, with the credentials of the call's session.
    """

    client_of: Callable[[Call, str], Client]

    def make(self, call: Call) -> bool:
        """Makes the call. False: it was already so (one of the call's `settled_by` codes)."""
        client = self.client_of(call, call.service)
        parameters: Mapping[str, object] = call.parameters
        if any(True for _ in wanted(call.parameters)):
            # Only here: few plans name what they do not hold.
            from .resolver import fetched

            clients = partial(self.client_of, call)
            try:
                parameters = {k: fetched(value, clients) for k, value in call.parameters.items()}
            except AwsError as error:
                if error.code in call.settled_by:
                    return False
                raise
            with _unquoted(call):
                return self._send(client, call, parameters)
        return self._send(client, call, parameters)

    def _send(self, client: Client, call: Call, parameters: Mapping[str, object]) -> bool:
        answer = invoke(client, call.service, call.operation, parameters, absent=call.settled_by)
        return answer is not None


# How operations begin that take something away, and what the codes of answers contain that say that
# it is not there. Source: the services' API models, as botocore has them.
_TAKING_AWAY = tuple(
    """
    Delete Remove Detach Disassociate Deregister Disconnect Revoke Release Terminate Untag
    """.split()  # noqa: SIM905
)
_NOT_THERE = (
    *("notfound", "nosuch", "notexist", "nonexist", "notattached", "notassociated"),
    "unknownresource",
)
# Operations that take away what their codes do not name, and what their answer says then.
_SAYS = {"EnterStandby": "is not in InService"}


def is_gone(call: Call, error: AwsError) -> bool:
    """Whether an answer says that what a call takes away is not there.

    That is what the call wants; by itself it does not say that the call had any part in it.
    """
    if said := _SAYS.get(call.operation):
        return said in (error.withheld or str(error))
    code = error.code.replace("_", "").lower()
    takes_away = call.operation.startswith(_TAKING_AWAY)
    return takes_away and any(words in code for words in _NOT_THERE)


def session_policy(calls: Iterable[Call]) -> dict[str, Any]:
    """The IAM policy that allows exactly these calls on their ARNs; one statement a set of ARNs."""
    allowed: dict[tuple[str, ...], set[str]] = {}
    for call in calls:
        for action, arns in grants_of(call):
            allowed.setdefault(arns, set()).add(action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": sorted(actions), "Resource": list(arns)}
            for arns, actions in allowed.items()
        ],
    }


def compact(policy: Mapping[str, Any]) -> str:
    """Without spaces: STS takes session policies of at most 2,048 characters."""
    return json.dumps(policy, separators=(",", ":"))


@contextmanager
def _unquoted(call: Call) -> Iterator[None]:
    """Raises errors without AWS's own text, which may quote a parameter that must stay secret."""
    try:
        yield
    except AwsError as error:
        message = f"{call.service}:{call.operation} failed ({error.code or type(error).__name__})"
        if isinstance(error, Refused):
            message += f". Give the role the permission {_wanted(call.service, call.operation)}"
        raise type(error)(
            message, code=error.code, retried=error.retried, withheld=str(error)
        ) from None
