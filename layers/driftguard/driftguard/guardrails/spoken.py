"""Finds the guardrails that have ruled on a decision, for messages and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from driftguard.model import Ruling

if TYPE_CHECKING:
    from .guardrail import Guardrail


def spoken(rulings: Iterable[Ruling]) -> list[tuple[Guardrail, Ruling]]:
    """Returns each ruling with its guardrail, without those whose guardrail no longer exists."""
    found = tuple(rulings)
    if not found:
        return []
    # Only where a guardrail has ruled: no other message waits for the checks to be imported.
    from . import registry

    by_name = {guardrail.name: guardrail for guardrail in registry.GUARDRAILS}
    return [(by_name[ruling.guardrail], ruling) for ruling in found if ruling.guardrail in by_name]


def asks_about_what_is_earned(rulings: Iterable[Ruling]) -> bool:
    """Whether people are asked about what the control had earned to revert by itself."""
    return any(guardrail.of_what_is_earned for guardrail, _ in spoken(rulings))
