"""A control's scenario: a legitimate state, an attacker's change, and what to compare.

Each service's scenarios stand in a module of this folder that ends with `SCENARIOS`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from driftguard.model import Autonomy, Change
from driftguard.policy.model import Policy

ACCOUNT = "123456789012"
STRANGER = "999999999999"

# A fake of one API operation: from its parameters to its response.
Fake = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Staged:
    """A scenario in an account: make the risky change, and look at everything it could touch."""

    attack: Callable[[], Change]
    snapshot: Callable[[], Any]
    # What a revert leads to, from the state before the attack; where not simply that state.
    reverted: Callable[[Any], Any] = lambda before: before
    # How both are made comparable; an undo is compared without it, to the byte.
    normal: Callable[[Any], Any] = lambda snapshot: snapshot
    # Where no emulator has the API: fakes by (service, operation). What is sent to them and what
    # they answer is validated against the service's model.
    fakes: Mapping[tuple[str, str], Fake] = field(default_factory=dict)
    # What an undo cannot bring back as it was (an id that AWS makes anew): left out on both sides.
    anew: Callable[[Any], Any] = lambda snapshot: snapshot
    # The baseline was recorded while all was well.
    baseline: bool = False
    # Where the guard looks known vulnerabilities up.
    advisories: str = ""
    # What is remembered of a principal's conduct.
    conduct: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """How to stage a control's scenario."""

    control: str
    stage: Callable[[], Staged]
    name: str = ""
    # The control's settings, where the scenario needs others than its own defaults.
    settings: Mapping[str, Any] = field(default_factory=dict)
    # The remediation is nothing that the guard may ever choose by itself: a person says yes to it.
    asked: bool = False

    def policy(self, given: Policy) -> Policy:
        """The policy with every control reverting, whatever it cuts, and this one's settings."""
        settings = {**given.settings, self.control: self.settings}
        return replace(
            given,
            autonomy={},
            default=Autonomy.REVERT,
            settings=settings,
            may_cut=frozenset({self.control}),
        )

    def __str__(self) -> str:
        return f"{self.control}{'-' if self.name else ''}{self.name}"


def policy_of(*statements: dict[str, Any]) -> str:
    """A policy document as people write it."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)
