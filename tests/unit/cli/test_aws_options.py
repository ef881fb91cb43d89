"""`--region` and `--profile`: every session works where the command was told to."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from driftguard.aws.client import Aws
from driftguard_cli.aws_options import ProfileOption, RegionOption, on_aws, remember
from driftguard_cli.errors import Trouble
from driftguard_cli.main import app
from tests.support.doors import Door, told
from tests.support.world import ROOT

CONFIG = """\
[default]
region = eu-north-1
aws_access_key_id = OFDEFAULT
aws_secret_access_key = secret

[profile work]
region = eu-west-1
aws_access_key_id = OFWORK
aws_secret_access_key = secret

[profile regionless]
aws_access_key_id = OFREGIONLESS
aws_secret_access_key = secret
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared configuration of somebody who has three profiles and an empty environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "config"
    file.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return file


def where(*arguments: str) -> tuple[str, str]:
    """The region and the key of a client that a command makes, when called with these arguments."""
    seen: list[tuple[str, str]] = []

    @on_aws
    def look(stack: str = "") -> None:
        client = Aws().client("sts")
        seen.append((client.meta.region_name, client._request_signer._credentials.access_key))

    def root(
        context: typer.Context, region: RegionOption = "", profile: ProfileOption = ""
    ) -> None:
        remember(context, region, profile)

    made = typer.Typer()
    made.callback()(root)
    made.command("look")(look)
    result = CliRunner().invoke(made, list(arguments))
    if result.exception is not None:
        raise result.exception
    return seen[0]


@pytest.mark.parametrize(
    ("environment", "arguments", "region", "key"),
    [
        ({}, ["look"], "eu-north-1", "OFDEFAULT"),
        ({"AWS_PROFILE": "work"}, ["look"], "eu-west-1", "OFWORK"),
        ({"AWS_REGION": "ap-south-1"}, ["look"], "ap-south-1", "OFDEFAULT"),
        ({"AWS_DEFAULT_REGION": "ap-south-1"}, ["look"], "ap-south-1", "OFDEFAULT"),
        (
            {"AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "us-west-2"},
            ["look"],
            "ap-south-1",
            "OFDEFAULT",
        ),
        ({}, ["look", "--profile", "work"], "eu-west-1", "OFWORK"),
        ({}, ["--profile", "work", "look"], "eu-west-1", "OFWORK"),
        ({}, ["--profile", "work", "look", "--region", "sa-east-1"], "sa-east-1", "OFWORK"),
        ({"AWS_REGION": "ap-south-1"}, ["look", "--region", "sa-east-1"], "sa-east-1", "OFDEFAULT"),
        ({}, ["--region", "us-east-2", "look", "--region", "sa-east-1"], "sa-east-1", "OFDEFAULT"),
        ({}, ["--region", "us-east-2", "look", "--stack", "x"], "us-east-2", "OFDEFAULT"),
        ({"AWS_PROFILE": "nobody"}, ["look", "--profile", "work"], "eu-west-1", "OFWORK"),
        (
            {"AWS_ACCESS_KEY_ID": "OFENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "secret"},
            ["look", "--profile", "work"],
            "eu-west-1",
            "OFWORK",
        ),
        (
            {"AWS_ACCESS_KEY_ID": "OFENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "secret"},
            ["look"],
            "eu-north-1",
            "OFENVIRONMENT",
        ),
    ],
)
@pytest.mark.usefixtures("config")
def test_a_command_works_where_it_is_told(
    environment: dict[str, str],
    arguments: list[str],
    region: str,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    assert where(*arguments) == (region, key)
    assert dict(os.environ) == before


@pytest.mark.parametrize("arguments", [["look", "--profile", "nobody"], ["look"]])
@pytest.mark.usefixtures("config")
def test_a_profile_that_is_none_is_named_and_where_it_came_from(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(Trouble, match=r"no profile `nobody` in ~/.aws/config .* --profile or AWS_"):
        where(*arguments)


@pytest.mark.usefixtures("config")
def test_without_any_region_a_command_says_how_to_name_one() -> None:
    result = CliRunner().invoke(app, ["audit", "list", "--profile", "regionless"])
    assert str(result.exception).startswith("No region is set. Name one with --region")


# ------------------------------------------------------------------------ no command is left out


def of_aws(command: Any = None, *path: str) -> Iterator[tuple[str, set[str]]]:
    """Every command, with its options."""
    command = command or typer.main.get_command(app)
    if hasattr(command, "commands"):
        for name, one in command.commands.items():
            yield from of_aws(one, *path, name)
    else:
        yield " ".join(path), {word for parameter in command.params for word in parameter.opts}


def test_every_command_on_a_stack_or_an_account_takes_a_region_and_a_profile() -> None:
    options = dict(of_aws())
    on_stack = {name for name, known in options.items() if "--stack" in known}
    assert len(on_stack) > 20
    for name in on_stack | {"sweep", "scan", "replay", "explain"}:
        assert {"--region", "--profile"} <= options[name], name
    for name in ("policy check", "access policy", "controls", "demo"):
        assert not {"--region", "--profile"} & options[name], name


def changing() -> Iterator[Any]:
    """Every function of the command line that finds a stack and sends something to its API."""
    for path in sorted((ROOT / "cli" / "driftguard_cli").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                called = {
                    ast.unparse(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)
                }
                if called & {"ask", "act"} and called & {"Stack.named", "Stack.to_change"}:
                    yield pytest.param(called, id=f"{path.stem}.{function.name}")


def test_a_command_that_changes_something_says_first_where(door: Door) -> None:
    result = told(door, "approve", "--yes")
    first = result.stderr.splitlines()[0]
    assert first == (
        "stack driftguard, account 123456789012, us-east-1, with the credentials of the environment"
    )
    assert result.stdout.startswith("Thank you")


@pytest.mark.parametrize("called", list(changing()))
def test_no_command_sends_without_having_said_where(called: set[str]) -> None:
    assert "Stack.to_change" in called
