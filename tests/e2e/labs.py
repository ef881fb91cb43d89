"""A lab of a test's own, whose functions' calls are judged when the test is done with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from driftguard_cli.commands.lab.house import OF_LABS
from tests.e2e.world import World, run
from tests.support.iam.recorded import judged


@contextmanager
def running(folder: Path, *arguments: str, **surroundings: str) -> Iterator[World]:
    """A lab that is up while the block lasts, with these arguments of `lab up`.

    Whatever the block makes the functions call must be allowed by their roles' policies.
    """
    given: Mapping[str, str] = surroundings
    up = run("lab", "up", "--json", "--folder", str(folder), *arguments, environment=given)
    assert up.returncode == 0, up.stderr
    try:
        lab = World({**json.loads(up.stdout), "folder": str(folder)})
        yield lab
        # 12, Shows 5.
        heard = judged(
            folder / "calls.jsonl", lab.physical(), {**OF_LABS, **dict(_parameters(arguments))}
        )
        assert heard.made
        assert heard.refused == [], heard.refused
    finally:
        down = run("lab", "down", "--folder", str(folder))
        assert down.returncode == 0, down.stderr


def _parameters(arguments: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for option, value in pairwise(arguments):
        if option == "--parameter":
            name, _, given = value.partition("=")
            yield name, given
