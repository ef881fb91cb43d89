"""A command is one module in `commands/`, named as typed, and one name in the list of `main.py`."""

from __future__ import annotations

from pathlib import Path
from pkgutil import iter_modules

import pytest
import typer
from typer.testing import CliRunner

from driftguard_cli import commands
from driftguard_cli.main import COMMANDS, app, wired
from tests.support.world import ROOT

CLI = ROOT / "cli" / "driftguard_cli"

WAVE = '''\
"""`driftguard wave-back`: a throw-away command."""

import typer


def wave_back(to: str) -> None:
    """Wave at somebody. Exits 0."""
    typer.echo(f"waved at {to}")
'''


def test_every_listed_command_is_a_module_named_as_typed_and_every_module_is_listed() -> None:
    modules = {module.name for module in iter_modules(commands.__path__)}
    assert {name.replace("-", "_") for name in COMMANDS} == modules
    assert len(set(COMMANDS)) == len(COMMANDS)


def test_the_command_line_has_the_listed_commands() -> None:
    assert sorted(typer.main.get_command(app).commands) == sorted(COMMANDS)  # type: ignore[attr-defined]


def test_a_new_command_touches_its_own_module_and_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wave_back.py").write_text(WAVE)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    extended = wired((*COMMANDS, "wave-back"))
    runner = CliRunner()
    assert runner.invoke(extended, ["wave-back", "you"]).stdout == "waved at you\n"
    assert "wave-back" in runner.invoke(extended, ["--help"]).stdout


def test_the_command_line_stays_small_enough_to_find_ones_way() -> None:
    """At most 18 entries at the top level, and no module over 400 lines."""
    entries = [path.name for path in CLI.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 18
    long = {
        path.name: lines
        for path in CLI.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
