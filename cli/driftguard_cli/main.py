"""`driftguard` on a person's machine. Speaks to whatever account the AWS environment points at."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from traceback import extract_tb
from typing import Annotated

import typer
from rich.console import Console

from driftguard.aws import AwsError

from . import (
    access,
    answers,
    baselines,
    breakers,
    decisions,
    exemptions,
    policies,
    switches,
    trust,
)
from .catalogue import controls
from .demo import demo
from .explain import explain
from .generate import generate
from .lab import app as lab
from .replay import replay
from .scan import scan
from .sweeping import sweep
from .trouble import Trouble

VERSION = version("driftguard")

# sysexits.h: EX_SOFTWARE.
_OWN_FAULT = 70
_WHOLE_TRACE = "DRIFTGUARD_TRACEBACK"

app = typer.Typer(
    help=f"""A guard for AWS accounts: sees risky changes, reverts them, can undo every decision.

    Every command exits 0 when it is done; 1 when it cannot be, with a sentence
    that says why; 2 when it is written wrongly. Its own --help says what else
    counts. This is version {VERSION}.
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(decisions.app, name="audit")
app.add_typer(policies.app, name="policy")
app.add_typer(baselines.app, name="baseline")
app.add_typer(exemptions.app, name="exempt")
app.add_typer(trust.app, name="trust")
app.add_typer(breakers.app, name="breaker")
app.add_typer(access.app, name="access")
app.add_typer(lab, name="lab")
app.command()(answers.approve)
app.command()(answers.deny)
app.command()(answers.keep)
app.command()(decisions.undo)
app.command()(switches.freeze)
app.command()(switches.unfreeze)
app.command()(switches.redrive)
app.command()(controls)
app.command()(explain)
app.command()(replay)
app.command()(scan)
app.command()(sweep)
app.command()(demo)
app.command(hidden=True)(generate)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"driftguard {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """What holds for all commands."""


def run() -> None:
    """The `driftguard` command. What goes wrong is a sentence, not a traceback.

    Exits 1 then; and 70, which no verdict uses, where the fault is in Driftguard itself.
    """
    try:
        app()
    except (Trouble, AwsError) as error:
        _say(str(error))
        sys.exit(1)
    except Exception as error:
        if os.environ.get(_WHOLE_TRACE):
            raise
        at = extract_tb(error.__traceback__)[-1]
        _say(
            f"a fault of Driftguard's own, {type(error).__name__}: {error} "
            f"({at.filename}:{at.lineno}). What was printed before it stands. With "
            f"{_WHOLE_TRACE}=1 it shows the whole trace: please report that."
        )
        sys.exit(_OWN_FAULT)


def _say(what: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"driftguard: {what}", markup=False)
