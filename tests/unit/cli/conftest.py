"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.permitted import only_what_is_declared


@pytest.fixture(autouse=True)
def used() -> Iterator[dict[str, set[str]]]:
    """Holds every command of every test to the permissions that are declared for it."""
    with only_what_is_declared() as used:
        yield used
