"""What operators do at the command line, and what the record has of it."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from driftguard.approvals import operators
from driftguard.model import Decision
from driftguard_cli.main import app
from tests.support.permitted import only_what_is_declared
from tests.support.world import World


def told(*arguments: str) -> Result:
    """What a command says to bob."""
    with only_what_is_declared():
        return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


def as_json(*arguments: str) -> Any:
    result = told(*arguments, "--json")
    assert result.exit_code == 0, result.output + str(result.exception)
    return json.loads(result.stdout)


def refused(*arguments: str) -> str:
    """What a command says that is refused."""
    result = told(*arguments)
    assert result.exit_code == 1
    return result.stdout + str(result.exception)


def acts(world: World) -> list[Decision]:
    """What operators did, as the record has it, newest first."""
    found = world.audit.of_day(f"{world.clock.at:%Y-%m-%d}")
    return [one for one in found if one.control == operators.CONTROL]
