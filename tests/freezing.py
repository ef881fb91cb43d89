"""Freezing the guard as one does around its console: by writing the state table."""

from __future__ import annotations

from datetime import UTC, datetime

from driftguard import freezes
from driftguard.state import ALL, StateTable


def freeze(state: StateTable, by: str, reason: str, *, until: str = "", scope: str = ALL) -> None:
    """The kill switch, pulled directly."""
    at = datetime.now(UTC)
    note = freezes.frozen(freezes.anew(scope, at), by=by, reason=reason, at=at, until=until)
    state.overwrite(note)


def unfreeze(state: StateTable, by: str, reason: str = "over") -> None:
    """The whole guard's freeze, lifted directly."""
    note = state.note(("freeze", ALL))
    state.write(freezes.lifted(note, by=by, reason=reason, at=datetime.now(UTC)))
