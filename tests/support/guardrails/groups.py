"""Open security groups, and a writer that comes in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.support.approving import open_up
from tests.support.guardrails.held import new_group


def open_group(name: str) -> str:
    """One more such group."""
    made = new_group(name)
    open_up(made, 22)
    return made


def before_the_next_write(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Lets somebody else run to their end right before the next transaction is written."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    waiting = [act]

    def interleaved(client: BaseClient, operation: str, parameters: Any) -> Any:
        if operation == "TransactWriteItems" and waiting:
            waiting.pop()()
        return original(client, operation, parameters)

    patch.setattr(BaseClient, "_make_api_call", interleaved)
