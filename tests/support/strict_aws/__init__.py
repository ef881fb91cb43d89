"""A stricter AWS to test against: rules that AWS documents and the emulators do not know.

`enforced(now=…)` puts the rules above whatever answers API calls in this process, so that the
guard, the tests and an attacker meet the same AWS.

The rules stand at the API call, not at HTTP: there moto and the fakes of operations that moto
lacks are met alike, and a rule reads parameters and responses in the names of the service's model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from . import (
    access_blocks,
    assignments,
    busy,
    documents,
    lists,
    ownership,
    parameters,
    principals,
    scaling,
    settling,
    sizes,
    tags,
    updating,
)
from .gate import Gate
from .gate import enforced as _enforced
from .rule import Refusal, Request, Rule

__all__ = ["RULES", "Gate", "Refusal", "Request", "Rule", "enforced", "rule"]

RULES: tuple[Rule, ...] = (
    *principals.RULES,
    *tags.RULES,
    *parameters.RULES,
    *documents.RULES,
    *access_blocks.RULES,
    *ownership.RULES,
    *settling.RULES,
    *assignments.RULES,
    *updating.RULES,
    *lists.RULES,
    *busy.RULES,
    *sizes.RULES,
    *scaling.RULES,
)


def rule(id_: str) -> Rule:
    """The rule with this id."""
    return next(rule for rule in RULES if rule.id == id_)


def enforced(
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    rules: Iterable[Rule] = RULES,
    without: Iterable[str] = (),
) -> AbstractContextManager[Gate]:
    """Enforces the rules on every client of this process, but for the ids in `without`."""
    left_out = frozenset(without)
    return _enforced((rule for rule in rules if rule.id not in left_out), now)
