"""The table of guardrails in docs/autonomy.md, made from the registry."""

from __future__ import annotations

from pathlib import Path

from driftguard.guardrails import registry
from driftguard.guardrails.guardrail import Guardrail
from driftguard.model import Autonomy

_HEAD = "| guardrail | lowers | at most | terms in the policy |\n|---|---|---|---|\n"


def table(_root: Path) -> str:
    """Return one row a guardrail, in the registry's order."""
    return _HEAD + "".join(_row(guardrail) for guardrail in registry.GUARDRAILS)


def _row(guardrail: Guardrail) -> str:
    limit = guardrail.at_most
    at_most = limit.label if isinstance(limit, Autonomy) else limit
    cells = (f"`{guardrail.name}`", guardrail.lowers, at_most, _terms(guardrail))
    return "| " + " | ".join(cells).rstrip() + " |\n"


def _terms(guardrail: Guardrail) -> str:
    if guardrail.parameter:
        return f"the stack's `{guardrail.parameter}`"
    return f"`{guardrail.policy_key}`" if guardrail.policy_key else ""
