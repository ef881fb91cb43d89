"""What the tests of guardrails in an account share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.conftest import World
from tests.guardrails.held import Held, new_group
from tests.test_approvals import open_up


@pytest.fixture
def group(world: World) -> str:
    """A security group that is open to the world on port 22."""
    return open_group("web")


@pytest.fixture
def held(world: World) -> Held:
    """An account with a group, in which a guardrail can be made to speak."""
    return Held(world, world.guard, new_group("web"))


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
