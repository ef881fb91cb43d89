"""The `driftguard` command. `--region` and `--profile` say where it works."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from traceback import extract_tb
from typing import Annotated

import typer

from driftguard.aws.calls import AwsError

from .aws_options import ProfileOption, RegionOption, remember
from .errors import Misuse, Trouble
from .shipped import commit
from .terminal import Console

VERSION = version("driftguard")

# sysexits.h: EX_SOFTWARE.
_OWN_FAULT = 70
_WHOLE_TRACE = "DRIFTGUARD_TRACEBACK"

_HELP = f"""A guard for AWS accounts: sees risky changes, reverts them, can undo each revert.

Every command exits 0 when it succeeds; 1 when it fails, with a sentence that
says why; 2 when its arguments are wrong. Its own --help says what else the
exit code means. This is version {VERSION}.
"""

# Every command, as help lists them. Each is the module of its name in `commands/`: a group is the
# module's `app`, a command of its own the function that is named like the module.
COMMANDS = (
    *("audit", "policy", "baseline", "exempt", "trust", "circuit-breaker", "access", "lab"),
    *("approve", "deny", "accept", "confirm", "undo", "incident"),
    *("freeze", "unfreeze", "redrive"),
    *("controls", "explain", "replay", "noise", "scan", "sweep", "report", "doctor", "console"),
    *("slack", "demo"),
    *("generate", "sdk"),
)
# For those who work on Driftguard itself.
_HIDDEN = frozenset({"generate", "sdk"})


def _tell_version(wanted: bool) -> None:
    if wanted:
        built_from = commit()
        typer.echo(f"driftguard {VERSION}" + (f" ({built_from})" if built_from else ""))
        raise typer.Exit


def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True),
    ] = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
) -> None:
    """Takes the options that come before any command."""
    remember(context, region, profile)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def wired(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the command line with the commands of these names."""
    made = typer.Typer(
        help=_HELP,
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_root)
    for name in names:
        module = import_module(f".commands.{name.replace('-', '_')}", __package__)
        group = getattr(module, "app", None)
        if isinstance(group, typer.Typer):
            made.add_typer(group, name=name, hidden=name in _HIDDEN)
        else:
            function = getattr(module, name.replace("-", "_"))
            made.command(name, hidden=name in _HIDDEN)(function)
    return made


app = wired()


def run() -> None:
    """Runs the `driftguard` command. Prints an error as a sentence, not as a traceback.

    Exits 1 then, 2 if the arguments are wrong, and 70, which no verdict uses, where the bug is in
    Driftguard itself.
    """
    try:
        app()
    except (Trouble, AwsError) as error:
        _say(str(error))
        sys.exit(2 if isinstance(error, Misuse) else 1)
    except Exception as error:
        if os.environ.get(_WHOLE_TRACE):
            raise
        at = extract_tb(error.__traceback__)[-1]
        _say(
            f"a bug in Driftguard, {type(error).__name__}: {error} "
            f"({at.filename}:{at.lineno}). What was printed before stays valid. With "
            f"{_WHOLE_TRACE}=1 Driftguard shows the whole trace: please report it."
        )
        sys.exit(_OWN_FAULT)


def _say(what: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"driftguard: {what}", markup=False)
