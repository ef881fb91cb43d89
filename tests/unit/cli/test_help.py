"""What help and pages say of commands: that they exist, with these options, and how they exit."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from driftguard_cli.main import app
from tests.support.each import each
from tests.support.world import ROOT

ROOT_COMMAND: Any = typer.main.get_command(app)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(command: Any = ROOT_COMMAND, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its name as it is typed."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, one in command.commands.items():
        yield from commands(one, *path, name)


COMMANDS = dict(commands())


def wrong_with(line: str, *, whole: bool) -> str:
    """What is wrong with a command line: "" if it can be typed so. Part of one, if not `whole`."""
    words = shlex.split(line, comments=True)[1:]
    # What stands behind a pipe, or sends the output somewhere, is the shell's.
    for number, word in enumerate(words):
        if word in ("|", ">", "<", "&&", "||", ";"):
            words = words[:number]
            break
    command, path = ROOT_COMMAND, "driftguard"
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        found = [command.commands.get(one) for one in words[0].split("|")]
        if None in found:
            return f"there is no `{path} {words[0]}`"
        path, command = f"{path} {words[0]}", found[0]
        words = words[1:]
    if hasattr(command, "commands") and whole and not words:
        return f"`{path}` does nothing by itself"
    context = command.make_context(path, [], resilient_parsing=True)
    context.resilient_parsing = False
    try:
        command.make_parser(context).parse_args(list(words))
        if whole:
            command.parse_args(context, list(words))
    except typer.Exit:
        return ""
    except Exception as error:  # noqa: BLE001 - whatever the parser says
        if not whole and type(error).__name__ == "BadOptionUsage":
            return ""  # its value is left out
        return f"`{line}`: {getattr(error, 'message', error)}"
    return ""


def said_in(page: str) -> Iterator[tuple[str, bool]]:
    """The command lines of a page, and whether each is whole: in a sentence it need not be."""
    for block in re.findall(r"^```(?:console|bash|sh)\n(.*?)^```", page, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            yield from ((one, True) for one in re.findall(r"(?:^|\$\(|\| )(driftguard .*)$", line))
    prose = re.sub(r"^```.*?^```", "", page, flags=re.M | re.S)
    for code in re.findall(r"`(driftguard\s[^`]+)`", prose):
        yield code.replace("\n", " "), False


def in_pages() -> Iterator[Any]:
    for page in PAGES:
        for line, whole in said_in(page.read_text()):
            yield pytest.param(line, whole, id=f"{page.name}: {line}")


@each(("line", "whole"), list(in_pages()))
def test_a_command_that_a_page_names_can_be_typed(line: str, whole: bool) -> None:
    # `eval "$(driftguard lab up)"`
    line = line.replace(')"', "") if line.count('"') % 2 else line
    assert wrong_with(line, whole=whole) == ""


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("driftguard nonsense", True),
        ("driftguard audit nonsense", False),
        ("driftguard approve|nonsense", False),
        ("driftguard audit list --nonsense", False),
        ("driftguard exempt add s3.public-acl", True),
        ("driftguard audit", True),
    ],
)
def test_a_command_that_cannot_be_typed_is_told_apart(line: str, whole: bool) -> None:
    assert wrong_with(line, whole=whole)


# Of make, sam, git and the AWS CLI; and of the project's own scripts.
OTHERS_OPTIONS = frozenset({"--no-deps", "--strict", "--guided", "--config-env", "--region"})


def test_an_option_that_a_page_names_is_one_of_some_command() -> None:
    known = {
        option
        for command in COMMANDS.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = {
        option
        for page in PAGES
        for option in re.findall(r"`(--[a-z][a-z-]+)[^`]*`", page.read_text())
    }
    assert "--live" in named
    assert named - known - OTHERS_OPTIONS == set()


def test_pages_name_most_commands() -> None:
    named = {
        name
        for page in PAGES
        for line, _ in said_in(page.read_text())
        for name in COMMANDS
        if line.startswith(f"driftguard {name}")
    }
    assert len(named) > len(COMMANDS) / 2


@each("name", COMMANDS)
def test_help_says_how_a_command_exits_and_its_example_can_be_typed(name: str) -> None:
    told = COMMANDS[name].help
    assert re.search(r"\b[Ee]xits \d|exit code is 1", told)
    for line in re.findall(r"Example: (?:eval \"\$\()?(driftguard .*?)(?:\)\")?$", told, re.M):
        assert wrong_with(line, whole=True) == ""


def test_the_version_is_the_packages() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.split()[:2]) == (
        0,
        ["driftguard", version("driftguard")],
    )
    assert version("driftguard") in CliRunner().invoke(app, ["--help"]).stdout
