"""Limits the blast radius: reverts per window, of a control, of an account, and in all.

Pure. The state record holds the reverts of the last window and what has tripped. A decision to
revert is counted in the transaction that records it, so that no two workers can both take the last
place. A circuit breaker that has tripped stays so until a person re-arms it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from driftguard.documents import Document, Json, documents, mapping, stamp, text
from driftguard.policy.bounds import CircuitBreaker

# What the whole guard's circuit breaker is called; the others are `account <id>` and `control
# <id>`.
WHOLE = "whole"


def scopes(control: str, account: str) -> tuple[str, ...]:
    """The circuit breakers that a revert counts against, the narrowest first."""
    return f"control {control}", f"account {account}", WHOLE


def tripped(stored: Document, scope: str) -> Document | None:
    """When and by what a circuit breaker was tripped; None while it is armed."""
    return mapping(mapping(stored, "tripped"), scope) or None


def full(
    stored: Document, limits: CircuitBreaker, control: str, account: str, now: datetime
) -> str:
    """The first circuit breaker that one more revert would trip; "" where there is room in all."""
    recent = list(_recent(stored, limits, now))
    for scope, limit in zip(
        scopes(control, account), (limits.control, limits.account, limits.whole), strict=True
    ):
        if sum(scope in scopes(text(revert, "c"), text(revert, "a")) for revert in recent) >= limit:
            return scope
    return ""


def counted(
    stored: Document, limits: CircuitBreaker, control: str, account: str, now: datetime
) -> Document:
    """The state record with one more revert; those older than every window are forgotten."""
    revert: Document = {"at": stamp(now), "c": control, "a": account}
    return {**stored, "reverts": [*_recent(stored, limits, now), revert]}


def trip(stored: Document, scope: str, decision: str, now: datetime) -> Document:
    """The state record with a circuit breaker that has tripped at a decision."""
    what: Document = {"at": stamp(now), "decision": decision}
    return {**stored, "tripped": {**mapping(stored, "tripped"), scope: what}}


def rearmed(stored: Document, scope: str) -> Document:
    """The state record with a circuit breaker armed again: its past reverts no longer count."""
    left = {name: what for name, what in mapping(stored, "tripped").items() if name != scope}
    reverts: list[Json] = [
        revert
        for revert in documents(stored, "reverts")
        if scope not in scopes(text(revert, "c"), text(revert, "a"))
    ]
    return {**stored, "tripped": left, "reverts": reverts}


def _recent(stored: Document, limits: CircuitBreaker, now: datetime) -> Iterator[Document]:
    since = stamp(now - timedelta(seconds=limits.window))
    return (revert for revert in documents(stored, "reverts") if text(revert, "at") > since)
