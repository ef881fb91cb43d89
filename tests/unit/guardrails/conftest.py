"""What the tests of guardrails in an account share."""

from __future__ import annotations

import pytest

from tests.support.guardrails.held import Held, new_group
from tests.support.world import World


@pytest.fixture
def held(world: World) -> Held:
    """An account with a group, in which a guardrail can be made to speak."""
    return Held(world, world.guard, new_group("web"))
