"""A scenario: what is in order, the risky change, and how to see whether it was reverted.

A scenario changes the account by the account's own API and returns the event that AWS would send.
Afterwards it looks at the account alone: it knows nothing of how Driftguard works.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..account import STRANGER, Account
from ..events import Event


@dataclass(frozen=True, slots=True)
class Staged:
    """The account's part of a scenario, in good order.

    `strike` makes the risky change and answers with its event. `risk` is what of it is (still)
    there, `siblings` all that must stay. `text` is what an undo must restore to the byte.
    """

    what: str
    why: str
    strike: Callable[[], Event]
    finding: Callable[[], object]
    siblings: Callable[[], object]
    text: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One risky change. `stage` builds what it will be made to; all of that is legitimate."""

    id: str
    control: str
    title: str
    stage: Callable[[Account], Staged]


def policy_of(*statements: Mapping[str, object]) -> str:
    """A policy document as people write it."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def allow(sid: str, principal: object, *actions: str, resource: str = "") -> dict[str, object]:
    """A statement that lets somebody do something; trust and ECR policies name no resource."""
    on = {"Resource": resource} if resource else {}
    granted = actions[0] if len(actions) == 1 else list(actions)
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": granted, **on}


def by_policy(what: str, why: str, read: Callable[[], str], strike: Callable[[], Event]) -> Staged:
    """Of a resource policy: what it gives to everybody or the stranger must go, the rest stay."""

    def given(*, risky: bool) -> list[object]:
        return [statement for statement in _singly(read()) if _is_risky(statement) == risky]

    return Staged(
        what, why, strike, lambda: given(risky=True), lambda: given(risky=False), text=read
    )


def _singly(policy: str) -> Iterator[Mapping[str, object]]:
    """The statements of a policy, one for each principal."""
    for statement in json.loads(policy)["Statement"]:
        principal = statement["Principal"]
        named = principal.items() if isinstance(principal, dict) else [("AWS", principal)]
        for kind, who in named:
            for identity in who if isinstance(who, list) else [who]:
                yield {**statement, "Principal": f"{kind} {identity}"}


def _is_risky(statement: Mapping[str, object]) -> bool:
    principal = str(statement["Principal"])
    return principal == "AWS *" or STRANGER in principal
