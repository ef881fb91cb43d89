"""A guardrail that only a test has, in the registry for as long as the test runs."""

from __future__ import annotations

from typing import Any

import pytest

from driftguard.guardrails import needs, registry
from driftguard.guardrails.guardrail import AtMost, Guardrail
from driftguard.model import Autonomy

REASON = "the moon is full tonight"


def add_full_moon(patched: pytest.MonkeyPatch, **flags: Any) -> Guardrail:
    """Adds a guardrail that holds everything to a question, with these flags, as the last one."""
    added = Guardrail(
        "full-moon",
        lambda _: AtMost(Autonomy.ASK, REASON),
        "what happens while the moon is full",
        Autonomy.ASK,
        needs=needs.nothing,
        **flags,
    )
    patched.setattr(registry, "GUARDRAILS", (*registry.GUARDRAILS, added))
    return added
