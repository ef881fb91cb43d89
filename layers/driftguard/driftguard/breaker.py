"""The blast radius: at most so many reverts in any window, of a control, an account, and in all.

Pure. The note holds the reverts of the last window and what has tripped: a decision to revert is
counted in the transaction that records it, so that no two workers can both take the last place. A
breaker that has tripped stays so until a person re-arms it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from .model import Document, Json, documents, stamp
from .policy.bounds import Breaker
from .trail import mapping, text

# What the whole guard's breaker is called; the others are `account <id>` and `control <id>`.
WHOLE = "whole"


def scopes(control: str, account: str) -> tuple[str, ...]:
    """The breakers that a revert counts against, the narrowest first."""
    return f"control {control}", f"account {account}", WHOLE


def tripped(note: Document, scope: str) -> Document | None:
    """When and by what a breaker was tripped; None while it is armed."""
    return mapping(mapping(note, "tripped"), scope) or None


def full(note: Document, limits: Breaker, control: str, account: str, now: datetime) -> str:
    """The first breaker that one more revert would trip; "" where there is room in all."""
    recent = list(_recent(note, limits, now))
    for scope, limit in zip(
        scopes(control, account), (limits.control, limits.account, limits.whole), strict=True
    ):
        if sum(scope in scopes(text(one, "c"), text(one, "a")) for one in recent) >= limit:
            return scope
    return ""


def counted(note: Document, limits: Breaker, control: str, account: str, now: datetime) -> Document:
    """The note with one more revert; those that no window holds any more are forgotten."""
    one: Document = {"at": stamp(now), "c": control, "a": account}
    return {**note, "reverts": [*_recent(note, limits, now), one]}


def trip(note: Document, scope: str, decision: str, now: datetime) -> Document:
    """The note with a breaker that has tripped at a decision."""
    what: Document = {"at": stamp(now), "decision": decision}
    return {**note, "tripped": {**mapping(note, "tripped"), scope: what}}


def rearmed(note: Document, scope: str) -> Document:
    """The note with a breaker armed again, and with its room: its reverts no longer count."""
    left = {name: what for name, what in mapping(note, "tripped").items() if name != scope}
    kept: list[Json] = [
        one
        for one in documents(note, "reverts")
        if scope not in scopes(text(one, "c"), text(one, "a"))
    ]
    return {**note, "tripped": left, "reverts": kept}


def _recent(note: Document, limits: Breaker, now: datetime) -> Iterator[Document]:
    since = stamp(now - timedelta(seconds=limits.window))
    return (one for one in documents(note, "reverts") if text(one, "at") > since)
