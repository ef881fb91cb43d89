"""Load balancers: no longer logged or protected, open to more, or with weaker encryption."""

from __future__ import annotations

from . import attributes, classic, listeners, security_groups

__all__ = ["CONTROLS"]

CONTROLS = (
    *attributes.CONTROLS,
    *classic.CONTROLS,
    *listeners.CONTROLS,
    *security_groups.CONTROLS,
)
