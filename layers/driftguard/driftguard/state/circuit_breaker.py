"""Limits the blast radius: reverts per window, for an actor, of a control, of an account, in all.

Pure. The state record holds the reverts of the last window and what has tripped. A decision to
revert is counted in the transaction that records it, so that no two workers can both take the last
place. The circuit breaker of an actor comes before that of the control: whoever makes decoys uses
up their own room, and nobody else's.

A circuit breaker that has tripped allows nothing for a window, then a quarter of its limit more
with each window in which it did not trip again, until it is armed. A storm that goes on uses the
first step up at once, and trips it again. A person may re-arm it at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from driftguard.documents import Document, Json, documents, mapping, moment, stamp, text
from driftguard.model import Actor
from driftguard.policy.bounds import CircuitBreaker

# What the whole guard's circuit breaker is called; the others are `actor <ARN>`, `control <id>` and
# `account <id>`.
WHOLE = "whole"
# In so many windows a circuit breaker that has tripped is armed again.
_STEPS = 4
# How many of those that have tripped are remembered, the newest: whoever can act as many principals
# must not fill the record.
_MOST_TRIPPED = 100


class Full(NamedTuple):
    """A circuit breaker without room for one more revert.

    `since` is when it tripped (ISO 8601, UTC), "" if it trips now. `trips`: the revert that is held
    back trips it, for the first time or again.
    """

    scope: str
    limit: int
    since: str
    trips: bool


def actor_in(actor: Actor) -> str:
    """The actor whose reverts are counted together: all sessions of a role; "" if unknown.

    An AWS service is nobody: what Health or GuardDuty reports, others made.
    """
    return "" if actor.kind == "AWSService" else actor.principal or actor.session


def scopes(control: str, account: str, actor: str = "") -> tuple[str, ...]:
    """The circuit breakers that a revert counts against, in the order in which they are asked."""
    own = (f"actor {actor}",) if actor else ()
    return *own, f"control {control}", f"account {account}", WHOLE


def limit_of(scope: str, limits: CircuitBreaker) -> int:
    """How many reverts a circuit breaker allows within the window while it is armed."""
    named = {"actor": limits.actor, "control": limits.control, "account": limits.account}
    return named.get(scope.partition(" ")[0], limits.whole)


def tripped(stored: Document, scope: str) -> Document | None:
    """When and by what a circuit breaker was tripped last; None if it is not known to have."""
    return mapping(mapping(stored, "tripped"), scope) or None


def room(stored: Document, limits: CircuitBreaker, scope: str, now: datetime) -> int:
    """How many reverts a circuit breaker allows within the window by now."""
    limit, steps = limit_of(scope, limits), _steps(stored, limits, scope, now)
    return limit if steps is None else limit * steps // _STEPS


def full(
    stored: Document,
    limits: CircuitBreaker,
    control: str,
    account: str,
    now: datetime,
    actor: str = "",
) -> Full | None:
    """The first circuit breaker that has no room for one more revert; None if all have."""
    recent = [_scopes_of(revert) for revert in _recent(stored, limits, now)]
    for scope in scopes(control, account, actor):
        allowed = room(stored, limits, scope, now)
        if sum(scope in counted for counted in recent) < allowed:
            continue
        steps = _steps(stored, limits, scope, now)
        since = "" if steps is None else text(tripped(stored, scope) or {}, "at")
        return Full(scope, limit_of(scope, limits), since, trips=steps != 0)
    return None


def counted(
    stored: Document,
    limits: CircuitBreaker,
    control: str,
    account: str,
    now: datetime,
    actor: str = "",
) -> Document:
    """The state record with one more revert; those older than every window are forgotten."""
    revert: Document = {"at": stamp(now), "c": control, "a": account}
    if actor:
        revert = {**revert, "by": actor}
    return {**stored, "reverts": [*_recent(stored, limits, now), revert]}


def counts(stored: Document, limits: CircuitBreaker, now: datetime) -> Iterator[str]:
    """The circuit breakers that the reverts of the window count against, each as often."""
    for revert in _recent(stored, limits, now):
        yield from _scopes_of(revert)


def trip(stored: Document, scope: str, decision: str, now: datetime) -> Document:
    """The state record with a circuit breaker that has tripped at a decision."""
    what: Document = {"at": stamp(now), "decision": decision}
    others = [
        (name, mapping(mapping(stored, "tripped"), name))
        for name in mapping(stored, "tripped")
        if name != scope
    ]
    newest = sorted(others, key=lambda named: text(named[1], "at"))[-(_MOST_TRIPPED - 1) :]
    return {**stored, "tripped": {**dict(newest), scope: what}}


def rearmed(stored: Document, scope: str) -> Document:
    """The state record with a circuit breaker armed again: its past reverts no longer count."""
    left = {name: what for name, what in mapping(stored, "tripped").items() if name != scope}
    reverts: list[Json] = [
        revert for revert in documents(stored, "reverts") if scope not in _scopes_of(revert)
    ]
    return {**stored, "tripped": left, "reverts": reverts}


def _steps(stored: Document, limits: CircuitBreaker, scope: str, now: datetime) -> int | None:
    """How many steps a circuit breaker has come back since it tripped; None once it is armed."""
    since = tripped(stored, scope)
    at = moment(text(since, "at")) if since else None
    if at is None:
        # What cannot be read holds until a person re-arms it.
        return 0 if since else None
    steps = int((now - at).total_seconds() // limits.window) if now > at else 0
    return steps if steps < _STEPS else None


def _scopes_of(revert: Document) -> tuple[str, ...]:
    return scopes(text(revert, "c"), text(revert, "a"), text(revert, "by"))


def _recent(stored: Document, limits: CircuitBreaker, now: datetime) -> Iterator[Document]:
    since = stamp(now - timedelta(seconds=limits.window))
    return (revert for revert in documents(stored, "reverts") if text(revert, "at") > since)
