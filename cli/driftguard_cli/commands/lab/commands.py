"""`driftguard lab up` and `driftguard lab down`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ...checkout import project_root
from ...terminal import Console
from .errors import LabError
from .house import down, up
from .record import Lab
from .reporting import interruptions_told, progress

app = typer.Typer(
    help="The whole pipeline on this machine, for trying things out.", no_args_is_help=True
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Where the lab keeps its files; .lab in the checkout by default."
    ),
]


@app.command("up")
def up_command(
    as_json: JsonOption = False,
    folder: FolderOption = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="A stack parameter, such as AutonomyCeiling=observe. May be repeated."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The guard policy to build with; policies/guard.yaml of the checkout by default.",
        ),
    ] = None,
) -> None:
    """Start the emulators, build and deploy the stack, and leave it all running.

    Exits 1 if it does not come up, and takes down what did.

    Example: eval "$(driftguard lab up --parameter AutonomyCeiling=ask)"
    """
    with interruptions_told(), progress(Console(stderr=True, highlight=False)) as tell:
        root = project_root()
        lab = up(root, _folder(folder, root), _parameters(parameter or []), tell, policy)
    if as_json:
        typer.echo(json.dumps(lab.told(), indent=2))
    else:
        _show(lab)


@app.command("down")
def down_command(as_json: JsonOption = False, folder: FolderOption = None) -> None:
    """Stop the lab's processes and remove its files.

    Exits 0 also where none is running.
    """
    with interruptions_told():
        where = _folder(folder, None if folder else project_root())
        stopped = down(where)
    if as_json:
        typer.echo(json.dumps({"stopped": stopped}))
    else:
        typer.echo("The lab is down." if stopped else "There was no lab running.")


def _folder(folder: Path | None, root: Path | None) -> Path:
    if folder is not None:
        return folder.resolve()
    assert root is not None
    return root / ".lab"


def _parameters(given: list[str]) -> dict[str, str]:
    for parameter in given:
        if "=" not in parameter:
            raise LabError(f"A parameter is NAME=VALUE, and {parameter!r} has no '='.")
    return dict(parameter.split("=", 1) for parameter in given)


def _show(lab: Lab) -> None:
    """What a person wants to know on stderr, what a shell can evaluate on stdout."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"\nThe pipeline listens at [bold]{lab.endpoints.pipeline}[/]")
    console.print(f"The guarded account at  [bold]{lab.endpoints.account}[/]")
    for name, value in lab.outputs.items():
        console.print(f"  {name}: [dim]{value}[/]")
    console.print(f"Logs are in {lab.folder}. Stop the lab with: driftguard lab down")
    console.print('Point your tools at it with these, or with: eval "$(driftguard lab up)"\n')
    typer.echo("unset AWS_PROFILE AWS_SESSION_TOKEN")
    for name, value in lab.environment.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
