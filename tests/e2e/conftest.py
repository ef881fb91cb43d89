"""One lab for all end-to-end tests: the real template, really deployed, on free ports."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.world import World, run


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("lab")
    up = run("lab", "up", "--json", "--folder", str(folder))
    assert up.returncode == 0, up.stderr
    try:
        yield World({**json.loads(up.stdout), "folder": str(folder)})
    finally:
        down = run("lab", "down", "--folder", str(folder))
        assert down.returncode == 0, down.stderr
