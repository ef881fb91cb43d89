"""Freezing the guard as one does around its signed API: by writing the state table."""

from __future__ import annotations

from datetime import UTC, datetime

from driftguard.state import freezes
from driftguard.state.keys import ALL, freeze_key
from driftguard.state.table import StateTable
from tests.support.world import HERE


def freeze(state: StateTable, by: str, reason: str, *, until: str = "", scope: str = ALL) -> None:
    """The kill switch, pulled directly."""
    at = datetime.now(UTC)
    standing = state.record(freeze_key(state.place, scope))
    stored = freezes.frozen(
        freezes.anew(state.place, scope, at, standing), by=by, reason=reason, at=at, until=until
    )
    state.overwrite(stored)


def unfreeze(state: StateTable, by: str, reason: str = "over") -> None:
    """The whole guard's freeze, lifted directly."""
    stored = state.record(freeze_key(HERE, ALL))
    state.write(freezes.lifted(stored, by=by, reason=reason, at=datetime.now(UTC)))
