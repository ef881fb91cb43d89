"""How many examples a property is tried with: those of the profile, or some times as many.

The profiles are in tests/conftest.py: `default`, `ci` (where the environment says CI) and `long`
(`make properties`). A property that says nothing is tried as often as the profile says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import settings

Test = TypeVar("Test", bound=Callable[..., object])


def tried(times: float) -> settings:
    """So many times the examples of the profile, at least one."""
    return settings(max_examples=max(1, round(times * settings().max_examples)))


def thoroughly(test: Test) -> Test:
    """Twice the examples of the profile."""
    return tried(2)(test)
