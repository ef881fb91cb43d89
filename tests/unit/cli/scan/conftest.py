"""A scan as a pipeline runs it: its exit code, what it prints, and where it looks advisories up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from driftguard_cli.main import app
from tests.support.advisories.stand_in import StandIn, running
from tests.support.scan.making import RECORDS, dumped
from tests.support.scan.running import Scan


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """Runs `driftguard scan` in a folder without a policy, with a cache of its own."""
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DRIFTGUARD_ADVISORIES", raising=False)

    def scanned(*arguments: object, **environment: str) -> Result:
        return CliRunner().invoke(app, ["scan", *map(str, arguments)], env=environment or None)

    return scanned


@pytest.fixture
def osv() -> Iterator[StandIn]:
    stand_in = StandIn()
    stand_in.add(*RECORDS)
    with running(stand_in) as there:
        yield there


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the advisories in a folder."""
    return dumped(tmp_path / "osv")


@pytest.fixture(params=["api", "folder"])
def source(request: pytest.FixtureRequest) -> str:
    """Either source of the same advisories, as --advisories names it."""
    if request.param == "api":
        return str(request.getfixturevalue("osv").address)
    return str(request.getfixturevalue("copy"))
