"""Suggests the nearest name for one that a policy file misspells."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from driftguard import controls


def control_ids() -> list[str]:
    """Return the id of every control."""
    return [control.id for control in controls.every()]


def nearest(name: str, known: Sequence[str]) -> str:
    """Return the end of a sentence: the known name that is meant, else which names are known."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(known[:12])}"


def known_control(name: str) -> str:
    """Return the name if it is a control's id. Raises `ValueError` otherwise."""
    if name not in (known := control_ids()):
        raise ValueError(f"there is no control `{name}`{nearest(name, known)}")
    return name
